"""The machine's clocks: the time of day, which tests may set, and the clock that measures waits.

freezegun, unittest.mock and time-machine replace the function `time.time`, or its inside. Code that
looks it up for each call follows the test's time. A wait must end in any case. freezegun also stops
`time.monotonic`, under any imported name, but leaves `clock_gettime` alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType

_standing_in: list[Callable[[], float]] = []


def system_time() -> float:
    """Return the seconds since 1970, or the time that a test has set."""
    return _standing_in[-1]() if _standing_in else time.time()


@contextmanager
def system_time_from(clock: Callable[[], float]) -> Iterator[None]:
    """Make all applications of this process follow another clock within a block: for tests."""
    _standing_in.append(clock)
    try:
        yield
    finally:
        _standing_in.remove(clock)


def is_replaced() -> bool:
    """Return whether a test has replaced the clock that measures time."""
    return type(time.monotonic) is not BuiltinFunctionType


if sys.platform == "win32":

    def stopwatch() -> float:
        """Return the seconds since an arbitrary moment, to measure a wait."""
        return time.monotonic()

    def servers_time() -> float:
        """Return the seconds since 1970 as servers count them, whatever a test has set."""
        return time.time()

else:
    # `time.monotonic` reads the same clock, so the two agree.
    if sys.platform == "darwin":
        _MONOTONIC = time.CLOCK_UPTIME_RAW
    else:
        _MONOTONIC = time.CLOCK_MONOTONIC

    def stopwatch() -> float:
        """Return the seconds since an arbitrary moment, to measure a wait."""
        return time.clock_gettime(_MONOTONIC)

    def servers_time() -> float:
        """Return the seconds since 1970 as servers count them, whatever a test has set."""
        return time.clock_gettime(time.CLOCK_REALTIME)


# The longest wait of a loop, in lengths of a deadline: see timeout.Grace.
LONGEST = 10
