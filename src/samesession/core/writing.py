"""Write a session's record, and return the outcome.

A commit names the revision that it expects, and the answer decides what happens next:

    written     the session shows what was stored
    conflict    the request's changes are replayed on the current record, and committed again
    gone        the session has ended: nothing is written, the cookie is deleted
    no answer   the changes return to the session, and a later save tries again
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import BadRecord, ReadOnlySession, StoreUnavailable
from . import codec, events, policy, saving
from .account_changes import Adopted, Bound, Kept
from .changes import Data
from .cookie import MAX_AGE, CookieAction, DropCookie, Reply, SetCookie
from .events import Event, Notice, Notify
from .filing import Filing
from .loaded import Loaded, Lost, Terms
from .next_record import first_record
from .own_lifetimes import permanent_lifetime
from .policy import Rules
from .record import Record
from .request_state import SessionState, is_empty, is_permanent, state_of
from .session import ServerSession
from .steps import Steps
from .store import Clock, Conflict, Outcome
from .token import SignedToken, TokenSigner
from .unsaved_changes import Draft, Unsaved

MAX_ATTEMPTS = 100  # each failed attempt means that another request's commit was written
_CREATE_ATTEMPTS = 3
_BUSY = f"too many requests write to a session at the same time: {MAX_ATTEMPTS} attempts failed"


class Writer:
    """Creates, commits and deletes the records of sessions."""

    def __init__(
        self,
        filing: Filing,
        *,
        rules: Rules,
        signer: TokenSigner,
        terms: Terms,
        clock: Clock,
        notify: Notify,
    ) -> None:
        self._filing = filing
        self._rules = rules
        self._signer = signer
        self._terms = terms
        self._clock = clock
        self._notify = notify

    def create(self, session: ServerSession, unsaved: Unsaved, draft: Draft) -> Steps[Reply]:
        """Create the first record of a session; raises StoreUnavailable.

        If the sid was read before, and others may know it, no other sid is used.
        """
        drawn = state_of(session).drawn_sid
        for _ in range(_CREATE_ATTEMPTS if drawn is None else 1):
            signed = self._signer.mint(drawn)
            record = first_record(signed.token, draft, now=int(self._clock()), rules=self._rules)
            if (yield from self._filing.create(record)):
                loaded = Loaded(signed, record)
                return self._written(session, unsaved, None, loaded, draft)
        raise StoreUnavailable("the session store says that a new session's key is taken")

    def save(
        self, session: ServerSession, loaded: Loaded, unsaved: Unsaved, *, cookie_possible: bool
    ) -> Steps[Reply]:
        """Commit or delete, replaying this request's changes on records that others wrote."""
        current, draft, signed = loaded.record, unsaved.draft, loaded.signed
        sealed = loaded.sealed
        if unsaved.replace_secret:
            signed = self._minted(state_of(session), current.sid)
        for _ in range(MAX_ATTEMPTS):
            if not (self.is_live(current, loaded) or self.is_ours(current, session)):
                return (yield from self.lost(session, loaded, unsaved, current))
            record = self._next(current, signed, draft, has_functions=unsaved.has_functions)
            if record is not None and unsaved.replace_secret:
                require_cookie(possible=cookie_possible)
            steps = self._filing.replace(current, record, state_of(session), sealed=sealed)
            outcome = yield from steps
            if outcome is Outcome.WRITTEN:
                if record is None:
                    return self._ended(session, unsaved, current, draft)
                return self._written(session, unsaved, current, Loaded(signed, record), draft)
            if isinstance(outcome, Conflict):
                self._notify(Notice.of(Event.CONFLICT, current, events.FASTER))
                sealed = outcome.record
            newer = self._replayed(unsaved, current, outcome)
            if newer is None:
                return (yield from self.lost(session, loaded, unsaved, None))
            current, draft = newer
        raise StoreUnavailable(_BUSY)

    def end(self, session: ServerSession, ended: Loaded) -> Steps[None]:
        """End a session for the application: delete its record, whatever it holds by now."""
        current, state = ended.record, state_of(session)
        for _ in range(MAX_ATTEMPTS):
            if not (self.is_live(current, ended) or self.is_ours(current, session)):
                lost = self.loss(ended, current)
                # The browser has the cookie of the request that took the session over.
                state.lost = None if lost.drop else lost
                break
            outcome = yield from self._filing.replace(current, None, state)
            if outcome is Outcome.WRITTEN:
                blindly = state.of_socket
                reason = events.ENDED_BLINDLY if blindly else events.LOGGED_OUT
                self._notify(Notice.of(Event.ENDED, current, reason))
                break
            newer = self._filing.standing(current, outcome)
            if newer is None:
                _ = self.loss(ended, None)
                break
            self._notify(Notice.of(Event.CONFLICT, current, events.FASTER))
            current = newer
        else:
            raise StoreUnavailable(_BUSY)
        state.ended = state.minted = None
        state.due = True

    def _replayed(
        self, unsaved: Unsaved, current: Record, outcome: Outcome | Conflict
    ) -> tuple[Record, Draft] | None:
        """Apply a request's changes to the current record, if there is one."""
        newer = self._filing.standing(current, outcome)
        if newer is None or not isinstance(outcome, Conflict):
            return None
        try:
            return newer, unsaved.replayed(codec.split(newer.payload), outcome.record)
        except BadRecord as error:
            self._notify(Notice(Event.REJECTED, error.reason))
            return None

    def data(self, record: Record) -> Data | None:
        """Return the data of a record, if it can be read."""
        try:
            return codec.decode(record.payload)
        except BadRecord as error:
            self._notify(Notice(Event.REJECTED, error.reason))
            return None

    def _minted(self, state: SessionState, sid: str) -> SignedToken:
        """Return the session's next token; a repeated save gets the same one."""
        if state.minted is None:
            state.minted = self._signer.mint(sid)
        return self._signer.sign(state.minted)

    def is_live(self, record: Record, loaded: Loaded) -> bool:
        """Return whether a record is alive, and still belongs to the loaded session."""
        is_same = record is loaded.record or loaded.is_of(record)
        return is_same and not policy.is_over(record, self._clock())

    def is_ours(self, record: Record, session: ServerSession) -> bool:
        """Return whether a save of this request wrote a live record, and got no answer."""
        minted = state_of(session).minted
        is_ours = minted is not None and policy.opens(minted.token, record)
        return is_ours and not policy.is_over(record, self._clock())

    def _next(
        self,
        current: Record,
        signed: SignedToken | None,
        draft: Draft,
        *,
        has_functions: bool = False,
    ) -> Record | None:
        record = self._filing.next(current, signed, draft)
        if record is None or not (has_functions or draft.device is not None):
            return record
        # Two requests that both count up by one, or show the same proof of a device, would make
        # equal records, and each would take the other's commit for its own.
        return record._replace(revision=record.revision + self._signer.random_step())

    # --- outcomes ----------------------------------------------------------------------

    def _ended(self, session: ServerSession, unsaved: Unsaved, was: Record, draft: Draft) -> Reply:
        saving.mark_saved(session, unsaved, None, draft.data)
        reason = events.EMPTIED_BLINDLY if state_of(session).of_socket else events.EMPTIED
        self._notify(Notice.of(Event.ENDED, was, reason))
        return Reply(DropCookie(), vary=True)

    def _written(
        self,
        session: ServerSession,
        unsaved: Unsaved,
        before: Record | None,
        loaded: Loaded,
        draft: Draft,
    ) -> Reply:
        saving.mark_saved(session, unsaved, loaded, draft.data)
        state_of(session).renewed_by(self._terms)
        for notice in _notices(before, loaded.record, unsaved, draft):
            self._notify(notice)
        if draft.device is not None and (device := state_of(session).device) is not None:
            happened = device.saved(draft.device, before, loaded.record)
            if happened is not None:
                self._notify(Notice.of(happened, loaded.record))
        cookie = self.set_cookie(loaded, permanent=is_permanent(session))
        return Reply(cookie, vary=True)

    def lost(
        self, session: ServerSession, before: Loaded, unsaved: Unsaved, standing: Record | None
    ) -> Steps[Reply]:
        """Abandon a session that ended, or was taken over, while the request ran.

        A login is the exception: it is a new authentication, and begins another session.
        """
        lost = self.loss(before, standing)
        if lost.gives_way_to(unsaved.draft.bound):
            return (yield from self.create(session, unsaved, unsaved.assigned_alone()))
        saving.forget(session, lost, unkept=unsaved.writes)
        return _dropping(lost)

    def loss(self, before: Loaded, standing: Record | None, *, told: bool = True) -> Lost:
        """Return how a session was lost, given the record in its place.

        `told`: changes are lost with it, which is an event.
        """
        sid, account = before.record.sid, (before.record.owner, before.record.label)
        lost, reason = Lost(sid, True, None, account), events.ENDED_MEANWHILE
        over = standing is None or policy.is_over(standing, self._clock())
        if standing is not None and not over and not before.is_of(standing):
            # After a login in the same browser, the cookie there is already the new one: deleting
            # it would log the user out again.
            lost = Lost(sid, False, standing.owner, account)
            reason = events.TAKEN_OVER
        if told:
            self._notify(Notice.of(Event.GONE, before.record, reason))
        return lost

    @staticmethod
    def dropped(session: ServerSession) -> Reply:
        """Abandon a session that this very request has written and ended."""
        loaded = state_of(session).loaded
        assert loaded is not None
        lost = Lost(loaded.record.sid, drop=True, owner=None)
        saving.forget(session, lost)
        return _dropping(lost)

    def still_lost(self, session: ServerSession, lost: Lost) -> Reply:
        """Save nothing more of a lost session, and do not begin another one by accident."""
        if state_of(session).replace_secret or not is_empty(session):
            self._notify(Notice(Event.GONE, events.ENDED_BEFORE, lost.sid, *lost.account))
            saving.forget(session, lost, unkept=True)
        state_of(session).written = False
        return _dropping(lost)

    # --- small parts -------------------------------------------------------------------

    def set_cookie(self, loaded: Loaded, *, permanent: bool) -> CookieAction:
        """Return the cookie of a stored session, signed with the newest key.

        None if its secret is not known: outside of its user's requests, and for its old cookie.
        """
        signed = loaded.signed
        if signed is None or not signed.value:
            return None
        signed = self._signer.sign(signed) if signed.stale else signed
        if not permanent:
            return SetCookie(signed.value, None)
        lifetime = min(permanent_lifetime(loaded.record, self._rules.lifetimes), MAX_AGE)
        return SetCookie(signed.value, int(self._clock()) + lifetime)


