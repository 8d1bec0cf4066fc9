"""The command that moves another library's sessions before the deployment."""

from __future__ import annotations

import click

from .. import outages
from ..app_sessions import AppSessions
from ..core.flow import Flow
from ..core.migrating import Migration
from ..core.old_records import OldRecords, Place
from ..core.store import Colour, ForeignRecords, Located
from ..errors import ConfigError, SessionError
from ..migration.readers import readers
from ..stores import open_old_records
from .moving import Moving, Report, SourceFailed
from .output import ExitCode, end, json_option, tell
from .progress import shown
from .running import CommandRunner, StoreDown

_LIBRARIES = ("flask-session", "quart-session")


def add_migrate(sessions: click.Group, runner: CommandRunner, colour: Colour) -> None:
    """Add the command that moves sessions; `colour` is that of its framework."""

    @sessions.command(
        "migrate",
        help="Move the sessions of Flask-Session or Quart-Session into this application's store, "
        "before the deployment. The old sessions stay. Run it again for sessions that are "
        "written in the meantime. The exit status is 1 if there was no session.",
    )
    @click.option(
        "--from",
        "library",
        required=True,
        type=click.Choice(_LIBRARIES),
        help=("The library that wrote them."),
    )
    @click.option(
        "--source",
        help="Where they are: a URL, or the directory of Flask-Session's files; default: the "
        "place that SESSION_TYPE uses.",
    )
    @click.option("--table", help="Their table or collection; default: the library's.")
    @click.option(
        "--prefix", help=("The prefix of their keys; default: SESSION_MIGRATE_KEY_PREFIX.")
    )
    @click.option("--unsafe-pickle", is_flag=True, help="Also read pickles of plain data.")
    @click.option("--dry-run", is_flag=True, help="Show what would be moved, but move nothing.")
    @json_option
    def migrate(
        library: str,
        source: str | None,
        table: str | None,
        prefix: str | None,
        *,
        unsafe_pickle: bool,
        dry_run: bool,
        as_json: bool,
    ) -> None:
        wanted = _Wanted(runner.app_sessions, library, source, table, prefix)
        try:
            moving = wanted.moving(colour, unpickles=unsafe_pickle, dry_run=dry_run)
        except SessionError as error:
            raise runner.failed(error) from error
        try:
            report = runner.attempt(shown("moving sessions", moving.steps()))
        except SourceFailed as failed:
            told = outages.line(failed.error, moving.old.location)
            raise StoreDown(told) from failed
        except SessionError as error:
            raise runner.failed(error) from error
        runner.say_where()
        tell("\n".join(report.lines()), report.document(), as_json=as_json)
        end(ExitCode.DONE if report.read else ExitCode.NOTHING)


class _Wanted:
    """The sessions to move, and where they are."""

    def __init__(
        self,
        app_sessions: AppSessions,
        library: str,
        source: str | None,
        table: str | None,
        prefix: str | None,
    ) -> None:
        self._app_sessions = app_sessions
        self._library = library
        self._source = source
        self._table = table
        own = app_sessions.config.migration.prefix
        self._prefix = own if prefix is None else prefix
        self._may_be_own = table is None and self._prefix == own

    def moving(self, colour: Colour, *, unpickles: bool, dry_run: bool) -> Moving:
        """Return what moves the sessions; raise ConfigError or NotSupported if it cannot."""
        app_sessions = self._app_sessions
        app_sessions.check_in_reach()
        config, migration = app_sessions.config, self._migration()
        max_bytes = config.rules.max_bytes
        (reader,) = readers(
            [self._library],
            config.secret_keys,
            prefix=self._prefix,
            lifetime=config.rules.lifetimes.permanent,
            max_bytes=max_bytes,
        )
        old = self._opened(colour)
        return Moving(
            old,
            reader,
            migration.mover(self._library, is_own=self._is_own(old)),
            Report(self._library, old.location, dry_run),
            clock=app_sessions.current_time,
            max_bytes=max_bytes,
            unpickles=unpickles,
        )

    def _migration(self) -> Migration:
        app_sessions = self._app_sessions
        _ = app_sessions.administration  # raises if the browser keeps the sessions
        flow = app_sessions.flow
        migration = flow.migration if isinstance(flow, Flow) else None
        if migration is None or self._library not in app_sessions.config.migration.libraries:
            raise ConfigError(
                "no request would open the moved sessions: write SESSION_MIGRATE_FROM = "
                f'["{self._library}"]'
            )
        return migration

    def _opened(self, colour: Colour) -> OldRecords:
        app_sessions, config = self._app_sessions, self._app_sessions.config
        if self._source is None and app_sessions.kind != config.store_type:
            raise ConfigError(
                "Session() was given a store: name the place of the old sessions with --source"
            )
        place = Place(self._prefix, self._table, config.rules.max_bytes, config.store_timeout)
        clock = app_sessions.current_time
        return open_old_records(self._source, place, config=config, colour=colour, clock=clock)

    def _is_own(self, old: OldRecords) -> bool:
        """Return whether requests look for old sessions in the same place."""
        store = self._app_sessions.store
        return (
            self._may_be_own
            and isinstance(store, ForeignRecords)
            and isinstance(store, Located)
            and _server(old.location) == _server(store.location)
        )


def _server(location: str) -> str:
    """Return the server of a place, without its table."""
    return location.rpartition(" of ")[2]
