"""The client of one server, or of the master that Sentinels name, over our own connections."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from ...core.steps import Steps, wait
from .client import Client, Node
from .commands import Command
from .fence import Fence


class Connections(Protocol):
    """The differences between threads and event loops; an event loop gets awaitables."""

    @property
    def pool(self) -> Any:
        """The pool of redis-py that opens connections."""
        ...

    @property
    def mark(self) -> int | None:
        """A mark that differs from those of later connections; None if there are several."""
        ...

    def execute(self, command: Command) -> Any:
        """Send a command; raise the server's refusal."""
        ...

    @property
    def swaps(self) -> bool:
        """Whether the server may know `commands.swap`: each new connection is asked again."""
        ...

    def execute_swap(self, command: Command) -> Any:
        """Send such a command behind an echo of a word, so no earlier answer is taken for its own.

        Raises the server's refusal, and InvalidResponse or RedisConnectionError if the connection
        is out of step.
        """
        ...

    def execute_asking(self, command: Command) -> Any:
        """Send a command right after ASKING: a Cluster is about to move its key there."""
        ...

    def execute_many(self, commands: Sequence[Command]) -> list[Any] | Awaitable[list[Any]]:
        """Send commands in one go; refusals are among their answers."""
        ...

    def execute_elsewhere(self, commands: Sequence[Command]) -> list[Any] | Awaitable[list[Any]]:
        """Do as `execute_many`, on a connection that is opened for it."""
        ...

    def disconnect(self) -> None:
        """Connect again for later commands: this server is not to be trusted."""
        ...

    def drop_crossed(self, mark: int | None) -> None:
        """Connect again for later commands: answers do not belong to their questions."""
        ...

    def close(self) -> Awaitable[None] | None:
        """Close all connections."""
        ...


class SingleClient:
    """A client.Client and a client.Node."""

    is_always_elsewhere = False

    def __init__(self, connections: Connections, *, sentinels: Sequence[Client] = ()) -> None:
        """`sentinels`: the clients that each new connection asks, to be closed with it."""
        self._connections = connections
        self._sentinels = sentinels

    @property
    def mark(self) -> int | None:
        """A mark that differs from those of later connections."""
        return self._connections.mark

    def send(self, command: Command) -> Steps[Any]:
        """Send a command, and return its answer."""
        return wait(self._connections.execute(command))

    @property
    def swaps(self) -> bool:
        """Whether the server may know `commands.swap`."""
        return self._connections.swaps

    def send_swap(self, command: Command) -> Steps[Any]:
        """Send such a command, so that no earlier question's answer is taken for its own."""
        return wait(self._connections.execute_swap(command))

    def send_asking(self, command: Command) -> Steps[Any]:
        """Send a command that another server of the Cluster has redirected here."""
        return wait(self._connections.execute_asking(command))

    def send_many(self, sent: Sequence[Command], *, fenced: bool = False) -> Steps[list[Any]]:
        """Send commands in one go."""
        if fenced:
            return self.send_fenced(sent, elsewhere=False)
        return wait(self._connections.execute_many(sent))

    def send_fenced(self, sent: Sequence[Command], *, elsewhere: bool) -> Steps[list[Any]]:
        """Send commands so that no answer belongs to another question."""
        connections, fence = self._connections, Fence(sent)
        execute = connections.execute_elsewhere if elsewhere else connections.execute_many
        return fence.within((yield from wait(execute(fence.commands))))

    def holder(self, key: str) -> Steps[Node]:
        """Return this client."""
        del key
        yield from ()
        return self

    def primaries(self) -> Steps[Sequence[str]]:
        """Name the only server."""
        yield from ()
        return ("",)

    def send_to(self, primary: str, command: Command) -> Steps[Any]:
        """Send a command to the only server."""
        del primary
        return self.send(command)

    def source(self) -> Steps[Any]:
        """Return the pool of the connections."""
        yield from ()
        return self._connections.pool

    def reconnect(self) -> Steps[None]:
        """Drop open connections."""
        yield from ()
        self._connections.disconnect()

    def drop_crossed(self, mark: int | None = None) -> Steps[None]:
        """Drop the connection with that mark, or any."""
        yield from ()
        self._connections.drop_crossed(mark)

    def close(self) -> Steps[None]:
        """Close the connections, and those to Sentinels."""
        yield from wait(self._connections.close())
        for each in self._sentinels:
            yield from each.close()
