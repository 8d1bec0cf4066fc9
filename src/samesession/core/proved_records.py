"""Open records, and remember which bytes were proved to be a session's.

Equal bytes under one key have one proof, so what a store returned last time, or what was
just written, is not authenticated and decoded again. Whether the session is live is judged
each time, and so is whose it is. What is remembered is what the store holds: no secret, but
the session's data, which ends here when the session is deleted or revoked in this process,
and else when other sessions need the room.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from .encryption import Encryption
from .memo import Memo
from .record import Record, Sealer

_ROOM = 700  # bytes that one takes besides its own and its parts, about


class Proved(NamedTuple):
    """What a store held under a key, and what that is by whose keys."""

    raw: bytes
    record: Record
    sealer: Sealer


RecordProofs: TypeAlias = Memo[str, Proved]


class ProvedRecords:
    """The records of one store that were read or written lately."""

    __slots__ = ("_memo", "_sealer")

    def __init__(self, sealer: Sealer, memo: RecordProofs | None) -> None:
        """`memo` may be shared: what other keys proved does not count."""
        self._sealer = sealer
        self._memo: RecordProofs = Memo(0) if memo is None else memo

    @property
    def encryption(self) -> Encryption | None:
        """How records are encrypted, if they are."""
        return self._sealer.encryption

    def open(self, key: str, raw: bytes) -> Record:
        """Check and decode what a store returned for a key, if it is not what was there before.

        Raises BadRecord when it is damaged, forged, or another session's.
        """
        proved = self._memo.get(key)
        if proved is not None and proved.raw == raw and proved.sealer is self._sealer:
            return proved.record
        record = self._sealer.open(key, raw)
        # What is stale is written anew soon, or counts only until some moment.
        if not record.stale:
            self.written(key, raw, record)
        return record

    def seal(self, key: str, record: Record) -> bytes:
        """Encode and authenticate a record; raises SessionTooLarge."""
        return self._sealer.seal(key, record)

    def written(self, key: str, raw: bytes, record: Record) -> None:
        """Remember what was sealed for a key and is stored."""
        self._memo.put(key, Proved(raw, record, self._sealer), 3 * len(raw) + _ROOM)

    def removed(self, key: str) -> None:
        """Forget what was stored under a key."""
        self._memo.drop(key)
