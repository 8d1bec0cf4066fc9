"""The commands `flask sessions ...` and `quart sessions ...`.

Never knows a framework's web parts: it gets the application's sessions and a
way to run steps. click is what both frameworks' command lines are made of.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol, TypeVar

import click

from ._site import Site
from .core.owners import Administration, is_sid
from .core.steps import Steps
from .drive import afterwards
from .errors import SessionError

T = TypeVar("T")


class Runner(Protocol):
    """Runs steps to their end for a command."""

    def __call__(self, steps: Steps[T], /) -> T:
        """Give what the steps return."""
        ...


def commands(site: Site, run: Runner) -> click.Group:
    """Make the group of commands for one application."""

    def told(steps: Steps[T]) -> T:
        try:
            return run(_and_shut(site, steps))
        except SessionError as error:
            raise click.ClickException(str(error)) from error

    @click.group("sessions", help="List, end and clean up server-side sessions.")
    def sessions() -> None:
        pass

    _add_upkeep(sessions, site, told)

    @sessions.command("list", help="List a user's live sessions.")
    @click.argument("owner")
    def list_sessions(owner: str) -> None:
        for each in told(_administration(site).sessions_of(owner)):
            click.echo(f"{each.sid}  created {_moment(each.created)}")

    @sessions.command(
        "revoke",
        help="End one session, or with --owner all of a user's.",
        # One sid in 64 begins with "-", and is no option for that.
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("sid", required=False)
    @click.option("--owner", help="End all sessions of this user.")
    def revoke(sid: str | None, owner: str | None) -> None:
        if (sid is None) is (owner is None):
            raise click.UsageError("give either a session's sid, or --owner and a user")
        admin = _administration(site)
        if owner is not None:
            ended = told(admin.revoke_all(owner))
        else:
            if not is_sid(sid or ""):
                raise click.UsageError(
                    f"{sid!r} is neither an option nor a sid, as `list` shows them"
                )
            ended = int(told(admin.revoke(sid or "")))
        click.echo(f"{_counted(ended, 'session')} ended")

    return sessions


def _add_upkeep(sessions: click.Group, site: Site, told: Runner) -> None:
    """Add the commands for whoever runs the store."""

    @sessions.command("purge", help="Delete expired sessions; run it now and then, as by cron.")
    def purge() -> None:
        click.echo(f"{_counted(told(_administration(site).purge()), 'expired session')} deleted")

    @sessions.command("init-db", help="Create the tables or indexes that SESSION_TYPE needs.")
    def init_db() -> None:
        told(site.prepare())
        click.echo("what sessions need is there")


def _and_shut(site: Site, steps: Steps[T]) -> Steps[T]:
    """Leave no connection to the end of the process, which a driver's thread would put off."""
    try:
        return (yield from steps)
    finally:
        afterwards(site.shut)  # after the receivers of signals, which may use sessions


def _administration(site: Site) -> Administration:
    try:
        return site.administration
    except SessionError as error:
        raise click.ClickException(str(error)) from error


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ")
