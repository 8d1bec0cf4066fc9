"""Look at records as a store has them, for an operator: one by its sid, or all summed up.

Nothing is written, and no idle timeout restarted: the user was not there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import policy
from .contents import Entry, entries
from .everyone import Everyone
from .own_records import OwnRecords
from .session_info import SessionInfo
from .statistics import Statistics
from .steps import Steps
from .store import Clock


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session; `size` is its record's in bytes, `entries` are its data."""

    info: SessionInfo
    permanent: bool
    size: int
    entries: list[Entry] = field(repr=False)


class StoredSessions:
    """What looks at them."""

    def __init__(self, *, records: OwnRecords, everyone: Everyone, clock: Clock) -> None:
        self._records = records
        self._everyone = everyone
        self._clock = clock

    def of(self, sid: str) -> Steps[StoredSession | None]:
        """Return the live session of a sid; None where there is none.

        Raises BadRecord for data that cannot be read.
        """
        found = yield from self._records.dated(sid)
        if found is None or policy.is_over(found.record, self._clock()):
            return None
        record = found.record
        return StoredSession(found.info(None), record.permanent, found.size, entries(record))

    def statistics(self) -> Steps[Statistics]:
        """Sum up the live sessions, a batch at a time.

        Raises NotSupported on a store that cannot list what it holds.
        """
        walk, summed = self._everyone.walk("so it cannot sum them up"), Statistics()
        while (found := (yield from self._records.read_dated(walk))) is not None:
            now = self._clock()
            for each in found:
                if not policy.is_over(each.record, now):
                    summed.add(
                        owner=each.record.owner,
                        size=each.size,
                        age=now - each.record.created,
                        idle=None if each.seen is None else now - each.seen,
                    )
        return summed
