"""Examine the tables of sessions: whether they exist, have indexes and are purged, and the clock.

These are functions of a connection, like the store's work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import sqlalchemy as sa

from ...core.clock_difference import clock_finding, seconds_ahead
from ...core.findings import Finding, Level, not_looked_at
from ...core.store import Clock
from ..kit.unpurged import PATIENCE, purge_finding
from .tables import Tables

# How a server returns the seconds since 1970. SQLite uses the machine's clock.
_TIMES: Mapping[str, str] = MappingProxyType(
    {
        "mariadb": "SELECT UNIX_TIMESTAMP(NOW(6))",
        "mysql": "SELECT UNIX_TIMESTAMP(NOW(6))",
        "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())",
    }
)


def findings(tables: Tables, clock: Clock, connection: sa.Connection) -> list[Finding]:
    """Examine the tables and the server; without the tables there is nothing else to examine."""
    lacking = _lacking(tables, connection)
    if lacking is not None:
        return [*_clock(connection, clock), lacking]
    return [
        *_clock(connection, clock),
        Finding("sql.tables", Level.OK, "the tables exist"),
        _indexes(tables, connection),
        _unpurged(tables, connection, clock),
    ]


def _lacking(tables: Tables, connection: sa.Connection) -> Finding | None:
    inspector = sa.inspect(connection)
    write = "flask sessions init"
    for table in tables.both:
        if not inspector.has_table(table.name, schema=table.schema):
            what = f"the table {table.fullname} is missing"
            return Finding("sql.tables", Level.ERROR, what, write)
        there = {each["name"] for each in inspector.get_columns(table.name, schema=table.schema)}
        missing = [column.name for column in table.columns if column.name not in there]
        if missing:
            what = (
                f"the table {table.fullname} has no column {missing[0]}: it belongs to another "
                "program"
            )
            return Finding("sql.tables", Level.ERROR, what, 'SESSION_SQLALCHEMY_TABLE = "..."')
    return None


def _indexes(tables: Tables, connection: sa.Connection) -> Finding:
    inspector = sa.inspect(connection)
    for table in tables.both:
        there = inspector.get_indexes(table.name, schema=table.schema)
        if not any(each["column_names"][:1] == ["expires"] for each in there):
            what = f"{table.fullname} has no index on expires: purge reads the whole table"
            write = f"CREATE INDEX ix_{table.name}_expires ON {table.fullname} (expires)"
            return Finding("sql.indexes", Level.WARNING, what, write)
    return Finding("sql.indexes", Level.OK, "an index finds expired sessions")


def _unpurged(tables: Tables, connection: sa.Connection, clock: Clock) -> Finding:
    expires = tables.records.c.expires
    long_ago = int(clock()) - PATIENCE
    found = connection.execute(sa.select(expires).where(expires < long_ago).limit(1)).first()
    return purge_finding(is_due=found is not None)


def _clock(connection: sa.Connection, clock: Clock) -> Iterator[Finding]:
    if connection.dialect.name == "sqlite":
        return
    asked = _TIMES.get(connection.dialect.name)
    if asked is None:
        yield not_looked_at("clock", "the server's clock")
        return
    before = clock()
    theirs = float(connection.execute(sa.text(asked)).scalar_one())
    yield clock_finding(seconds_ahead(theirs, before, clock()))
