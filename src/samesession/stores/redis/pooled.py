"""Connections to Redis for threads: each command takes a free one.

redis-py opens a connection (address, TLS, authentication, Sentinel), hiredis packs and parses. This
saves the work of redis-py's client and pool for each command, which is several times the work
itself. All waits of a command end at the deadline.

A connection is closed after any error, and never used if bytes have arrived without a question.
This module handles commands, not records.
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
        # Whether nothing has arrived since the last answer: no hang-up, no unexpected byte.
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
            raise RedisConnectionError("the server sent an answer without a question")
        return found

    def close(self) -> None:
        self._opened.disconnect()


class PooledConnections:
    """The connections of a process's threads to a server; see single.Connections."""

    mark = None  # the connection of an answer is not known

    def __init__(self, pool: Any, deadline: Deadline) -> None:
        """`pool`: redis-py's, which opens connections."""
        self.pool = pool
        self._deadline = deadline
        self._free: list[_Connection] = []  # its append and pop are atomic
        self.swaps = True  # until a server that does not is met

    # --- commands ----------------------------------------------------------------------

    def execute(self, command: Command) -> Any:
        """Send a command."""
        return _accepted(self._send(pack(command), 1))

    def execute_swap(self, command: Command) -> Any:
        """Send a swap behind an echo of a word."""
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
        """Close the free connections."""
        self.disconnect()
        self.pool.disconnect()

    def disconnect(self) -> None:
        """Connect again for later commands: this server is not to be trusted."""
        free, self._free = self._free, []
        _close_all(free)

    def drop_crossed(self, mark: int | None) -> None:
        """Connect again for later commands: one of the connections is out of step."""
        del mark  # which one is not known
        self.disconnect()

    # --- connections -------------------------------------------------------------------

    def _send(self, packed: bytes, answers: int) -> list[Any]:
        """Send on a free connection, or on a new one if that was closed meanwhile."""
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
        # Not by `make_connection`, which counts connections that were closed elsewhere as open.
        opened = pool.connection_class(**pool.connection_kwargs)
        try:
            opened.connect()
        except (RedisError, OSError):
            raise
        except Exception as error:  # redis-py fails in many ways on invalid answers
            opened.disconnect()
            raise RedisConnectionError("the server's greeting is invalid") from error
        return _Connection(opened, among)


def _close_all(free: list[_Connection]) -> None:
    """Close all connections in a list that other threads may change."""
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
