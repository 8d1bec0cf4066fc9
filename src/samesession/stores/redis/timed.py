"""Connections of redis-py whose waits all end at an operation's deadline, for threads."""

from __future__ import annotations

import math
from typing import Any

from ..kit.deadline import Deadline


class _TimedSocket:
    """A socket whose waits all end at the deadline."""

    def __init__(self, inner: Any, deadline: Deadline) -> None:  # Any: plain or TLS
        self._inner = inner
        self._deadline = deadline
        self._timeout: float | None = inner.gettimeout()

    @property
    def plain(self) -> Any:
        """The socket itself, for pooled, which keeps the deadline itself."""
        return self._inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds
        self._inner.settimeout(seconds)

    def recv(self, *args: Any) -> Any:
        self._limit()
        return self._inner.recv(*args)

    def recv_into(self, *args: Any) -> Any:
        self._limit()
        return self._inner.recv_into(*args)

    def sendall(self, *args: Any) -> None:
        self._limit()
        self._inner.sendall(*args)

    def _limit(self) -> None:
        if self._timeout != 0:  # 0 asks for what has arrived, without waiting
            own = math.inf if self._timeout is None else self._timeout
            self._inner.settimeout(min(own, self._deadline.left()))


def timed(base: type[Any], deadline: Deadline) -> type[Any]:
    """Return a class of connections like `base`, which keep the deadline."""

    class TimedConnection(base):  # type: ignore[misc]  # redis-py has several
        socket_connect_timeout: float | None

        def _connect(self) -> Any:
            left = deadline.left()
            own = self.socket_connect_timeout
            self.socket_connect_timeout = left if own is None else min(own, left)
            try:
                return _TimedSocket(super()._connect(), deadline)  # pyright: ignore[reportUnknownMemberType]
            finally:
                self.socket_connect_timeout = own

    return TimedConnection
