"""The commands `flask sessions ...` and `quart sessions ...`: one file for each family of them.

None of them knows a framework's web parts: they get the application's sessions and a
way to run steps. click is what both frameworks' command lines are made of.

What was found or done goes to the standard output, where it was done to the
standard error: a command in the wrong directory does its work on other sessions.
"""

from __future__ import annotations

import click

from ..app_sessions import AppSessions
from ..core.store import Colour
from .arguments import CarefulGroup
from .doctor import add_doctor
from .ending import add_revoke
from .listing import add_list, add_show
from .maintenance import add_init, add_purge
from .migrating import add_migrate
from .running import CommandRunner, StepsRunner
from .stats import add_stats

__all__ = ["commands"]


def commands(app_sessions: AppSessions, run: StepsRunner, colour: Colour) -> click.Group:
    """Return the group of commands for one application; `colour`: of who runs steps."""

    @click.group(
        "sessions", cls=CarefulGroup, help="List, end, examine and clean up server-side sessions."
    )
    def sessions() -> None:
        pass

    runner = CommandRunner(app_sessions, run)
    for add in (add_list, add_show, add_stats, add_revoke, add_purge, add_init, add_doctor):
        add(sessions, runner)
    add_migrate(sessions, runner, colour)
    return sessions
