"""Find the session that an old cookie names: ask the readers, and look in the store.

Nothing is written here. The old session's own record is read last, and only if none of our records
is in its place; see the table in `migrating`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from ..errors import BadRecord
from . import codec, events, migrated, policy
from .events import Event, Notice
from .migrated import Filed, OldIds
from .names import is_name
from .old_names import names_of
from .old_sessions import OldSessions, Presented
from .policy import Rules
from .proved_records import ProvedRecords
from .record import Record
from .steps import Steps
from .store import Batches, Clock, ForeignRecords, OwnerIndex, Store
from .unsaved_changes import PERMANENT_KEY, Draft

# Returns the owner of an old session from its data; None if it has none.
OwnerOf: TypeAlias = Callable[[Mapping[str, Any]], str | None]

TOO_LARGE = "it is too large"
_NO_DRAFT = Draft(b"", permanent=False, is_empty=True)
MISSING = Notice(Event.EXPIRED, events.OLD_MISSING)
# The length of a random token, such as Flask-WTF's, and the keys that tell users apart in a dict.
_RANDOM = 32
_IDS = ("sub", "id", "email")
USED = Notice(Event.REJECTED, events.OLD_USED)


class Named(NamedTuple):
    """The name of an old session; the id stays out of `repr`.

    `filed`: the session is in a store, under its id; otherwise the cookie itself holds it.
    """

    library: str
    id: str
    filed: bool

    def __repr__(self) -> str:
        return f"Named({self.library!r})"


class Readable(NamedTuple):
    """An old session that may become ours.

    `record`: waits for it at one of its `places`. `noted`: whether there is a note of that record.
    `expires`: when the cookie ends, in seconds since 1970, if known.
    """

    named: Named
    places: Sequence[Filed]
    draft: Draft
    owner: str | None
    record: Record | None
    noted: bool
    expires: int | None


class _Held(NamedTuple):
    """An old session's data and owner."""

    draft: Draft
    owner: str | None


class Followed(NamedTuple):
    """Our session that its old cookie opens for a few more seconds."""

    record: Record


class Nothing(NamedTuple):
    """No session; `is_known`: the cookie is a library's, and will never open one again.

    `ended`: the moved record of a session that has ended since.
    """

    notice: Notice | None
    is_known: bool = False
    ended: Record | None = None


Found: TypeAlias = Readable | Followed | Nothing


