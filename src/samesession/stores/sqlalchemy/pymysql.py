"""Connections of PyMySQL whose waits all end together.

Its own timeouts limit each single read and write, so an operation of several statements could take
several times as long. When the deadline has passed the connection is closed: otherwise the late
answer would be taken for the next one's.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..kit.deadline import Deadline

_LOST = 2013  # CR_SERVER_LOST, on which SQLAlchemy closes a connection

_pymysql: Any = import_module("pymysql")  # which has no types
_Connection: type[Any] = _pymysql.connections.Connection


def connection_class(deadline: Deadline) -> type[Any]:
    """Return the class of connections whose waits end at a deadline."""
    return type("Connection", (TimedConnection,), {"deadline": deadline})


class TimedConnection(_Connection):  # type: ignore[misc]  # as it has no types
    """A connection whose waits end at its class's deadline."""

    deadline: Deadline
    connect_timeout: float

    def connect(self, sock: Any = None) -> None:
        self.connect_timeout = self._at_most(self.connect_timeout)
        super().connect(sock)  # pyright: ignore[reportUnknownMemberType]

    @property
    def _read_timeout(self) -> float:
        return self._at_most(self._longest_read)

    @_read_timeout.setter
    def _read_timeout(self, seconds: float | None) -> None:
        self._longest_read = seconds

    @property
    def _write_timeout(self) -> float:
        return self._at_most(self._longest_write)

    @_write_timeout.setter
    def _write_timeout(self, seconds: float | None) -> None:
        self._longest_write = seconds

    def _at_most(self, seconds: float | None) -> float:
        try:
            left = self.deadline.left()
        except TimeoutError as error:
            self._force_close()
            raise _pymysql.OperationalError(_LOST, "the server does not answer in time") from error
        return left if seconds is None else min(seconds, left)
