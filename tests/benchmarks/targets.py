"""What the figures must be: ours against another's, as ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .cases import IN_TURN, Case
from .rounds import Figures, Measure
from .subjects import (
    BARE,
    FLASK_SESSION,
    FLASK_SESSION_FILES,
    OURS,
    OURS_COOKIE,
    OURS_FILES,
    OURS_SQLITE,
    QUART_SESSION,
    SIGNED,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio, ours / other, and what it may be at most; `aim`: what would be good."""

    what: str
    ours: tuple[str, str]  # framework and subject
    other: tuple[str, str]
    case: Case
    at_most: float
    aim: float | None = None
    measure: Measure = "cpu"
    whole: bool = False  # whole requests, not what they cost more than bare ones
    other_case: Case | None = None  # where the other is measured in another one


@dataclass(frozen=True, slots=True)
class Result:
    """A target and the ratio that was measured; None: not measured in this run."""

    what: str
    against: str
    ratio: float | None
    at_most: float
    aim: float | None
    is_floor: bool = False  # more is better, `at_most` is the least

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}

    @property
    def verdict(self) -> str:
        if self.ratio is None:
            return "not measured"
        good = self.ratio >= self.at_most if self.is_floor else self.ratio <= self.at_most
        return "met" if good else "NOT MET"


def _case(view: str, at_once: int, in_turn: int = 0) -> Case:
    return Case(view, 2.0, at_once, in_turn)


def _redis(in_turn: int) -> tuple[Target, ...]:
    """Return the targets of Redis; with sessions `in_turn`, where nothing remembered helps."""

    def quart(view: str, at_once: int, other: str, at_most: float, aim: float) -> Target:
        return Target(
            f"Quart, redis, {view}, {at_once} at a time{turn}",
            ("quart", OURS),
            ("quart", other),
            _case(view, at_once, in_turn),
            at_most,
            None if in_turn else aim,
        )

    def flask(view: str, at_most: float, aim: float, measure: Measure) -> Target:
        return Target(
            f"Flask, redis, {view}{' (wall)' if measure == 'wall' else ''}{turn}",
            ("flask", OURS),
            ("flask", FLASK_SESSION),
            _case(view, 1, in_turn),
            at_most,
            None if in_turn else aim,
            measure=measure,
        )

    turn = ", in turn" if in_turn else ""
    many = 0.40 if in_turn else 0.25
    return (
        quart("cart", 32, QUART_SESSION, many, 0.18),
        quart("cart", 32, SIGNED, many, 0.15),
        quart("write", 32, QUART_SESSION, many, 0.18),
        quart("cart", 1, QUART_SESSION, 0.75, 0.60),
        quart("write", 1, QUART_SESSION, 0.75, 0.60),
        flask("cart", 0.50, 0.40, "wall"),
        flask("write", 0.85, 0.75, "cpu"),
        flask("write", 0.90, 0.75, "wall"),
    )


TARGETS = (
    *_redis(0),
    Target(
        "Flask, filesystem, read",
        ("flask", OURS_FILES), ("flask", FLASK_SESSION_FILES), _case("read", 1), 0.30,
    ),
    Target(
        "Quart, filesystem, read",
        ("quart", OURS_FILES), ("flask", FLASK_SESSION_FILES), _case("read", 1), 0.30,
    ),
    Target(
        "Flask, filesystem, write",
        ("flask", OURS_FILES), ("flask", FLASK_SESSION_FILES), _case("write", 1), 0.70, 0.50,
    ),
    Target(
        "Quart, filesystem, write, 32 at a time",
        ("quart", OURS_FILES), ("flask", FLASK_SESSION_FILES), _case("write", 32), 1.0, 0.50,
        other_case=_case("write", 1),
    ),
    Target(
        "Flask, sqlite, write",
        ("flask", OURS_SQLITE), ("flask", FLASK_SESSION_FILES), _case("write", 1), 0.50,
    ),
    Target(
        "Flask, sqlite, write (wall)",
        ("flask", OURS_SQLITE), ("flask", FLASK_SESSION_FILES), _case("write", 1), 0.50,
        measure="wall",
    ),
    Target(
        "Quart, sqlite, write, 32 at a time",
        ("quart", OURS_SQLITE), ("flask", FLASK_SESSION_FILES), _case("write", 32), 0.60,
        other_case=_case("write", 1),
    ),
    Target(
        "Quart, sqlite, write, 32 at a time (wall)",
        ("quart", OURS_SQLITE), ("flask", FLASK_SESSION_FILES), _case("write", 32), 0.60,
        measure="wall", other_case=_case("write", 1),
    ),
    Target(
        "Flask, SESSION_TYPE cookie, read",
        ("flask", OURS_COOKIE), ("flask", SIGNED), _case("read", 1), 0.70,
    ),
    Target(
        "Quart, SESSION_TYPE cookie, read",
        ("quart", OURS_COOKIE), ("quart", SIGNED), _case("read", 1), 0.70,
    ),
    Target(
        "Flask, no session, no cookie (whole request)",
        ("flask", OURS), ("flask", BARE), _case("none", 1), 1.03, whole=True,
    ),
    Target(
        "Quart, no session, no cookie (whole request)",
        ("quart", OURS), ("quart", BARE), _case("none", 1), 1.03, whole=True,
    ),
)  # fmt: skip


