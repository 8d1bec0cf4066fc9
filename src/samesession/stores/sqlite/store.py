"""Keep records in one SQLite file, with the standard library only, on every system.

The file is in WAL mode: reads wait for no write. A write that ends a session or replaces its secret
is on the disk before it returns, so that no power cut brings the old one back. A power cut may lose
any other save, and leaves the record as it was. A killed process loses nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from sqlite3 import Connection
from typing import TypeVar

from ...core.batches import every_key
from ...core.findings import Finding
from ...core.idle_renewal import Touching
from ...core.record import revision_of, secret_of
from ...core.steps import Steps, call, call_together, checkpoint
from ...core.store import (
    Capabilities,
    Clock,
    Colour,
    Conflict,
    DatedRecord,
    KeyPage,
    Lifetimes,
    Outcome,
    Reach,
)
from ...errors import BadRecord
from ...run.clocks import stopwatch, system_time
from ...settings import Config
from ..kit.disks import disk_findings
from ..kit.opener import with_settings
from ..kit.renewing_load import RenewingLoad, records_of
from ..kit.unpurged import PATIENCE, purge_finding
from . import rows
from .private_file import Place
from .reader import Read, Reader
from .rows import Row, filed
from .settings import SQLiteSettings
from .writer import Transaction, Write, Writer

T = TypeVar("T")

_GONE: Outcome | Conflict = Outcome.GONE
_REMOVALS = 200  # rows to delete in one transaction
_FIRST, _FEWEST, _MOST = 200, 50, 5000  # rows that a purge deletes in one transaction
_SHARE = 0.02  # of a request's timeout, for which a purge may block other writers


class SQLiteStore:
    """Records as rows. Each method is one read or one write, atomic by itself."""

    colours = Colour.BOTH

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        timeout: float = 2.0,
        touching: Touching | None = None,
        clock: Clock = system_time,
    ) -> None:
        """Use a file, which the first write creates if it is missing.

        `timeout` in seconds limits the wait for other writers. Raises ConfigError if the file or
        its directory is accessible to other users, or cannot be created.
        """
        self._place = Place(path)
        self._timeout = timeout
        self._reader = Reader(self._place, timeout)
        self._writer = Writer(self._place, timeout)
        self._renewing = RenewingLoad(touching or Touching(), clock)
        self._clock = clock

    @property
    def capabilities(self) -> Capabilities:
        """The store's capabilities: it may postpone renewing."""
        return self._renewing.capabilities(Reach.MACHINE)

    @property
    def location(self) -> str:
        """The file."""
        return f"the file {self._place.path}"

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record, and restart its idle timeout when it is due."""
        name = filed(key)
        find, touch = partial(self._find, name), partial(self._touch, name)
        found = yield from self._renewing.load_in_steps(find, touch, renew)
        return None if found is None else found.record

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Insert a row if there is none, or in place of an expired one."""
        work = partial(self._create, filed(key), record, lifetimes)
        return (yield from self._write(work, absent=False, makes=True))

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Replace the row's record with the expected revision."""
        work = partial(self._commit, filed(key), record, expected, renew)
        return (yield from self._write(work, absent=_GONE))

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the row with the expected revision, or any row with None."""
        work = partial(self._remove, filed(key), expected)
        return (yield from self._write(work, absent=_GONE, lasts=True))

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner."""
        expires = int(self._clock()) + lifetime
        name = filed(key)
        yield from self._change(lambda c: rows.enlist(c, owner, name, expires), makes=True)

    def delist(self, owner: str, key: str) -> Steps[None]:
        """Remove a key from an owner's notes."""
        yield from self.delist_many(owner, [key])

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner."""
        return (yield from every_key(lambda after: self.owned_page(owner, after=after)))

    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        """Read records; delete expired ones."""
        return records_of((yield from self._rows(keys)))

    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        """Read records with the times of their last renewal."""
        return self._renewing.dated((yield from self._rows(keys)), lifetimes)

    def _rows(self, keys: Sequence[str]) -> Steps[Sequence[Row | None]]:
        names, now = [*map(filed, keys)], self._clock()
        nothing = rows.Found([None] * len(names), [])
        found = yield from self._read(lambda c: rows.load_many(c, names, now), absent=nothing)
        if found.expired:
            yield from self._change(lambda c: rows.delete_expired(c, found.expired, now))
        return found.rows

    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        """Delete rows, whatever their revision, a limited number per transaction."""
        names = [*map(filed, keys)]
        removed: list[bool] = []
        for first in range(0, len(names), _REMOVALS):
            if first:
                yield from checkpoint()
            some = names[first : first + _REMOVALS]
            work = partial(self._remove_many, some)
            removed += yield from self._write(work, absent=[False] * len(some), lasts=True)
        return removed

    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        """List the next keys noted for an owner."""
        nothing = KeyPage([], None)
        return (yield from self._read(lambda c: rows.owned_page(c, owner, after), absent=nothing))

    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        """Remove keys from an owner's notes."""
        names = [*map(filed, keys)]
        yield from self._change(lambda c: rows.delist(c, owner, names))

    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        """List the next keys with a prefix."""
        nothing = KeyPage([], None)
        return (
            yield from self._read(lambda c: rows.keys_page(c, prefix, after, limit), absent=nothing)
        )

    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        """Return the findings for the file; its permissions are checked whenever it is opened."""
        long_ago = clock() - PATIENCE
        due = yield from self._read(lambda c: rows.has_expired(c, long_ago), absent=False)
        disk = yield from call(disk_findings, self._place.directory)
        return [purge_finding(is_due=due), *disk]

    def purge(self) -> Steps[int]:
        """Delete expired rows and notes in batches, so that no request waits for long."""
        total, limit, purged = 0, _FIRST, rows.Purged(0, is_over=False)
        while not purged.is_over:
            yield from checkpoint()
            work = partial(self._purge, limit)
            nothing = (rows.Purged(0, is_over=True), 0.0)
            purged, took = yield from self._write(work, absent=nothing)
            total += purged.records
            growth = min(2.0, self._timeout * _SHARE / max(took, 0.001))
            limit = max(_FEWEST, min(_MOST, int(limit * growth)))
        return total

    def ping(self) -> Steps[None]:
        """Read from the file; if there is none yet, check whether it can be created."""
        there = yield from self._read(rows.is_readable, absent=False)
        if not there:
            yield from call(self._place.check)

    def close(self) -> Steps[None]:
        """Close this process's connections; the last one moves the log into the file."""
        yield from call(self._reader.close)
        yield from call(self._writer.close)

    # --- the work, as functions of a transaction -----------------------------------------

    def _create(
        self, key: bytes, record: bytes, lifetimes: Lifetimes, transaction: Transaction
    ) -> bool:
        expires = self._renewing.expiry(record, lifetimes)
        return rows.create(transaction.connection, key, record, expires, self._clock())

    def _commit(
        self,
        key: bytes,
        record: bytes,
        expected: bytes,
        renew: Lifetimes | None,
        transaction: Transaction,
    ) -> Outcome | Conflict:
        now = self._clock()
        found = _live(transaction, key, now)
        if found is None:
            return Outcome.GONE
        if revision_of(found.record) != expected:
            return Conflict(found.record)
        if secret_of(found.record) != secret_of(record):
            transaction.must_last()
        expires = None
        if renew is not None:
            expires = self._renewing.touching.renewal(record, found.expires, renew, now)
        rows.write(transaction.connection, key, record, expires)
        return Outcome.WRITTEN

    def _remove(
        self, key: bytes, expected: bytes | None, transaction: Transaction
    ) -> Outcome | Conflict:
        now = self._clock()
        if expected is None:
            was_there = rows.remove_any(transaction.connection, key, now)
            return Outcome.WRITTEN if was_there else Outcome.GONE
        found = _live(transaction, key, now)
        if found is None:
            return Outcome.GONE
        if revision_of(found.record) != expected:
            return Conflict(found.record)
        _ = rows.delete(transaction.connection, key)
        return Outcome.WRITTEN

    def _remove_many(self, keys: Sequence[bytes], transaction: Transaction) -> list[bool]:
        return rows.remove_many(transaction.connection, keys, self._clock())

    def _purge(self, limit: int, transaction: Transaction) -> tuple[rows.Purged, float]:
        began = stopwatch()
        purged = rows.purge(transaction.connection, self._clock(), limit)
        return purged, stopwatch() - began

    # --- connections --------------------------------------------------------------------

    def _find(self, key: bytes, now: float) -> Steps[Row | None]:
        """Read a live row; arrange that an expired one is deleted."""
        found = yield from self._read(lambda connection: rows.find(connection, key), absent=None)
        if found is None or found.expires > now:
            return found
        # Not if another request has written in the meantime.
        return (yield from self._write(lambda t: rows.live(t.connection, key, now), absent=None))

    def _touch(self, key: bytes, found: Row, expires: int) -> Steps[Row]:
        # Not if another request has written in the meantime: its expiry is the later one.
        yield from self._change(lambda c: rows.touch(c, key, found.expires, expires))
        return found

    def _change(
        self, change: Callable[[Connection], object], *, makes: bool = False
    ) -> Steps[None]:
        """Make a change whose result no one needs."""
        _ = yield from self._write(lambda t: change(t.connection), absent=None, makes=makes)

    def _read(self, do: Callable[[Connection], T], *, absent: T) -> Steps[T]:
        found: T = yield from call_together(self._reader, Read(do, absent))
        return found

    def _write(
        self, do: Callable[[Transaction], T], *, absent: T, makes: bool = False, lasts: bool = False
    ) -> Steps[T]:
        written: T = yield from call_together(self._writer, Write(do, absent, makes, lasts))
        return written


def _live(transaction: Transaction, key: bytes, now: float) -> Row | None:
    """Read a live row; anything but our record counts as missing."""
    try:
        return rows.live(transaction.connection, key, now)
    except BadRecord:
        return None


@with_settings(SQLiteSettings)
def open_store(config: Config, settings: SQLiteSettings, *, clock: Clock) -> SQLiteStore:
    """Open the store of SESSION_TYPE "sqlite"."""
    return SQLiteStore(
        settings.path, timeout=config.store_timeout, touching=config.touching(), clock=clock
    )
