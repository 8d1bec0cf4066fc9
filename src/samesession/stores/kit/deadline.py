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
        """Return the seconds that are left; raise TimeoutError when none are."""
        left = _at.get() - stopwatch()
        if left <= 0:
            raise TimeoutError("the operation's time is over")
        return left

    def rest(self) -> float:
        """Return the seconds that are left, 0 when none are."""
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
