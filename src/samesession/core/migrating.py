"""Take over sessions that another library began, without logging anyone out.

An old cookie comes with a session's first request to us, and again later: browsers send
requests in parallel, responses get lost, and a thief keeps a stolen cookie. The first two must
log no one out. A logout, or anything else that ends or renews a session, is final for all. No
two keys of a store can be written together, and a process may die between any two writes. So
the session's record decides: the record at the place that is derived from the old id (see
`migrated`). A note beside it remembers which record that may be:

    record at the place        note          what an old cookie does
    -                          -             offers the old session to the readers, files it as
                                             PENDING with a mark W; then as the next row
    PENDING or MOVED, mark W   -             files the note of W; then as the next row
    PENDING or MOVED, mark W   of W          commits ARRIVED with a new secret in its place, which
                                             one request alone can: that one is sent the cookie
    ARRIVED, for 60 s          any           opens it, commits to it, and is sent no cookie
    PENDING or MOVED, mark V   of W          nothing: filed by a request that began before the
                                             session ended; who filed it deletes it again
    any other session          any           nothing: the new cookie was seen, the secret
                                             replaced, or 60 s are over
    -                          of W          nothing: the session ended

Each row is reached from the one before by one atomic write: an insert-if-absent, or a commit
that expects a revision. A request that loses looks again, as if it had come later. A request
that dies leaves a row from which the next one continues. A session with a note but without a
record has ended. A second one is never filed: a PENDING record needs a note with its own mark,
and the note is never written again, and only expires. It is kept as long as the old cookie may
come. A PENDING record is not a session: no list shows it and nothing revokes it, as otherwise
it could end without a note. It has no data, so a session that ended at the old library stays so.

A MOVED record was filed by the command before its cookie came, with the data and the owner
that the old session had then. If both exist, the old session is the newer one. If the old
session is gone from the store that it was moved out of, it has ended.

A MOVED record is listed and may be ended. A note without a mark is filed first: see `ending_moved`.

A signed cookie is followed only if no other browser can have the same data: equal data that was
signed in the same second gives equal cookies. Of those, the first one begins the session.

With several secret keys there are as many places. All are searched, and notes are filed at all
of them, from the oldest key's on, because processes may differ in which key is the newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..errors import BadRecord, SessionTooLarge, StoreError, StoreUnavailable
from . import codec, events, migrated
from .cleanup import Cleanup, Old
from .events import Event, Notice, Notify
from .filing import Filing
from .loaded import Loaded
from .migrated import Filed, OldIds
from .moving import Mover
from .old_cookies import (
    TOO_LARGE,
    Followed,
    Nothing,
    OldCookies,
    OwnerOf,
    Readable,
    note_key,
    unreadable,
)
from .old_sessions import OldSessions
from .opening import MAX_TOKENS, Opener
from .policy import Horizon, Rules
from .proved_records import ProvedRecords
from .record import Record
from .request_state import Mode, SessionState, state_of
from .session import ServerSession
from .steps import Steps
from .store import Clock, ForeignRecords, Outcome, Store
from .token import SignedToken, Token, TokenSigner

_ATTEMPTS = 5  # each failure means that another request was faster


@dataclass(frozen=True, slots=True)
class MigrationParts:
    """The parts of a migration that the application's settings determine.

    `until`: when no reader counts any more, in seconds since 1970, or 0 for never.
    """

    old_ids: OldIds = field(repr=False)
    readers: Sequence[OldSessions]
    owner_of: OwnerOf
    until: float = 0


class Migration:
    """Turns old sessions into ours."""

    def __init__(
        self,
        parts: MigrationParts,
        *,
        store: Store,
        rules: Rules,
        signer: TokenSigner,
        records: ProvedRecords,
        filing: Filing,
        opener: Opener,
        horizon: Horizon,
        clock: Clock,
        notify: Notify,
    ) -> None:
        self._until = parts.until
        self._store = store
        self._old_ids = parts.old_ids
        self._foreign = store if isinstance(store, ForeignRecords) else None
        self._rules = rules
        self._signer = signer
        self._records = records
        self._filing = filing
        self._opener = opener
        self._horizon = horizon
        self._clock = clock
        self._notify = notify
        # A note has its own timeout, whatever sessions may have.
        self._own_lifetimes = replace(rules.lifetimes, own=True)
        self._cookies = OldCookies(
            store,
            old_ids=parts.old_ids,
            readers=parts.readers,
            records=records,
            rules=rules,
            clock=clock,
            owner_of=parts.owner_of,
        )

    def mover(self, library: str, *, is_own: bool) -> Mover:
        """Return the mover of a library's sessions; see `Mover`."""
        return Mover(
            library,
            is_own=is_own,
            store=self._store,
            rules=self._rules,
            filing=self._filing,
            records=self._records,
            old_ids=self._old_ids,
            cookies=self._cookies,
            clock=self._clock,
            entropy=self._signer.draw,
        )

    # --- a request ---------------------------------------------------------------------

    def arrive(
        self, session: ServerSession, values: Sequence[str], *, cookie_possible: bool
    ) -> Steps[ServerSession]:
        """Return the session of a request that brought these values of the old cookie.

        `session`: the one that our own cookie has opened, which counts if there is one. Without
        `cookie_possible` (a WebSocket) an old session is shown, and stays what it is. At most one
        event is noted of those that a visitor can cause. Raises StoreUnavailable.
        """
        state = state_of(session)
        if state.mode is not Mode.LIVE:
            return session
        if state.loaded is not None:
            # An old process may have set the cookie again. It can stay until a logout, but then it
            # must go: the next request would undo the logout.
            if self._cookies.are_known(values):
                _clean(session, Old.DROPPED_AFTER_OURS)
            return session
        found = yield from self._only_one(session, values)
        for attempt in range(_ATTEMPTS):
            if found is None:
                return session
            value, looked = found
            try:
                steps = self._opened(looked, state, cookie_possible=cookie_possible)
                arrived = yield from steps
            except SessionTooLarge:
                self._refuse(session, [Nothing(unreadable(TOO_LARGE))])
                return session
            if arrived is not None:
                return arrived
            if attempt < _ATTEMPTS - 1:
                found = yield from self._only_one(session, [value])
        raise StoreUnavailable("an old session is written by too many requests at once")

    def _only_one(
        self, session: ServerSession, values: Sequence[str]
    ) -> Steps[tuple[str, Readable | Followed] | None]:
        """Return the only value that names a session, and the name."""
        different = [*dict.fromkeys(values)]
        if len(different) > MAX_TOKENS:
            self._notify(Notice(Event.REJECTED, events.OLD_TOO_MANY))
            return None
        found: list[tuple[str, Readable | Followed]] = []
        refused: list[Nothing] = []
        for value in different:
            looked = yield from self._cookies.look(value)
            if isinstance(looked, Nothing):
                refused.append(looked)
                if looked.ended is not None:
                    _ = yield from self._filing.replace(
                        looked.ended, None, SessionState(), ends=False
                    )
            else:
                found.append((value, looked))
        if len(found) > 1:
            self._notify(Notice(Event.REJECTED, events.OLD_SEVERAL))
            return None
        if not found:
            self._refuse(session, refused)
        return found[0] if found else None

    def _refuse(self, session: ServerSession, refused: Sequence[Nothing]) -> None:
        """Note why there is no session, and delete a cookie that will never open one."""
        notice = next((each.notice for each in refused if each.notice is not None), None)
        if notice is not None:
            self._notify(notice)
        if all(each.is_known for each in refused):
            _clean(session, Old.DROPPED)

    def _opened(
        self, found: Readable | Followed, before: SessionState, *, cookie_possible: bool
    ) -> Steps[ServerSession | None]:
        """Open the session that an old cookie names; None if another request was faster."""
        if isinstance(found, Followed):
            record = found.record._replace(stale=False)
            token = SignedToken(Token(record.sid, record.secret_hash), "", stale=False)
            session = self._session(Loaded(token, record), before)
            _clean(session, Old.DROPPED_WITH_OURS)
            return session
        if not cookie_possible:
            data = codec.decode(found.draft.payload)
            return self._opener.shown(data, found.draft.payload, renew=before.renew)
        return (yield from self._begun(found, before))

    def _session(self, loaded: Loaded, before: SessionState) -> ServerSession:
        """Return the session of a record that an old cookie has opened."""
        data, now = codec.decode(loaded.record.payload), self._clock()
        session = self._opener.stored(data, loaded, now, renew=before.renew)
        state = state_of(session)
        state.by_old_cookie, state.cleanup = True, before.cleanup
        state.device = before.device
        return session

    def _begun(self, found: Readable, before: SessionState) -> Steps[ServerSession | None]:
        """Begin the session of an old one, row by row; None if another request was faster."""
        library, draft = found.named.library, found.draft
        now, record = int(self._clock()), found.record
        if record is None:
            entropy, rules = self._signer.draw, self._rules
            record = migrated.waiting(
                found.places[0], library, draft, entropy=entropy, now=now, rules=rules
            )
        signed = self._signer.mint(record.sid)
        secret_hash = signed.token.secret_hash
        begun = migrated.arrived(
            record,
            library,
            draft,
            secret_hash=secret_hash,
            now=now,
            rules=self._rules,
            owner=found.owner,
        )
        _ = self._records.seal(self._key(record), begun)  # raises before anything is written
        if found.record is None and not (yield from self._filing.create(record)):
            return None
        if not found.noted and not (yield from self._notes(found, record, now)):
            # The session has ended, or is at another place.
            _ = yield from self._filing.replace(record, None, SessionState())
            return None
        outcome = yield from self._filing.replace(record, begun, SessionState())
        if outcome is not Outcome.WRITTEN:
            return None
        yield from self._forget(found)
        return self._told(Loaded(signed, begun._replace(stale=False)), library, before)

    def _notes(self, found: Readable, record: Record, now: int) -> Steps[bool]:
        """Note at all places that only this record may become the session.

        The oldest key's place is the first, and the first that is taken decides.
        """
        until = max(self._until, found.expires or 0, now + self._horizon.longest)
        mark, lifetimes = record.secret_hash, self._own_lifetimes
        for place in reversed(found.places):
            key = note_key(self._rules.prefix, place)
            note = migrated.used(place, found.named.library, mark, now=now, until=until)
            sealed = self._records.seal(key, note)
            if not (yield from self._store.create(key, sealed, lifetimes=lifetimes)):
                standing = yield from self._noted(place)
                if standing != mark:
                    return False
        return True

    def _noted(self, place: Filed) -> Steps[bytes | None]:
        """Return the mark in the note at a place; None if it cannot be read."""
        try:
            _, notes = yield from self._cookies.standing([place])
        except BadRecord:
            return None
        return migrated.mark_of(notes[0]) if notes else None

    def _forget(self, found: Readable) -> Steps[None]:
        """Delete the old session where its library has filed it.

        If the store fails at this, the old session stays until it expires. The note outlives it,
        and an error would lose the session that has just begun.
        """
        if found.named.filed and self._foreign is not None:
            try:
                yield from self._foreign.remove_foreign(found.named.id)
            except StoreError:
                pass

    def _told(self, loaded: Loaded, library: str, before: SessionState) -> ServerSession:
        """Return the session that has begun, whose cookie the response sends."""
        session = self._session(loaded, before)
        state_of(session).due = True
        _clean(session, Old.DROPPED)
        self._notify(Notice.of(Event.MIGRATED, loaded.record, library))
        if loaded.record.owner is not None:
            self._notify(Notice.of(Event.BOUND, loaded.record))
        return session

    # --- parts -------------------------------------------------------------------------

    def _key(self, record: Record) -> str:
        return self._rules.prefix + record.sid


def _clean(session: ServerSession, old: Old) -> None:
    """Note what happens to the old cookie."""
    state = state_of(session)
    state.cleanup = (state.cleanup or Cleanup())._replace(old=old)
