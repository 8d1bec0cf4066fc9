"""Write records to a store and delete them, and keep the owner index up to date."""

from __future__ import annotations

from ..errors import BadRecord
from . import policy
from .ending_moved import MovedNotes
from .events import Event, Notice, Notify
from .next_record import next_record
from .owner_entries import OwnerEntries
from .policy import Horizon, Rules
from .proved_records import ProvedRecords
from .reading import Found, Reader
from .record import Record, revision_of
from .request_state import SessionState
from .steps import Steps
from .store import Clock, Conflict, Lifetimes, Outcome, Store, capabilities_of
from .token import SignedToken
from .unsaved_changes import Draft


class Filing:
    """Writes the records of an application's sessions."""

    def __init__(
        self,
        *,
        store: Store,
        rules: Rules,
        records: ProvedRecords,
        clock: Clock,
        notify: Notify,
        horizon: Horizon,
        moved: MovedNotes | None = None,
    ) -> None:
        """`moved`: notes the end of sessions that were moved out of another library."""
        self._store = store
        self._moved = moved
        self._by_record = capabilities_of(store).takes_records
        self._rules = rules
        self._records = records
        self._owners = OwnerEntries(store, records.encryption)
        self._reader = Reader(store, records)
        self._clock = clock
        self._notify = notify
        self._horizon = horizon

    def create(self, record: Record, *, drawn: bool = True) -> Steps[bool]:
        """Create the first record of a session; return False if its key is taken.

        `drawn`: the sid is a new one, so no other owner's entry can have its key. Raises
        SessionTooLarge.
        """
        key = self._key(record)
        sealed = self._records.seal(key, record)
        yield from self._enlist(record, key)
        if (yield from self._store.create(key, sealed, lifetimes=self._rules.lifetimes)):
            self._records.written(key, sealed, record)
            return True
        if drawn:
            yield from self._owners.remove(record.owner, key)
        return False

    def replace(
        self,
        current: Record,
        record: Record | None,
        state: SessionState,
        *,
        sealed: bytes | None = None,
        ends: bool = True,
    ) -> Steps[Outcome | Conflict]:
        """Replace the current record, or delete it with None.

        `sealed`: the current record's bytes, if they are known. `ends`: without a record the
        session has ended here, and not at the library that it comes from. Raises SessionTooLarge.
        Bytes that cannot be our record count as gone.
        """
        key = self._key(current)
        owner = None if record is None else record.owner
        try:
            if record is None:
                outcome = yield from self._remove(key, current, ends=ends)
            else:
                outcome = yield from self._commit(key, current, record, state, sealed)
        except BadRecord as error:
            self._notify(Notice(Event.REJECTED, error.reason))
            return Outcome.GONE
        if outcome is Outcome.WRITTEN and current.owner != owner:
            yield from self._owners.remove(current.owner, key)
        return outcome

    def _remove(self, key: str, current: Record, *, ends: bool) -> Steps[Outcome | Conflict]:
        if ends and self._moved is not None:
            yield from self._moved.ending([current])
        self._records.removed(key)
        return (yield from self._store.remove(key, expected=current.revision_bytes))

    def _commit(
        self, key: str, current: Record, record: Record, state: SessionState, known: bytes | None
    ) -> Steps[Outcome | Conflict]:
        expected = known if known is not None and self._by_record else current.revision_bytes
        sealed = self._records.seal(key, record)
        is_new = record.indexed != current.indexed or record.owner != current.owner
        if is_new or self._owners.are_due(stale=current.stale):
            yield from self._enlist(record, key)
        # A new idle timeout of the session applies at once, whether or not the request renews it.
        renewing = state.renew or record.lifetime != current.lifetime
        renew = self._rules.lifetimes if renewing else None
        state.in_doubt = sealed
        outcome = yield from self._store.commit(key, sealed, expected=expected, renew=renew)
        state.in_doubt = None
        if isinstance(outcome, Conflict) and (
            outcome.record == sealed or self._says(key, outcome.record, record)
        ):
            # A commit whose answer was lost, sent again by the client or by a later save.
            sealed, outcome = outcome.record, Outcome.WRITTEN
        if outcome is Outcome.WRITTEN:
            self._records.written(key, sealed, record)
        return outcome

    def _says(self, key: str, raw: bytes, record: Record) -> bool:
        """Return whether stored bytes equal a record; encrypted bytes always differ."""
        if revision_of(raw) != record.revision_bytes:
            return False
        try:
            return self._records.open(key, raw) == record
        except BadRecord:
            return False

    def renewed(self, current: Record) -> Steps[Record | None]:
        """Restart the idle timeout of a session; return its current record, None if it has none."""
        found = yield from self.read(current, renew=self._rules.lifetimes)
        return None if found is None else found.record

    def read(self, current: Record, *, renew: Lifetimes | None = None) -> Steps[Found | None]:
        """Read the current record of a session; None if there is none."""
        try:
            return (yield from self._reader.read(self._key(current), current.sid, renew=renew))
        except BadRecord as error:
            self._notify(Notice(Event.REJECTED, error.reason))
            return None

    def standing(self, current: Record, outcome: Outcome | Conflict) -> Record | None:
        """Read the record that has replaced the current one, None if there is none."""
        if not isinstance(outcome, Conflict):
            return None
        try:
            return self._records.open(self._key(current), outcome.record)
        except BadRecord as error:
            self._notify(Notice(Event.REJECTED, error.reason))
            return None

    def next(self, current: Record, signed: SignedToken | None, draft: Draft) -> Record | None:
        """Return the record that replaces the current one; see `next_record`."""
        stale, now = self.index_is_stale(current), int(self._clock())
        return next_record(current, signed, draft, now=now, rules=self._rules, index_is_stale=stale)

    def keep_listed(self, record: Record) -> Steps[None]:
        """Keep a session in the owner index that is open for long without being written."""
        if self.index_is_stale(record):
            yield from self._enlist(record, self._key(record))

    def index_is_stale(self, record: Record) -> bool:
        """Return whether the session's entry in the owner index must be renewed."""
        # An entry lives for two idle timeouts and is renewed after one. So it outlives a session
        # that is used without ever being written.
        return record.owner is not None and (
            record.indexed <= self._horizon.grown
            or self._clock() >= record.indexed + self._rules.lifetimes.longest
        )

    def _key(self, record: Record) -> str:
        return self._rules.prefix + record.sid

    def _enlist(self, record: Record, key: str) -> Steps[None]:
        longest = max(self._horizon.longest, record.lifetime)
        yield from self._owners.add(record.owner, key, lifetime=2 * longest + policy.SKEW)
