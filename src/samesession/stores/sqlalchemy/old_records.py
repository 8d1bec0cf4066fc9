"""Read the table that Flask-Session keeps sessions in, in the order of its primary key.

    sessions(id INTEGER PRIMARY KEY, session_id VARCHAR(255) UNIQUE, data BLOB, expiry DATETIME)

`session_id` starts with the prefix; `expiry` is in UTC, without an offset.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa

from ...core.old_names import names_of
from ...core.old_records import OldRecord, Pace, Place
from ...core.steps import Steps, checkpoint
from ...core.store import Clock, Colour
from ...settings import Config
from .settings import SQLSettings
from .store import SQLStore


class OldRows:
    """The rows of a table."""

    def __init__(self, store: SQLStore, place: Place, table: sa.TableClause) -> None:
        self._store = store
        self._place = place
        self._table = table
        self._after: int | None = None
        self._pace = Pace()
        self._is_over = False
        where = store.location.partition(" of ")[2]
        self.location = f"the table {self._table.fullname} of {where}"

    def batch(self) -> Steps[Sequence[OldRecord] | None]:
        """Read the next rows."""
        if self._is_over:
            return None
        yield from checkpoint()
        missing = f"{self.location} is missing, or has other columns: name another one with --table"
        rows = yield from self._store.ask(self._rows, missing)
        if not rows:
            self._is_over = True
            return None
        self._after = rows[-1][0]
        found = [_record(*row[1:]) for row in rows if str(row[1]).startswith(self._place.prefix)]
        self._pace.weigh(found)
        return found

    def close(self) -> Steps[None]:
        """Close the connections."""
        return self._store.close()

    def _rows(self, connection: sa.Connection) -> list[Any]:  # Any: a row's values
        columns = self._table.c
        is_short = sa.func.length(columns.data) <= self._place.max_bytes
        data = sa.type_coerce(sa.case((is_short, columns.data)), sa.LargeBinary)
        wanted = sa.select(columns.id, columns.session_id, data, columns.expiry)
        if self._after is not None:
            wanted = wanted.where(columns.id > self._after)
        return [*connection.execute(wanted.order_by(columns.id).limit(self._pace.size))]


def _table(name: str, schema: str | None) -> sa.TableClause:
    return sa.table(
        name,
        sa.column("id", sa.Integer),
        sa.column("session_id", sa.String),
        sa.column("data", sa.LargeBinary),
        sa.column("expiry", sa.DateTime),
        schema=schema,
    )


def _record(key: object, data: object, expiry: object) -> OldRecord:
    # A row without an expiry has expired, in Flask-Session too.
    expires = expiry.replace(tzinfo=dt.UTC).timestamp() if isinstance(expiry, dt.datetime) else 0.0
    raw = None if data is None else bytes(cast("bytes", data))
    return OldRecord(names_of(str(key))[0], str(key), raw, expires)


def open_old_records(
    source: str | None, place: Place, *, config: Config, colour: Colour, clock: Clock
) -> OldRows:
    """Return a reader of a URL's database, or of SESSION_SQLALCHEMY's; raise ConfigError."""
    del clock
    own = config.of(SQLSettings)
    chosen, bind_key = (own.source, own.bind_key) if source is None else (source, None)
    store = SQLStore(chosen, colour=colour, bind_key=bind_key, timeout=place.timeout)
    if place.table is None:
        table = _table(own.foreign_table, own.foreign_schema)
    else:
        schema, _, name = place.table.rpartition(".")
        table = _table(name, schema or None)
    return OldRows(store.open_for(colour), place, table)
