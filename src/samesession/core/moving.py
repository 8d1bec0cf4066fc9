"""Move sessions of another library before the deployment, in batches.

The move of one session depends on its used note and on the record at its place:

    note     record there            what is done
    yes      -                       nothing: its user has come
    no       none                    create
    no       moved, says the same    nothing
    no       moved, says otherwise   commit: the old side has written since, and no one else
    no       any other               nothing: its user is about to come

So the command can be run again. It continues where it was interrupted, updates sessions that
old processes wrote since, and undoes no logout. A moved session lives no longer than the old
one would. No one has its secret: `migrating` opens it to the bearer of the old cookie.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import BadRecord, SessionTooLarge
from . import policy
from .batches import MOST, load_many
from .filing import Filing
from .migrated import NOTES, Filed, OldIds, Tag, is_moved, mark_of, waiting
from .names import is_sid
from .old_cookies import OldCookies, note_key
from .policy import Rules
from .record import Opens, Record
from .request_state import SessionState
from .steps import Steps, checkpoint
from .store import Clock, Outcome, Store
from .token import Entropy


class Move(enum.StrEnum):
    """The outcome for an old session."""

    MOVED = "moved"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    IN_USE = "in use"
    ENDED = "ended"
    EMPTY = "it is empty"
    UNFIT = "it holds data that a session cannot keep"
    TOO_LARGE = "it is too large"


class OldSession(NamedTuple):
    """A session of another library; its data stays out of `repr`.

    `name`: see `old_names`. `expires`: seconds since 1970; None for never, or unknown.
    """

    name: str
    data: dict[str, Any]
    expires: float | None

    def __repr__(self) -> str:
        return f"OldSession(expires={self.expires!r})"


class _Wanted(NamedTuple):
    """The record for an old session, and the places where it or its note may be."""

    record: Record
    expires: float | None
    places: Sequence[Filed]


class Mover:
    """Moves the old sessions of one library."""

    def __init__(
        self,
        library: str,
        *,
        is_own: bool,
        store: Store,
        rules: Rules,
        filing: Filing,
        records: Opens,
        old_ids: OldIds,
        cookies: OldCookies,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """`is_own`: they are read from the place where online readers look, too."""
        self._library = library
        self._is_own = is_own
        self._store = store
        self._rules = rules
        self._filing = filing
        self._records = records
        self._old_ids = old_ids
        self._cookies = cookies
        self._clock = clock
        self._entropy = entropy

    def is_ours(self, key: str, raw: bytes) -> bool:
        """Return whether the record under a key is this application's own."""
        rest = key.removeprefix(self._rules.prefix)
        if rest == key or not is_sid(rest.removeprefix(NOTES)):
            return False
        try:
            _ = self._records.open(key, raw)
        except BadRecord:
            return False
        return True

    def move(self, olds: Sequence[OldSession], *, dry: bool = False) -> Steps[list[Move]]:
        """Move old sessions; `dry`: only report what would happen to each."""
        wanted = [self._wanted(old) for old in olds]
        found = yield from self._found([each for each in wanted if isinstance(each, _Wanted)])
        done: list[Move] = []
        for each in wanted:
            if isinstance(each, _Wanted):
                done.append((yield from self._put(each, found, dry=dry)))
            else:
                done.append(each)
        if not dry:
            yield from self._take_back(wanted, done)
        return done

    def _wanted(self, old: OldSession) -> _Wanted | Move:
        try:
            draft, owner = self._cookies.draft(old.data), self._cookies.owner(old.data)
        except BadRecord:
            return Move.UNFIT
        if draft.is_empty:
            return Move.EMPTY
        places = self._old_ids.filed(self._library, old.name)
        record = waiting(
            places[0],
            self._library,
            draft,
            entropy=self._entropy,
            now=int(self._clock()),
            rules=self._rules,
            tag=Tag.MOVED,
            owner=owner,
            is_own=self._is_own,
        )
        return _Wanted(self._ended(record, old.expires), old.expires, places)

    def _ended(self, record: Record, expires: float | None) -> Record:
        """Make a record expire when the old session does."""
        ends = policy.deadline(record.created, self._rules), 0 if expires is None else int(expires)
        return record._replace(deadline=min((each for each in ends if each), default=0))

    def _found(self, wanted: Sequence[_Wanted]) -> Steps[dict[str, bytes]]:
        """Read the existing records and notes, by their keys."""
        places = [place for each in wanted for place in each.places]
        return self._loaded(
            [key for place in places for key in (self._key(place.sid), self._note(place))]
        )

    def _loaded(self, keys: Sequence[str]) -> Steps[dict[str, bytes]]:
        found: dict[str, bytes] = {}
        for start in range(0, len(keys), MOST):
            some = keys[start : start + MOST]
            loaded = yield from load_many(self._store, some)
            pairs = zip(some, loaded, strict=True)
            found.update({key: raw for key, raw in pairs if raw is not None})
        return found

    def _put(self, wanted: _Wanted, found: dict[str, bytes], *, dry: bool) -> Steps[Move]:
        keys = [self._key(place.sid) for place in wanted.places]
        taken = next((key for key in keys if key in found), None)
        if any(self._note(place) in found for place in wanted.places):
            return Move.ENDED if taken is None else Move.IN_USE
        if taken is None:
            return Move.MOVED if dry else (yield from self._create(wanted.record))
        return (yield from self._update(taken, found[taken], wanted, dry=dry))

    def _take_back(self, wanted: Sequence[_Wanted | Move], done: list[Move]) -> Steps[None]:
        """Delete records that were created although their users came, and left, in the meantime."""
        created = [
            (number, each)
            for number, (each, move) in enumerate(zip(wanted, done, strict=True))
            if move is Move.MOVED and isinstance(each, _Wanted)
        ]
        keys = [self._note(place) for _, each in created for place in each.places]
        found = yield from self._loaded(keys)
        for number, each in created:
            notes = [key for key in map(self._note, each.places) if key in found]
            if notes and not any(self._allows(each.record, key, found[key]) for key in notes):
                yield from checkpoint()
                _ = yield from self._filing.replace(each.record, None, SessionState())
                done[number] = Move.ENDED

    def _allows(self, record: Record, key: str, raw: bytes) -> bool:
        """Return whether a note is of this record, so that its user is about to come."""
        try:
            return mark_of(self._records.open(key, raw)) == record.secret_hash
        except BadRecord:
            return False

    def _create(self, record: Record) -> Steps[Move]:
        yield from checkpoint()
        try:
            created = yield from self._filing.create(record, drawn=False)
        except SessionTooLarge:
            return Move.TOO_LARGE
        return Move.MOVED if created else Move.IN_USE

    def _update(self, key: str, raw: bytes, wanted: _Wanted, *, dry: bool) -> Steps[Move]:
        """Update the record of a moved session, if it was not used yet."""
        try:
            standing = self._records.open(key, raw)
        except BadRecord:
            return Move.IN_USE
        if not is_moved(standing):
            return Move.IN_USE
        record = self._ended(self._renewed(standing, wanted.record), wanted.expires)
        if _says_the_same(standing, record):
            return Move.UNCHANGED
        if dry:
            return Move.UPDATED
        yield from checkpoint()
        try:
            outcome = yield from self._filing.replace(standing, record, SessionState())
        except SessionTooLarge:
            return Move.TOO_LARGE
        return Move.UPDATED if outcome is Outcome.WRITTEN else Move.IN_USE

    def _renewed(self, standing: Record, wanted: Record) -> Record:
        """Return the record with the wanted data that replaces the present one."""
        indexed = 0 if wanted.owner is None else standing.indexed
        if wanted.owner is not None and wanted.owner != standing.owner:
            indexed = max(wanted.created, standing.indexed + 1)
        return standing._replace(
            revision=standing.revision + 1,
            permanent=wanted.permanent,
            indexed=indexed,
            owner=wanted.owner,
            payload=wanted.payload,
            stale=False,
        )

    def _key(self, name: str) -> str:
        return self._rules.prefix + name

    def _note(self, place: Filed) -> str:
        return note_key(self._rules.prefix, place)


def _says_the_same(standing: Record, record: Record) -> bool:
    """Return whether nothing has to be written; servers report times only approximately."""
    return (
        record._replace(
            revision=standing.revision, deadline=standing.deadline, stale=standing.stale
        )
        == standing
        and abs(record.deadline - standing.deadline) <= policy.SKEW
    )
