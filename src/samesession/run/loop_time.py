"""An event loop's time and timers, though a test has stopped the clock that the loop goes by.

asyncio asks `time.monotonic`, which freezegun and mocks replace: then no timer of a loop rings, and
a store that stalls would be waited for without end. A thread's timers go by the machine's
clock in any case, and cost too much for all other times.
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
    """Return the loop's time, or while that stands still the stopwatch's, which agrees with it."""
    return stopwatch() if is_replaced() else loop.time()


def call_at(
    loop: AbstractEventLoop, moment: float, ring: Callable[[], object]
) -> TimerHandle | Knock:
    """Have the loop call a function when `loop_time` is a moment; gives what can be cancelled.

    In no request's context, as the timer of many requests would keep the first one's session.
    """
    if is_replaced():
        return Knock(loop, moment, ring)
    return loop.call_at(moment, ring, context=Context())


class Knock:
    """A thread that has a loop call a function at a moment."""

    def __init__(self, loop: AbstractEventLoop, moment: float, ring: Callable[[], object]) -> None:
        self._loop = loop
        self._ring = ring
        self._cancelled = False
        self._timer = threading.Timer(max(0.0, moment - stopwatch()), self._knock)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Call nothing any more."""
        self._cancelled = True
        self._timer.cancel()

    def _knock(self) -> None:
        try:
            _ = self._loop.call_soon_threadsafe(self._rung)
        except RuntimeError:
            pass  # the loop is closed, and nobody waits

    def _rung(self) -> None:
        if not self._cancelled:
            _ = self._ring()
