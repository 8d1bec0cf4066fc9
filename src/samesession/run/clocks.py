"""The machine's clocks: the time of day, which tests may set, and what measures waits.

freezegun, unittest.mock and time-machine put another function in the place of `time.time`, or
into it: whoever looks it up at each call goes by the test's time. A wait must end all the
same: freezegun lets `time.monotonic` stand still as well, under whatever name it was imported,
but leaves `clock_gettime` alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType

_standing_in: list[Callable[[], float]] = []


def system_time() -> float:
    """Return the seconds since 1970, or what a test has put in their place."""
    return _standing_in[-1]() if _standing_in else time.time()


@contextmanager
def system_time_from(clock: Callable[[], float]) -> Iterator[None]:
    """Have every application of this process go by another clock in a block: for tests."""
    _standing_in.append(clock)
    try:
        yield
    finally:
        _standing_in.remove(clock)


def is_replaced() -> bool:
    """Return whether a test has put another clock in the place of the one that measures time."""
    return type(time.monotonic) is not BuiltinFunctionType


if sys.platform == "win32":

    def stopwatch() -> float:
        """Return the seconds since some moment, to measure a wait."""
        return time.monotonic()

    def servers_time() -> float:
        """Return the seconds since 1970 as servers count them, whatever a test does here."""
        return time.time()

else:
    # What `time.monotonic` reads as well, so that the two agree.
    if sys.platform == "darwin":
        _MONOTONIC = time.CLOCK_UPTIME_RAW
    else:
        _MONOTONIC = time.CLOCK_MONOTONIC

    def stopwatch() -> float:
        """Return the seconds since some moment, to measure a wait."""
        return time.clock_gettime(_MONOTONIC)

    def servers_time() -> float:
        """Return the seconds since 1970 as servers count them, whatever a test does here."""
        return time.clock_gettime(time.CLOCK_REALTIME)


# Times a deadline's length, that a wait of a loop may last at most: see timeout.Grace.
LONGEST = 10
