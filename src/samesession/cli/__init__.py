"""The commands `flask sessions ...` and `quart sessions ...`: one file for each group of commands.

The commands do not import a framework. They get the application's sessions and a way to run steps.
Both frameworks build their command lines with click.

Results go to standard output. The place where they were obtained goes to standard error, because a
command in the wrong directory works on other sessions.

Every process of an application has the group, but few run a command. So the group loads its
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
    """Return the group of commands for one application; `colour` is that of its framework."""

    def load(sessions: click.Group) -> None:
        from .every_command import add_every_command
        from .running import CommandRunner

        add_every_command(sessions, CommandRunner(app_sessions, run), colour)

    return CarefulGroup(
        "sessions", load, help="List, end, examine and clean up server-side sessions."
    )
