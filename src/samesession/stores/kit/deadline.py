"""Connections for threads: all waits of one operation end together, and none is used unheard.

A socket's own timeout bounds each single wait: a server whose answer trickles in,
or a second attempt, would hold a request for longer than it was promised. Knows
sockets only, no command and no record.
"""

from __future__ import annotations

import _socket
import math
import select
from contextvars import ContextVar
from ssl import SSLWantReadError
from typing import Any, Protocol

from ...run.clocks import stopwatch

# Each thread has its own, and each greenlet too, even if eventlet or gevent came later than
# this module; to `threading.local` the greenlets of a thread are one.
_OVER = "the operation's time is over"

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
            raise TimeoutError(_OVER)
        return left

    def rest(self) -> float:
        """Return the seconds that are left, 0 when none are."""
        return max(0.0, _at.get() - stopwatch())


class Left(Protocol):
    """What says how much time an operation has left."""

    def left(self) -> float:
        """Return the seconds that are left; raise an error when none are."""
        ...

    def rest(self) -> float:
        """Return the seconds that are left, 0 when none are."""
        ...


class BoundedSocket:
    """A connected socket whose waits end at a deadline, and which is not used again unheard.

    Python asks the kernel to wait, and to change a timeout, also where nothing has to be
    waited for. A plain socket is asked without waiting here, and polled where that is in
    vain: then a signal that comes in between makes no wait longer, as it would with the
    kernel's own timeouts (SO_RCVTIMEO).
    """

    __slots__ = ("_connected", "_plain", "_poll")

    def __init__(self, connected: Any) -> None:  # Any: a socket, plain or TLS
        self._connected = connected
        # eventlet takes it away, and some systems never had it; `select.select` sees no
        # descriptor above 1,023.
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(connected, select.POLLIN)
        # TLS may hold what no poll sees, and a greenlet waits in its hub.
        has_own = connected.__class__.recv is not _socket.socket.recv
        self._plain = self._poll is not None and not has_own
        if self._plain:
            connected.settimeout(0)

    def is_quiet(self) -> bool:
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

    def send(self, data: bytes, deadline: Left) -> None:
        """Send all of the data; raises TimeoutError, or what the deadline raises."""
        left, sent = deadline.left(), 0
        if self._plain:
            try:
                sent = self._connected.send(data)
            except BlockingIOError:
                pass
            if sent == len(data):
                return
        self._connected.settimeout(left)
        self._connected.sendall(data[sent:])
        if self._plain:
            self._connected.settimeout(0)

    def receive(self, size: int, deadline: Left) -> bytes:
        """Read from the socket; one whose time is over gives what has come until now.

        A thread that waited for its turn, or for the hub of its greenlet, sees the time
        pass before it sees the answer. Raises TimeoutError when there is none.
        """
        if not self._plain or self._poll is None:
            self._connected.settimeout(deadline.rest())
            return received(self._connected, size)
        while self._poll.poll(deadline.rest() * 1000):
            try:
                data: bytes = self._connected.recv(size)
            except BlockingIOError:
                continue
            return data
        raise TimeoutError(_OVER)


def received(connected: Any, size: int) -> bytes:  # Any: as above
    """Read from a socket that waits by itself: see BoundedSocket.receive."""
    try:
        data: bytes = connected.recv(size)
    except (TimeoutError, BlockingIOError, SSLWantReadError):
        connected.settimeout(0)
        try:
            data = connected.recv(size)
        except (BlockingIOError, SSLWantReadError):
            raise TimeoutError(_OVER) from None
    return data
