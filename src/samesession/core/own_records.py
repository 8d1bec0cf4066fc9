"""Read many of an application's own records, in batches.

Several applications may share a store, and even a prefix. So a record that this application's keys
do not open belongs to another application, and is skipped silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..errors import BadRecord
from .batches import KeyWalk, load_dated, load_many
from .migrated import NOTES, is_pending
from .names import is_sid
from .policy import SKEW
from .record import Record, Sealer
from .session_info import SessionInfo, info_of
from .steps import Steps
from .store import Clock, DatedRecord, Lifetimes, Store

# A key, and the bytes stored under it.
Stored = tuple[str, bytes | None]


class Dated(NamedTuple):
    """A record, with the times when its session was last seen and expires, if known.

    `size`: its bytes in the store; 0 if it was not asked for.
    """

    record: Record
    seen: float | None
    idle_end: float | None
    size: int = 0

    def info(self, current: str | None) -> SessionInfo:
        """Return what may be shown of the session; `current`: the sid of the request that asks."""
        record = self.record
        is_current = record.sid == current
        return info_of(record, seen=self.seen, idle_end=self.idle_end, current=is_current)


class OwnRecords:
    """Reads an application's records."""

    def __init__(
        self, store: Store, *, prefix: str, sealer: Sealer, lifetimes: Lifetimes, clock: Clock
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._sealer = sealer
        self._lifetimes = lifetimes
        self._clock = clock

    def is_key(self, key: object) -> bool:
        """Return whether a key has this application's form: others may share the store."""
        return self._is_key(key, self._prefix)

    def is_note_key(self, key: object) -> bool:
        """Return whether a key is that of a note on an old session that has become ours."""
        return self._is_key(key, self._prefix + NOTES)

    @staticmethod
    def _is_key(key: object, prefix: str) -> bool:
        if not isinstance(key, str) or not key.startswith(prefix):
            return False
        return is_sid(key[len(prefix) :])

    def read(self, walk: KeyWalk) -> Steps[list[Record] | None]:
        """Read the next records; None at the end."""
        found = yield from self.load(walk)
        return None if found is None else self.open_all(found)

    def load(self, walk: KeyWalk) -> Steps[list[Stored] | None]:
        """Read the bytes stored under the next keys; None at the end."""
        keys = yield from walk.batch()
        if not keys:
            return None
        loaded = yield from load_many(self._store, keys)
        walk.weigh(sum(len(raw) for raw in loaded if raw is not None))
        return list(zip(keys, loaded, strict=True))

    def open_all(self, found: Sequence[Stored]) -> list[Record]:
        """Select and open this application's records."""
        opened = (self.opened(key, raw) for key, raw in found)
        return [record for record in opened if record is not None]

    def read_dated(self, walk: KeyWalk, *, most: int | None = None) -> Steps[list[Dated] | None]:
        """Read the next records with the times of last renewal and expiry; None at the end."""
        keys = yield from walk.batch(most)
        if not keys:
            return None
        loaded = yield from load_dated(self._store, keys, self._lifetimes)
        walk.weigh(sum(len(each.record) for each in loaded if each is not None))
        return self._dated(keys, loaded)

    def dated(self, sid: str) -> Steps[Dated | None]:
        """Read the record of a sid; None if this application has none."""
        keys = [self._prefix + sid]
        found = self._dated(keys, (yield from load_dated(self._store, keys, self._lifetimes)))
        return found[0] if found else None

    def _dated(self, keys: Sequence[str], loaded: Sequence[DatedRecord | None]) -> list[Dated]:
        found: list[Dated] = []
        now = self._clock()
        for key, each in zip(keys, loaded, strict=True):
            record = None if each is None else self.opened(key, each.record)
            if each is not None and record is not None:
                seen, end = _seen(record, each.idle, now), _end(each.left, now)
                found.append(Dated(record, seen, end, len(each.record)))
        return found

    def opened(self, key: str, raw: bytes | None) -> Record | None:
        """Open the bytes that a store returned for a key; None if they are not this application's.

        A record that a request has started to create for another library's session does not count.
        """
        try:
            record = None if raw is None else self._sealer.open(key, raw)
        except BadRecord:
            return None
        return None if record is None or is_pending(record) else record


def _end(left: float | None, now: float) -> float | None:
    return None if left is None else round(now + left)


def _seen(record: Record, idle: float | None, now: float) -> float | None:
    """Return when a session was last seen; None if its timeout was different then."""
    if idle is None or not record.created - SKEW <= now - idle <= now + SKEW:
        return None
    return max(record.created, min(now, round(now - idle)))
