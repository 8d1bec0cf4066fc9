"""What another library does to file its sessions, in each server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa

from samesession.testing import FileForeign

from .memcached import Memcached
from .server import Valkey
from .sql import looking


def filed_in_redis(server: Valkey) -> FileForeign:
    def file(key: str, data: bytes, seconds: int) -> None:
        with server.client() as client:
            client.set(key, data, ex=seconds)

    return file


def filed_in_memcached(server: Memcached) -> FileForeign:
    def file(key: str, data: bytes, seconds: int) -> None:
        head = b"set %b 0 %d %d\r\n" % (key.encode(), seconds, len(data))
        assert server.say(head + data) == b"STORED\r\n"

    return file


def flask_sessions_table(name: str = "sessions", schema: str | None = None) -> sa.Table:
    """Give the table as Flask-Session's model declares it; test_golden has what that becomes."""
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("session_id", sa.String(255), unique=True),
        sa.Column("data", sa.LargeBinary),
        sa.Column("expiry", sa.DateTime),
        schema=schema,
    )


def made_anew(url: str, table: sa.Table) -> None:
    with looking(url) as connection:
        table.metadata.drop_all(connection)
        table.metadata.create_all(connection)


def filed_in_sql(url: str, clock: Callable[[], float]) -> FileForeign:
    table = flask_sessions_table()
    made_anew(url, table)

    def file(key: str, data: bytes, seconds: int) -> None:
        expiry = dt.datetime.fromtimestamp(clock() + seconds, dt.UTC).replace(tzinfo=None)
        with looking(url) as connection:
            row = {"session_id": key, "data": data, "expiry": expiry}
            connection.execute(sa.insert(table).values(row))

    return file
