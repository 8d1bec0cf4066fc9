"""The commands `flask sessions ...` and `quart sessions ...`.

Never knows a framework's web parts: it gets the application's sessions and a
way to run steps. click is what both frameworks' command lines are made of.

What was found or done goes to the standard output, where it was done to the
standard error: a command in the wrong directory does its work on other sessions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import click

from .app_sessions import AppSessions
from .core.admin import Administration
from .core.names import is_name, is_sid
from .core.steps import Steps
from .errors import SessionError
from .run.sync import afterwards

T = TypeVar("T")

_NOTHING_ENDED = 1  # exit status
# What is certainly no sid, nor a cookie given in its place, and so may be shown.
_OPTION = re.compile(r"--?[a-z-]{1,20}", re.ASCII)


class Runner(Protocol):
    """Runs steps to their end for a command."""

    def __call__(self, steps: Steps[T], /) -> T:
        """Return what the steps return."""
        ...


class Administered(Protocol):
    """Does to an application's sessions what a command is for, and says where."""

    def __call__(self, work: Callable[[Administration], Steps[T]], /) -> T:
        """Return what the work returns."""
        ...


def commands(app_sessions: AppSessions, run: Runner) -> click.Group:
    """Make the group of commands for one application."""

    def told(steps: Steps[T]) -> T:
        try:
            return run(_and_shut(app_sessions, steps))
        except SessionError as error:
            raise click.ClickException(app_sessions.told(error)) from error

    def administered(work: Callable[[Administration], Steps[T]]) -> T:
        try:
            app_sessions.check_in_reach()
            admin = app_sessions.administration
        except SessionError as error:
            raise click.ClickException(str(error)) from error
        result = told(work(admin))
        click.echo(f"in {app_sessions.location}", err=True)
        return result

    @click.group("sessions", help="List, end and clean up server-side sessions.")
    def sessions() -> None:
        pass

    _add_revoke(sessions, app_sessions, administered)

    @sessions.command("purge", help="Delete expired sessions; run it now and then, as by cron.")
    def purge() -> None:
        deleted = administered(lambda admin: admin.purge())
        click.echo(f"{_counted(deleted, 'expired session')} deleted")

    @sessions.command("init-db", help="Create the tables or indexes that SESSION_TYPE needs.")
    def init_db() -> None:
        told(app_sessions.prepare())
        click.echo("what sessions need is there")

    @sessions.command("list", help="List a user's live sessions.")
    @click.argument("owner", callback=_owner)
    def list_sessions(owner: str) -> None:
        for each in administered(lambda admin: admin.sessions_of(owner)):
            click.echo(f"{each.sid}  created {_moment(each.created)}")

    return sessions


def _add_revoke(
    sessions: click.Group, app_sessions: AppSessions, administered: Administered
) -> None:
    """Add the command that ends sessions."""

    @sessions.command(
        "revoke",
        help="End one session, with --owner all of a user's, or with --all everyone's. "
        "The exit status is 1 when there was none to end.",
        # One sid in 64 begins with "-", and is no option for that.
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("sid", required=False, callback=_sid)
    @click.option("--owner", help="End all sessions of this user.", callback=_owner)
    @click.option("--all", "everyone", is_flag=True, help="End every session, as after a restore.")
    @click.option("--yes", is_flag=True, help="Do not ask before ending every session.")
    def revoke(sid: str | None, owner: str | None, *, everyone: bool, yes: bool) -> None:
        if [sid is not None, owner is not None, everyone].count(True) != 1:
            raise click.UsageError("give either a session's sid, or --owner and a user, or --all")
        if sid is not None:
            ended = int(administered(lambda admin: admin.revoke(sid)))
        elif owner is not None:
            ended = administered(lambda admin: admin.revoke_all(owner))
        else:

            def confirmed(admin: Administration) -> Steps[int]:
                if not yes:
                    _ = click.confirm(f"End every session in {app_sessions.location}?", abort=True)
                return admin.revoke_everyone()

            ended = administered(confirmed)
        click.echo(f"{_counted(ended, 'session')} ended")
        if not ended:
            raise click.exceptions.Exit(_NOTHING_ENDED)


def _owner(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    # A shell's bytes that are no text come as lone surrogates.
    if value is not None and not is_name(value):
        raise click.UsageError("a user is named by 1 to 1024 bytes of UTF-8")
    return value


def _sid(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None or is_sid(value):
        return value
    # What looks like nothing we know may be a whole cookie: it is not repeated.
    shown = f"{value!r}" if _OPTION.fullmatch(value) else "what was given"
    raise click.UsageError(f"{shown} is neither an option nor a sid, as `list` shows them")


def _and_shut(app_sessions: AppSessions, steps: Steps[T]) -> Steps[T]:
    """Leave no connection to the end of the process, which a driver's thread would put off."""
    try:
        return (yield from steps)
    finally:
        afterwards(app_sessions.shut)  # after the receivers of signals, which may use sessions


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ")
