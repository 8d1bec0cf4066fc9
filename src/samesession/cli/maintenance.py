"""The commands that keep a store in order."""

from __future__ import annotations

import click

from .arguments import counted
from .running import CommandRunner


def add_purge(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that deletes expired sessions."""

    @sessions.command("purge", help="Delete expired sessions; run it now and then, as by cron.")
    def purge() -> None:
        deleted = runner.administer(lambda admin: admin.purge())
        click.echo(f"{counted(deleted, 'expired session')} deleted")


def add_init_db(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that creates what the store needs."""

    @sessions.command("init-db", help="Create the tables or indexes that SESSION_TYPE needs.")
    def init_db() -> None:
        runner.prepare()
        click.echo("what sessions need is there")
