"""Connections for threads with one deadline for all waits of an operation.

A socket's own timeout limits each single wait. A server whose answer trickles in, or a second
attempt, would hold a request for longer than promised. This module handles sockets only, not
commands or records.
"""

from __future__ import annotations

import _socket
import math
import select
from contextvars import ContextVar
from ssl import SSLWantReadError
from typing import Any, Protocol

from ...run.clocks import stopwatch

# Each thread has its own, and so has each greenlet, even if eventlet or gevent was loaded later
# than this module. For `threading.local`, all greenlets of a thread are one.
_OVER = "the operation timed out"

_at: ContextVar[float] = ContextVar("samesession_deadline", default=math.inf)


class Deadline:
    """The deadline of the current operation of this thread or greenlet."""

    def begin(self, seconds: float) -> None:
        """Start an operation that may take this many seconds in total."""
        _ = _at.set(stopwatch() + seconds)

    def go_on(self, seconds: float) -> None:
        """Keep the deadline of the operation before, if it has not passed, or start a new one."""
        if not 0 < _at.get() - stopwatch() <= seconds:
            self.begin(seconds)

    def left(self) -> float:
        """Return the seconds that are left; raise TimeoutError if there are none."""
        left = _at.get() - stopwatch()
        if left <= 0:
            raise TimeoutError(_OVER)
        return left

    def rest(self) -> float:
        """Return the seconds that are left, 0 if there are none."""
        return max(0.0, _at.get() - stopwatch())


class Left(Protocol):
    """The time that an operation has left."""

    def left(self) -> float:
        """Return the seconds that are left; raise an error if there are none."""
        ...

    def rest(self) -> float:
        """Return the seconds that are left, 0 if there are none."""
        ...


class BoundedSocket:
    """A connected socket whose waits end at a deadline, and which is checked before it is reused.

    Python asks the kernel to wait, and to change a timeout, even if nothing has to be waited for.
    Here a plain socket is tried without waiting, and polled only if that fails. So a signal in
    between makes no wait longer, as it would with the kernel's own timeouts (SO_RCVTIMEO).
    """

    __slots__ = ("_connected", "_plain", "_poll")

    def __init__(self, connected: Any) -> None:  # Any: a socket, plain or TLS
        self._connected = connected
        # eventlet removes it, and some systems never had it; `select.select` cannot handle a
        # descriptor above 1,023.
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(connected, select.POLLIN)
        # TLS may hold bytes that no poll shows, and a greenlet waits in its hub.
        has_own = connected.__class__.recv is not _socket.socket.recv
        self._plain = self._poll is not None and not has_own
        if self._plain:
            connected.settimeout(0)

    def is_quiet(self) -> bool:
        """Return whether nothing has arrived meanwhile; bytes that have arrived may be lost."""
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
        """Send all of the data; raise TimeoutError, or the deadline's error."""
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
        """Read from the socket; after the deadline, return what has arrived by then.

        A thread that waited for its turn, or for the hub of its greenlet, sees the deadline pass
        before it sees the answer. Raises TimeoutError if nothing has arrived.
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
