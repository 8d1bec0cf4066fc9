"""Measure what a session costs: `python -m tests.benchmarks [--quick] [--scale] [--out DIR]`.

`--quick` takes about a minute and writes nothing, `--scale` adds the file store with
1,000,000 records, `--only` chooses parts: quart, starlette, flask, served, micro, scale.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from tests.support.server import running

from . import report
from .calls import AsgiCaller, Caller, FlaskCaller
from .cases import FULL, QUICK, Effort, cases
from .commands import counted
from .rounds import Contestant, Figures, measure
from .subjects import Place, installed
from .targets import judged

_FRAMEWORKS = ("quart", "starlette", "flask")
_DOCS = Path(__file__).parents[2] / "docs" / "benchmarks"


def main() -> None:
    options = _options()
    effort = QUICK if options.quick else FULL
    parts = options.only or [*_FRAMEWORKS]
    started = time.monotonic()
    # Peers call some of their own settings deprecated in requests, too.
    warnings.simplefilter("ignore", DeprecationWarning)
    with tempfile.TemporaryDirectory() as directory, running() as server:
        place = Place(server.url, directory)
        figures = {
            framework: in_process(framework, place, effort)
            for framework in _FRAMEWORKS
            if framework in parts
        }
    results = judged(figures)
    report.show_results(results)
    print(f"\nThat took {time.monotonic() - started:.0f} s.")
    out = options.out or (None if options.quick else _DOCS)
    if out is not None:
        _write(out, {"figures": {name: each.as_json() for name, each in figures.items()}})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s bench --")
    parser.add_argument("--quick", action="store_true", help="take about a minute")
    parser.add_argument("--scale", action="store_true", help="also store 1,000,000 sessions")
    parser.add_argument("--only", nargs="+", help="the parts to run")
    parser.add_argument("--out", type=Path, help="where to write results.json and the plots")
    return parser.parse_args()


def in_process(framework: str, place: Place, effort: Effort) -> Figures:
    """Measure a framework's subjects by calls into their applications."""
    figures = Figures()
    with asyncio.Runner() as runner:
        contestants = {
            subject.name: Contestant(subject, _caller(framework, subject.make(place), runner))
            for subject in installed()
            if subject.framework == framework
        }
        chosen = cases(framework, effort)
        measure(contestants, chosen, effort, figures)
        for case in chosen:
            for name, one in contestants.items():
                if one.subject.redis and case.at_once == 1:
                    cookie = one.sessions(case.size, 1)[0] if case.has_cookie else None
                    sent = counted(place.redis_url, one.caller, case.path, cookie)
                    figures.commands.setdefault(case, {})[name] = sent
    report.show_figures(framework, figures)
    return figures


def _caller(framework: str, app: Any, runner: asyncio.Runner) -> Caller:
    return FlaskCaller(app) if framework == "flask" else AsgiCaller(app, runner)


def _write(directory: Path, found: dict[str, Any]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": report.machine(), **found}, indent=1)
    _ = (directory / "results.json").write_text(text + "\n", encoding="utf-8")


main()
