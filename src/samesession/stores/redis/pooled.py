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
from redis.exceptions import ReadOnlyError, RedisError, ResponseError

from ..kit.deadline import Deadline, Quiet, received
from .resp import Argument, pack, reader

_CHUNK = 65536


class _Connection:
    """An open connection that one thread at a time uses."""

    __slots__ = ("_opened", "_quiet", "_reader", "_socket")

    def __init__(self, opened: Any) -> None:  # Any: redis-py's, whose socket has no public name
        self._opened = opened
        self._socket = opened._sock.plain  # noqa: SLF001
        self._reader = reader()
        self._quiet = Quiet(self._socket)

    def is_quiet(self) -> bool:
        """Return whether nothing came since the last answer: no hang-up, no foreign byte."""
        return self._quiet.lasts()

    def exchange(self, packed: bytes, answers: int, deadline: Deadline) -> list[Any]:
        """Send commands and give their answers, which may be errors."""
        self._socket.settimeout(deadline.left())
        self._socket.sendall(packed)
        found: list[Any] = []
        for _ in range(answers):
            answer: Any = self._reader.gets()
            while answer is False:
                data = received(self._socket, _CHUNK)
                if not data:
                    raise RedisConnectionError("the connection was lost")
                self._reader.feed(data)
                answer = self._reader.gets()
                if answer is False:
                    self._socket.settimeout(deadline.rest())
            found.append(answer)
        if self._reader.gets() is not False:
            raise RedisConnectionError("the server gave an answer that nobody asked for")
        return found

    def close(self) -> None:
        self._opened.disconnect()


class Line:
    """A client with the few commands that the redis store uses, for the threads of a process.

    Method names and arguments are redis-py's.
    """

    tells_garbage = True  # by an error of redis-py's, whatever the server says

    def __init__(self, pool: Any, deadline: Deadline) -> None:
        """`pool`: redis-py's, which makes connections."""
        self.connection_pool = pool
        self._deadline = deadline
        self._free: list[_Connection] = []  # its append and pop are atomic

    # --- commands ----------------------------------------------------------------------

    def get(self, key: str) -> Any:
        """Read a key."""
        return self._ask("GET", key)

    def getex(self, key: str, *, ex: int) -> Any:
        """Read a key and restart its expiry."""
        return self._ask("GETEX", key, "EX", ex)

    def set(self, key: str, value: bytes, *, nx: bool, ex: int) -> Any:
        """Write a key with an expiry."""
        return self._ask("SET", key, value, "EX", ex, *(("NX",) if nx else ()))

    def evalsha(self, digest: str, keys: int, *args: Argument) -> Any:
        """Run a script that the server knows."""
        return self._ask("EVALSHA", digest, keys, *args)

    def eval(self, script: str, keys: int, *args: Argument) -> Any:
        """Run a script."""
        return self._ask("EVAL", script, keys, *args)

    def execute_command(self, *command: Argument) -> Any:
        """Send any command."""
        return self._ask(*command)

    def execute_asking(self, *command: Argument) -> Any:
        """Send a command to a node of a Cluster that is about to get the key's slot."""
        return _accepted(self._send(pack(("ASKING",)) + pack(command), 2))

    def execute_many(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Send commands in one go; give their answers in order, refusals among them."""
        return self._send(b"".join(map(pack, commands)), len(commands)) if commands else []

    def execute_elsewhere(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Do as `execute_many`, on a connection that is opened for it."""
        return self._answer(self._opened(), b"".join(map(pack, commands)), len(commands))

    def close(self) -> None:
        """Close the connections that are free."""
        self.drop_connection()
        self.connection_pool.disconnect()

    def drop_connection(self) -> None:
        """Connect anew for what comes: this server is not to be trusted."""
        free, self._free = self._free, []
        for connection in free:
            connection.close()

    def mistrust(self, mark: int | None = None) -> None:
        """Connect anew for what comes: one of the connections is out of step."""
        del mark  # which one it was nobody knows
        self.drop_connection()

    # --- connections -------------------------------------------------------------------

    def _ask(self, *command: Argument) -> Any:
        return _accepted(self._send(pack(command), 1))

    def _send(self, packed: bytes, answers: int) -> list[Any]:
        """Send on a free connection, or if that was closed meanwhile on a new one."""
        connection = self._reused()
        if connection is not None:
            try:
                return self._answer(connection, packed, answers)
            except TimeoutError:
                raise
            except (RedisConnectionError, OSError):
                pass  # the server closed it while it was free
        return self._answer(self._opened(), packed, answers)

    def _answer(self, connection: _Connection, packed: bytes, answers: int) -> list[Any]:
        try:
            found = connection.exchange(packed, answers, self._deadline)
        except hiredis.ProtocolError as error:
            connection.close()
            raise RedisConnectionError("the server's answer is not RESP") from error
        except BaseException:
            connection.close()
            raise
        if any(isinstance(answer, ReadOnlyError) for answer in found):
            # This server has become a replica.
            connection.close()
            self.drop_connection()
        else:
            self._free.append(connection)
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
        pool = self.connection_pool
        # Not by `make_connection`, which counts what is closed elsewhere as open.
        opened = pool.connection_class(**pool.connection_kwargs)
        try:
            opened.connect()
        except (RedisError, OSError):
            raise
        except Exception as error:  # redis-py stumbles over garbage in many ways
            opened.disconnect()
            raise RedisConnectionError("the server's greeting is not understood") from error
        return _Connection(opened)


def _accepted(answers: list[Any]) -> Any:
    """Give the last answer; raise it if it is a refusal."""
    answer = answers[-1]
    if isinstance(answer, ResponseError):
        raise answer
    return answer
