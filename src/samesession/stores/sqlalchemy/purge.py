"""Delete expired rows in batches, each its own transaction, so that no request waits long.

If rows are locked one by one, a batch skips those that others hold. SQLite has one writer at a
time. There a batch is as large as a share of a request's timeout allows, because a large batch
writes each page of the indexes only once. The file is left to others regularly: waiting writers
sleep between their attempts, so a purge without a pause would let none of them in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement, Executable

from ...core.store import Clock
from ...run.clocks import stopwatch

_FIRST = 1000  # rows in one batch; on servers, in each
_FEWEST, _MOST = 100, 100_000
_SHARE = 0.4  # of a request's timeout, for which a batch may block SQLite's writers
# The longest sleep of SQLite's writers between two attempts, in seconds.
_LONGEST_NAP = 0.1
_PAGES = 32 * 1024  # KiB of SQLite's cache, so that no page is written twice, and readers continue


class _InOrder(Executable, ClauseElement):
    """MySQL's DELETE of a subquery's rows, read first: otherwise it locks all rows it scans."""

    inherit_cache = False  # the statement's text identifies it

    def __init__(self, table: sa.Table, chosen: sa.Subquery) -> None:
        self.table = table
        self.chosen = chosen
        self.same = sa.and_(*(column == chosen.c[column.key] for column in table.primary_key))


@compiles(_InOrder)
def _in_order(element: _InOrder, compiler: sa.Compiled, **_: object) -> str:
    process: Any = compiler.process  # its arguments are not typed
    table, chosen = process(element.table, asfrom=True), process(element.chosen, asfrom=True)
    # SQLAlchemy has no construct for a join in the written order.
    return f"DELETE {table} FROM {chosen} STRAIGHT_JOIN {table} ON {process(element.same)}"


class Doomed(NamedTuple):
    """The statements that delete one table's expired rows, with parameters `now_` and `limit_`."""

    portable: sa.Delete
    joined: Executable  # for MySQL, which does not allow LIMIT in the subquery of an IN
    plain: sa.Delete  # for databases where a batch waits for rows that others hold


def doomed(table: sa.Table) -> Doomed:
    """Build the statements for a table with a column `expires`."""
    expired = table.c.expires <= sa.bindparam("now_")
    name = tuple(table.primary_key.columns)
    batch = (
        sa.select(*name)
        .where(expired)
        .order_by(table.c.expires)
        .limit(sa.bindparam("limit_", type_=sa.Integer))
        .with_for_update(skip_locked=True)
    )
    limits: dict[str, Any] = {"mysql_limit": _FIRST, "mariadb_limit": _FIRST}
    return Doomed(
        portable=sa.delete(table).where(sa.tuple_(*name).in_(batch)),
        joined=_InOrder(table, batch.subquery("batch")),
        plain=sa.delete(table).where(expired).with_dialect_options(**limits),
    )


class Purge:
    """Deletes one table's expired rows."""

    def __init__(self, statements: Doomed, *, timeout: float, stopwatch: Clock = stopwatch) -> None:
        """`timeout`: seconds that a request may wait for SQLite's file."""
        self._statements = statements
        self._longest = timeout * _SHARE
        self._held = 0.0  # seconds without a pause
        self._stopwatch = stopwatch
        self.limit = _FIRST
        self.total = 0
        self.is_over = False

    def batch(self, now: int, connection: sa.Connection) -> None:
        """Delete one batch."""
        values = {"now_": now, "limit_": self.limit}
        started = self._stopwatch()
        with _many_pages(connection):
            # Any: our own statement has no type of SQLAlchemy's.
            result: Any = connection.execute(self._statement(connection), values)
            deleted: int = result.rowcount
        self.total += deleted
        self.is_over = deleted < self.limit
        took = self._stopwatch() - started
        if connection.dialect.name == "sqlite":
            self._mind(took)

    def pause(self) -> float:
        """Return the seconds for which to leave the database to others now."""
        if self.is_over or self._held < _LONGEST_NAP:
            return 0
        self._held = 0
        return _LONGEST_NAP

    def _mind(self, seconds: float) -> None:
        self._held += seconds
        growth = min(2.0, self._longest / max(seconds, 0.001))
        self.limit = max(_FEWEST, min(_MOST, int(self.limit * growth)))

    def _statement(self, connection: sa.Connection) -> Executable:
        dialect: Any = connection.dialect  # only MySQL's dialect knows MariaDB
        if dialect.name not in ("mysql", "mariadb"):
            return self._statements.portable
        lowest = (10, 6) if dialect.is_mariadb else (8, 0, 1)
        able = dialect.server_version_info >= lowest
        return self._statements.joined if able else self._statements.plain


@contextmanager
def _many_pages(connection: sa.Connection) -> Iterator[None]:
    """Let SQLite keep all changes of a batch in memory until they are written."""
    if connection.dialect.name != "sqlite":
        yield
        return
    before: int = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    _ = connection.exec_driver_sql(f"PRAGMA cache_size = -{_PAGES}")
    try:
        yield
    finally:
        _ = connection.exec_driver_sql(f"PRAGMA cache_size = {before}")
