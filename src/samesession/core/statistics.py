"""Sum up how large, how old and whose the sessions of a store are, however many there are.

What is kept does not grow with them: of each size and age the first three digits are counted,
and of owners a hash each, up to a limit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_DIGITS = 1000  # what is smaller is counted as it is
_MOST_OWNERS = 100_000


class Spread:
    """Whole numbers: the smallest, the median to three digits, the largest, and their sum."""

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
        """The number that half of them do not exceed."""
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
class Statistics:
    """What is known of all sessions; `bytes` of records, `ages` and `idle` in seconds.

    `migrated`: how many sessions of each other library have become ours, whether they have
    ended or not, as long as that is known; `waiting`: how many were moved, and nobody has
    come with their cookies yet.
    """

    sessions: int = 0
    anonymous: int = 0
    bytes: Spread = field(default_factory=Spread)
    ages: Spread = field(default_factory=Spread)
    idle: Spread = field(default_factory=Spread)
    migrated: Counter[str] = field(default_factory=Counter[str])
    waiting: Counter[str] = field(default_factory=Counter[str])
    _owners: set[int] = field(default_factory=set[int])

    @property
    def owners(self) -> int | None:
        """How many owners there are; None where they are too many to tell."""
        return None if len(self._owners) > _MOST_OWNERS else len(self._owners)

    def add(self, *, owner: str | None, size: int, age: float, idle: float | None) -> None:
        """Take a session into account; `idle`: for how long nobody used it, if that is known."""
        self.sessions += 1
        self.bytes.add(size)
        # Another node's clock may be ahead.
        self.ages.add(max(0, int(age)))
        if idle is not None:
            self.idle.add(max(0, int(idle)))
        if owner is None:
            self.anonymous += 1
        elif len(self._owners) <= _MOST_OWNERS:
            self._owners.add(hash(owner))
