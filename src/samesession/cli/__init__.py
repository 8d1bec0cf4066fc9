"""The commands `flask sessions ...` and `quart sessions ...`: one file for each family of them.

None of them knows a framework's web parts: they get the application's sessions and a
way to run steps. click is what both frameworks' command lines are made of.

What was found or done goes to the standard output, where it was done to the
standard error: a command in the wrong directory does its work on other sessions.

Every process of an application has the group, and few run a command: the group loads its
commands when it is first asked for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..core.store import Colour
from .arguments import CarefulGroup

if TYPE_CHECKING:
    from ..app_sessions import AppSessions
    from .running import StepsRunner

__all__ = ["commands"]


def commands(app_sessions: AppSessions, run: StepsRunner, colour: Colour) -> click.Group:
    """Return the group of commands for one application; `colour`: of who runs steps."""

    def load(sessions: click.Group) -> None:
        from .every_command import add_every_command
        from .running import CommandRunner

        add_every_command(sessions, CommandRunner(app_sessions, run), colour)

    return CarefulGroup(
        "sessions", load, help="List, end, examine and clean up server-side sessions."
    )
