"""Connections to Redis for threads: each command takes one that is free.

redis-py opens a connection (address, TLS, authentication, Sentinel), hiredis packs
and parses; what is saved is what redis-py's client and pool do for each command,
several times the work itself. All waits of a command end at the deadline.

A connection on which anything went wrong is closed, and none with bytes that
nobody asked for is used. Knows commands, no record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hiredis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ReadOnlyError, RedisError, ResponseError

from ..kit.deadline import BoundedSocket, Deadline
from .commands import ASKING, Command, ping
from .fence import word
from .resp import is_unknown, pack, reader

_CHUNK = 65536


class _Connection:
    """An open connection that one thread at a time uses."""

    __slots__ = ("_opened", "_reader", "_socket", "among", "is_quiet")

    def __init__(self, opened: Any, among: list[_Connection]) -> None:
        """`opened`: redis-py's (Any: its socket has no public name); `among`: where it is kept."""
        self._opened = opened
        self.among = among
        self._socket = BoundedSocket(opened._sock.plain)  # noqa: SLF001
        self._reader = reader()
        # Whether nothing came since the last answer: no hang-up, no foreign byte.
        self.is_quiet = self._socket.is_quiet

    def exchange(self, packed: bytes, answers: int, deadline: Deadline) -> list[Any]:
        """Send commands and return their answers, which may be errors."""
        self._socket.send(packed, deadline)
        found: list[Any] = []
        for _ in range(answers):
            answer: Any = self._reader.gets()
            while answer is False:
                data = self._socket.receive(_CHUNK, deadline)
                if not data:
                    raise RedisConnectionError("the connection was lost")
                self._reader.feed(data)
                answer = self._reader.gets()
            found.append(answer)
        if self._reader.gets() is not False:
            raise RedisConnectionError("the server gave an answer that nobody asked for")
        return found

    def close(self) -> None:
        self._opened.disconnect()


class PooledConnections:
    """The connections of a process's threads to a server; see single.Connections."""

    mark = None  # which of them an answer came on is not told

    def __init__(self, pool: Any, deadline: Deadline) -> None:
        """`pool`: redis-py's, which makes connections."""
        self.pool = pool
        self._deadline = deadline
        self._free: list[_Connection] = []  # its append and pop are atomic
        self.swaps = True  # until a server that does not is met

    # --- commands ----------------------------------------------------------------------

    def execute(self, command: Command) -> Any:
        """Send a command."""
        return _accepted(self._send(pack(command), 1))

    def execute_swap(self, command: Command) -> Any:
        """Send a swap behind a word."""
        said = word()
        heard, answer = self._send(pack(ping(said)) + pack(command), 2)
        for each in (heard, answer):
            if isinstance(each, ResponseError):
                self.swaps = self.swaps and not is_unknown(each)
                raise each
        if heard != said:
            raise InvalidResponse("the connection is out of step")
        return answer

    def execute_asking(self, command: Command) -> Any:
        """Send a command right after ASKING."""
        return _accepted(self._send(pack(ASKING) + pack(command), 2))

    def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one go; refusals are among their answers."""
        return self._send(b"".join(map(pack, commands)), len(commands)) if commands else []

    def execute_elsewhere(self, commands: Sequence[Command]) -> list[Any]:
        """Do as `execute_many`, on a connection that is opened for it."""
        return self._exchange(self._opened(), b"".join(map(pack, commands)), len(commands))

    def close(self) -> None:
        """Close the connections that are free."""
        self.disconnect()
        self.pool.disconnect()

    def disconnect(self) -> None:
        """Connect anew for what comes: this server is not to be trusted."""
        free, self._free = self._free, []
        _close_all(free)

    def drop_crossed(self, mark: int | None) -> None:
        """Connect anew for what comes: one of the connections is out of step."""
        del mark  # which one it was nobody knows
        self.disconnect()

    # --- connections -------------------------------------------------------------------

    def _send(self, packed: bytes, answers: int) -> list[Any]:
        """Send on a free connection, or if that was closed meanwhile on a new one."""
        connection = self._reused()
        if connection is not None:
            try:
                return self._exchange(connection, packed, answers)
            except TimeoutError:
                raise
            except (RedisConnectionError, OSError):
                pass  # the server closed it while it was free
        return self._exchange(self._opened(), packed, answers)

    def _exchange(self, connection: _Connection, packed: bytes, answers: int) -> list[Any]:
        try:
            found = connection.exchange(packed, answers, self._deadline)
        except hiredis.ProtocolError as error:
            connection.close()
            raise RedisConnectionError("the server's answer is not RESP") from error
        except BaseException:
            connection.close()
            raise
        if ReadOnlyError in map(type, found):
            # This server has become a replica.
            connection.close()
            self.disconnect()
        else:
            connection.among.append(connection)
            if self._free is not connection.among:  # all were closed while this one was in use
                _close_all(connection.among)
        return found

    def _reused(self) -> _Connection | None:
        while True:
            try:
                connection = self._free.pop()
            except IndexError:
                return None
            if connection.is_quiet():
                return connection
            connection.close()

    def _opened(self) -> _Connection:
        pool = self.pool
        among = self._free
        self.swaps = True  # it may lead to another server
        # Not by `make_connection`, which counts what is closed elsewhere as open.
        opened = pool.connection_class(**pool.connection_kwargs)
        try:
            opened.connect()
        except (RedisError, OSError):
            raise
        except Exception as error:  # redis-py stumbles over garbage in many ways
            opened.disconnect()
            raise RedisConnectionError("the server's greeting is not understood") from error
        return _Connection(opened, among)


def _close_all(free: list[_Connection]) -> None:
    """Close the connections in a list, of which another thread may take or add some."""
    while free:
        try:
            connection = free.pop()
        except IndexError:
            return
        connection.close()


def _accepted(answers: list[Any]) -> Any:
    """Return the last answer; raise it if it is a refusal."""
    answer = answers[-1]
    if isinstance(answer, ResponseError):
        raise answer
    return answer
