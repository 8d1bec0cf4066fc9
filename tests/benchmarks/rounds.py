"""Measure every subject of a framework in turn, round after round, and take medians.

The machine may do other things meanwhile: whatever slows one round down slows
all subjects of it, and each is compared with the bare application of its round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median
from typing import Any, Literal

from .calls import Caller, Cost
from .cases import Case, Effort
from .data import USER
from .subjects import BARE, SIGNED, Subject

Measure = Literal["cpu", "wall"]


@dataclass(slots=True)
class Contestant:
    """A subject's running application, and sessions in it by their size."""

    subject: Subject
    caller: Caller
    cookies: dict[float, list[str]] = field(default_factory=dict)

    def sessions(self, size: float, count: int) -> list[str]:
        """Give the Cookie headers of `count` sessions of that size."""
        known = self.cookies.setdefault(size, [])
        while len(known) < count:
            answer = self.caller.once(f"/login/{size:g}", None)
            if not answer.cookies:  # the bare application still gets a header to read
                known.append("session=none")
            else:
                known.append("; ".join(answer.cookies))
        return known[:count]


@dataclass(slots=True)
class Figures:
    """What each case cost each subject of a framework, round by round."""

    costs: dict[Case, dict[str, list[Cost]]] = field(default_factory=dict)
    commands: dict[Case, dict[str, float]] = field(default_factory=dict)

    def whole(self, case: Case, subject: str, measure: Measure = "cpu") -> float:
        """Give the median cost of a request."""
        return median(_part(cost, measure) for cost in self.costs[case][subject])

    def overhead(self, case: Case, subject: str, measure: Measure = "cpu") -> float:
        """Give the median of what a request cost more than the bare one of its round."""
        rows = self.costs[case]
        return median(
            _part(cost, measure) - _part(bare, measure)
            for cost, bare in zip(rows[subject], rows[BARE], strict=True)
        )

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {
                "view": case.view,
                "kB": case.size,
                "at once": case.at_once,
                "subject": name,
                "commands": self.commands.get(case, {}).get(name),
                "cpu us": [round(cost.cpu, 2) for cost in costs],
                "wall us": [round(cost.wall, 2) for cost in costs],
            }
            for case, rows in self.costs.items()
            for name, costs in rows.items()
        ]


def measure(
    contestants: Mapping[str, Contestant], cases: Sequence[Case], effort: Effort, figures: Figures
) -> None:
    """Run all rounds of a framework's cases."""
    for case in cases:
        able = {name: one for name, one in contestants.items() if _can(one.subject, case)}
        jobs = {name: _cookies(one, case) for name, one in able.items()}
        rows: dict[str, list[Cost]] = {name: [] for name in able}
        names = list(able)
        for turn in range(-1, effort.rounds):
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                one = able[name]
                total = effort.scaled(one.subject.framework, case.at_once)
                cost = one.caller.many(
                    case.path, jobs[name], total if turn >= 0 else max(total // 4, case.at_once)
                )
                if turn >= 0:  # the first round only warms up
                    rows[name].append(cost)
        figures.costs[case] = rows


def _can(subject: Subject, case: Case) -> bool:
    """Return whether a subject takes part: without a store, sessions in turn are all alike."""
    if case.in_turn and not (subject.redis or subject.name in (BARE, SIGNED)):
        return False
    return case.size <= subject.limit


def _cookies(one: Contestant, case: Case) -> list[Iterator[str | None]]:
    """Give each of the simultaneous requests its Cookie headers, after trying one."""
    cookies: list[str | None] = [None] * case.at_once
    if case.has_cookie:
        count = case.in_turn if one.subject.redis else 0
        cookies = [*one.sessions(case.size, max(count, case.at_once))]
    answer = one.caller.once(case.path, cookies[0])
    if answer.status != 200 or answer.body != USER.encode():
        raise RuntimeError(f"{one.subject.name}: {case} gave {answer.status} {answer.body[:80]!r}")
    return [cycle(cookies[at :: case.at_once]) for at in range(case.at_once)]


def _part(cost: Cost, measure: Measure) -> float:
    return cost.cpu if measure == "cpu" else cost.wall
