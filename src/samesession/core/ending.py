"""Delete the record of an expired session as soon as a request finds it.

A wrong clock may be set right later. A session that it has ended must stay ended: otherwise a
session that was refused once would be let in again. The idle timeout belongs to the store, which
does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..errors import BadRecord, StoreUnavailable
from . import policy
from .owner_entries import OwnerEntries
from .record import Opens, Record
from .steps import Steps
from .store import Clock, Conflict, Store

# Whether a record's session is expired at a moment.
Judge: TypeAlias = Callable[[Record, float], bool]

_ATTEMPTS = 5  # to delete a record that other requests write to in the meantime


class Ending:
    """Deletes expired records."""

    def __init__(
        self, store: Store, *, prefix: str, records: Opens, owners: OwnerEntries, clock: Clock
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._records = records
        self._owners = owners
        self._clock = clock

    def ends(self, record: Record, is_over: Judge = policy.is_over) -> Steps[bool]:
        """Return whether a session is expired, and delete its record if it is.

        Another request may have written in the meantime. Its record is judged again, because a
        login restarts the timeouts. Raises StoreUnavailable.
        """
        if not is_over(record, self._clock()):
            return False
        key, standing = self._prefix + record.sid, record
        for _ in range(_ATTEMPTS):
            outcome = yield from self._store.remove(key, expected=standing.revision_bytes)
            if not isinstance(outcome, Conflict):
                yield from self._owners.remove(standing.owner, key)
                return True
            try:
                standing = self._records.open(key, outcome.record)
            except BadRecord:
                return True  # another user's by now
            if not is_over(standing, self._clock()):
                return True
        raise StoreUnavailable("an expired session is written to again and again")
