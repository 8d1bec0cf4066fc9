"""Summarise the sizes, ages and owners of any number of sessions, with bounded memory.

Of each size and age the first three digits are counted, and of each owner a hash, up to a limit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .device_binding import OFFER_LIFE, Device, Offered

_DIGITS = 1000  # smaller numbers are counted exactly
_MOST_OWNERS = 100_000


class Spread:
    """Summary of whole numbers: minimum, median to three digits, maximum, and sum."""

    def __init__(self) -> None:
        self.count = self.total = self.smallest = self.largest = 0
        self._counts: Counter[int] = Counter()

    def add(self, number: int) -> None:
        """Take a number into account."""
        self.smallest = number if not self.count else min(self.smallest, number)
        self.largest = max(self.largest, number)
        self.count += 1
        self.total += number
        self._counts[_shortened(number)] += 1

    @property
    def median(self) -> int:
        """The median: half of the numbers do not exceed it."""
        left = (self.count + 1) // 2
        for number in sorted(self._counts):
            left -= self._counts[number]
            if left <= 0:
                return max(self.smallest, number)
        return 0


def _shortened(number: int) -> int:
    size = 1
    while number >= _DIGITS * size:
        size *= 10
    return number // size * size


@dataclass(slots=True)
class DeviceCounts:
    """How many sessions are bound to their device, of those that were looked at.

    `unanswered`: those that are not, though their browser was offered it, and had the time.
    """

    sessions: int = 0
    bound: int = 0
    unanswered: int = 0

    def add(self, device: Device | None, now: float) -> None:
        """Take a session into account."""
        self.sessions += 1
        if isinstance(device, Offered):
            self.unanswered += now > device.at + OFFER_LIFE
        elif device is not None:
            self.bound += 1


@dataclass(slots=True)
class Statistics:
    """The summary of all sessions; `bytes` of records, `ages` and `idle` in seconds.

    `migrated`: how many sessions of each other library have become ours, ended or not, as far as
    known. `waiting`: how many were moved whose cookies have not come yet.

    .. versionadded:: 1.0
    """

    sessions: int = 0
    anonymous: int = 0
    bytes: Spread = field(default_factory=Spread)
    ages: Spread = field(default_factory=Spread)
    idle: Spread = field(default_factory=Spread)
    migrated: Counter[str] = field(default_factory=Counter[str])
    waiting: Counter[str] = field(default_factory=Counter[str])
    devices: DeviceCounts = field(default_factory=DeviceCounts)
    _owners: set[int] = field(default_factory=set[int])

    @property
    def owners(self) -> int | None:
        """The number of owners; None if there are too many to count."""
        return None if len(self._owners) > _MOST_OWNERS else len(self._owners)

    def add(self, *, owner: str | None, size: int, age: float, idle: float | None) -> None:
        """Take a session into account; `idle`: for how long it was not used, if known."""
        self.sessions += 1
        self.bytes.add(size)
        # Another node's clock may be fast.
        self.ages.add(max(0, int(age)))
        if idle is not None:
            self.idle.add(max(0, int(idle)))
        if owner is None:
            self.anonymous += 1
        elif len(self._owners) <= _MOST_OWNERS:
            self._owners.add(hash(owner))
