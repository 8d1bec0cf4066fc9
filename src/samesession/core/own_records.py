"""Read many of an application's own records, a batch at a time.

Several applications may share a store, and a prefix too. So a record that does not
open with this application's keys is another's here, and nothing to speak of.
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

# A key, and what is stored under it.
Stored = tuple[str, bytes | None]


class Dated(NamedTuple):
    """A record; when its session was seen last, and when its idle timeout ends, if known.

    `size`: how many bytes the store has of it; 0 where nobody asked.
    """

    record: Record
    seen: float | None
    idle_end: float | None
    size: int = 0

    def info(self, current: str | None) -> SessionInfo:
        """Return what may be seen of it; `current`: the sid of the request that asks."""
        record = self.record
        is_current = record.sid == current
        return info_of(record, seen=self.seen, idle_end=self.idle_end, current=is_current)


class OwnRecords:
    """What reads them."""

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
        """Return whether a key has the form of a note's that an old session has become ours."""
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
        """Read what is stored under the next keys; None at the end."""
        keys = yield from walk.batch()
        if not keys:
            return None
        loaded = yield from load_many(self._store, keys)
        walk.weigh(sum(len(raw) for raw in loaded if raw is not None))
        return list(zip(keys, loaded, strict=True))

    def open_all(self, found: Sequence[Stored]) -> list[Record]:
        """Choose what is this application's."""
        opened = (self.opened(key, raw) for key, raw in found)
        return [record for record in opened if record is not None]

    def read_dated(self, walk: KeyWalk, *, most: int | None = None) -> Steps[list[Dated] | None]:
        """Read the next records with when they were renewed last, and expire; None at the end."""
        keys = yield from walk.batch(most)
        if not keys:
            return None
        loaded = yield from load_dated(self._store, keys, self._lifetimes)
        walk.weigh(sum(len(each.record) for each in loaded if each is not None))
        return self._dated(keys, loaded)

    def dated(self, sid: str) -> Steps[Dated | None]:
        """Read the record of a sid; None where none of this application's is."""
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
        """Open what a store returned for a key; None for what is not this application's.

        What a request has begun to make of another library's session is none yet.
        """
        try:
            record = None if raw is None else self._sealer.open(key, raw)
        except BadRecord:
            return None
        return None if record is None or is_pending(record) else record


def _end(left: float | None, now: float) -> float | None:
    return None if left is None else round(now + left)


def _seen(record: Record, idle: float | None, now: float) -> float | None:
    """Return when a session was seen last; None where its timeout was another one then."""
    if idle is None or not record.created - SKEW <= now - idle <= now + SKEW:
        return None
    return max(record.created, min(now, round(now - idle)))
