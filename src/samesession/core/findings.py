"""What an examination of a configuration found, and how bad it is.

Knows neither what is examined nor how it is shown.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Level(enum.IntEnum):
    """How bad it is, the worst last."""

    OK = 0
    NOTICE = 1  # worth knowing; right for many
    WARNING = 2  # to be changed before users come
    ERROR = 3  # sessions get lost, or into other hands


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    `check`: its name for programs, such as "cookie.secure"; the same whatever it finds.
    `what`: what is so, in a sentence; never a secret. `write`: the line to write, in the
    application's or the server's configuration, or to run; empty where there is none.
    """

    check: str
    level: Level
    what: str
    write: str = ""


def worst_of(findings: Iterable[Finding]) -> Level:
    """Return the worst level."""
    return max((each.level for each in findings), default=Level.OK)


def not_looked_at(check: str, what: str, write: str = "") -> Finding:
    """Return the finding for what a server does not let its client see."""
    return Finding(check, Level.NOTICE, f"{what} could not be looked at", write)
