"""The findings of an examination of a configuration, and their levels.

This module knows neither the examined things nor the output.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Level(enum.IntEnum):
    """How serious a finding is, the worst last."""

    OK = 0
    NOTICE = 1  # worth knowing; right for many applications
    WARNING = 2  # change this before users come
    ERROR = 3  # sessions are lost, or get into the wrong hands


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding of one check.

    `check`: its name for programs, such as "cookie.secure", always the same. `what`: the finding as
    a sentence; never a secret. `write`: the line to write, in the application's or the server's
    configuration, or the command to run; empty if there is none.
    """

    check: str
    level: Level
    what: str
    write: str = ""


def worst_of(findings: Iterable[Finding]) -> Level:
    """Return the worst level."""
    return max((each.level for each in findings), default=Level.OK)


def not_looked_at(check: str, what: str, write: str = "") -> Finding:
    """Return the finding for something that a server does not let its client see."""
    return Finding(check, Level.NOTICE, f"{what} could not be examined", write)
