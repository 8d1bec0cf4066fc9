"""Read, delete and list many rows at once, each by one statement.

An administrator or a restore may have written to a table. A row that is not in our format is
skipped, so that it does not prevent others from being listed or ended. Expired rows are listed as
well, and deleted when they are read, because a clock may be fast. SQLite needs its own statements
for this: it keeps any bytes in a text column, and its driver fails on bytes that are not UTF-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ...core.store import KeyPage
from ...errors import BadRecord
from .tables import Tables, owner_digest, sound

PAGE = 1000  # keys in one answer


class Found(NamedTuple):
    """A live row's record, and the second at which it expires."""

    record: bytes
    expires: int


class _Pages(NamedTuple):
    """The next keys after one of them, in their order."""

    plain: sa.Select[Any]
    sqlite: sa.Select[Any]


class ManyRows:
    """The statements on many rows of a store's tables, and their results.

    Names of parameters end in `_`: see tables.Statements.
    """

    def __init__(self, tables: Tables) -> None:
        records, owners = tables
        row, note = records.c, owners.c
        now: sa.BindParameter[int] = sa.bindparam("now_")
        owner = sa.bindparam("owner_", type_=note.owner.type)
        chosen = row.key.in_(sa.bindparam("keys_", type_=row.key.type, expanding=True))
        noted = note.key.in_(sa.bindparam("keys_", type_=note.key.type, expanding=True))
        live = row.expires > now
        self._load = sa.select(row.key, row.record, row.revision, row.expires).where(chosen)
        self._end = sa.delete(records).where(chosen, row.expires <= now)
        self._there = sa.select(row.key).where(chosen, live)
        self._remove = sa.delete(records).where(chosen)
        self._remove_and_tell = self._remove.returning(row.key, live)
        self._delist = sa.delete(owners).where(note.owner == owner, noted)
        self._owned = _pages(note.key, note.owner == owner)
        end = sa.bindparam("end_", type_=row.key.type)
        self._keys = _pages(row.key, row.key < end)

    def load(self, keys: Sequence[str], now: int, connection: sa.Connection) -> list[Found | None]:
        """Read live records, in the order of the keys; None for rows that are not ours."""
        found: dict[str, Found] = {}
        expired: list[str] = []
        rows = connection.execute(self._load, {"keys_": keys}).all()
        for key, record, revision, expires in rows:
            if type(expires) is int and expires <= now:
                expired.append(key)
                continue
            try:
                found[key] = Found(sound(record, revision, expires), expires)
            except BadRecord:
                continue
        if expired:
            _ = connection.execute(self._end, {"keys_": expired, "now_": now})
        return [found.get(key) for key in keys]

    def remove(self, keys: Sequence[str], now: int, connection: sa.Connection) -> list[bool]:
        """Delete rows; return for each whether it existed and was alive."""
        values: dict[str, Any] = {"keys_": keys, "now_": now}
        if connection.dialect.delete_returning:
            rows = connection.execute(self._remove_and_tell, values)
            gone = {key for key, was_live in rows if was_live}
        else:
            gone = {*connection.execute(self._there, values).scalars()}
            _ = connection.execute(self._remove, {"keys_": keys})
        return [key in gone for key in keys]

    def delist(self, owner: str, keys: Sequence[str], connection: sa.Connection) -> None:
        """Delete notes of an owner."""
        _ = connection.execute(self._delist, {"owner_": owner_digest(owner), "keys_": keys})

    def owned_page(self, owner: str, after: str | None, connection: sa.Connection) -> KeyPage:
        """List the next keys noted for an owner."""
        return _page(self._owned, after or "", {"owner_": owner_digest(owner)}, connection)

    def keys_page(
        self, prefix: str, after: str | None, limit: int, connection: sa.Connection
    ) -> KeyPage:
        """List the next keys with a prefix."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return _page(self._keys, after or prefix, {"end_": end}, connection, limit)


def _pages(key: sa.Column[Any], *conditions: sa.ColumnElement[bool]) -> _Pages:
    after = sa.bindparam("after_", type_=key.type)
    most: sa.BindParameter[int] = sa.bindparam("limit_", type_=sa.Integer)
    raw = sa.cast(sa.bindparam("after_", type_=sa.LargeBinary), sa.String)
    # A value of another type would sort behind all text, wherever a page starts.
    text = sa.func.typeof(key) == "text"
    return _Pages(
        plain=sa.select(key).where(*conditions, key > after).order_by(key).limit(most),
        sqlite=sa.select(sa.cast(key, sa.LargeBinary))
        .where(*conditions, text, key > raw)
        .order_by(key)
        .limit(most),
    )


def _page(
    pages: _Pages,
    after: str,
    values: dict[str, Any],
    connection: sa.Connection,
    limit: int = PAGE,
) -> KeyPage:
    is_sqlite = connection.dialect.name == "sqlite"
    values["after_"] = after.encode("utf-8", "surrogateescape") if is_sqlite else after
    statement = pages.sqlite if is_sqlite else pages.plain
    values["limit_"] = limit
    found: list[Any] = [*connection.execute(statement, values).scalars().all()]
    if is_sqlite:
        found = [key.decode("utf-8", "surrogateescape") for key in found]
    return KeyPage(found, found[-1] if len(found) == limit else None)