def judged(figures: Mapping[str, Figures], *, in_turn: int = IN_TURN) -> list[Result]:
    """Compare the figures of a run, by framework, with the targets."""
    return [
        Result(
            target.what,
            _named(target),
            _ratio(target, figures),
            target.at_most,
            target.aim,
        )
        for target in (*TARGETS, *_redis(in_turn))
    ]


def _named(target: Target) -> str:
    framework, name = target.other
    return f"{framework.capitalize()}'s {name}" if name in (SIGNED, BARE) else name


def _ratio(target: Target, figures: Mapping[str, Figures]) -> float | None:
    ours = _cost(target, figures, target.ours, target.case)
    other = _cost(target, figures, target.other, target.other_case or target.case)
    if ours is None or other is None or other <= 0:
        return None
    return ours / other


def _cost(
    target: Target, figures: Mapping[str, Figures], subject: tuple[str, str], case: Case
) -> float | None:
    framework, name = subject
    measured = figures.get(framework)
    if measured is None or name not in measured.costs.get(case, {}):
        return None
    if target.whole:
        return measured.whole(case, name, target.measure)
    return measured.overhead(case, name, target.measure)


def other_results(values: Mapping[str, Mapping[str, float]]) -> list[Result]:
    """Compare what a start costs, and what a session takes in Redis."""
    start, room = values.get("start", {}), values.get("bytes", {})
    return [
        Result(
            "Session(app) with redis, CPU",
            FLASK_SESSION,
            _quotient(start.get(OURS), start.get(FLASK_SESSION)),
            0.8,
            None,
        ),
        Result(
            "Bytes in Redis, 2 kB of data",
            FLASK_SESSION,
            _quotient(room.get(f"{OURS}, 2 kB"), room.get(f"{FLASK_SESSION}, 2 kB")),
            1.05,
            None,
        ),
        *_of_bound(values.get("bound", {})),
    ]


def _of_bound(values: Mapping[str, float]) -> list[Result]:
    """Compare requests of a session that is bound to its device with those of another one."""
    cases = [name.removesuffix(": ratio") for name in values if name.endswith(": ratio")]
    return [
        Result(f"{case}, bound to its device", "not bound", values[f"{case}: ratio"], 1.05, None)
        for case in cases
    ]


def _quotient(ours: float | None, other: float | None) -> float | None:
    return ours / other if ours is not None and other else None


def scale_results(values: Mapping[str, float]) -> list[Result]:
    """Compare the file store's growth and its purge with their targets."""
    few, many = (values.get(f"{count} records: load, us") for count in ("1,000", "1,000,000"))
    ratio = _quotient(many, few)
    return [
        Result("File store, load at 1,000,000 records", "at 1,000 records", ratio, 1.3, None),
        Result(
            "Purge beside requests, records a second, at least",
            "-",
            values.get("purge: records a second, requests beside"),
            30_000,
            None,
            is_floor=True,
        ),
    ]
