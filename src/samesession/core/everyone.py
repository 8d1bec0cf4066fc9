"""Count and list all sessions of an application, of all owners.

A store that can list its keys is asked for them page by page. Each record is read, because only
records that this application's keys open are its sessions. Nothing is written.
"""

from __future__ import annotations

from ..errors import NotSupported
from . import policy
from .batches import KeyWalk
from .listing import checked_limit
from .marks import Marks
from .migrated import NOTES
from .own_records import OwnRecords
from .session_info import SessionInfo, SessionPage
from .steps import Steps
from .store import Clock, KeyPage, Listable, Store

_MOST = 1000  # keys requested from a store at once


class Everyone:
    """Counts and lists all sessions."""

    def __init__(
        self, store: Store, *, prefix: str, records: OwnRecords, marks: Marks, clock: Clock
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._records = records
        self._marks = marks
        self._clock = clock

    def walk(self, otherwise: str) -> KeyWalk:
        """Start a walk through the keys of all sessions.

        Raises NotSupported on a store that cannot list them; `otherwise` says what to do then.
        """
        pages = self._listable(otherwise).keys_page
        return KeyWalk(lambda after: pages(self._prefix, after=after), wanted=self._records.is_key)

    def walk_notes(self) -> KeyWalk:
        """Start a walk through the keys of notes that an old session has become ours."""
        pages, prefix = self._listable("so it cannot count them").keys_page, self._prefix + NOTES
        return KeyWalk(lambda after: pages(prefix, after=after), wanted=self._records.is_note_key)

    def count(self) -> Steps[int]:
        """Count the live sessions, a batch at a time."""
        walk, live = self.walk("so it cannot count them"), 0
        while (records := (yield from self._records.read(walk))) is not None:
            live += sum(not policy.is_over(record, self._clock()) for record in records)
        return live

    def page(self, *, after: str | None, limit: int, current: str | None) -> Steps[SessionPage]:
        """List at most `limit` live sessions, in the store's own order."""
        limit = checked_limit(limit, "all_sessions")
        begun = self._marks.read(after)
        walk = self._walk_on(begun, limit)
        found: list[SessionInfo] = []
        while len(found) < limit:
            most = limit - len(found)
            records = yield from self._records.read_dated(walk, most=most)
            if records is None:
                break
            live = (each for each in records if not policy.is_over(each.record, self._clock()))
            found += [each.info(current) for each in live]
        return SessionPage(tuple(found), self._marks.spelt(walk.rest))

    def _walk_on(self, begun: KeyPage | None, limit: int) -> KeyWalk:
        pages = self._listable("so it cannot list them").keys_page
        wanted = min(limit, _MOST)

        def page(after: str | None) -> Steps[KeyPage]:
            nonlocal wanted
            found = yield from pages(self._prefix, after=after, limit=wanted)
            wanted = min(2 * wanted, _MOST)  # when few of the store's keys are sessions
            return found

        return KeyWalk(page, wanted=self._records.is_key, begun=begun)

    def _listable(self, otherwise: str) -> Listable:
        if not isinstance(self._store, Listable):
            raise NotSupported(f"this store cannot list its keys, {otherwise}")
        return self._store
