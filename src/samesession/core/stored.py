"""Examine stored records, for an operator: one by its sid, or a summary of all.

Nothing is written, and no idle timeout is restarted: the user was not there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import migrated, policy
from .contents import Entry, entries
from .device_binding import device_of
from .everyone import Everyone
from .migrated import Tag
from .own_records import OwnRecords
from .session_info import SessionInfo
from .statistics import DeviceCounts, Statistics
from .steps import Steps
from .store import Clock


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session; `size` is that of its record in bytes, `entries` are its data.

    .. versionadded:: 1.0
    """

    info: SessionInfo
    permanent: bool
    size: int
    entries: list[Entry] = field(repr=False)


class StoredSessions:
    """Examines stored records."""

    def __init__(
        self, *, records: OwnRecords, everyone: Everyone, clock: Clock, reads_notes: bool
    ) -> None:
        """`reads_notes`: there may be notes of other libraries' sessions that have become ours."""
        self._reads_notes = reads_notes
        self._records = records
        self._everyone = everyone
        self._clock = clock

    def of(self, sid: str) -> Steps[StoredSession | None]:
        """Return the live session of a sid; None if there is none.

        Raises BadRecord for data that cannot be read.
        """
        found = yield from self._records.dated(sid)
        if found is None or policy.is_over(found.record, self._clock()):
            return None
        record = found.record
        return StoredSession(found.info(None), record.permanent, found.size, entries(record))

    def statistics(self) -> Steps[Statistics]:
        """Summarise the live sessions, a batch at a time.

        Raises NotSupported on a store that cannot list its keys.
        """
        walk, summed = self._everyone.walk("so it cannot summarise them"), Statistics()
        while (found := (yield from self._records.read_dated(walk))) is not None:
            now = self._clock()
            for each in found:
                if not policy.is_over(each.record, now):
                    library = migrated.library_of(each.record, Tag.MOVED)
                    summed.waiting.update(() if library is None else [library])
                    summed.devices.add(device_of(each.record), now)
                    summed.add(
                        owner=each.record.owner,
                        size=each.size,
                        age=now - each.record.created,
                        idle=None if each.seen is None else now - each.seen,
                    )
        if self._reads_notes:
            yield from self._count_notes(summed)
        return summed

    def device_counts(self, most: int) -> Steps[DeviceCounts]:
        """Look at some live sessions, `most` at most, in the store's own order.

        Raises NotSupported on a store that cannot list what it holds.
        """
        walk, counts, left = self._everyone.walk("so it cannot count them"), DeviceCounts(), most
        while left > 0:
            records = yield from self._records.read_dated(walk, most=left)
            if records is None:
                break
            left, now = left - max(1, len(records)), self._clock()
            for each in records:
                if not policy.is_over(each.record, now):
                    counts.add(device_of(each.record), now)
        return counts

    def _count_notes(self, summed: Statistics) -> Steps[None]:
        """Count the notes of old sessions that have become ours, by library."""
        walk = self._everyone.walk_notes()
        while (notes := (yield from self._records.read(walk))) is not None:
            for note in notes:
                library = migrated.library_of(note, Tag.USED)
                summed.migrated.update(() if library is None else [library])
