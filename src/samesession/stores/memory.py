"""Keep records in this process: for tests, and for applications of a single process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from ..core.idle_renewal import Touching
from ..core.record import revision_of
from ..core.steps import Steps
from ..core.store import (
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
from ..run.clocks import system_time
from ..settings import Config
from .kit.opener import with_settings


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """The memory store has no settings."""


class MemoryStore:
    """Records in a dict; they end with the process, and no other process sees them."""

    colours = Colour.BOTH
    capabilities = Capabilities(reach=Reach.PROCESS)
    location = "the memory of this process"

    def __init__(self, *, clock: Clock = system_time, longest: int | None = None) -> None:
        """`longest`: the application's longest idle timeout in seconds, if it is known."""
        self._clock = clock
        self._touching = Touching(0, longest=longest)
        self._records: dict[str, tuple[bytes, float]] = {}
        self._owned: dict[str, dict[str, float]] = {}
        self._lock = threading.Lock()

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record and restart its idle timeout."""
        yield from ()
        with self._lock:
            record = self._live(key)
            if record is not None:
                expires = self._records[key][1]
                renewed = self._touching.renewal(record, expires, renew, self._clock())
                self._records[key] = (record, expires if renewed is None else renewed)
            return record

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Insert a record if there is none."""
        yield from ()
        with self._lock:
            if self._live(key) is not None:
                return False
            self._file(key, record, lifetimes)
            return True

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Replace the record with the expected revision."""
        yield from ()
        with self._lock:
            refusal = self._refusal(key, expected)
            if refusal is not None:
                return refusal
            if renew is None:
                self._records[key] = (record, self._records[key][1])
            else:
                self._file(key, record, renew)
            return Outcome.WRITTEN

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the record with the expected revision, or any record with None."""
        yield from ()
        with self._lock:
            refusal = self._refusal(key, expected)
            if refusal is None:
                del self._records[key]
            return refusal or Outcome.WRITTEN

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner."""
        yield from ()
        with self._lock:
            self._owned.setdefault(owner, {})[key] = self._clock() + lifetime

    def delist(self, owner: str, key: str) -> Steps[None]:
        """Remove a key from an owner's notes."""
        yield from ()
        with self._lock:
            keys = self._owned.get(owner, {})
            _ = keys.pop(key, None)
            if not keys:
                _ = self._owned.pop(owner, None)

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner."""
        yield from ()
        with self._lock:
            return [*self._owned.get(owner, ())]

    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        """Read records."""
        yield from ()
        with self._lock:
            return [self._live(key) for key in keys]

    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        """Read records with the times of their last renewal."""
        yield from ()
        with self._lock:
            now = self._clock()
            live = [key for key in keys if self._live(key) is not None]
            found = {key: self._touching.dated(*self._records[key], lifetimes, now) for key in live}
            return [found.get(key) for key in keys]

    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        """Delete records, whatever their revision."""
        yield from ()
        with self._lock:
            there = [self._live(key) is not None for key in keys]
            for key in keys:
                _ = self._records.pop(key, None)
            return there

    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        """List the keys noted for an owner, all at once, because they are in memory."""
        del after
        return KeyPage([*(yield from self.owned(owner))], None)

    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        """Remove keys from an owner's notes."""
        for key in keys:
            yield from self.delist(owner, key)

    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        """List the keys of all records: all at once, or with a limit in order."""
        yield from ()
        with self._lock:
            keys = (key for key in self._records if key.startswith(prefix))
            if limit is None:
                return KeyPage([*keys], None)
            page = nsmallest(limit, (key for key in keys if after is None or key > after))
            return KeyPage(page, page[-1] if len(page) == limit else None)

    def purge(self) -> Steps[int]:
        """Delete expired records."""
        yield from ()
        with self._lock:
            now = self._clock()
            expired = [key for key, (_, expires) in self._records.items() if expires <= now]
            for key in expired:
                del self._records[key]
            for owner, keys in list(self._owned.items()):
                live = {key: expires for key, expires in keys.items() if expires > now}
                if live:
                    self._owned[owner] = live
                else:
                    del self._owned[owner]
            return len(expired)

    def close(self) -> Steps[None]:
        """Do nothing: there is no connection."""
        yield from ()

    def _live(self, key: str) -> bytes | None:
        """Return a live record; delete an expired one, so that no later clock shows it again."""
        found = self._records.get(key)
        if found is None:
            return None
        record, expires = found
        if expires <= self._clock():
            del self._records[key]
            return None
        return record

    def _file(self, key: str, record: bytes, lifetimes: Lifetimes) -> None:
        self._records[key] = (record, self._touching.expiry_of(record, lifetimes, self._clock()))

    def _refusal(self, key: str, expected: bytes | None) -> Outcome | Conflict | None:
        current = self._live(key)
        if current is None:
            return Outcome.GONE
        if expected is not None and revision_of(current) != expected:
            return Conflict(current)
        return None


@with_settings(MemorySettings)
def open_store(config: Config, settings: MemorySettings, *, clock: Clock) -> MemoryStore:
    """Open the store of SESSION_TYPE "memory"."""
    del settings
    return MemoryStore(clock=clock, longest=config.rules.lifetimes.longest)