class OldCookies:
    """Finds the session of an old cookie."""

    def __init__(
        self,
        store: Store,
        *,
        old_ids: OldIds,
        readers: Sequence[OldSessions],
        records: ProvedRecords,
        rules: Rules,
        clock: Clock,
        owner_of: OwnerOf,
    ) -> None:
        self._store = store
        self._foreign = store if isinstance(store, ForeignRecords) else None
        self._has_owners = isinstance(store, OwnerIndex)
        self._old_ids = old_ids
        self._readers = readers
        self._records = records
        self._rules = rules
        self._clock = clock
        self._owner_of = owner_of

    def are_known(self, values: Sequence[str]) -> bool:
        """Return whether a cookie with these values is a library's, whatever it opens."""
        return any(self._presented(each, value) for value in values for each in self._readers)

    def look(self, value: str) -> Steps[Found]:
        """Return what a cookie's value names; the first reader that recognises it decides.

        Raises StoreUnavailable.
        """
        found = Nothing(Notice(Event.REJECTED, events.OLD_UNREADABLE))
        for reader in self._readers:
            presented = self._presented(reader, value)
            if presented is None:
                continue
            looked = yield from self._looked_up(reader, presented)
            if not isinstance(looked, Nothing):
                return looked
            found = looked
        return found

    def _presented(self, reader: OldSessions, value: str) -> Presented | None:
        try:
            return reader.presented(value, self._clock())
        except BadRecord:
            return None

    def _looked_up(self, reader: OldSessions, presented: Presented) -> Steps[Found]:
        """Look up the old session first, and then its places.

        In the other order, a concurrent request that takes the session over and deletes the old one
        would be seen in neither place.
        """
        try:
            held = yield from self._read(reader, presented)
        except BadRecord as error:
            held = Nothing(unreadable(error.reason))
        name, of_file = names_of(presented.id)
        places = self._old_ids.filed(reader.library, name)
        # The place of a session that was moved out of a file, whose name says less; it has no note.
        others = self._old_ids.filed(reader.library, of_file) if _has_files(reader) else []
        try:
            records, notes = yield from self.standing(places, others)
            if notes and not _noted(records, notes):
                # A store may have read the record before the note, and both were new.
                records, _ = yield from self.standing(places, others)
        except BadRecord:  # which only a holder of another key can have filed there
            return Nothing(USED)
        followed = next((each for each in records if self._is_followed(each)), None)
        if followed is not None:
            alone = presented.data is None or self._is_one_browsers(presented.data)
            return Followed(followed) if alone else Nothing(None)
        if notes:
            records = _noted(records, notes)
        if not all(map(migrated.is_waiting, records)) or (notes and not records):
            return Nothing(USED, is_known=True)
        record: Record | None = min(records, key=migrated.is_pending, default=None)
        # At each place, because processes may have other keys.
        noted = len(notes) == len(places) and len({*map(migrated.mark_of, notes)}) == 1
        named = Named(reader.library, presented.id, filed=presented.data is None)
        # The command knows a file by that name only, and looks for a note there.
        sid = None if record is None else record.sid
        noting = [*places, *(each for each in others if each.sid == sid)]
        base = Readable(named, noting, _NO_DRAFT, None, record, noted, presented.expires)
        return self._found(base, held)

    def _found(self, base: Readable, held: _Held | Nothing) -> Found:
        """Return the old session, or the record of it that was moved."""
        record = base.record
        if record is not None and migrated.is_moved(record):
            if isinstance(held, _Held):
                same = held.draft.payload == record.payload
                owner = record.owner if same and held.owner is None else held.owner
                return base._replace(draft=held.draft, owner=owner)
            if held.notice is MISSING and self._has_ended(record):
                return held._replace(ended=record)
            if not policy.is_over(record, self._clock()):
                draft = Draft(record.payload, record.permanent)
                return base._replace(draft=draft, owner=record.owner)
        if isinstance(held, Nothing):
            return held
        # An empty session is not stored, as everywhere.
        if held.draft.is_empty:
            return Nothing(None, is_known=True)
        return base._replace(draft=held.draft, owner=held.owner)

    def _is_followed(self, record: Record) -> bool:
        return migrated.is_followed(record, self._clock())

    def standing(
        self, places: Sequence[Filed], others: Sequence[Filed] = ()
    ) -> Steps[tuple[list[Record], list[Record]]]:
        """Return the records at these places: sessions and notes, the newest key's first.

        `others`: places of a session's record without a note. Raises BadRecord for records that
        this application's keys do not open.
        """
        prefix = self._rules.prefix
        keys = [note_key(prefix, each) for each in places]
        count = len(keys)
        keys += [prefix + each.sid for each in (*places, *others)]
        raws = yield from self._loaded(keys)
        opened = [
            None if raw is None else self._records.open(key, raw)
            for key, raw in zip(keys, raws, strict=True)
        ]
        return (
            [each for each in opened[count:] if each is not None],
            [each for each in opened[:count] if each is not None],
        )

    def _loaded(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        if isinstance(self._store, Batches):
            return (yield from self._store.load_many(keys))
        found: list[bytes | None] = []
        for key in keys:
            raw = yield from self._store.load(key, renew=None)
            found.append(raw)
        return found

    def _read(self, reader: OldSessions, presented: Presented) -> Steps[_Held | Nothing]:
        """Read an old session; raise BadRecord if it is not one."""
        data: Mapping[str, Any] | None = presented.data
        if data is None and self._foreign is not None:
            found = yield from self._foreign.load_foreign(presented.id)
            data = None if found is None else reader.data(found.data)
        return Nothing(MISSING) if data is None else _Held(self.draft(data), self.owner(data))

    def _has_ended(self, moved: Record) -> bool:
        """Return whether a missing session was moved out of the very store where it is missing."""
        return self._foreign is not None and migrated.is_moved(moved, own=True)

    def _is_one_browsers(self, data: Mapping[str, Any]) -> bool:
        """Return whether a signed cookie with this data belongs to one browser or one user only.

        Equal data that was signed in the same second gives equal cookies, of many visitors: none of
        them may follow another into the session that it has begun.
        """
        if self._owner_of(data) is not None or data.get("_user_id") or data.get("user_id"):
            return True
        token, user = data.get("csrf_token"), data.get("user")
        if isinstance(token, str) and len(token) >= _RANDOM:
            return True
        return isinstance(user, dict) and any(map(cast("Any", user).get, _IDS))

    def draft(self, data: Mapping[str, Any]) -> Draft:
        """Draft a record of an old session; raise BadRecord if it cannot be done."""
        permanent = bool(data.get(PERMANENT_KEY, self._rules.permanent_by_default))
        is_empty = data.keys() <= {PERMANENT_KEY}
        try:
            payload = codec.encode(dict(data))
        except TypeError as error:
            raise BadRecord("it holds data that a session cannot keep") from error
        return Draft(payload, permanent, is_empty=is_empty)

    def owner(self, data: Mapping[str, Any]) -> str | None:
        """Return an old session's owner, if the application knows it and the store can list it."""
        owner = self._owner_of(data) if self._has_owners else None
        return owner if is_name(owner) else None


def _noted(records: Sequence[Record], notes: Sequence[Record]) -> list[Record]:
    """Return which records may become the session: also those that have expired."""
    mark = migrated.mark_of(notes[0])
    return [each for each in records if each.secret_hash == mark or not migrated.is_waiting(each)]


def _has_files(reader: OldSessions) -> bool:
    return reader.library == "flask-session"


def note_key(prefix: str, place: Filed) -> str:
    """Return the key of a note."""
    return f"{prefix}{migrated.NOTES}{place.note}"


def unreadable(reason: str) -> Notice:
    """Return the notice for a cookie that names no readable session."""
    return Notice(Event.REJECTED, f"{events.OLD_UNREADABLE}: {reason}")
