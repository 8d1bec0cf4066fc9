"""Connections to the file, opened with this store's options.

A connection belongs to a process, see kit.forks, and to the file that was at the path. If another
file is there now, as after a restore, the connection is abandoned.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from ...errors import StoreUnavailable
from ...run.clocks import stopwatch
from .private_file import Identity, Place
from .rows import SCHEMA

T = TypeVar("T")

LOOK = 0.0003  # seconds between two checks whether the file is free
_OURS = 0x73616D65  # "same": PRAGMA application_id of a file of sessions
_VERSION = 1  # PRAGMA user_version: of the tables
_PRIMARY = 0xFF  # the part of an extended result code with the kind
# Pages in the log after which they are moved into the file. It is more than SQLite's 1,000, because
# pages that are written again and again are moved only once.
_LOG_PAGES = 4000
_MOST_BYTES = 24 * 1024 * 1024  # of the log; SQLite shrinks it to 16 MiB if it can
_LOOK_EVERY = 64  # transactions between checks of the log's length
_PATIENCE = 50  # milliseconds for readers to end, before a log is started again


class Opened:
    """A connection, its file, and whether its commits wait for the disk."""

    __slots__ = ("connection", "identity", "is_durable", "transactions")

    def __init__(self, connection: sqlite3.Connection, identity: Identity) -> None:
        self.connection = connection
        self.identity = identity
        self.is_durable = False
        self.transactions = 0

    def __del__(self) -> None:
        """Close a connection that was not closed; Python 3.13 would warn of it."""
        self.connection.close()

    def be_durable(self, *, durable: bool) -> None:
        """Make commits wait for the disk from now on, or not; between transactions only."""
        if durable is not self.is_durable:
            _ = self.connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self.is_durable = durable


def shorten_log(opened: Opened, place: Place) -> None:
    """Move a log that is too long into the file, so that the next write starts it again.

    SQLite itself does this only if there is no reader at all, and with many readers there is always
    one. An error here fails no request: the log stays as long as it is.
    """
    opened.transactions += 1
    if opened.transactions % _LOOK_EVERY or place.log_bytes() <= _MOST_BYTES:
        return
    try:
        _ = _pragma(opened.connection, f"busy_timeout = {_PATIENCE}")
        _ = _pragma(opened.connection, "wal_checkpoint(RESTART)")
        _ = _pragma(opened.connection, "busy_timeout = 0")
    except sqlite3.Error:
        pass


def as_store_error(error: sqlite3.Error | OSError, timeout: float) -> StoreUnavailable:
    """Return our error for one of SQLite's, without its text, which may quote stored data."""
    if is_busy(error):
        return StoreUnavailable(f"the session file was locked for more than {timeout} s")
    code = getattr(error, "sqlite_errorname", None) or type(error).__name__
    return StoreUnavailable(f"the session file is not usable: {code}")


def is_busy(error: Exception) -> bool:
    """Return whether an error means that another connection has the file."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def patiently(act: Callable[[], T], due: float, meet: Callable[[], object] | None = None) -> T:
    """Repeat work that may find the file busy, until a moment of the stopwatch.

    `meet` is called each time the file is busy.
    """
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if stopwatch() >= due or not is_busy(error):
                raise
        if meet is not None:
            _ = meet()
        time.sleep(LOOK)


def open_to_read(place: Place, due: float) -> Opened | None:
    """Open the file; None if there is none, or if it was never written to."""
    opened = _opened(place)
    if opened is None:
        return None
    try:
        if patiently(lambda: _is_ready(opened.connection), due):
            return opened
    except BaseException:
        opened.connection.close()
        raise
    opened.connection.close()
    return None


def open_to_write(place: Place, due: float, *, make: bool) -> Opened | None:
    """Open the file and create its tables; None if it is missing and must not be created."""
    opened = _opened(place)
    if opened is None and make:
        place.make()
        opened = _opened(place)
    if opened is None:
        return None
    try:
        _prepare(opened.connection, due)
    except BaseException:
        opened.connection.close()
        raise
    return opened


def _opened(place: Place) -> Opened | None:
    identity = place.identity()
    if identity is None:
        return None
    place.check()
    connection = sqlite3.connect(
        place.uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
    # Columns that other programs wrote need not be UTF-8.
    connection.text_factory = bytes
    return Opened(connection, identity)


def _prepare(connection: sqlite3.Connection, due: float) -> None:
    mode = patiently(lambda: _pragma(connection, "journal_mode = WAL"), due)
    if mode != b"wal":
        raise StoreUnavailable("the session file is on a file system without shared memory")
    for setting in (
        f"wal_autocheckpoint = {_LOG_PAGES}",
        "synchronous = NORMAL",
        "fullfsync = ON",  # macOS's fsync does not reach the disk
        "checkpoint_fullfsync = ON",
    ):
        _ = _pragma(connection, setting)
    if patiently(lambda: _is_ready(connection), due):
        return
    _ = patiently(lambda: connection.execute("BEGIN IMMEDIATE"), due)
    try:
        if not _is_ready(connection):  # no other process was faster
            for statement in SCHEMA:
                _ = connection.execute(statement)
            _ = connection.execute(f"PRAGMA application_id = {_OURS}")
            _ = connection.execute(f"PRAGMA user_version = {_VERSION}")
        _ = connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            _ = connection.execute("ROLLBACK")
        raise


def _is_ready(connection: sqlite3.Connection) -> bool:
    """Return whether the tables exist; raise StoreUnavailable if others do."""
    if _pragma(connection, "application_id") == _OURS:
        if _pragma(connection, "user_version") != _VERSION:
            raise StoreUnavailable("the session file is of another release of samesession")
        return True
    if connection.execute("SELECT 1 FROM sqlite_master").fetchall():
        raise StoreUnavailable(
            "SESSION_SQLITE_FILE is the database of another program: write another path"
        )
    return False


def _pragma(connection: sqlite3.Connection, setting: str) -> object:
    rows = connection.execute(f"PRAGMA {setting}").fetchall()
    return rows[0][0] if rows else None
