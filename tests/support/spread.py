"""Which cases of a scenario run over which store, where not every case runs over every one.

A scenario is a test that runs on each framework and over each store; its cases are what else
it is parametrised with. SAMESESSION_CASES says how many there are of a run:

- nothing: every case on every framework, over every store;
- "spread": every case on every framework, over one of the stores, and over every store a case;
- "rest": what "spread" leaves out, and no test that is not of a scenario;
- "one": a single case on every framework, over one of the stores.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

HOW = os.environ.get("SAMESESSION_CASES", "")
if HOW not in ("", "spread", "rest", "one"):
    raise ValueError(f"SAMESESSION_CASES is spread, rest, one or not set, not {HOW!r}")

# The parameters that make a test a scenario; all others make a case.
_SITE = ("framework", "store_name")


class Place(NamedTuple):
    """Where a test stands among those of its scenario; Any: a case is whatever parametrises."""

    scenario: str
    framework: str
    case: Any
    store: str


def place_of(scenario: str, params: dict[str, Any]) -> Place | None:
    """Return a test's place, or None if it is not of a scenario."""
    if not all(name in params for name in _SITE):
        return None
    # By identity: one value is the same object in each test that it parametrises.
    case = tuple((name, id(value)) for name, value in params.items() if name not in _SITE)
    return Place(scenario, params["framework"], case, params["store_name"])


def chosen(places: Iterable[Place], how: str = HOW) -> set[Place]:
    """Return the places, in their order, that are part of the run."""
    scenarios: dict[str, dict[str, list[Place]]] = {}
    for place in places:
        scenarios.setdefault(place.scenario, {}).setdefault(place.framework, []).append(place)
    found: set[Place] = set()
    for number, frameworks in enumerate(scenarios.values()):
        for shift, those in enumerate(frameworks.values()):
            # Shifted, so that two frameworks have a case over two stores.
            if how == "spread":
                found |= _one_of_each(those, shift)
            elif how == "rest":
                found |= set(those) - _one_of_each(those, shift)
            elif how == "one":
                found.add(those[(number + shift) % len(those)])
            else:
                found.update(those)
    return found


def _one_of_each(places: Sequence[Place], shift: int) -> set[Place]:
    """Return places such that each case, and each store, is in one of them."""
    cases: dict[Any, list[Place]] = {}
    stores: dict[str, list[Place]] = {}
    for place in places:
        cases.setdefault(place.case, []).append(place)
        stores.setdefault(place.store, []).append(place)
    found = {those[(at + shift) % len(those)] for at, those in enumerate(cases.values())}
    seen = {place.store for place in found}
    for at, (store, those) in enumerate(stores.items()):
        if store not in seen:
            found.add(those[(at + shift) % len(those)])
    return found
