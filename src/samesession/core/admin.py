"""List and end sessions from outside of them: by sid, by owner, or every one.

For device pages ("signed in on ..."), administrators, a change of password, and the time after a
restore (OWASP ASVS 5.0, 7.4.2, 7.4.3, 7.4.5, 7.5.2).

Records that this application's keys do not open belong to someone else: see `own_records`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import BadRecord
from . import policy
from .batches import MOST, KeyWalk, load_many, remove, remove_many
from .ending import Ending
from .ending_moved import MovedNotes
from .events import Event, Notice, Notify
from .everyone import Everyone
from .listing import Listing
from .marks import Marks
from .migrated import is_pending
from .names import checked_keep, checked_owner, checked_sid, is_sid
from .own_records import OwnRecords
from .owner_data import OwnerExport
from .owner_entries import OwnerEntries
from .reading import Reader
from .record import Record, Sealer
from .session_info import SessionInfo, SessionPage
from .statistics import DeviceCounts, Statistics
from .steps import Steps, done
from .store import Clock, Lifetimes, Purgeable, Store
from .stored import StoredSession, StoredSessions

_NEW_KEY = (
    "so it cannot end every session: to do so, give the application a new SECRET_KEY, and no "
    "SECRET_KEY_FALLBACKS"
)


class Administration:
    """Lists and ends the sessions of a store without their tokens."""

    def __init__(
        self,
        store: Store,
        *,
        prefix: str,
        sealer: Sealer,
        lifetimes: Lifetimes,
        clock: Clock,
        notify: Notify,
        forget: Callable[[str], None],
        moved: MovedNotes | None = None,
    ) -> None:
        """`forget` is called with the key of each deleted record.

        `moved`: notes the end of sessions that were moved out of another library, if such sessions
        can become ours.
        """
        self._moved = moved
        self._store = store
        self._prefix = prefix
        self._records = records = OwnRecords(
            store, prefix=prefix, sealer=sealer, lifetimes=lifetimes, clock=clock
        )
        self._reader = Reader(store, sealer)
        self._clock = clock
        self._notify = notify
        self._forget = forget
        self._owners = owners = OwnerEntries(store, sealer.encryption)
        ending = Ending(store, prefix=prefix, records=sealer, owners=owners, clock=clock)
        self._listing = Listing(records=records, owners=owners, ending=ending, clock=clock)
        self._everyone = Everyone(
            store, prefix=prefix, records=records, marks=Marks(sealer, prefix), clock=clock
        )
        self._stored = StoredSessions(
            records=records, everyone=self._everyone, clock=clock, reads_notes=moved is not None
        )

    # --- list --------------------------------------------------------------------------

    def sessions_of(self, owner: str, *, current: str | None = None) -> Steps[list[SessionInfo]]:
        """List an owner's live sessions, the oldest first.

        `current`: the sid of the request that asks. Raises NotSupported on a store that keeps no
        index.
        """
        return self._listing.sessions_of(owner, current=current)

    def sessions_page(
        self, owner: str, *, after: str | None = None, limit: int = 100, current: str | None = None
    ) -> Steps[SessionPage]:
        """List at most `limit` of an owner's live sessions, the oldest first.

        `after`: from the page before, or None for the first page.
        """
        return self._listing.sessions_page(owner, after=after, limit=limit, current=current)

    def count(self) -> Steps[int]:
        """Count this application's live sessions, by reading each.

        The count is exact if no session begins or ends in the meantime. A store that lists a key
        twice, as Redis may while it grows, has that session counted twice. Raises NotSupported on a
        store that cannot list its keys.
        """
        return self._everyone.count()

    def all_sessions(
        self, *, after: str | None = None, limit: int = 100, current: str | None = None
    ) -> Steps[SessionPage]:
        """List at most `limit` of this application's live sessions, in the store's own order.

        `after`: from the page before. A session that exists from the first page to the last is in
        at least one of them. Raises NotSupported as `count` does.
        """
        return self._everyone.page(after=after, limit=limit, current=current)

    def export_owner(self, owner: str) -> OwnerExport:
        """Return an owner's live sessions with their data, in batches.

        Raises NotSupported on a store that keeps no index.
        """
        return self._listing.export_owner(owner)

    def stored(self, sid: str) -> Steps[StoredSession | None]:
        """Return what a store holds of a live session; None for an unknown sid."""
        return self._stored.of(sid) if is_sid(checked_sid(sid, "stored")) else done(None)

    def statistics(self) -> Steps[Statistics]:
        """Summarise this application's live sessions; raises NotSupported as `count` does."""
        return self._stored.statistics()

    def device_counts(self, most: int) -> Steps[DeviceCounts]:
        """Count those bound to a device among `most` sessions; raises NotSupported as `count`."""
        return self._stored.device_counts(most)

    # --- end ---------------------------------------------------------------------------

    def revoke(self, sid: str) -> Steps[bool]:
        """End one session now, whatever requests are running; return False if there was none."""
        if not is_sid(checked_sid(sid, "revoke")):
            return False
        key = self._prefix + sid
        try:
            found = yield from self._reader.read(key, sid, renew=None)
        except BadRecord:
            return False  # another application's, or not a session
        if found is None or is_pending(found.record):
            return False
        record = found.record
        if self._moved is not None:
            yield from self._moved.ending([record])
        ended = yield from remove(self._store, key)
        self._forget(key)
        yield from self._owners.remove(record.owner, key)
        if ended:
            self._notify(Notice.of(Event.REVOKED, record))
        return ended

    def revoke_all(self, owner: str, *, keep: str | None = None) -> Steps[int]:
        """End all sessions of an owner but the one whose sid is `keep`; return how many."""
        owner = checked_owner(owner, "revoke_all")
        keep = checked_keep(keep, "revoke_all")
        walk, ended = self._owned(owner), 0
        while (records := (yield from self._records.read(walk))) is not None:
            # An entry without a session is left to expire. It may belong to a login that is about
            # to be written, and without the entry nobody could list or revoke that session.
            theirs = [each for each in records if each.owner == owner and each.sid != keep]
            if theirs:
                ended += yield from self._end(theirs)
                yield from self._owners.remove_many(
                    owner, [self._prefix + each.sid for each in theirs]
                )
        return ended

    def erase_owner(self, owner: str) -> Steps[int]:
        """End all sessions of an owner, and forget the owner; return how many there were.

        An entry without a session goes, too, though it may belong to a login that is about to be
        written: the account must be deleted before. Raises NotSupported on a store without an
        index.
        """
        owner = checked_owner(owner, "erase_owner")
        walk = KeyWalk(self._owners.pages(owner, every_name=True), wanted=self._records.is_key)
        ended = 0
        while (found := (yield from self._records.load(walk))) is not None:
            theirs = [each for each in self._records.open_all(found) if each.owner == owner]
            ended += yield from self._end(theirs)
            # A record that does not open belongs to another application, and so does its entry.
            opened = self._records.opened
            kept = {key for key, raw in found if raw is not None and not opened(key, raw)}
            forgotten = [key for key, _ in found if key not in kept]
            yield from self._owners.remove_many(owner, forgotten, every_name=True)
            done = {self._prefix + each.sid for each in theirs}
            ended += yield from self._end_late(owner, [key for key in forgotten if key not in done])
        return ended

    def _end_late(self, owner: str, keys: Sequence[str]) -> Steps[int]:
        """End the sessions of logins that were written after their entries had been read."""
        if not keys:
            return 0
        loaded = yield from load_many(self._store, keys)
        late = self._records.open_all(list(zip(keys, loaded, strict=True)))
        return (yield from self._end([each for each in late if each.owner == owner]))

    def revoke_everyone(self) -> Steps[int]:
        """End every session of this application, of every owner; return how many.

        The owners' notes are left to expire. Raises NotSupported on a store that cannot list its
        keys.
        """
        walk, ended = self._everyone.walk(_NEW_KEY), 0
        while (records := (yield from self._records.read(walk))) is not None:
            ended += yield from self._end(records)
        return ended

    def purge(self) -> Steps[int]:
        """Delete expired records; return 0 for a store that expires them itself."""
        if not isinstance(self._store, Purgeable):
            return 0
        return (yield from self._store.purge())

    # --- count -------------------------------------------------------------------------

    def live_records(self, owner: str) -> Steps[list[Record]]:
        """Return the records of an owner's live sessions, without their data."""
        return self._listing.live_records(owner)

    def end_records(self, owner: str, records: Sequence[Record], reason: str) -> Steps[None]:
        """End some of an owner's sessions, in batches."""
        for start in range(0, len(records), MOST):
            some = records[start : start + MOST]
            _ = yield from self._end(some, reason)
            yield from self._owners.remove_many(owner, [self._prefix + each.sid for each in some])

    # --- parts -------------------------------------------------------------------------

    def _owned(self, owner: str) -> KeyWalk:
        return KeyWalk(self._owners.pages(owner), wanted=self._records.is_key)

    def _end(self, records: Sequence[Record], reason: str = "") -> Steps[int]:
        """Delete records; return how many live ones there were."""
        if not records:
            return 0
        if self._moved is not None:
            yield from self._moved.ending(records)
        keys = [self._prefix + each.sid for each in records]
        removed = yield from remove_many(self._store, keys)
        for key in keys:
            self._forget(key)
        # An expired session is ended as well: by another node's clock it may be alive.
        live = [
            each
            for each, was in zip(records, removed, strict=True)
            if was and not policy.is_over(each, self._clock())
        ]
        for record in live:
            self._notify(Notice.of(Event.REVOKED, record, reason))
        return len(live)
