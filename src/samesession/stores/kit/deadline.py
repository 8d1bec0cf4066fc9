"""Connections for threads: all waits of one operation end together, and none is used unheard.

A socket's own timeout bounds each single wait: a server whose answer trickles in,
or a second attempt, would hold a request for longer than it was promised. Knows
sockets only, no command and no record.
"""

from __future__ import annotations

import math
import select
from contextvars import ContextVar
from ssl import SSLWantReadError
from typing import Any

from ...run.clocks import stopwatch

# Each thread has its own, and each greenlet too, even if eventlet or gevent came later than
# this module; to `threading.local` the greenlets of a thread are one.
_at: ContextVar[float] = ContextVar("samesession_deadline", default=math.inf)


class Deadline:
    """The moment at which the operation that this thread or greenlet does must be over."""

    def begin(self, seconds: float) -> None:
        """Give the operation that begins now so many seconds in all."""
        _ = _at.set(stopwatch() + seconds)

    def go_on(self, seconds: float) -> None:
        """Keep to the deadline of the operation before, if it is not over, or begin one."""
        if not 0 < _at.get() - stopwatch() <= seconds:
            self.begin(seconds)

    def left(self) -> float:
        """Give the seconds that are left; raises TimeoutError when none are."""
        left = _at.get() - stopwatch()
        if left <= 0:
            raise TimeoutError("the operation's time is over")
        return left

    def rest(self) -> float:
        """Give the seconds that are left, 0 when none are."""
        return max(0.0, _at.get() - stopwatch())


def received(connected: Any, size: int) -> bytes:  # Any: a socket, plain or TLS
    """Read from a socket; one whose time is over gives what has come until now.

    A thread that waited for its turn, or for the hub of its greenlet, sees the time
    pass before it sees the answer. Raises TimeoutError when there is none.
    """
    try:
        data: bytes = connected.recv(size)
    except (TimeoutError, BlockingIOError, SSLWantReadError):
        connected.settimeout(0)
        try:
            data = connected.recv(size)
        except (BlockingIOError, SSLWantReadError):
            raise TimeoutError("the operation's time is over") from None
    return data


class Quiet:
    """Whether a connection that waits for its next use is as it was left."""

    __slots__ = ("_connected", "_poll")

    def __init__(self, connected: Any) -> None:  # Any: a socket, plain or TLS
        self._connected = connected
        # eventlet takes it away, and some systems never had it; `select.select` sees no
        # descriptor above 1,023.
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(connected, select.POLLIN)

    def lasts(self) -> bool:
        """Return whether nothing came meanwhile; what did come may be lost."""
        if self._poll is not None:
            return not self._poll.poll(0)
        self._connected.settimeout(0)  # three times as slow
        try:
            _ = self._connected.recv(1)
        except (BlockingIOError, SSLWantReadError):
            return True
        except OSError:
            pass
        return False


class _Timed:
    """A socket none of whose waits outlasts the deadline."""

    def __init__(self, inner: Any, deadline: Deadline) -> None:  # Any: plain or TLS
        self._inner = inner
        self._deadline = deadline
        self._timeout: float | None = inner.gettimeout()

    @property
    def plain(self) -> Any:
        """The socket itself, for who keeps to the deadline on its own."""
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
        if self._timeout != 0:  # 0 asks for what is there, without waiting
            own = math.inf if self._timeout is None else self._timeout
            self._inner.settimeout(min(own, self._deadline.left()))


def kept(base: type[Any], deadline: Deadline) -> type[Any]:
    """Give a class of redis-py's connections, kept to the deadline."""

    class Kept(base):  # type: ignore[misc]  # redis-py has several
        socket_connect_timeout: float | None

        def _connect(self) -> Any:
            left = deadline.left()
            own = self.socket_connect_timeout
            self.socket_connect_timeout = left if own is None else min(own, left)
            try:
                return _Timed(super()._connect(), deadline)  # pyright: ignore[reportUnknownMemberType]
            finally:
                self.socket_connect_timeout = own

    return Kept
