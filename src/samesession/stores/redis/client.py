"""The interface of a client for the redis store, both for our own and for given clients.

    client    of one server, or of a Sentinel's master    of a Cluster
    ours      single.SingleClient                         cluster.Cluster, of SingleClients
    given     given_clients.GivenClient                   given_clients.GivenCluster

All methods are steps. They handle commands, not records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ...core.steps import Steps
from . import answers, commands
from .commands import Command

# Any, in the whole module: a server's answer, which the module answers reads.


class Node(Protocol):
    """The client of the server that has a key."""

    @property
    def mark(self) -> int | None:
        """A mark that differs from those of later connections; None if that cannot be known."""
        ...

    @property
    def is_always_elsewhere(self) -> bool:
        """Whether `send_fenced` never uses a connection that others use."""
        ...

    def send_fenced(self, sent: Sequence[Command], *, elsewhere: bool) -> Steps[list[Any]]:
        """Do as `Client.send_many`; raise InvalidResponse for answers to other questions.

        `elsewhere`: on a connection that is opened for this.
        """
        ...

    def drop_crossed(self, mark: int | None = None) -> Steps[None]:
        """Drop open connections whose answers belong to other questions.

        `mark`: only that connection. Commands on other connections continue.
        """
        ...


class Client(Protocol):
    """The client of all servers."""

    def send(self, command: Command) -> Steps[Any]:
        """Send a command, and return its answer; raise the server's refusal."""
        ...

    def send_many(self, sent: Sequence[Command], *, fenced: bool = False) -> Steps[list[Any]]:
        """Send commands with one key each; refusals are among the answers, in their order.

        `fenced`: no answer belongs to another question, or InvalidResponse is raised. A given
        client of a Cluster cannot check that.
        """
        ...

    def holder(self, key: str) -> Steps[Node]:
        """Return the client of the server that has a key; this one if there is only one server."""
        ...

    def primaries(self) -> Steps[Sequence[str]]:
        """Name the servers that have keys: one, without a name, if there is no Cluster."""
        ...

    def send_to(self, primary: str, command: Command) -> Steps[Any]:
        """Send a command to a server, whatever keys it has."""
        ...

    def source(self) -> Steps[Any]:
        """Return redis-py's pool or node, which can connect to one server."""
        ...

    def reconnect(self) -> Steps[None]:
        """Drop open connections: a server there has become a replica."""
        ...

    def drop_crossed(self, mark: int | None = None) -> Steps[None]:
        """Drop open connections whose answers belong to other questions."""
        ...

    def close(self) -> Steps[None]:
        """Close the connections, unless the application gave the client."""
        ...


def scan(
    client: Client, prefix: str, after: str | None, limit: int
) -> Steps[tuple[Any, str | None]]:
    """Look at about this many of the next keys, for those with a prefix; return the next cursor.

    A Cluster's keys are on many servers: SCAN goes from one to the next. The caller checks whether
    the answers are keys.
    """
    names = sorted((yield from client.primaries()))
    name, _, cursor = (f"{names[0]} 0" if after is None else after).rpartition(" ")
    answer = yield from client.send_to(name, commands.scan(prefix, cursor, limit))
    position, keys = answers.page(answer)
    if position:
        return keys, f"{name} {position}"
    later = [each for each in names if each > name]
    return keys, f"{later[0]} 0" if later else None
