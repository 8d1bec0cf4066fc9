"""Judge how far a store's clock is from the application's, for `doctor`."""

from __future__ import annotations

from .findings import Finding, Level
from .policy import SKEW

_ASIDE = 5  # seconds: the error to expect of clocks that are set over a network


def clock_finding(ahead: float) -> Finding:
    """Return the finding for a store's clock that is this many seconds ahead, or behind."""
    apart = abs(ahead)
    told = f"{apart:.0f} s {'ahead of' if ahead > 0 else 'behind'} the application's"
    if apart <= _ASIDE:
        return Finding("clock", Level.OK, "the store's clock agrees with the application's")
    write = "run an NTP client, such as chrony, on both machines"
    if apart <= SKEW:
        return Finding("clock", Level.WARNING, f"the store's clock is {told}", write)
    what = f"the store's clock is {told}: sessions end that much too early or too late"
    return Finding("clock", Level.ERROR, what, write)


def seconds_ahead(theirs: float, before: float, after: float) -> float:
    """Return how far a clock is ahead that was read between two moments of our clock."""
    if theirs < before:
        return theirs - before
    return max(0.0, theirs - after)
