"""Delete the record of a session whose time is over, as soon as somebody finds it so.

A clock may be wrong and be set right. What it has ended must stay ended: a session that
was refused once would otherwise be let in again. The idle timeout is the store's, which
does the same by itself.
"""

from __future__ import annotations

from ..errors import BadRecord, StoreUnavailable
from . import policy
from .owner_entries import OwnerEntries
from .record import Opens, Record
from .steps import Steps
from .store import Clock, Conflict, Store

_ATTEMPTS = 5  # of deleting a record that others write to meanwhile


class Ending:
    """What deletes records that are over."""

    def __init__(
        self, store: Store, *, prefix: str, records: Opens, owners: OwnerEntries, clock: Clock
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._records = records
        self._owners = owners
        self._clock = clock

    def ends(self, record: Record) -> Steps[bool]:
        """Return whether a session's time is over, and delete its record if it is.

        Another request may have written meanwhile: what it wrote is judged anew, as a login
        begins a new time. Raises StoreUnavailable.
        """
        if not policy.is_over(record, self._clock()):
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
                return True  # somebody else's by now
            if not policy.is_over(standing, self._clock()):
                return True
        raise StoreUnavailable("a session that is over is written to again and again")
