"""Show the findings of an examination: lines for people, objects for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click

from ..core.findings import Finding, Level
from .output import safe

_COLOURS = {Level.NOTICE: "blue", Level.WARNING: "yellow", Level.ERROR: "red"}


def document(finding: Finding) -> dict[str, str]:
    """Return a finding for programs."""
    return {
        "check": finding.check,
        "level": finding.level.name.lower(),
        "what": finding.what,
        "write": finding.write,
    }


def lines(finding: Finding, *, width: int = 18) -> str:
    """Return a finding for people: a line, and below it what to write; `width` is the check's."""
    level = click.style(f"{finding.level.name.lower():8}", fg=_COLOURS.get(finding.level))
    told = f"{level} {safe(finding.check):{width}} {safe(finding.what)}"
    return f"{told}\n{'':{width + 9}} -> {safe(finding.write)}" if finding.write else told


def summary(found: Sequence[Finding]) -> str:
    """Return how many findings there are of each level."""
    counts = Counter(each.level for each in found)
    told = [
        f"{counts[level]} {level.name.lower()}{'' if counts[level] == 1 else 's'}"
        for level in (Level.ERROR, Level.WARNING, Level.NOTICE)
        if counts[level]
    ]
    return ", ".join(told) or "all is well"
