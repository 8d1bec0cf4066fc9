"""Judge how far a store's clock is from the application's, as `doctor` tells it."""

from __future__ import annotations

from .findings import Finding, Level
from .policy import SKEW

_ASIDE = 5  # seconds: what a clock that is set over a network may be wrong by


def clock_finding(ahead: float) -> Finding:
    """Judge by how many seconds the store's clock is ahead of the application's, or behind."""
    apart = abs(ahead)
    told = f"{apart:.0f} s {'ahead of' if ahead > 0 else 'behind'} the application's"
    if apart <= _ASIDE:
        return Finding("clock", Level.OK, "the store's clock agrees with the application's")
    write = "run an NTP client, such as chrony, on both machines"
    if apart <= SKEW:
        return Finding("clock", Level.WARNING, f"the store's clock is {told}", write)
    what = f"the store's clock is {told}: sessions end as much too early or too late"
    return Finding("clock", Level.ERROR, what, write)


def seconds_ahead(theirs: float, before: float, after: float) -> float:
    """Return how far another clock is ahead, that was asked between two moments of ours."""
    if theirs < before:
        return theirs - before
    return max(0.0, theirs - after)
