"""Connections to the file, opened as this store needs them.

A connection belongs to a process, see kit.forks, and to the file that stood at the path: where
another stands there now, as after a restore, the connection is left.
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

LOOK = 0.0003  # seconds between two looks whether the file is free
_OURS = 0x73616D65  # "same": PRAGMA application_id of a file of sessions
_VERSION = 1  # PRAGMA user_version: of the tables
_PRIMARY = 0xFF  # what of an extended result code says the kind
# Pages in the log after which they are moved into the file: more than SQLite's 1,000, as pages
# that are written again and again are moved only once.
_LOG_PAGES = 4000
_MOST_BYTES = 24 * 1024 * 1024  # of the log, which SQLite leaves at 16 MiB if it can
_LOOK_EVERY = 64  # transactions, after which somebody looks how long the log is
_PATIENCE = 50  # milliseconds for readers to end, before a log is begun anew


class Opened:
    """A connection, the file that it is of, and whether its commits wait for the disk."""

    __slots__ = ("connection", "identity", "is_durable", "transactions")

    def __init__(self, connection: sqlite3.Connection, identity: Identity) -> None:
        self.connection = connection
        self.identity = identity
        self.is_durable = False
        self.transactions = 0

    def __del__(self) -> None:
        """Close what nobody closed, of which Python 3.13 would warn."""
        self.connection.close()

    def be_durable(self, *, durable: bool) -> None:
        """Have commits wait for the disk from now on, or not; between transactions only."""
        if durable is not self.is_durable:
            _ = self.connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self.is_durable = durable


def shorten_log(opened: Opened, place: Place) -> None:
    """Move a log that has grown too long into the file, so that the next write begins it anew.

    By itself SQLite does that only when it meets no reader at all, and of many readers there is
    always one. What goes wrong here goes wrong in no request: the log stays as long as it is.
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
    """Return what to say of an error; none of SQLite's words, which may quote what is stored."""
    if is_busy(error):
        return StoreUnavailable(f"the session file was locked for more than {timeout} s")
    code = getattr(error, "sqlite_errorname", None) or type(error).__name__
    return StoreUnavailable(f"the session file is not usable: {code}")


def is_busy(error: Exception) -> bool:
    """Return whether an error says that another connection has the file."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def patiently(act: Callable[[], T], due: float, meet: Callable[[], object] | None = None) -> T:
    """Do what may find the file busy, again and again until a moment of the stopwatch.

    `meet` is called each time that it is.
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
    """Open the file; None where there is none, or none that was written to."""
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
    """Open the file and make its tables; None where there is none, and none to be made."""
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
    # What others wrote into a column need not be UTF-8.
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
    """Return whether the tables are there; raise StoreUnavailable where others are."""
    if _pragma(connection, "application_id") == _OURS:
        if _pragma(connection, "user_version") != _VERSION:
            raise StoreUnavailable("the session file is of another release of samesession")
        return True
    if connection.execute("SELECT 1 FROM sqlite_master").fetchall():
        raise StoreUnavailable(
            "SESSION_SQLITE_FILE is a database of something else: write a path of its own"
        )
    return False


def _pragma(connection: sqlite3.Connection, setting: str) -> object:
    rows = connection.execute(f"PRAGMA {setting}").fetchall()
    return rows[0][0] if rows else None
