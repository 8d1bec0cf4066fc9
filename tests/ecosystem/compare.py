"""What a suite says with sessions of ours against what it says without: pure, no suite is run."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass

STORES = ("cookie", "memory", "filesystem", "redis")
ABSENT = "not run"
# A suite that mostly fails by itself shows nothing.
LEAST_PASSING = 0.9


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a suite: what became of each test, and the traceback of what failed."""

    outcomes: dict[str, str]
    details: dict[str, str]
    applications: int  # whose session was used


@dataclass(frozen=True, slots=True)
class Difference:
    """A test that says something else with sessions of ours."""

    project: str
    store: str
    test: str
    before: str
    after: str
    detail: str

    def __str__(self) -> str:
        """Return the line that names it."""
        where = f"{self.project} on {self.store}: {self.test}"
        return f"{where} is {self.after}, without ours {self.before}"


@dataclass(frozen=True, slots=True)
class Expected:
    """A difference that is right, and why; `shows` is a part of its traceback."""

    project: str
    test: str
    stores: tuple[str, ...]
    shows: str
    reason: str
    becomes: str = "failed"

    def is_about(self, difference: Difference) -> bool:
        """Return whether this is that difference, and not another of the same test."""
        return (
            (self.project, self.test) == (difference.project, difference.test)
            and difference.store in self.stores
            and difference.before == "passed"
            and difference.after == self.becomes
            and self.shows in difference.detail
        )


def differences(project: str, store: str, plain: Run, ours: Run) -> list[Difference]:
    """List the tests whose outcome is another one with sessions of ours on a store."""
    return [
        Difference(project, store, test, before, after, ours.details.get(test, ""))
        for test in sorted({*plain.outcomes, *ours.outcomes})
        if (before := plain.outcomes.get(test, ABSENT))
        != (after := ours.outcomes.get(test, ABSENT))
    ]


def unexplained(found: Iterable[Difference], listed: Iterable[Expected]) -> list[Difference]:
    """List the differences that no reason is given for."""
    known = list(listed)
    return [each for each in found if not any(one.is_about(each) for one in known)]


def stale(
    found: Iterable[Difference], listed: Iterable[Expected], run: Iterable[tuple[str, str]]
) -> list[str]:
    """Name the entries, by store, that no difference answers to; `run`: projects and stores."""
    seen = list(found)
    ran = set(run)
    return [
        f"{one.project} on {store}: {one.test}"
        for one in listed
        for store in one.stores
        if (one.project, store) in ran
        and not any(each.store == store and one.is_about(each) for each in seen)
    ]


def shows_nothing(plain: Run, ours: Run) -> str | None:
    """Return why a comparison would be worthless, None where it is not."""
    fine = sum(outcome not in {"failed", "error"} for outcome in plain.outcomes.values())
    if not plain.outcomes or fine < LEAST_PASSING * len(plain.outcomes):
        return f"only {fine} of {len(plain.outcomes)} tests pass without ours"
    if not ours.applications:
        return "no application had sessions of ours"
    return None


def read_expected(text: str) -> list[Expected]:
    """Read the list of differences; raises ValueError for an entry that says too little."""
    entries = tomllib.loads(text).get("difference", [])
    found = [
        _expected({**entry, "test": test})
        for entry in entries
        for test in entry.pop("tests", None) or [""]
    ]
    keys = [(one.project, one.test, store) for one in found for store in one.stores]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"listed twice: {twice}")
    return found


def _expected(entry: dict[str, object]) -> Expected:
    stores = entry.pop("stores", STORES)
    assert isinstance(stores, list | tuple)
    unknown = {*entry} - {"project", "test", "shows", "reason", "becomes"}
    if unknown or not {*stores} <= {*STORES} or not stores:
        raise ValueError(f"an entry says what nobody reads: {entry}, {stores}")
    one = Expected(stores=tuple(stores), **{name: str(value) for name, value in entry.items()})
    if not (one.shows and len(one.reason) > 20):
        raise ValueError(f"an entry needs a part of the traceback, and its reason: {one}")
    if "*" in one.test.partition("[")[0] or "::" not in one.test:
        raise ValueError(f"an entry names one test: {one.test}")
    return one
