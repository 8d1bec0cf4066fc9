"""Open a session from a request and close it into a response: the order of everything else.

Round trips to the store: no cookie, forged cookie or nothing touched: none; a
read: one; the first write of a new session: one; a write to an existing one: two.

What `close` does by the session's mode, whether a record is stored, whether the data
differs from that, and whether any is left:

    mode     stored   differs   empty
    EXEMPT   -        -         -       nothing
    BROKEN   -        -         -       nothing, but Vary
    LIVE     no       no        -       nothing
    LIVE     no       yes       yes     nothing
    LIVE     no       yes       no      create
    LIVE     yes      no        -       renew, where that is due
    LIVE     yes      yes       yes     delete
    LIVE     yes      yes       no      commit

A commit says which revision it expects to find, and goes on by the answer:

    written     the session shows what was stored
    conflict    the request's changes are replayed on the record that is there now: again
    gone        the session ended meanwhile: nothing is written, the cookie is dropped
    no answer   the changes go back to the session, and a later save tries again
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BadRecord, ReadOnlySession, StoreUnavailable
from . import codec, events, policy, saving
from .admin import Administration
from .changes import Data
from .cookie import MAX_AGE, READ, UNTOUCHED, CookieAction, DropCookie, Reply, SetCookie
from .events import Event, Notice, Notify
from .filing import Filing
from .next_record import first_record, next_record
from .opening import Opener
from .own_lifetimes import permanent_lifetime
from .policy import Action, Horizon, Rules, Verdict
from .proved_records import ProvedRecords, RecordProofs
from .record import Record, Sealer
from .request_state import (
    Loaded,
    Lost,
    Mode,
    SessionState,
    data_of,
    is_as_loaded,
    is_empty,
    is_permanent,
    payload_of,
    state_of,
)
from .scopes import Address
from .session import ServerSession
from .steps import Steps
from .store import Clock, Conflict, Outcome, Store
from .token import SignedToken, Token, TokenSigner, same_secret
from .unsaved_changes import Draft, Unsaved
from .upkeep import Upkeep

MAX_ATTEMPTS = 100  # each lost attempt means that another request's commit was written
_CREATE_ATTEMPTS = 3


class Flow:
    """The life of a session that a store holds."""

    def __init__(
        self,
        *,
        store: Store,
        rules: Rules,
        signer: TokenSigner,
        sealer: Sealer,
        clock: Clock,
        notify: Notify,
        horizon: Horizon | None = None,
        proofs: RecordProofs | None = None,
    ) -> None:
        """`horizon` and `proofs` are shared by the flows of one store whose lifetimes differ."""
        self.store = store
        self.rules = rules
        self._signer = signer
        self._clock = clock
        self._notify = notify
        horizon = Horizon() if horizon is None else horizon
        horizon.reach(rules.lifetimes.longest, clock())
        records = ProvedRecords(sealer, proofs)
        self._filing = Filing(
            store=store, rules=rules, records=records, clock=clock, notify=notify, horizon=horizon
        )
        self._opener = Opener(
            store=store, rules=rules, signer=signer, records=records, clock=clock, notify=notify
        )
        self._terms = self._opener.terms
        self._upkeep = Upkeep(filing=self._filing, rules=rules, terms=self._terms, clock=clock)
        self.administration = Administration(
            store,
            prefix=rules.prefix,
            sealer=sealer,
            clock=clock,
            notify=notify,
            forget=records.removed,
        )

    def open(
        self, values: Sequence[str], *, renew: bool = True, address: Address | None = None
    ) -> Steps[ServerSession]:
        """Open the session that the cookie's values prove, or a new one.

        `address`: where the request was sent to, if there are several values. Raises
        StoreUnavailable when the store does not answer.
        """
        return self._opener.open(values, renew=renew, address=address)

    def is_at_rest(self, session: ServerSession) -> bool:
        """Return whether a request changed nothing, and there is nothing to renew.

        Then `close` would do no more than `leave` does, and need not wait for another save.
        """
        state = state_of(session)
        if state.mode is not Mode.LIVE or not is_as_loaded(session):
            return False
        return state.loaded is None or not self._upkeep.is_due(state, state.loaded.record)

    def close(
        self, session: ServerSession, *, cookie_possible: bool = True, in_block: bool = False
    ) -> Steps[Reply]:
        """Save what the request did to its session, and say what the response must say.

        Without `cookie_possible` (a WebSocket) nothing that needs a new cookie is saved.
        `in_block`: before the response, or beside it. Raises TypeError for data that cannot
        be encoded, SessionTooLarge, ReadOnlySession and StoreUnavailable; nothing is written then.
        """
        state = state_of(session)
        if state.mode in (Mode.EXEMPT, Mode.BROKEN):
            return Reply(None, vary=state.mode is Mode.BROKEN)
        if state.lost is not None and not state.lost.gives_way_to(state.bound):
            return self._still_lost(session, state.lost)
        if state.discarded:
            saving.discard(session)
        loaded = self._as_signed_now(state)
        payload = payload_of(session) if state.may_differ else b""
        action = self._deed(session, loaded, payload)
        if action is Action.LEAVE:
            state_of(session).rest(data_of(session))
            if loaded is not None and in_block and state.modified and state.renew:
                return (yield from self._prolong(session, loaded, payload))
            return (yield from self._keep(session, loaded, cookie_possible=cookie_possible))
        if action is Action.CREATE or (action is Action.COMMIT and state.replace_secret):
            _require_cookie(possible=cookie_possible)
        unsaved = saving.take(session, payload)
        try:
            if loaded is None:
                return (yield from self._create(session, unsaved, unsaved.draft))
            steps = self._save(session, loaded, unsaved, cookie_possible=cookie_possible)
            return (yield from steps)
        except BaseException:
            saving.give_back(session, unsaved)
            raise

    def deletes(self, session: ServerSession) -> bool:
        """Return whether to save the session is to delete its record, as nothing is left."""
        return self._deed(session, state_of(session).loaded, b"") is Action.DELETE

    def _as_signed_now(self, state: SessionState) -> Loaded | None:
        """Return what the session was loaded from; other keys may count since."""
        loaded = state.loaded
        if loaded is not None and state.terms is not None and state.terms.key != self._signer.mark:
            signed = loaded.signed._replace(stale=True)
            state.loaded = Loaded(signed, loaded.record._replace(stale=True), loaded.sealed)
        return state.loaded

    @staticmethod
    def _deed(session: ServerSession, loaded: Loaded | None, payload: bytes) -> Action:
        state = state_of(session)
        changed, owner = False, None if loaded is None or state.cleared else loaded.record.owner
        if state.may_differ and loaded is None:
            changed = state.modified or state.replace_secret
        elif state.may_differ and loaded is not None:
            changed = payload != loaded.record.payload or state.replace_secret or state.unsure
            changed = changed or state.lifetime not in {None, loaded.record.lifetime}
        is_bare = state.accessed and is_empty(session) and (state.bound or owner) is None
        return policy.action(stored=loaded is not None, is_empty=is_bare, changed=changed)

    def leave(self, session: ServerSession) -> Reply:
        """Return what the response must say of a session that is left as it is."""
        state = state_of(session)
        cookie: CookieAction = None
        if state.loaded is None:
            # As Flask does: a session that was emptied drops the cookie, known or not.
            cookie = DropCookie() if state.may_be_emptied else None
        elif state.several_at is not None or state.modified or state.due or state.renew:
            permanent = is_permanent(session)
            must = state.modified or state.due or state.several_at is not None
            # Behind its record, whose key is the newest again, the cookie follows.
            must = must or (state.loaded.signed.stale and not state.loaded.record.stale)
            if policy.sends_cookie(modified=must, permanent=permanent, rules=self.rules):
                cookie = self._set_cookie(state.loaded, permanent=permanent)
        if cookie is None:
            return READ if state.accessed else UNTOUCHED
        return Reply(cookie, vary=True)

    def _keep(
        self, session: ServerSession, loaded: Loaded | None, *, cookie_possible: bool
    ) -> Steps[Reply]:
        """Leave a session as it is, but renewed where that is due."""
        if loaded is not None:
            kept = self._upkeep.keep(session, loaded, cookie_possible=cookie_possible)
            if not (yield from kept):
                return READ if state_of(session).accessed else UNTOUCHED
        return self.leave(session)

    def _prolong(self, session: ServerSession, loaded: Loaded, payload: bytes) -> Steps[Reply]:
        """Restart the idle timeout of a session that is open for long, and show it as it is now."""
        unsaved = saving.take(session, payload)
        try:
            record = yield from self._filing.renewed(loaded.record)
            data = None if record is None else self._data(record)
            if record is None or data is None or not self._is_live(record, loaded.signed.token):
                return (yield from self._lost(session, loaded, unsaved, record))
        except BaseException:
            saving.give_back(session, unsaved)
            raise
        saving.mark_saved(session, unsaved, Loaded(loaded.signed, record), data)
        state_of(session).terms = self._terms
        return self.leave(session)

    def _create(self, session: ServerSession, unsaved: Unsaved, draft: Draft) -> Steps[Reply]:
        for _ in range(_CREATE_ATTEMPTS):
            signed = self._signer.mint()
            record = first_record(signed.token, draft, now=int(self._clock()), rules=self.rules)
            if (yield from self._filing.create(record)):
                loaded = Loaded(signed, record)
                return self._written(session, unsaved, loaded, draft, Event.CREATED)
        raise StoreUnavailable("the session store refuses each new session's key as taken")

    def _save(
        self, session: ServerSession, loaded: Loaded, unsaved: Unsaved, *, cookie_possible: bool
    ) -> Steps[Reply]:
        """Commit or delete, replaying this request's changes on whatever came between."""
        current, draft, signed = loaded.record, unsaved.draft, loaded.signed
        sealed = loaded.sealed
        if unsaved.replace_secret:
            signed = self._minted(state_of(session), current.sid)
        for _ in range(MAX_ATTEMPTS):
            if not (self._is_live(current, loaded.signed.token) or self._is_ours(current, session)):
                return (yield from self._lost(session, loaded, unsaved, current))
            record = self._next(current, signed.token, draft, has_functions=unsaved.has_functions)
            if record is not None and unsaved.replace_secret:
                _require_cookie(possible=cookie_possible)
            steps = self._filing.replace(current, record, state_of(session), sealed=sealed)
            outcome = yield from steps
            if outcome is Outcome.WRITTEN:
                if record is None:
                    return self._ended(session, unsaved, current, draft)
                event = Event.REGENERATED if unsaved.replace_secret else None
                return self._written(session, unsaved, Loaded(signed, record), draft, event)
            if isinstance(outcome, Conflict):
                self._notify(Notice.of(Event.CONFLICT, current, events.FASTER))
                sealed = outcome.record
            newer = self._replayed(unsaved, current, outcome)
            if newer is None:
                return (yield from self._lost(session, loaded, unsaved, None))
            current, draft = newer
        raise StoreUnavailable(
            f"a session is written by so many requests at once that {MAX_ATTEMPTS} attempts failed"
        )

    def _replayed(
        self, unsaved: Unsaved, current: Record, outcome: Outcome | Conflict
    ) -> tuple[Record, Draft] | None:
        """Do what a request did to the record that stands there by now, if there is one."""
        newer = self._filing.standing(current, outcome)
        if newer is None or not isinstance(outcome, Conflict):
            return None
        try:
            return newer, unsaved.replayed(codec.split(newer.payload), outcome.record)
        except BadRecord as error:
            self._notify(Notice(Event.REJECTED, error.reason))
            return None

    def _data(self, record: Record) -> Data | None:
        """Read what a record holds, if that is data."""
        try:
            return codec.decode(record.payload)
        except BadRecord as error:
            self._notify(Notice(Event.REJECTED, error.reason))
            return None

    def _minted(self, state: SessionState, sid: str) -> SignedToken:
        """Return the session's next token: for a save that is tried again, the same one."""
        if state.minted is None:
            state.minted = self._signer.mint(sid)
        return self._signer.sign(state.minted)

    def _is_live(self, record: Record, token: Token) -> bool:
        return policy.verdict(record, token, self._clock()) is Verdict.LIVE

    def _is_ours(self, record: Record, session: ServerSession) -> bool:
        """Return whether a save of this request wrote a live record, and heard no more of it."""
        minted = state_of(session).minted
        return minted is not None and self._is_live(record, minted.token)

    def _next(
        self, current: Record, token: Token, draft: Draft, *, has_functions: bool = False
    ) -> Record | None:
        stale = self._filing.index_is_stale(current)
        now = int(self._clock())
        record = next_record(current, token, draft, now=now, rules=self.rules, index_is_stale=stale)
        if record is None or not has_functions:
            return record
        # Two requests that both count one up would make equal records, and each
        # would take the other's commit for its own.
        return record._replace(revision=record.revision + self._signer.random_step())

    # --- how it ended ------------------------------------------------------------------

    def _ended(self, session: ServerSession, unsaved: Unsaved, was: Record, draft: Draft) -> Reply:
        saving.mark_saved(session, unsaved, None, draft.data)
        reason = events.EMPTIED_BLINDLY if state_of(session).of_socket else events.EMPTIED
        self._notify(Notice.of(Event.ENDED, was, reason))
        return Reply(DropCookie(), vary=True)

    def _written(
        self,
        session: ServerSession,
        unsaved: Unsaved,
        loaded: Loaded,
        draft: Draft,
        event: Event | None,
    ) -> Reply:
        saving.mark_saved(session, unsaved, loaded, draft.data)
        state_of(session).terms = self._terms
        if event is not None:
            self._notify(Notice.of(event, loaded.record))
        if draft.bound is not None:
            self._notify(Notice.of(Event.BOUND, loaded.record))
        cookie = self._set_cookie(loaded, permanent=is_permanent(session))
        return Reply(cookie, vary=True)

    def _lost(
        self, session: ServerSession, before: Loaded, unsaved: Unsaved, standing: Record | None
    ) -> Steps[Reply]:
        """Give up a session that ended, or was taken over, while the request ran.

        A login is a new authentication, though, and begins another session.
        """
        token = before.signed.token
        lost = Lost(token.sid, drop=True, owner=None)
        reason = events.ENDED_MEANWHILE
        over = standing is None or policy.is_over(standing, self._clock())
        if standing is not None and not over and not same_secret(token, standing.secret_hash):
            # After a login elsewhere in the same browser the cookie there is already the
            # new one: dropping it would log the user out again.
            lost = Lost(token.sid, drop=False, owner=standing.owner)
            reason = events.TAKEN_OVER
        self._notify(Notice.of(Event.GONE, before.record, reason))
        if lost.gives_way_to(unsaved.draft.bound):
            return (yield from self._create(session, unsaved, unsaved.assigned_alone()))
        saving.forget(session, lost)
        return _dropping(lost)

    def _still_lost(self, session: ServerSession, lost: Lost) -> Reply:
        """Save nothing more of a session that is lost, nor begin another one unasked."""
        if state_of(session).replace_secret or not is_empty(session):
            self._notify(Notice(Event.GONE, events.ENDED_BEFORE, lost.sid))
            saving.forget(session, lost)
        state_of(session).written = False
        return _dropping(lost)

    # --- small parts -------------------------------------------------------------------

    def _set_cookie(self, loaded: Loaded, *, permanent: bool) -> SetCookie:
        signed = self._signer.sign(loaded.signed) if loaded.signed.stale else loaded.signed
        if not permanent:
            return SetCookie(signed.value, None)
        lifetime = min(permanent_lifetime(loaded.record, self.rules.lifetimes), MAX_AGE)
        return SetCookie(signed.value, int(self._clock()) + lifetime)


def _dropping(lost: Lost) -> Reply:
    return Reply(DropCookie() if lost.drop else None, vary=True)


def _require_cookie(*, possible: bool) -> None:
    if not possible:
        raise ReadOnlySession(
            "no cookie can be sent by a WebSocket or a Socket.IO event, nor after a response has "
            "started, so a session can be neither begun nor regenerated there: do it in an HTTP "
            "request before"
        )
