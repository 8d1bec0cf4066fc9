"""Keep records in an SQL database: SQLite, PostgreSQL, MariaDB or MySQL, through SQLAlchemy.

Each method is one statement that is its own transaction. So nothing is ever half done, no lock
outlives it, and an application's transaction is never touched. The work of a method is written
once, as a function of a connection. An Engine calls it directly, an AsyncEngine through `run_sync`.
Engines belong to one process and one event loop: each gets its own, on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from ...core.batches import every_key
from ...core.findings import Finding
from ...core.idle_renewal import Touching
from ...core.record import revision_of
from ...core.steps import Steps, call, checkpoint, pause, wait
from ...core.store import (
    Capabilities,
    Clock,
    Colour,
    Conflict,
    DatedRecord,
    Foreign,
    KeyPage,
    Lifetimes,
    Outcome,
)
from ...errors import ConfigError, StoreUnavailable
from ...run.clocks import stopwatch, system_time
from ...run.per_loop import PerLoop
from ...settings import Config
from ..kit.deadline import Deadline
from ..kit.opener import with_settings
from ..kit.renewing_load import RenewingLoad, records_of
from . import engines, errors, examination, owner_rows
from .foreign_rows import ForeignRows
from .many_rows import PAGE, Found, ManyRows
from .purge import Purge
from .settings import SQLSettings, check_tables
from .tables import (
    KEY_LENGTH,
    Bytewise,
    Statements,
    Tables,
    metadata,
    revision_number,
    session_tables,
    sound,
)

__all__ = ["Bytewise", "SQLStore", "metadata", "open_store", "session_tables"]

T = TypeVar("T")

_SID_LENGTH = 22  # characters, in every key after its prefix
_ATTEMPTS = 5  # attempts of a statement that lost a race; all of them within the timeout


class SQLStore:
    """Records as rows."""

    def __init__(
        self,
        source: Any,  # a Flask-SQLAlchemy object has no type that we could name
        *,
        colour: Colour = Colour.SYNC,
        tables: Tables | None = None,
        bind_key: str | None = None,
        timeout: float = 2.0,
        touching: Touching | None = None,
        clock: Clock = system_time,
        foreign: ForeignRows | None = None,
    ) -> None:
        """Take a URL, an Engine, an AsyncEngine or a Flask-SQLAlchemy object.

        `bind_key` selects a database of a Flask-SQLAlchemy object. `timeout`: seconds for
        connecting and for each statement. `foreign`: another library's table, by default
        Flask-Session's. Raises ConfigError for other values.
        """
        self._source = engines.read_url(source) if isinstance(source, str) else source
        self._bind_key = bind_key
        self._timeout = timeout
        self._renewing = RenewingLoad(touching or Touching(), clock)
        self._clock = clock
        self._tables = tables or session_tables()
        self._statements = Statements(self._tables)
        self._many = ManyRows(self._tables)
        self._foreign = foreign or ForeignRows()
        self._deadline = Deadline()
        self.colours = engines.colour_of(self._source) or colour
        self._opened: PerLoop[sa.Engine | AsyncEngine] = PerLoop(
            partial(engines.close_engine, self._deadline, timeout),
            loop=self.colours is Colour.ASYNC,
        )

    @property
    def capabilities(self) -> Capabilities:
        """The store's capabilities: it may postpone renewing."""
        return self._renewing.capabilities()

    @property
    def location(self) -> str:
        """The table, and the server or file."""
        return f"the table {self._tables.records.fullname} of {engines.location_of(self._source)}"

    @property
    def system(self) -> str:
        """The database's name in OpenTelemetry."""
        return engines.system_of(self._source)

    def open_for(self, colour: Colour) -> SQLStore:
        """Return the store for callers of that colour; an engine's colour cannot be changed."""
        if not isinstance(self._source, sa.URL):
            return self
        _ = engines.driven(self._source, colour)
        if colour is self.colours:
            return self
        return SQLStore(
            self._source,
            colour=colour,
            tables=self._tables,
            timeout=self._timeout,
            touching=self._renewing.touching,
            clock=self._clock,
            foreign=self._foreign,
        )

    # --- the protocol ------------------------------------------------------------------

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record, and restart its idle timeout when it is due."""
        return (yield from self._do(partial(self._load, key, renew)))

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Insert a row if there is none, or in place of an expired one."""
        return (yield from self._do(partial(self._create, key, record, lifetimes)))

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Update the row with the expected revision."""
        return (yield from self._do(partial(self._commit, key, record, expected, renew)))

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the row with the expected revision, or any row with None."""
        return (yield from self._do(partial(self._remove, key, expected)))

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner."""
        expires = int(self._clock()) + lifetime
        work = partial(owner_rows.enlist, self._statements, owner, key, expires)
        return (yield from self._do(work))

    def delist(self, owner: str, key: str) -> Steps[None]:
        """Remove a key from an owner's notes."""
        return (yield from self._do(partial(owner_rows.delist, self._statements, owner, key)))

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner."""
        return (yield from every_key(lambda after: self.owned_page(owner, after=after)))

    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        """Read records, by one statement."""
        return records_of((yield from self._rows(keys)))

    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        """Read records with the times of their last renewal."""
        return self._renewing.dated((yield from self._rows(keys)), lifetimes)

    def _rows(self, keys: Sequence[str]) -> Steps[list[Found | None]]:
        return self._do(partial(self._many.load, keys, int(self._clock())))

    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        """Delete rows, by one statement."""
        return (yield from self._do(partial(self._many.remove, keys, int(self._clock()))))

    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        """List the next keys noted for an owner."""
        return (yield from self._do(partial(self._many.owned_page, owner, after)))

    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        """Remove keys from an owner's notes, by one statement."""
        return (yield from self._do(partial(self._many.delist, owner, keys)))

    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        """List the next keys with a prefix."""
        return (yield from self._do(partial(self._many.keys_page, prefix, after, limit or PAGE)))

    def load_foreign(self, key: str) -> Steps[Foreign | None]:
        """Read a row of Flask-Session's table."""
        work = partial(self._foreign.load, key, self._clock())
        return (yield from self._do(work, self._foreign.missing))

    def remove_foreign(self, key: str) -> Steps[None]:
        """Delete a row of Flask-Session's table."""
        yield from self._do(partial(self._foreign.remove, key), self._foreign.missing)

    def purge(self) -> Steps[int]:
        """Delete expired rows, a batch at a time, so that no request waits for long."""
        counts: list[int] = []
        for statements in self._statements.purge:
            purge = Purge(statements, timeout=self._timeout)
            while not purge.is_over:
                yield from checkpoint()
                yield from self._do(partial(purge.batch, int(self._clock())))
                if seconds := purge.pause():
                    yield from pause(seconds)
            counts.append(purge.total)
        return counts[0]

    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        """Return the findings for the tables, and for the server's clock."""
        return (yield from self._do(partial(examination.findings, self._tables, clock)))

    def prepare(self) -> Steps[None]:
        """Create the missing tables."""
        return (yield from self._do(self._tables.create))

    def close(self) -> Steps[None]:
        """Close this process's and event loop's connections."""
        return self._opened.close()

    # --- the work, as functions of a connection ----------------------------------------

    def _load(self, key: str, renew: Lifetimes | None, connection: sa.Connection) -> bytes | None:
        def touch(found: Found, expires: int) -> Found:
            # Not if another request has written in the meantime: its expiry is the later one.
            values = {"key_": key, "seen_": found.expires, "expires_": expires}
            _ = connection.execute(self._statements.touch, values)
            return found

        found = self._renewing.load(partial(self._found, connection, key), touch, renew)
        return None if found is None else found.record

    def _create(
        self, key: str, record: bytes, lifetimes: Lifetimes, connection: sa.Connection
    ) -> bool:
        values = self._row(key, record, lifetimes)
        try:
            _ = connection.execute(self._statements.create, values)
        except IntegrityError:
            values["now_"] = int(self._clock())
            return _rows(connection.execute(self._statements.recreate, values)) == 1
        return True

    def _commit(
        self,
        key: str,
        record: bytes,
        expected: bytes,
        renew: Lifetimes | None,
        connection: sa.Connection,
    ) -> Outcome | Conflict:
        values = self._row(key, record, renew)
        values |= {"expected_": revision_number(expected), "now_": int(self._clock())}
        statement = self._statements.commit if renew else self._statements.commit_quietly
        if _rows(connection.execute(statement, values)):
            return Outcome.WRITTEN
        return self._refusal(connection, key, expected)

    def _remove(
        self, key: str, expected: bytes | None, connection: sa.Connection
    ) -> Outcome | Conflict:
        values: dict[str, Any] = {"key_": key, "now_": int(self._clock())}
        statement = self._statements.remove_any
        if expected is not None:
            values["expected_"] = revision_number(expected)
            statement = self._statements.remove
        if _rows(connection.execute(statement, values)):
            return Outcome.WRITTEN
        return self._refusal(connection, key, expected)

    def _refusal(
        self, connection: sa.Connection, key: str, expected: bytes | None
    ) -> Outcome | Conflict:
        """Return why a row was not there to be changed."""
        found = self._found(connection, key, self._clock())
        if found is None:
            return Outcome.GONE
        if expected is None or revision_of(found.record) == expected:
            # It has come since: the caller's next attempt finds it.
            raise StoreUnavailable("the database gave different answers about a revision")
        return Conflict(found.record)

    def _found(self, connection: sa.Connection, key: str, now: float) -> Found | None:
        """Read a live row; refuse one whose columns and record disagree.

        An expired one is deleted, so that it does not come back when a clock is set right.
        """
        for _ in range(_ATTEMPTS):
            row = connection.execute(self._statements.load, {"key_": key}).first()
            errors.expect_in_step(connection, key, None if row is None else row[3])
            if row is None:
                return None
            if type(row[2]) is not int or row[2] > int(now):
                return Found(sound(*row[:3]), int(row[2]))
            # Not if another request has written in the meantime.
            if _rows(connection.execute(self._statements.end, {"key_": key, "seen_": row[2]})):
                return None
        raise StoreUnavailable("the database gave different answers about the expiry of a session")

    def _row(self, key: str, record: bytes, renew: Lifetimes | None) -> dict[str, Any]:
        values: dict[str, Any] = {
            "key_": key,
            "record_": record,
            "revision_": revision_number(revision_of(record)),
        }
        if renew is not None:
            values["expires_"] = self._renewing.expiry(record, renew)
        return values

    # --- connections -------------------------------------------------------------------

    def ask(self, work: Callable[[sa.Connection], T], missing: str) -> Steps[T]:
        """Do work on a table other than the records'; `missing`: the message if it is missing."""
        return self._do(work, missing)

    def _do(self, work: Callable[[sa.Connection], T], missing: str | None = None) -> Steps[T]:
        """Do work on a connection; repeat it after a lost race, within the timeout.

        `missing`: the message if a table is missing that is not the records'.
        """
        started, attempt = stopwatch(), 0
        self._deadline.begin(self._timeout)
        while True:
            attempt += 1
            try:
                engine = self._engine()
                if isinstance(engine, AsyncEngine):
                    answer: Any = engines.through(engine, work)  # mypy infers no T through `wait`
                    result: T = yield from wait(answer)
                    return result
                return (yield from call(engines.on, engine, work))
            except SQLAlchemyError as error:
                late = stopwatch() - started >= self._timeout
                if late or attempt == _ATTEMPTS or not errors.may_be_tried_again(error):
                    told = missing or errors.missing(self._tables.records.fullname)
                    raise errors.as_store_error(error, told) from None
            except OSError as error:
                raise StoreUnavailable(
                    f"the database is not available: {type(error).__name__}"
                ) from error

    def _engine(self) -> sa.Engine | AsyncEngine:
        """The engine of this process and event loop, opened on first use."""
        engine = self._opened.here()
        if engine is not None:
            return engine
        where = self._source, self.colours, self._bind_key
        opened = engines.opened(*where, timeout=self._timeout, deadline=self._deadline)
        return self._opened.keep(opened)


def _rows(result: sa.CursorResult[Any]) -> int:
    return result.rowcount


@with_settings(SQLSettings)
def open_store(config: Config, settings: SQLSettings, *, clock: Clock) -> SQLStore:
    """Open the store of SESSION_TYPE "sqlalchemy"."""
    source = settings.source
    # MySQL's column holds bytes, so the limit counts bytes on all databases.
    if len(config.rules.prefix.encode()) + _SID_LENGTH > KEY_LENGTH:
        raise ConfigError(
            f"SESSION_KEY_PREFIX is too long for the database: {KEY_LENGTH - _SID_LENGTH} "
            "bytes at most"
        )
    check_tables(config.migration.libraries, settings)
    lent = engines.is_lent(source)
    bind_key = settings.bind_key
    where = engines.lent_metadata(source, bind_key) if lent else metadata
    return SQLStore(
        source,
        tables=session_tables(where, name=settings.table, schema=settings.schema),
        bind_key=bind_key,
        timeout=config.store_timeout,
        touching=config.touching(),
        clock=clock,
        foreign=ForeignRows(
            settings.foreign_table, settings.foreign_schema, config.rules.max_bytes
        ),
    )
