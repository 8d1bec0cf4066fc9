"""Runs the suites, plain and with sessions of ours on each store, and says what differs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.server import running

from . import table
from .compare import (
    STORES,
    Difference,
    Run,
    differences,
    read_expected,
    shows_nothing,
    stale,
    unexplained,
)
from .suites import HERE, PLAIN, Project, SuiteFailed, read_projects, run_suite

ROOT = HERE.parents[1]
DOCUMENT = ROOT / "docs" / "explanation" / "ecosystem.md"
PROJECTS = read_projects((HERE / "projects.toml").read_text())
EXPECTED = read_expected((HERE / "differences.toml").read_text())
AT_ONCE = 2  # suites; their tests measure time, so that more would disturb one another
_SHOWN = 25  # lines of a traceback

Runs = dict[tuple[str, str], Run]


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; the exit status is 1 when anything is not as listed."""
    asked = _parsed(arguments)
    unknown = {*asked.projects} - {each.name for each in PROJECTS}
    if unknown:
        raise SystemExit(f"no such project: {', '.join(sorted(unknown))}")
    chosen = [each for each in PROJECTS if not asked.projects or each.name in asked.projects]
    runs, problems = _run_all(chosen, asked.sdists, asked.work)
    found = _found(runs)
    rows = [_row(each, runs, found) for each in chosen if (each.name, PLAIN) in runs]
    problems += _judged(found, runs)
    print(table.rows_text(rows))
    if asked.write and not asked.projects:
        _write(rows)
    problems += unwritten(rows)
    print("\n".join(problems) or "every difference is listed with its reason")
    return 1 if problems else 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s ecosystem --", description=__doc__)
    parser.add_argument("projects", nargs="*", help="those that are run; default: all")
    parser.add_argument("--sdists", type=Path, required=True, help="where the sdists are")
    parser.add_argument("--work", type=Path, required=True, help="where they are unpacked")
    parser.add_argument("--write", action="store_true", help=f"renew the tables in {DOCUMENT}")
    return parser.parse_args(arguments)


def _run_all(chosen: list[Project], sdists: Path, work: Path) -> tuple[Runs, list[str]]:
    runs: Runs = {}
    problems: list[str] = []

    def run(project: Project, store: str, redis_url: str) -> None:
        began = time.monotonic()
        try:
            done = runs[project.name, store] = run_suite(project, store, sdists, work, redis_url)
        except SuiteFailed as error:
            problems.append(str(error))
            return
        took = time.monotonic() - began
        print(f"{project.name} on {store}: {_counted(done)} in {took:.0f} s", flush=True)

    # The longest suites first, so that none is left to run alone at the end.
    ordered = sorted(chosen, key=lambda each: each.seconds, reverse=True)
    with running() as valkey, ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [
            pool.submit(run, project, store, valkey.url)
            for project in ordered
            for store in (PLAIN, *STORES)
        ]
    for job in jobs:
        job.result()
    return runs, problems


def _counted(run: Run) -> str:
    outcomes = list(run.outcomes.values())
    return ", ".join(f"{outcomes.count(each)} {each}" for each in sorted({*outcomes}))


def _found(runs: Runs) -> list[Difference]:
    return [
        each
        for (project, store), run in sorted(runs.items())
        if store != PLAIN and (project, PLAIN) in runs
        for each in differences(project, store, runs[project, PLAIN], run)
    ]


def _judged(found: list[Difference], runs: Runs) -> list[str]:
    """Say what is not as listed, and which comparison shows nothing."""
    compared = [key for key in runs if key[1] != PLAIN and (key[0], PLAIN) in runs]
    worthless = {
        (project, store): why
        for project, store in sorted(compared)
        if (why := shows_nothing(runs[project, PLAIN], runs[project, store]))
    }
    sound = [key for key in compared if key not in worthless]
    new = [each for each in found if (each.project, each.store) in sound]
    return [
        *(f"{project} on {store}: {why}" for (project, store), why in worthless.items()),
        *(f"{each}\n{_end(each.detail)}" for each in unexplained(new, EXPECTED)),
        *(f"listed, but no difference: {each}" for each in stale(new, EXPECTED, sound)),
    ]


def _end(detail: str) -> str:
    return "\n".join(f"    {line}" for line in detail.splitlines()[-_SHOWN:])


def _row(project: Project, runs: Runs, found: list[Difference]) -> table.Row:
    tests = len(runs[project.name, PLAIN].outcomes)
    with_ours = [runs[project.name, each] for each in STORES if (project.name, each) in runs]
    applications = min((each.applications for each in with_ours), default=0)
    return table.row(project.name, project.version, tests, applications, found)


def _write(rows: Iterable[table.Row]) -> None:
    text = DOCUMENT.read_text()
    text = table.with_part(text, table.BEGIN, table.END, table.rows_text(rows))
    reasons = table.reasons_text(EXPECTED)
    DOCUMENT.write_text(table.with_part(text, table.REASONS_BEGIN, table.REASONS_END, reasons))


def unwritten(rows: Iterable[table.Row]) -> list[str]:
    """Say which lines docs/explanation/ecosystem.md has otherwise."""
    written = table.part(DOCUMENT.read_text(), table.BEGIN, table.END).splitlines()
    return [
        f"docs/explanation/ecosystem.md does not say, so write it there or run with --write: {each}"
        for each in rows
        if str(each) not in written
    ]
