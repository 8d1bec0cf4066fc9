"""An event loop's time and timers, even if a test has stopped the clock of the loop.

asyncio uses `time.monotonic`, which freezegun and mocks replace. Then no timer of a loop fires, and
the wait for a stalled store would never end. A thread's timers use the machine's clock in any case,
but are too expensive for normal use.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING

from .clocks import is_replaced, stopwatch

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle


def loop_time(loop: AbstractEventLoop) -> float:
    """Return the loop's time, or the stopwatch's, which agrees with it, while that stands still."""
    return stopwatch() if is_replaced() else loop.time()


def call_at(
    loop: AbstractEventLoop, moment: float, ring: Callable[[], object]
) -> TimerHandle | Knock:
    """Make the loop call a function at a moment of `loop_time`; return a handle to cancel it.

    It runs in no request's context, because a timer of many requests would keep the first one's
    session.
    """
    if is_replaced():
        return Knock(loop, moment, ring)
    return loop.call_at(moment, ring, context=Context())


class Knock:
    """A thread that makes a loop call a function at a moment."""

    def __init__(self, loop: AbstractEventLoop, moment: float, ring: Callable[[], object]) -> None:
        self._loop = loop
        self._ring = ring
        self._cancelled = False
        self._timer = threading.Timer(max(0.0, moment - stopwatch()), self._knock)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Cancel the call."""
        self._cancelled = True
        self._timer.cancel()

    def _knock(self) -> None:
        try:
            _ = self._loop.call_soon_threadsafe(self._rung)
        except RuntimeError:
            pass  # the loop is closed, and no caller waits

    def _rung(self) -> None:
        if not self._cancelled:
            _ = self._ring()
