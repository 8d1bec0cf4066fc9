"""Which cases of a scenario run over which store."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from tests.support.spread import Place, chosen, place_of

STORES = ("filesystem", "memory", "redis", "sqlite")
FRAMEWORKS = ("flask", "quart")


def places(cases: int, stores: tuple[str, ...] = STORES, scenario: str = "s") -> list[Place]:
    return [Place(scenario, *each) for each in product(FRAMEWORKS, range(cases), stores)]


@pytest.mark.parametrize("cases", range(1, 12))
def test_spread_leaves_each_framework_each_case_and_each_store(cases: int) -> None:
    all_of_it = places(cases)
    found = chosen(all_of_it, "spread")
    for framework in FRAMEWORKS:
        its = [place for place in found if place.framework == framework]
        assert {place.case for place in its} == set(range(cases))
        assert {place.store for place in its} == set(STORES)
        assert len(its) == max(cases, len(STORES))
    assert found <= set(all_of_it)


@pytest.mark.parametrize("cases", range(2, 12))
def test_spread_gives_two_frameworks_a_case_over_two_stores(cases: int) -> None:
    found = chosen(places(cases), "spread")
    for case in range(cases):
        assert len({place.store for place in found if place.case == case}) >= 2


def test_a_case_that_not_every_store_has_runs_over_one_that_has_it() -> None:
    some = [each for each in places(5) if each.store == "sqlite" or each.case != 2]
    found = chosen(some, "spread")
    assert {each.case for each in found if each.framework == "flask"} == set(range(5))
    assert {each.store for each in found if each.case == 2} == {"sqlite"}


@pytest.mark.parametrize("cases", range(1, 12))
def test_the_rest_is_what_spread_leaves_out(cases: int) -> None:
    all_of_it = places(cases)
    spread, rest = chosen(all_of_it, "spread"), chosen(all_of_it, "rest")
    assert spread | rest == set(all_of_it)
    assert not spread & rest


def test_one_case_of_each_scenario_is_another_one_each_time() -> None:
    scenarios = [each for name in "abcd" for each in places(1, scenario=name)]
    found = chosen(scenarios, "one")
    assert len(found) == 8
    assert {each.scenario for each in found} == set("abcd")
    assert {each.store for each in found} == set(STORES)


def test_a_run_that_is_not_told_has_all_of_them() -> None:
    assert chosen(places(7), "") == set(places(7))


def test_what_is_not_a_scenario_has_no_place() -> None:
    case: list[Any] = []
    assert place_of("s", {"framework": "flask", "case": case}) is None
    assert place_of("s", {"store_name": "redis"}) is None
    first = place_of("s", {"framework": "flask", "store_name": "redis", "case": case})
    again = place_of("s", {"case": case, "store_name": "redis", "framework": "flask"})
    other = place_of("s", {"framework": "flask", "store_name": "redis", "case": [*case]})
    assert first == again
    assert first != other
