"""Measure what a session costs: `nox -s bench`, or `python -m tests.benchmarks`.

`-- --quick` takes three minutes and writes no file, `-- --scale` adds the file store
with 1,000,000 records, `-- --only` chooses parts. What was measured is printed, and
written to docs/benchmarks as JSON and plots.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.support.server import running

from . import bound, micro, report, scale, served, start
from .calls import AsgiCaller, Caller, FlaskCaller
from .cases import FULL, IN_TURN, QUICK, Effort, cases
from .commands import counted
from .plots import plot
from .rounds import Contestant, Figures, measure
from .subjects import Place, installed
from .targets import Result, judged, other_results, scale_results

FRAMEWORKS = ("quart", "starlette", "flask")
PARTS = (*FRAMEWORKS, "micro", "bytes", "start", "bound", "served", "scale")
_DOCS = Path(__file__).parents[2] / "docs" / "benchmarks"


@dataclass(slots=True)
class Found:
    """Everything that a run measured."""

    figures: dict[str, Figures] = field(default_factory=dict)
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    in_turn: int = IN_TURN

    def note(self, part: str, title: str, unit: str, values: Mapping[str, float]) -> None:
        self.values.setdefault(part, {}).update(values)
        report.show_values(title, values, unit)

    def results(self) -> list[Result]:
        return [
            *judged(self.figures, in_turn=self.in_turn),
            *other_results(self.values),
            *scale_results(self.values.get("scale", {})),
        ]

    def as_json(self) -> dict[str, Any]:
        return {
            "machine": report.machine(),
            "targets": [result.as_json() for result in self.results()],
            "values": self.values,
            "in process": {name: each.as_json() for name, each in self.figures.items()},
        }


def main() -> None:
    options = _options()
    started = time.monotonic()
    # Peers call some of their own settings deprecated in requests, too.
    warnings.simplefilter("ignore", DeprecationWarning)
    found = Found(in_turn=(QUICK if options.quick else FULL).in_turn)
    with tempfile.TemporaryDirectory() as directory, running() as server:
        _run(found, options, Place(server.url, directory))
    report.show_results(found.results())
    print(f"\nThat took {time.monotonic() - started:.0f} s on {report.machine()['cpu']}.")
    out = options.out or (None if options.quick or options.only else _DOCS)
    if out is not None:
        _write(out, found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s bench --")
    parser.add_argument("--quick", action="store_true", help="take three minutes")
    parser.add_argument("--scale", action="store_true", help="also store 1,000,000 sessions")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="the parts to run")
    parser.add_argument("--out", type=Path, help="where to write results.json and the plots")
    return parser.parse_args()


def _run(found: Found, options: argparse.Namespace, place: Place) -> None:
    effort = QUICK if options.quick else FULL
    quick = ("quart", "flask", "micro", "bytes", "start", "bound")
    parts = options.only or (quick if options.quick else PARTS)
    if "micro" in parts:
        unit = "CPU us"
        found.note("micro", "Codecs, 2 kB", unit, micro.codecs(effort))
        found.note("micro", "Parts of a request", unit, micro.parts(effort))
        found.note(
            "micro", "The floor: one GET of 2 kB", unit, micro.floors(place.redis_url, effort)
        )
    for framework in FRAMEWORKS:
        if framework in parts:
            found.figures[framework] = _in_process(framework, place, effort)
    if "bytes" in parts:
        found.note("bytes", "Memory in Redis, one session", "bytes", _bytes(place))
    if "start" in parts and find_spec("flask_session") is not None:
        title = "Session(app) with redis, beyond the bare application"
        found.note("start", title, "CPU ms", start.starts(place.redis_url, effort))
    if "bound" in parts:
        for framework in bound.FRAMEWORKS:
            title = f"{framework.capitalize()}: whole requests, 2 kB in memory, one at a time"
            found.note("bound", title, "", bound.compared(framework, effort))
    if "served" in parts:
        title = "Quart under hypercorn, 2 kB, 32 connections from another process"
        found.note("served", title, "", served.served(place, effort))
    if "scale" in parts:
        counts = (scale.SMALL, scale.MIDDLE, scale.LARGE)
        chosen = counts if options.scale else counts[:-1]
        values = scale.scaled(scale.scratch(place.directory), chosen, rounds=effort.rounds)
        found.note("scale", "The file store by the number of records", "", values)


def _in_process(framework: str, place: Place, effort: Effort) -> Figures:
    """Measure a framework's subjects by calls into their applications."""
    figures = Figures()
    with asyncio.Runner() as runner:
        contestants = _contestants(framework, place, runner)
        chosen = cases(framework, effort)
        measure(contestants, chosen, effort, figures)
        for case in chosen:
            for name, one in contestants.items():
                if one.subject.redis and case.at_once == 1 and not case.in_turn:
                    cookie = one.sessions(case.size, 1)[0] if case.has_cookie else None
                    sent = counted(place.redis_url, one.caller, case.path, cookie)
                    figures.commands.setdefault(case, {})[name] = sent
        for one in contestants.values():
            one.caller.close()
    report.show_figures(framework, figures)
    return figures


def _contestants(framework: str, place: Place, runner: asyncio.Runner) -> dict[str, Contestant]:
    def caller(app: Any) -> Caller:
        return FlaskCaller(app) if framework == "flask" else AsgiCaller(app, runner)

    return {
        subject.name: Contestant(subject, caller(subject.make(place)))
        for subject in installed()
        if subject.framework == framework
    }


def _bytes(place: Place) -> dict[str, float]:
    with asyncio.Runner() as runner:
        every = [
            one
            for framework in FRAMEWORKS
            for one in _contestants(framework, place, runner).values()
            if one.subject.redis
        ]
        return scale.bytes_in_redis(place.redis_url, every)


def _write(directory: Path, found: Found) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found.as_json(), indent=1)
    _ = (directory / "results.json").write_text(text + "\n", encoding="utf-8")
    if find_spec("matplotlib") is not None:
        plot(directory, found.figures, found.values.get("scale", {}))


main()
