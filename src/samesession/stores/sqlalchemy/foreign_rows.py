"""Read and delete rows of Flask-Session, and of its users, such as Airflow and Superset.

    sessions    id, session_id, data, expiry

`session_id` is the key with its prefix, and `expiry` a datetime in UTC without an offset; a row
without one has expired. The table is never created here, and not part of any metadata.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from ...core.store import Foreign
from ...errors import BadRecord
from .errors import expect_in_step

_OTHER_TYPE = "its row has another type"


class ForeignRows:
    """The statements on another library's table, and their results.

    Names of parameters end in `_`: see tables.Statements.
    """

    def __init__(
        self, name: str = "sessions", schema: str | None = None, max_bytes: int = 1024 * 1024
    ) -> None:
        """`max_bytes`: how much of a row's data is read; larger data is refused."""
        table = sa.table(
            name,
            sa.column("session_id", sa.String),
            sa.column("data", sa.LargeBinary),
            sa.column("expiry", sa.DateTime),
            schema=schema,
        )
        named = name if schema is None else f"{schema}.{name}"
        self.missing = (
            f"the table {named!r} of another library is missing, or has other columns: correct "
            "SESSION_MIGRATE_SQLALCHEMY_TABLE, or leave the library out of SESSION_MIGRATE_FROM"
        )
        row, chosen = table.c, table.c.session_id == sa.bindparam("key_", type_=sa.String)
        fits = sa.func.length(row.data) <= max_bytes
        data = sa.case((fits, row.data), else_=None)
        self._load = sa.select(row.session_id, data, row.expiry, fits).where(chosen)
        self._remove = sa.delete(table).where(chosen)

    def load(self, key: str, now: float, connection: sa.Connection) -> Foreign | None:
        """Read a row that has not expired."""
        try:
            row = connection.execute(self._load, {"key_": key}).first()
        except (TypeError, ValueError) as error:
            # SQLite keeps anything in any column, and its driver fails when it reads that.
            raise BadRecord(_OTHER_TYPE) from error
        found = None if row is None else row[0]
        if found != key and str(found).lower() == key.lower():
            return None  # MySQL ignores case: the row belongs to another key
        expect_in_step(connection, key, found)
        return None if row is None else _foreign(*row[1:], now=now)

    def remove(self, key: str, connection: sa.Connection) -> None:
        """Delete a row."""
        _ = connection.execute(self._remove, {"key_": key})


# Any: a driver's value for a column.
def _foreign(data: Any, expiry: Any, fits: Any, *, now: float) -> Foreign | None:
    if expiry is None:
        return None
    if not isinstance(expiry, dt.datetime):
        raise BadRecord(_OTHER_TYPE)
    # A column that an administrator created may have offsets.
    moment = expiry if expiry.tzinfo is not None else expiry.replace(tzinfo=dt.UTC)
    if moment.timestamp() <= now:
        return None
    if fits is not None and not fits:
        raise BadRecord("its size is out of bounds")
    if not isinstance(data, bytes):
        raise BadRecord(_OTHER_TYPE)
    return Foreign(data, int(moment.timestamp())) if data else None
