"""Runs every case and says which is not as docs/move/results.md has it."""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from . import places, rolling, scenario, table
from .cases import CASES, Case
from .serving import ROOT
from .table import Row
from .trial import Trial

DOCUMENT = ROOT / "docs" / "move" / "results.md"
_AT_ONCE = 2  # trials; each has one or two processes at a time


class Part(NamedTuple):
    """What is tried, of which cases."""

    name: str
    cases: list[Case]
    run: Callable[[Trial], Row | None]


PARTS = (
    Part("migration", CASES, scenario.run),
    Part("rolling deploy", rolling.CASES, rolling.run),
)


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; the exit status is 1 when anything is not as documented."""
    asked = _parsed(arguments)
    rows, problems = _run(asked)
    print(table.text(rows))
    if asked.write and not asked.words and not problems:
        DOCUMENT.write_text(table.with_part(DOCUMENT.read_text(), table.text(rows)))
    print("\n".join(problems) or "everything is as documented")
    return 1 if problems else 0


def _run(asked: argparse.Namespace) -> tuple[list[Row], list[str]]:
    """Return the rows in the order of the cases, and what went wrong."""
    seen: set[Row] = set()
    problems: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        tried = {
            pool.submit(_try, part, case, asked): f"{part.name}: {case}"
            for part in PARTS
            for case in part.cases
            if all(word in f"{part.name}: {case}" for word in asked.words)
        }
        for done in as_completed(tried):
            if error := done.exception():
                lines = traceback.format_exception(error)
                problems.append(f"{tried[done]}\n{''.join(lines)}")
            elif row := done.result():
                seen.add(row)
            print(f"{tried[done]}: {'failed' if error else 'as documented'}", flush=True)
    return [row for row in table.expected() if row in seen], problems


def _try(part: Part, case: Case, asked: argparse.Namespace) -> Row | None:
    work = asked.work / f"{part.name} {case}".replace(" ", "-")
    work.mkdir(parents=True)
    with places.place(case.place, work) as place:
        return part.run(Trial(case, place, asked.peers, work))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s migrate --", description=__doc__)
    parser.add_argument("words", nargs="*", help="try what has all of these in its name")
    parser.add_argument("--peers", type=Path, required=True, help="where the environments are")
    parser.add_argument("--work", type=Path, required=True, help="where logs and files are put")
    parser.add_argument("--write", action="store_true", help=f"renew the table in {DOCUMENT}")
    return parser.parse_args(arguments)
