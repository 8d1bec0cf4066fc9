"""The command that lists sessions."""

from __future__ import annotations

import click

from .arguments import owner_argument
from .running import CommandRunner


def add_list(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that lists a user's sessions."""

    @sessions.command("list", help="List a user's live sessions.")
    @click.argument("owner", callback=owner_argument)
    def list_sessions(owner: str) -> None:
        for each in runner.administer(lambda admin: admin.sessions_of(owner)):
            click.echo(f"{each.sid}  created {each.created}")
