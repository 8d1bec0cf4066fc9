"""Open records, and remember which bytes were proved to be a session's.

Equal bytes under one key have the same proof. So bytes that a store returned last time, or that
were just written, are not authenticated and decoded again. Whether the session is alive, and who
owns it, is judged each time. The memory holds the same as the store: no secret, but the session's
data. That is dropped when the session is deleted or revoked in this process, or when other sessions
need the room.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from .encryption import Encryption
from .memo import Memo
from .record import Record, Sealer

_ROOM = 700  # bytes that an entry takes besides its contents, approximately


class Proved(NamedTuple):
    """The bytes that a store held under a key, and the record that they are, by whose keys."""

    raw: bytes
    record: Record
    sealer: Sealer


RecordProofs: TypeAlias = Memo[str, Proved]


class ProvedRecords:
    """The records of one store that were read or written recently."""

    __slots__ = ("_memo", "_sealer")

    def __init__(self, sealer: Sealer, memo: RecordProofs | None) -> None:
        """`memo` may be shared: entries that other keys proved do not count."""
        self._sealer = sealer
        self._memo: RecordProofs = Memo(0) if memo is None else memo

    @property
    def encryption(self) -> Encryption | None:
        """How records are encrypted, if they are."""
        return self._sealer.encryption

    def open(self, key: str, raw: bytes) -> Record:
        """Check and decode the bytes that a store returned for a key, unless they are known.

        Raises BadRecord if they are damaged, forged, or another session's.
        """
        proved = self._memo.get(key)
        if proved is not None and proved.raw == raw and proved.sealer is self._sealer:
            return proved.record
        record = self._sealer.open(key, raw)
        # A stale record is written again soon, or counts only for some time.
        if not record.stale:
            self.written(key, raw, record)
        return record

    def seal(self, key: str, record: Record) -> bytes:
        """Encode and authenticate a record; raises SessionTooLarge."""
        return self._sealer.seal(key, record)

    def written(self, key: str, raw: bytes, record: Record) -> None:
        """Remember the bytes that were sealed for a key and are now stored."""
        self._memo.put(key, Proved(raw, record, self._sealer), 3 * len(raw) + _ROOM)

    def removed(self, key: str) -> None:
        """Forget the bytes stored under a key."""
        self._memo.drop(key)
