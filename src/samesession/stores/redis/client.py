"""What the redis store needs of a client: the same of ours and of a given one.

    client    of one server, or of a Sentinel's master    of a Cluster
    ours      single.SingleClient                         cluster.Cluster, of SingleClients
    given     given_clients.GivenClient                   given_clients.GivenCluster

All of it is steps. Knows commands, no record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ...core.steps import Steps
from . import answers, commands
from .commands import Command

# Any, in all that follows: what a server answers, which module answers reads.


class Node(Protocol):
    """The client of a server that has a key."""

    @property
    def mark(self) -> int | None:
        """What tells the connection from later ones; None where that cannot be known."""
        ...

    @property
    def is_always_elsewhere(self) -> bool:
        """Whether `send_fenced` never uses a connection that others use."""
        ...

    def send_fenced(self, sent: Sequence[Command], *, elsewhere: bool) -> Steps[list[Any]]:
        """Do as `Client.send_many`; raises InvalidResponse for answers to other questions.

        `elsewhere`: on a connection that is opened for it.
        """
        ...

    def drop_crossed(self, mark: int | None = None) -> Steps[None]:
        """Drop open connections, whose answers are not those of their questions.

        `mark`: only that connection. What is under way elsewhere is not disturbed.
        """
        ...


class Client(Protocol):
    """The client of all servers."""

    def send(self, command: Command) -> Steps[Any]:
        """Send a command, and return its answer; raises what it is refused with."""
        ...

    def send_many(self, sent: Sequence[Command], *, fenced: bool = False) -> Steps[list[Any]]:
        """Send commands of one key each; refusals are among the answers, in their order.

        `fenced`: no answer is another question's, or InvalidResponse is raised; but a
        given client of a Cluster cannot tell.
        """
        ...

    def holder(self, key: str) -> Steps[Node]:
        """Return the client of the server that has a key; this one where there is no other."""
        ...

    def primaries(self) -> Steps[Sequence[str]]:
        """Name the servers that have keys: one, without a name, where there is no Cluster."""
        ...

    def send_to(self, primary: str, command: Command) -> Steps[Any]:
        """Send a command to a server, whatever keys it has."""
        ...

    def source(self) -> Steps[Any]:
        """Return a pool or a node of redis-py's, which knows how to connect to one server."""
        ...

    def reconnect(self) -> Steps[None]:
        """Drop open connections: a server there has become a replica."""
        ...

    def drop_crossed(self, mark: int | None = None) -> Steps[None]:
        """Drop open connections, whose answers are not those of their questions."""
        ...

    def close(self) -> Steps[None]:
        """Close the connections, unless the application gave the client."""
        ...


def scan(
    client: Client, prefix: str, after: str | None, limit: int
) -> Steps[tuple[Any, str | None]]:
    """Look at about so many of the next keys for those under a prefix; return where to go on.

    A Cluster's keys are on many servers: SCAN goes from one to the next. What is answered
    in place of keys is the caller's to check.
    """
    names = sorted((yield from client.primaries()))
    name, _, cursor = (f"{names[0]} 0" if after is None else after).rpartition(" ")
    answer = yield from client.send_to(name, commands.scan(prefix, cursor, limit))
    position, keys = answers.page(answer)
    if position:
        return keys, f"{name} {position}"
    later = [each for each in names if each > name]
    return keys, f"{later[0]} 0" if later else None
