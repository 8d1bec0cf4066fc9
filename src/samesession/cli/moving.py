"""Read another library's sessions, move each, and count the outcomes.

The counts have fixed names. So nothing from a session gets into a report: for the other library, an
old id alone is enough to use a session.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..core.moving import Move, Mover, OldSession
from ..core.old_records import OldRecord, OldRecords
from ..core.old_sessions import OldSessions
from ..core.steps import Steps
from ..core.store import Clock
from ..errors import BadRecord, SessionError, StoreError
from ..migration.moving_records import EXPIRED, TOO_LARGE, data_of
from .output import counted, safe

# These outcomes are always reported, in this order. All others count as skipped.
_TOLD = {
    Move.MOVED: "moved",
    Move.UPDATED: "written again, because they changed after they were moved",
    Move.UNCHANGED: "moved before, and unchanged",
    Move.IN_USE: "already used here",
    Move.ENDED: "ended here after they were moved",
}
_DRY = {Move.MOVED: "would be moved", Move.UPDATED: "would be written again"}


class SourceFailed(SessionError):
    """The store of the old sessions failed, not ours."""

    def __init__(self, error: StoreError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(slots=True)
class Report:
    """The outcome of a move."""

    library: str
    source: str
    dry_run: bool
    read: int = 0
    moves: Counter[Move] = field(default_factory=Counter[Move])
    skipped: Counter[str] = field(default_factory=Counter[str])

    def count(self, moves: list[Move]) -> None:
        """Count the outcomes of some sessions."""
        for each in moves:
            if each in _TOLD:
                self.moves[each] += 1
            else:
                self.skipped[each] += 1

    def lines(self) -> list[str]:
        """Return the report as text."""
        told = [f"{counted(self.read, 'old session')} in {safe(self.source)}"]
        words = {**_TOLD, **(_DRY if self.dry_run else {})}
        told += [f"{self.moves[each]:12,}  {words[each]}" for each in _TOLD if self.moves[each]]
        return told + [
            f"{number:12,}  skipped: {safe(reason)}" for reason, number in self._skipped()
        ]

    def document(self) -> dict[str, object]:
        """Return the report for programs."""
        return {
            "from": self.library,
            "source": self.source,
            "dry_run": self.dry_run,
            "read": self.read,
            **{each.name.lower(): self.moves[each] for each in _TOLD},
            "skipped": [{"reason": why, "sessions": number} for why, number in self._skipped()],
        }

    def _skipped(self) -> list[tuple[str, int]]:
        return sorted(self.skipped.items(), key=lambda each: (-each[1], each[0]))


@dataclass(frozen=True, slots=True)
class Moving:
    """Moves all sessions of a place. With `unpickles` it also moves pickles of plain data."""

    old: OldRecords
    reader: OldSessions
    mover: Mover
    report: Report
    clock: Clock
    max_bytes: int
    unpickles: bool

    def steps(self) -> Steps[Report]:
        """Move the sessions in batches."""
        try:
            while (batch := (yield from self._batch())) is not None:
                olds = [each for each in map(self._session, batch) if each is not None]
                self.report.count((yield from self.mover.move(olds, dry=self.report.dry_run)))
        finally:
            yield from self.old.close()
        return self.report

    def _batch(self) -> Steps[Sequence[OldRecord] | None]:
        try:
            return (yield from self.old.batch())
        except StoreError as error:
            raise SourceFailed(error) from error

    def _session(self, record: OldRecord) -> OldSession | None:
        """Return a session that can be moved; count one that cannot."""
        key, data = record.key, record.data
        if key is not None and data is not None and self.mover.is_ours(key, data):
            return None  # both may share a server and a prefix
        self.report.read += 1
        try:
            return OldSession(record.name, self._data(record), record.expires)
        except BadRecord as error:
            self.report.skipped[error.reason] += 1
            return None

    def _data(self, record: OldRecord) -> dict[str, object]:
        if record.expires is not None and record.expires <= self.clock():
            raise BadRecord(EXPIRED)
        if record.data is None:
            raise BadRecord(TOO_LARGE)
        return data_of(
            record.data,
            self.reader,
            is_file=record.key is None,
            unpickles=self.unpickles,
            max_bytes=self.max_bytes,
        )
