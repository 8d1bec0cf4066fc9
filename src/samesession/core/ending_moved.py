"""Note that a session has ended which was moved before its cookie came.

The old session may still exist, and its cookie would begin the session again. Only the note
prevents that. It also keeps the command from moving the session a second time; see `migrating`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from .migrated import NO_MARK, NOTES, note_of_moved, used
from .record import Record
from .steps import Steps, checkpoint
from .store import Clock, Lifetimes, Store

_YEAR = 366 * 24 * 3600  # seconds for which a note is kept if the migration has no end


class Seals(Protocol):
    """Seals records of one application."""

    def seal(self, key: str, record: Record) -> bytes:
        """Encode and authenticate a record."""
        ...


class MovedNotes:
    """Files such notes; `until`: when no old session counts any more, or 0 for never."""

    def __init__(
        self,
        store: Store,
        *,
        prefix: str,
        sealer: Seals,
        lifetimes: Lifetimes,
        clock: Clock,
        until: float,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._sealer = sealer
        self._lifetimes = replace(lifetimes, own=True)
        self._clock = clock
        self._until = until

    def ending(self, records: Sequence[Record]) -> Steps[None]:
        """Note, before they are deleted, which of these sessions were moved but never claimed."""
        for record in records:
            moved = note_of_moved(record) if record.fields else None
            if moved is not None:
                yield from checkpoint()
                library, place = moved
                now = int(self._clock())
                until = self._until or now + _YEAR
                key = self._prefix + NOTES + place.note
                note = used(place, library, NO_MARK, now=now, until=until)
                sealed = self._sealer.seal(key, note)
                # If there is a note, its user has come or is about to: then that record is deleted
                # next.
                _ = yield from self._store.create(key, sealed, lifetimes=self._lifetimes)
