"""Sessions are summed up exactly at the ends, to three digits in the middle, in little memory."""

from __future__ import annotations

import statistics
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samesession.core.statistics import Spread, Statistics


@given(st.lists(st.integers(0, 2**31), min_size=1))
def test_a_spread_is_exact_but_for_the_digits_of_its_median(numbers: list[int]) -> None:
    spread = Spread()
    for number in numbers:
        spread.add(number)
    assert (spread.smallest, spread.largest) == (min(numbers), max(numbers))
    assert (spread.count, spread.total) == (len(numbers), sum(numbers))
    median = statistics.median_low(numbers)
    assert median * 0.99 <= spread.median <= median
    if max(numbers) < 1000:
        assert spread.median == median


def test_a_spread_of_nothing() -> None:
    spread = Spread()
    assert (spread.count, spread.smallest, spread.median, spread.largest) == (0, 0, 0, 0)


def test_owners_are_counted_once() -> None:
    found = Statistics()
    for owner in ("ann", None, "ben", "ann", None):
        found.add(owner=owner, size=100, age=-5, idle=None)
    assert (found.sessions, found.owners, found.anonymous) == (5, 2, 2)
    assert (found.ages.smallest, found.idle.count) == (0, 0)


def test_more_owners_than_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samesession.core.statistics._MOST_OWNERS", 3)
    found = Statistics()
    told: list[int | None] = []
    for owner in "abcde":
        found.add(owner=owner, size=1, age=1, idle=1)
        told.append(found.owners)
    assert told == [1, 2, 3, None, None]


def test_what_is_kept_does_not_grow_with_the_sessions() -> None:
    found = Statistics()

    def add(numbers: range) -> int:
        for number in numbers:
            found.add(owner=None, size=number * 7919 % 10**6, age=number * 31, idle=number)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = add(range(0, 40_000, 2))
        after = add(range(1, 40_000, 2))
    finally:
        tracemalloc.stop()
    assert after - before < 200_000
