"""The benchmarks still run: one tiny round of each framework, without peers."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from .calls import AsgiCaller, Caller, FlaskCaller
from .cases import Case, Effort
from .commands import counted
from .rounds import Contestant, Figures, measure
from .subjects import BARE, OURS, SIGNED, SUBJECTS, Place
from .targets import judged

CASES = (
    Case("none", 2.0, 1),
    Case("read", 2.0, 1),
    Case("write", 2.0, 2),
    Case("cart", 2.0, 2, in_turn=6),
)


def _caller(framework: str, app: Any, runner: asyncio.Runner) -> Caller:
    return FlaskCaller(app) if framework == "flask" else AsgiCaller(app, runner)


@pytest.mark.needs("flask", "quart")
@pytest.mark.parametrize("name", ["flask", "quart"])
def test_a_round_gives_every_subject_a_figure(name: str, redis_url: str, tmp_path: Path) -> None:
    figures = Figures()
    place = Place(redis_url, str(tmp_path))
    with asyncio.Runner() as runner:
        contestants = {
            each.name: Contestant(each, _caller(name, each.make(place), runner))
            for each in SUBJECTS
            if each.framework == name and each.needs == "samesession"
        }
        measure(contestants, CASES, Effort(rounds=2, requests=2, all_sizes=False), figures)
        (cookie,) = contestants[OURS].sessions(2.0, 1)
        caller = contestants[OURS].caller
        assert counted(redis_url, caller, "/none", None) == 0
        assert counted(redis_url, caller, "/read", cookie) == 1
        assert counted(redis_url, caller, "/write", cookie) == 2
        for each in contestants.values():
            each.caller.close()
    assert set(figures.costs) == set(CASES)
    assert set(figures.costs[CASES[0]]) == set(contestants)
    for costs in figures.costs.values():
        assert {BARE, SIGNED, OURS} <= set(costs) <= set(contestants)
        assert all(cost.cpu > 0 and cost.wall > 0 for each in costs.values() for cost in each)
    measured = [each for each in judged({name: figures}) if each.ratio is not None]
    assert any("no session" in each.what for each in measured)


@pytest.mark.needs("flask", "quart")
def test_work_on_many_sessions_is_measured(tmp_path: Path) -> None:
    many: Any = import_module("tests.benchmarks.many_sessions")
    settings = many.settings_of("sqlite", str(tmp_path))
    many.fill("sqlite", settings, 20, 50)
    found = {
        name: asyncio.run(many.measured(name, settings))["count"]
        for name in ("sessions_of(owner)", "revoke_all(owner)", "revoke_everyone()")
    }
    assert found == {"sessions_of(owner)": 20, "revoke_all(owner)": 20, "revoke_everyone()": 30}
