"""How bad what was found is, all in all, and how far a store's clock may be off."""

from __future__ import annotations

import pytest

from samesession.core.clock_difference import clock_finding, seconds_ahead
from samesession.core.findings import Finding, Level, worst_of


@pytest.mark.parametrize(
    ("ahead", "level"),
    [(0, 0), (5, 0), (-5, 0), (6, 2), (-60, 2), (61, 3), (-3600, 3)],
)
def test_a_clock_is_judged_by_how_far_it_is_off(ahead: float, level: int) -> None:
    finding = clock_finding(ahead)
    assert finding.level == level
    assert bool(finding.write) is (level > 0)
    if level:
        assert ("behind" in finding.what) is (ahead < 0)


def test_a_clock_that_was_asked_meanwhile_is_off_by_what_is_certain() -> None:
    asked = [seconds_ahead(theirs, 10.0, 12.0) for theirs in (9.0, 10.0, 11.5, 12.0, 13.5)]
    assert asked == [-1.0, 0.0, 0.0, 0.0, 1.5]


def test_the_worst_of_nothing_is_well() -> None:
    assert worst_of([]) is Level.OK
    assert worst_of([Finding("a", Level.ERROR, "b"), Finding("a", Level.NOTICE, "b")]) == 3
