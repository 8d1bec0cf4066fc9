"""The tables of the SQLite store, and the work on their rows, as functions of a connection.

    sessions   key, expires, record
    owners     owner, key, expires

Keys are bytes, so that invalid text cannot stop a list. Times are whole seconds since 1970 in
UTC. An owner is a digest, because the name may have any length. Besides its record, a row has
only its expiry: nothing else could disagree with the record.

A function writes with at most one statement, which SQLite does whole or not at all, or in a
`savepoint`. So in a transaction for several requests, the work of one is never half done.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ...core.record import MIN_BYTES
from ...core.store import KeyPage
from ...errors import BadRecord

SCHEMA = (
    """CREATE TABLE sessions
    (key BLOB NOT NULL PRIMARY KEY, expires INTEGER NOT NULL, record BLOB NOT NULL)""",
    "CREATE INDEX sessions_expires ON sessions (expires)",
    """CREATE TABLE owners
    (owner BLOB NOT NULL, key BLOB NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (owner, key))
    WITHOUT ROWID""",
    "CREATE INDEX owners_expires ON owners (expires)",
)
_PAGE = 1000  # keys in one answer

_FIND = "SELECT record, expires FROM sessions WHERE key = ?"
_CREATE = (
    "INSERT INTO sessions (key, expires, record) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE"
    " SET expires = excluded.expires, record = excluded.record WHERE expires <= ?"
)
_WRITE = "UPDATE sessions SET record = ? WHERE key = ?"
_WRITE_AND_RENEW = "UPDATE sessions SET record = ?, expires = ? WHERE key = ?"
_TOUCH = "UPDATE sessions SET expires = ? WHERE key = ? AND expires = ?"
_DELETE = "DELETE FROM sessions WHERE key = ?"
_ENLIST = "REPLACE INTO owners (owner, key, expires) VALUES (?, ?, ?)"
_DELIST = "DELETE FROM owners WHERE owner = ? AND key = ?"
_OWNED = "SELECT key FROM owners WHERE owner = ? AND key > ? ORDER BY key LIMIT ?"
_KEYS = "SELECT key FROM sessions WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
_PURGE = (
    "DELETE FROM sessions WHERE key IN"
    " (SELECT key FROM sessions WHERE expires <= ? ORDER BY expires LIMIT ?)"
)
_PURGE_OWNERS = (
    "DELETE FROM owners WHERE (owner, key) IN"
    " (SELECT owner, key FROM owners WHERE expires <= ? ORDER BY expires LIMIT ?)"
)


class Row(NamedTuple):
    """A record, and the second at which it expires."""

    record: bytes
    expires: int


class Found(NamedTuple):
    """The rows of keys, None for invalid rows, and the keys whose rows have expired."""

    rows: list[Row | None]
    expired: list[bytes]


class Purged(NamedTuple):
    """How many records a purge deleted, and whether it found all."""

    records: int
    is_over: bool


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """Do several statements whole or not at all, whatever happens to the transaction."""
    _ = connection.execute("SAVEPOINT one")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # SQLite ends it itself, for example if a disk is full
            _ = connection.execute("ROLLBACK TO one")
            _ = connection.execute("RELEASE one")
        raise
    _ = connection.execute("RELEASE one")


def is_readable(connection: sqlite3.Connection) -> bool:
    """Return True if rows can be read, or raise the error that prevents it."""
    _ = connection.execute("SELECT 1 FROM sessions LIMIT 1").fetchone()
    return True


def find(connection: sqlite3.Connection, key: bytes) -> Row | None:
    """Read a row, alive or not; raise BadRecord if it is not ours."""
    rows = connection.execute(_FIND, (key,)).fetchall()
    if not rows:
        return None
    record, expires = rows[0]
    if type(record) is not bytes or type(expires) is not int or len(record) < MIN_BYTES:
        raise BadRecord("its row has another type")
    return Row(record, expires)


def live(connection: sqlite3.Connection, key: bytes, now: float) -> Row | None:
    """Read a live row in a transaction; delete an expired one, so no later clock shows it."""
    row = find(connection, key)
    if row is None or row.expires > now:
        return row
    _ = delete(connection, key)
    return None


def create(
    connection: sqlite3.Connection, key: bytes, record: bytes, expires: int, now: float
) -> bool:
    """Insert a row if there is no live one."""
    values = (key, expires, record, int(now))
    return connection.execute(_CREATE, values).rowcount == 1


def write(connection: sqlite3.Connection, key: bytes, record: bytes, expires: int | None) -> None:
    """Replace a row's record; `expires`: and its expiry."""
    if expires is None:  # the index on it need not be written
        _ = connection.execute(_WRITE, (record, key))
    else:
        _ = connection.execute(_WRITE_AND_RENEW, (record, expires, key))