def _notices(
    before: Record | None, after: Record, unsaved: Unsaved, draft: Draft
) -> Iterator[Notice]:
    """Yield the events of a save, for the session and for its accounts before and after."""
    if before is None:
        yield Notice.of(Event.CREATED, after)
    elif unsaved.replace_secret:
        yield Notice.of(Event.REGENERATED, after)
    if before is not None and before.owner not in {None, after.owner}:
        yield Notice.of(Event.UNBOUND, before, _how_unbound(draft))
    if draft.account is None:
        return
    if isinstance(draft.account, Bound | Adopted):
        yield Notice.of(Event.BOUND, after)
    elif draft.account is Kept.CONFIRMED and after.owner is not None:
        yield Notice.of(Event.CONFIRMED, after)


def _how_unbound(draft: Draft) -> str:
    if draft.account is Kept.UNBOUND:
        return ""
    return events.CLEARED if draft.bound is None else events.ANOTHERS


def _dropping(lost: Lost) -> Reply:
    return Reply(DropCookie() if lost.drop else None, vary=True)


def require_cookie(*, possible: bool) -> None:
    """Raise ReadOnlySession if no cookie can be sent."""
    if not possible:
        raise ReadOnlySession(
            "a WebSocket, a Socket.IO event and a response that has started cannot send a cookie, "
            "so a session cannot be begun or regenerated there: do it in an HTTP request before"
        )
