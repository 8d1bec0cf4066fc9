"""Add every command to its group; a process that serves requests never loads this module."""

from __future__ import annotations

import click

from ..core.store import Colour
from .doctor import add_doctor
from .ending import add_revoke
from .listing import add_list, add_show
from .maintenance import add_init, add_purge
from .migrating import add_migrate
from .running import CommandRunner
from .stats import add_stats


def add_every_command(sessions: click.Group, runner: CommandRunner, colour: Colour) -> None:
    """Add the commands of one application; `colour` is that of its framework."""
    for add in (add_list, add_show, add_stats, add_revoke, add_purge, add_init, add_doctor):
        add(sessions, runner)
    add_migrate(sessions, runner, colour)