def touch(connection: sqlite3.Connection, key: bytes, seen: int, expires: int) -> bool:
    """Change a row's expiry, unless another request has done so since."""
    return connection.execute(_TOUCH, (expires, key, seen)).rowcount == 1


def delete(connection: sqlite3.Connection, key: bytes) -> bool:
    """Delete a row; return whether there was one."""
    return connection.execute(_DELETE, (key,)).rowcount == 1


def load_many(connection: sqlite3.Connection, keys: Sequence[bytes], now: float) -> Found:
    """Read live records, in the order of the keys."""
    found = Found([], [])
    for key in keys:
        row = _sound(connection, key)
        is_over = row is not None and row.expires <= now
        found.rows.append(None if is_over else row)
        if is_over:
            found.expired.append(key)
    return found


def _sound(connection: sqlite3.Connection, key: bytes) -> Row | None:
    try:
        return find(connection, key)
    except BadRecord:
        return None


def delete_expired(connection: sqlite3.Connection, keys: Iterable[bytes], now: float) -> None:
    """Delete the expired ones of these rows."""
    values = [(key, int(now)) for key in keys]
    with savepoint(connection):
        _ = connection.executemany(f"{_DELETE} AND expires <= ?", values)


def remove_many(connection: sqlite3.Connection, keys: Sequence[bytes], now: float) -> list[bool]:
    """Delete rows; return for each whether it existed and was alive."""
    there: list[bool] = []
    with savepoint(connection):
        for key in keys:
            rows = connection.execute("SELECT expires FROM sessions WHERE key = ?", (key,))
            found = rows.fetchall()
            there.append(bool(found) and not is_over(found[0][0], now))
            if found:
                _ = delete(connection, key)
    return there


def remove_any(connection: sqlite3.Connection, key: bytes, now: float) -> bool:
    """Delete a row, whatever it holds; return whether it existed and was alive."""
    rows = connection.execute("SELECT expires FROM sessions WHERE key = ?", (key,)).fetchall()
    return bool(rows) and delete(connection, key) and not is_over(rows[0][0], now)


def is_over(expires: object, now: float) -> bool:
    """Return whether a row expired before now; one without an expiry did not."""
    return type(expires) is int and expires <= now


def enlist(connection: sqlite3.Connection, owner: str, key: bytes, expires: int) -> None:
    """Note that a key belongs to an owner."""
    _ = connection.execute(_ENLIST, (_digest(owner), key, expires))


def delist(connection: sqlite3.Connection, owner: str, keys: Iterable[bytes]) -> None:
    """Remove keys from an owner's notes."""
    filed = _digest(owner)
    with savepoint(connection):
        _ = connection.executemany(_DELIST, [(filed, key) for key in keys])


def owned_page(connection: sqlite3.Connection, owner: str, after: str | None) -> KeyPage:
    """List the next keys noted for an owner."""
    values = (_digest(owner), filed(after or ""), _PAGE)
    return _page(connection.execute(_OWNED, values).fetchall(), _PAGE)


def keys_page(
    connection: sqlite3.Connection, prefix: str, after: str | None, limit: int | None
) -> KeyPage:
    """List the next keys with a prefix."""
    most = limit or _PAGE
    begin = filed(prefix)
    end = begin[:-1] + bytes((begin[-1] + 1,))  # no byte of UTF-8 is 0xff
    values = (filed(after) if after else begin, end, most)
    return _page(connection.execute(_KEYS, values).fetchall(), most)


def purge(connection: sqlite3.Connection, now: float, limit: int) -> Purged:
    """Delete at most this many expired rows, and notes."""
    values = (int(now), limit)
    with savepoint(connection):
        records = connection.execute(_PURGE, values).rowcount
        notes = connection.execute(_PURGE_OWNERS, values).rowcount
    return Purged(records, is_over=max(records, notes) < limit)


def has_expired(connection: sqlite3.Connection, before: float) -> bool:
    """Return whether there is a session that expired before a moment."""
    query = "SELECT 1 FROM sessions WHERE expires < ? LIMIT 1"
    return connection.execute(query, (int(before),)).fetchone() is not None


def filed(key: str) -> bytes:
    """Return a key in its stored form: any key from a list can be used."""
    return key.encode("utf-8", "surrogateescape")


def _page(rows: Sequence[tuple[bytes]], most: int) -> KeyPage:
    keys = [key.decode("utf-8", "surrogateescape") for (key,) in rows]
    return KeyPage(keys, keys[-1] if len(keys) == most else None)


def _digest(owner: str) -> bytes:
    return hashlib.sha256(owner.encode()).digest()
