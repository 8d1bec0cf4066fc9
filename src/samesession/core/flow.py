"""Open a session from a request, and close it into a response: the order of all other steps.

Round trips to the store: no cookie, a forged cookie, or nothing touched: none; a read: one; the
first write of a new session: one; a write to an existing one: two.

`close` acts by the session's mode, whether a record is stored, whether the data differs from it,
and whether there is any data:

    mode     stored   differs   empty
    EXEMPT   -        -         -       nothing
    BROKEN   -        -         -       nothing, but Vary
    LIVE     no       no        -       nothing
    LIVE     no       yes       yes     nothing
    LIVE     no       yes       no      create
    LIVE     yes      no        -       renew, if that is due
    LIVE     yes      yes       yes     delete
    LIVE     yes      yes       no      commit
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import StaleLogin, TooManySessions
from . import policy, saving
from .admin import Administration
from .cookie import READ, UNTOUCHED, CookieAction, DropCookie, Reply
from .device_checks import Devices
from .device_state import Presented
from .ending_moved import MovedNotes
from .events import Notify
from .filing import Filing
from .freshness import Freshness
from .limits import Counted, OwnerLimits
from .loaded import Loaded
from .migrating import Migration, MigrationParts
from .opening import Opener
from .policy import Action, Horizon, Rules
from .proved_records import ProvedRecords, RecordProofs
from .record import Sealer
from .reloading import Reloader
from .request_state import (
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
from .store import Clock, Store
from .token import TokenSigner
from .upkeep import Upkeep
from .watching import Lookout
from .writing import Writer, require_cookie


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
        refusal: Callable[[float], StaleLogin] = StaleLogin,
        old_sessions: MigrationParts | None = None,
        devices: Devices | None = None,
    ) -> None:
        """`horizon`, `proofs`: shared by flows of one store; `refusal`: of logins too long ago.

        `old_sessions`: those of other libraries that become ours; `devices`: what judges the
        devices that sessions are bound to, where they are.
        """
        self.store = store
        self.devices = devices
        self.rules = rules
        self._signer = signer
        horizon = Horizon() if horizon is None else horizon
        horizon.reach(rules.lifetimes.longest, clock())
        records = ProvedRecords(sealer, proofs)
        moved: MovedNotes | None = None
        if old_sessions is not None and old_sessions.readers:
            moved = MovedNotes(
                store,
                prefix=rules.prefix,
                sealer=sealer,
                lifetimes=rules.lifetimes,
                clock=clock,
                until=old_sessions.until,
            )
        self._filing = Filing(
            store=store,
            rules=rules,
            records=records,
            clock=clock,
            notify=notify,
            horizon=horizon,
            moved=moved,
        )
        fresh = Freshness(clock, refusal)
        self._opener = Opener(
            store=store,
            rules=rules,
            signer=signer,
            records=records,
            notify=notify,
            freshness=fresh,
            devices=devices,
        )
        self._terms = self._opener.terms
        self._writer = Writer(
            self._filing, rules=rules, signer=signer, terms=self._terms, clock=clock, notify=notify
        )
        self._upkeep = Upkeep(filing=self._filing, rules=rules, terms=self._terms, clock=clock)
        self.administration = Administration(
            store,
            prefix=rules.prefix,
            sealer=sealer,
            lifetimes=rules.lifetimes,
            clock=clock,
            notify=notify,
            forget=records.removed,
            moved=moved,
        )
        self._reloader = Reloader(self._filing, writer=self._writer, ending=self._opener.ending)
        self.lookout = Lookout(store, rules=rules, records=records, clock=clock)
        self._limits = OwnerLimits(self.administration, rules.limit)
        self.migration: Migration | None = None
        if old_sessions is not None:
            self.migration = Migration(
                old_sessions,
                store=store,
                rules=rules,
                signer=signer,
                records=records,
                filing=self._filing,
                opener=self._opener,
                horizon=horizon,
                clock=clock,
                notify=notify,
            )

    def open(
        self,
        values: Sequence[str],
        *,
        renew: bool = True,
        address: Address | None = None,
        device: Presented | None = None,
    ) -> Steps[ServerSession]:
        """Open the session that the cookie's values prove, or a new one.

        `address`: where the request was sent to, if there are several values. Raises
        StoreUnavailable if the store does not answer.
        """
        return self._opener.open(values, renew=renew, address=address, device=device)

    def open_by_sid(self, sid: str) -> Steps[ServerSession | None]:
        """Open the session of a sid outside of its user's requests; see `outside`."""
        return self._opener.open_by_sid(sid)

    def reload(self, session: ServerSession) -> Steps[bool]:
        """Load what other requests wrote; return whether the session still exists.

        Unsaved changes stay. Raises StoreUnavailable.
        """
        return self._reloader.reload(session)

    def confirm(self, session: ServerSession) -> Steps[bool]:
        """Return whether a session still exists; if not, it is empty from now on."""
        return self._reloader.confirm(session)

    def keep_alive(self, session: ServerSession) -> Steps[bool]:
        """Restart the idle timeout of an open session; return False if it may have ended."""
        loaded = state_of(session).loaded
        if loaded is None:
            return False
        record = yield from self._filing.renewed(loaded.record)
        if record is None or not self._writer.is_live(record, loaded):
            return False
        yield from self._filing.keep_listed(record)
        state_of(session).seen = self._terms.clock()
        return True

    def is_at_rest(self, session: ServerSession) -> bool:
        """Return whether a request changed nothing, and there is nothing to renew.

        Then `close` would do no more than `leave`, and need not wait for another save.
        """
        state = state_of(session)
        if state.mode is not Mode.LIVE or not is_as_loaded(session):
            return False
        return state.loaded is None or not self._upkeep.is_due(state, state.loaded.record)

    def close(
        self, session: ServerSession, *, cookie_possible: bool = True, in_block: bool = False
    ) -> Steps[Reply]:
        """Save the request's changes to its session, and return what the response must send.

        Without `cookie_possible` (a WebSocket) no change is saved that needs a new cookie.
        `in_block`: before the response, or beside it. Raises TypeError for data that cannot be
        encoded, SessionTooLarge, ReadOnlySession and StoreUnavailable; then nothing is written.
        """
        state = state_of(session)
        if state.mode in (Mode.EXEMPT, Mode.BROKEN):
            return Reply(None, vary=state.mode is Mode.BROKEN)
        if state.ended is not None:  # which stands, whatever happens to later writes
            yield from self._writer.end(session, state.ended)
        if state.lost is not None and not state.lost.gives_way_to(state.bound):
            return self._writer.still_lost(session, state.lost)
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
            require_cookie(possible=cookie_possible)
        return (yield from self._write(session, loaded, payload, cookie_possible=cookie_possible))

    def _write(
        self,
        session: ServerSession,
        loaded: Loaded | None,
        payload: bytes,
        *,
        cookie_possible: bool,
    ) -> Steps[Reply]:
        """Create, commit or delete, and enforce the limit of an owner who logs in."""
        unsaved = saving.take(session, payload)
        own = None if loaded is None else loaded.record.sid
        try:
            counted = yield from self._limits.before(unsaved.draft.login, own)
            if loaded is None:
                reply = yield from self._writer.create(session, unsaved, unsaved.draft)
            else:
                steps = self._writer.save(session, loaded, unsaved, cookie_possible=cookie_possible)
                reply = yield from steps
        except TooManySessions:
            saving.refuse(session)
            raise
        except BaseException:
            saving.give_back(session, unsaved)
            raise
        return reply if counted is None else (yield from self._kept_to(counted, session, reply))

    def _kept_to(self, counted: Counted, session: ServerSession, reply: Reply) -> Steps[Reply]:
        """End the sessions beyond a login's limit, even this one if faster logins leave no room."""
        try:
            stands = yield from self._limits.after(session, counted)
        except TooManySessions:
            _ = self._writer.dropped(session)
            raise
        return reply if stands else self._writer.dropped(session)

    def deletes(self, session: ServerSession) -> bool:
        """Return whether saving the session deletes its record, because nothing is left."""
        state = state_of(session)
        deed = self._deed(session, state.loaded, b"")
        return state.ended is not None or deed is Action.DELETE

    def _as_signed_now(self, state: SessionState) -> Loaded | None:
        """Return the record that the session was loaded from; other keys may apply since then."""
        loaded = state.loaded
        if loaded is not None and state.terms is not None and state.terms.key != self._signer.mark:
            signed = loaded.signed and loaded.signed._replace(stale=True)
            state.loaded = Loaded(signed, loaded.record._replace(stale=True), loaded.sealed)
        return state.loaded

    @staticmethod
    def _deed(session: ServerSession, loaded: Loaded | None, payload: bytes) -> Action:
        state = state_of(session)
        changed = False
        if state.may_differ and loaded is None:
            changed = state.modified or state.replace_secret
            if state.shown is not None and (changed or payload != state.shown):
                require_cookie(possible=False)
        elif state.may_differ and loaded is not None:
            changed = payload != loaded.record.payload or state.replace_secret or state.unsure
            changed = changed or state.lifetime not in {None, loaded.record.lifetime}
            changed = changed or state.account is not None or state.device_change is not None
        is_bare = state.accessed and is_empty(session) and state.owner is None
        return policy.action(stored=loaded is not None, is_empty=is_bare, changed=changed)

    def leave(self, session: ServerSession) -> Reply:
        """Return what the response must send for a session that stays as it is."""
        state = state_of(session)
        cookie: CookieAction = None
        if state.loaded is None:
            # As in Flask, a session that was emptied deletes the cookie, known or not.
            cookie = DropCookie() if state.may_be_emptied else None
        elif state.cleanup is not None or state.modified or state.due or state.renew:
            permanent = is_permanent(session)
            several = state.cleanup is not None and state.cleanup.several_at is not None
            must = state.modified or state.due or several
            # After its record, which is under the newest key again, the cookie follows.
            signed = state.loaded.signed
            must = must or (signed is not None and signed.stale and not state.loaded.record.stale)
            if policy.sends_cookie(modified=must, permanent=permanent, rules=self.rules):
                cookie = self._writer.set_cookie(state.loaded, permanent=permanent)
        if cookie is None:
            return READ if state.accessed else UNTOUCHED
        return Reply(cookie, vary=True)

    def _keep(
        self, session: ServerSession, loaded: Loaded | None, *, cookie_possible: bool
    ) -> Steps[Reply]:
        """Leave a session as it is, but renew it if that is due."""
        if loaded is not None:
            kept = self._upkeep.keep(session, loaded, cookie_possible=cookie_possible)
            if not (yield from kept):
                return READ if state_of(session).accessed else UNTOUCHED
        return self.leave(session)

    def _prolong(self, session: ServerSession, loaded: Loaded, payload: bytes) -> Steps[Reply]:
        """Restart the idle timeout of a session that stays open, and show its current data."""
        writer, unsaved = self._writer, saving.take(session, payload)
        try:
            record = yield from self._filing.renewed(loaded.record)
            if record is not None:
                yield from self._filing.keep_listed(record)
            data = None if record is None else writer.data(record)
            if record is None or data is None or not writer.is_live(record, loaded):
                return (yield from writer.lost(session, loaded, unsaved, record))
        except BaseException:
            saving.give_back(session, unsaved)
            raise
        saving.mark_saved(session, unsaved, Loaded(loaded.signed, record), data)
        state_of(session).renewed_by(self._terms)
        return self.leave(session)
