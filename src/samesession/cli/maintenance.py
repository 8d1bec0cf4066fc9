"""The commands that keep a store in order."""

from __future__ import annotations

import click

from ..core.store import Preparable, Purgeable
from ..errors import SessionError
from .output import counted, json_option, tell
from .progress import shown
from .running import CommandRunner


def add_purge(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that deletes expired sessions."""

    @sessions.command(
        "purge", help=("Delete expired sessions; run it regularly, for example by cron.")
    )
    @json_option
    def purge(*, as_json: bool) -> None:
        deleted = runner.administer(lambda admin: shown("deleting expired sessions", admin.purge()))
        purges = isinstance(runner.app_sessions.store, Purgeable)
        text = f"{counted(deleted, 'expired session')} deleted"
        if not purges:
            text = f"nothing to do: {runner.app_sessions.kind} deletes expired sessions itself"
        document = {"deleted": deleted, "expires_by_itself": not purges}
        tell(text, document, as_json=as_json)


def add_init(sessions: click.Group, runner: CommandRunner) -> None:
    """Add the command that creates what the store needs."""

    @sessions.command("init", help="Create the tables or indexes that SESSION_TYPE needs, if any.")
    @json_option
    def init(*, as_json: bool) -> None:
        try:
            runner.app_sessions.freeze_config()
        except SessionError as error:
            raise runner.failed(error) from error
        needed = isinstance(runner.app_sessions.store, Preparable)
        if needed:
            runner.run_or_fail(runner.app_sessions.prepare())
        runner.say_where()
        text = f"nothing to do: {runner.app_sessions.kind} needs neither tables nor indexes"
        tell(
            "everything that sessions need exists" if needed else text,
            {"needed": needed},
            as_json=as_json,
        )
