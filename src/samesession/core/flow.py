"""Open a session from a request and close it into a response: the order of everything else.

Round trips to the store: no cookie, forged cookie or nothing touched: none; a
read: one; the first write of a new session: one; a write to an existing one: two.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BadRecord, ReadOnlySession, StoreUnavailable
from . import codec, merge, policy
from .cookie import MAX_AGE, READ, UNTOUCHED, CookieAction, DropCookie, Reply, SetCookie
from .events import Event, Notify
from .facts import Facts, Loaded, Mode
from .opening import Opener
from .owners import Administration
from .policy import Deed, Horizon, Rules, Verdict
from .record import Record, Sealer
from .scopes import Address
from .session import ServerSession
from .steps import Steps
from .store import Clock, Conflict, Outcome, OwnerIndex, Store
from .token import SignedToken, Token, TokenSigner, same_secret

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
    ) -> None:
        """`horizon` is shared by the flows of one store whose lifetimes differ."""
        self.store = store
        self.rules = rules
        self._signer = signer
        self._sealer = sealer
        self._clock = clock
        self._notify = notify
        self._horizon = Horizon() if horizon is None else horizon
        self._horizon.reach(rules.lifetimes.longest, clock())
        self._opener = Opener(
            store=store, rules=rules, signer=signer, sealer=sealer, clock=clock, notify=notify
        )
        self._terms = self._opener.terms
        self.administration = Administration(
            store, prefix=rules.prefix, sealer=sealer, clock=clock, notify=notify
        )

    def open(
        self, values: Sequence[str], *, renew: bool = True, address: Address | None = None
    ) -> Steps[ServerSession]:
        """Open the session that the cookie's values prove, or a new one.

        `address`: where the request was sent to, if there are several values. Raises
        StoreUnavailable when the store does not answer.
        """
        return self._opener.open(values, renew=renew, address=address)

    def fresh(self) -> ServerSession:
        """Give the session of a request that has no cookie."""
        return self._opener.fresh()

    def leave(self, session: ServerSession) -> Reply | None:
        """Say what `close` would for a request that changed nothing; None for any other."""
        facts = session.facts
        if facts.suspect or facts.mode is Mode.EXEMPT or facts.mode is Mode.BROKEN:
            return None
        if facts.loaded is None:
            return READ if facts.accessed else UNTOUCHED
        if facts.terms is not self._terms or self._index_is_stale(facts.loaded.record):
            return None
        return self._leave(session)

    def close(self, session: ServerSession, *, cookie_possible: bool = True) -> Steps[Reply]:
        """Save what the request did to its session, and say what the response must say.

        Without `cookie_possible` (a WebSocket) nothing that needs a new cookie is saved.
        Raises TypeError for data that cannot be encoded, SessionTooLarge,
        ReadOnlySession and StoreUnavailable; nothing is written then.
        """
        facts = session.facts
        if facts.mode in (Mode.EXEMPT, Mode.BROKEN):
            return Reply(None, vary=facts.mode is Mode.BROKEN)
        loaded = facts.loaded
        if loaded is not None and self._has_other_keys(facts):
            loaded = Loaded(loaded.signed._replace(stale=True), loaded.record)
            facts.loaded = loaded
        payload = b""
        changed = False
        if facts.suspect:
            payload = codec.encode(session.data())
            before = b"" if loaded is None else loaded.record.payload
            written = facts.modified if loaded is None else payload != before
            changed = written or facts.rekey
        void = facts.accessed and session.is_empty() and self._owner(facts, loaded) is None
        match policy.deed(stored=loaded is not None, void=void, changed=changed):
            case Deed.LEAVE:
                if loaded is None:
                    return self._leave(session)
                return (yield from self._keep(session, loaded, cookie_possible=cookie_possible))
            case Deed.CREATE:
                _require_cookie(possible=cookie_possible)
                return (yield from self._create(session, payload))
            case Deed.COMMIT | Deed.DELETE:
                if facts.rekey and not void:
                    _require_cookie(possible=cookie_possible)
                assert loaded is not None
                return (yield from self._save(session, loaded, payload))

    def _leave(self, session: ServerSession) -> Reply:
        facts = session.facts
        cookie: CookieAction = None
        if facts.loaded is None:
            # As Flask does: a session that was emptied drops the cookie, known or not.
            cookie = DropCookie() if facts.modified else None
        elif facts.several_at is not None or facts.modified or facts.renew:
            permanent = session.is_permanent()
            must = facts.several_at is not None or facts.modified
            if policy.sends_cookie(modified=must, permanent=permanent, rules=self.rules):
                cookie = self._set_cookie(facts.loaded.signed, permanent=permanent)
        if cookie is None:
            return READ if facts.accessed else UNTOUCHED
        return Reply(cookie, vary=True)

    def _keep(
        self, session: ServerSession, loaded: Loaded, *, cookie_possible: bool
    ) -> Steps[Reply]:
        """Leave a session as it is, but renewed where that is due."""
        facts = session.facts
        send = cookie_possible and (facts.renew or facts.modified)
        rekeyed = send and self._has_other_keys(facts)
        if rekeyed or self._index_is_stale(loaded.record):
            return (yield from self._rewrite(session, loaded, send=rekeyed))
        if facts.renew and self._has_other_timeout(facts, loaded.record):
            return (yield from self._renew_again(session, loaded))
        return self._leave(session)

    def _renew_again(self, session: ServerSession, loaded: Loaded) -> Steps[Reply]:
        """Renew a session whose idle timeout was changed while the request ran."""
        facts, live = session.facts, False
        key = self.rules.prefix + loaded.record.sid
        try:
            raw = yield from self.store.load(key, renew=self.rules.lifetimes)
            if raw is not None:
                record = self._sealer.open(key, raw)
                token = loaded.signed.token
                live = policy.verdict(record, token, self._clock()) is Verdict.LIVE
        except BadRecord as error:
            self._notify(Event.REJECTED, None, error.reason)
        if live:
            facts.terms = self._terms
            return self._leave(session)
        # It ended meanwhile, or has another secret: its cookie is not sent again.
        return READ if facts.accessed else UNTOUCHED

    def _rewrite(self, session: ServerSession, loaded: Loaded, *, send: bool) -> Steps[Reply]:
        """Renew the owner's note and the seal of a session that the request left as it was.

        If that cannot be, say nothing: whoever ended the session needs neither, and whoever
        was faster renewed them. With `send` the cookie is renewed, too.
        """
        facts, current = session.facts, loaded.record
        outcome: Outcome | Conflict = Outcome.GONE
        if policy.verdict(current, loaded.signed.token, self._clock()) is Verdict.LIVE:
            record = self._successor(session, loaded.signed, current, current.payload)
            key = self.rules.prefix + current.sid
            try:
                outcome = yield from self._write(key, current, record, facts)
            except BadRecord as error:
                self._notify(Event.REJECTED, None, error.reason)
            if outcome is Outcome.WRITTEN and send:
                return self._written(session, Loaded(loaded.signed, record), None)
            if outcome is Outcome.WRITTEN:
                facts.loaded, facts.terms = Loaded(loaded.signed, record), self._terms
                return self._leave(session)
        # The cookie may be over by now: it is not sent again.
        return READ if facts.accessed else UNTOUCHED

    def _create(self, session: ServerSession, payload: bytes) -> Steps[Reply]:
        facts = session.facts
        now = int(self._clock())
        owner = facts.bound
        for _ in range(_CREATE_ATTEMPTS):
            signed = self._signer.sign(self._signer.mint())
            record = Record(
                sid=signed.token.sid,
                secret_hash=signed.token.secret_hash,
                revision=1,
                permanent=session.is_permanent(),
                created=now,
                deadline=policy.deadline(now, self.rules),
                auth_time=0 if owner is None else now,
                indexed=0 if owner is None else now,
                owner=owner,
                payload=payload,
            )
            key = self.rules.prefix + record.sid
            sealed = self._sealer.seal(key, record)
            yield from self._enlist(owner, key)
            if (yield from self.store.create(key, sealed, lifetimes=self.rules.lifetimes)):
                return self._written(session, Loaded(signed, record), Event.CREATED)
            yield from self._delist(owner, key)
        raise StoreUnavailable("the session store refuses each new session's key as taken")

    def _save(self, session: ServerSession, loaded: Loaded, payload: bytes) -> Steps[Reply]:
        """Commit or delete, replaying this request's changes on whatever came between."""
        facts = session.facts
        old, current = loaded.signed.token, loaded.record
        signed = self._signer.sign(self._signer.mint(old.sid)) if facts.rekey else loaded.signed
        void = session.is_empty() and self._owner(facts, loaded) is None
        changes: list[merge.Change] | None = None
        key = self.rules.prefix + current.sid
        for _ in range(MAX_ATTEMPTS):
            if policy.verdict(current, old, self._clock()) is not Verdict.LIVE:
                return self._lost(session, current, old)
            record = self._successor(session, signed, current, payload)
            try:
                outcome = yield from self._write(key, current, None if void else record, facts)
            except BadRecord as error:
                self._notify(Event.REJECTED, None, error.reason)
                outcome = Outcome.GONE
            if outcome is Outcome.WRITTEN:
                return self._saved(session, None if void else Loaded(signed, record), current)
            if not isinstance(outcome, Conflict):
                return self._lost(session, None, old)
            self._notify(Event.CONFLICT, current.sid, "another request was faster")
            try:
                current = self._sealer.open(key, outcome.record)
                newer = codec.decode(current.payload)
            except BadRecord as error:
                self._notify(Event.REJECTED, None, error.reason)
                return self._lost(session, None, old)
            changes = session.changes() if changes is None else changes
            data = merge.replay(changes, newer)
            void = not data and self._owner(facts, Loaded(signed, current)) is None
            payload = codec.encode(data)
        raise StoreUnavailable(
            f"a session is written by so many requests at once that {MAX_ATTEMPTS} attempts failed"
        )

    def _write(
        self, key: str, current: Record, record: Record | None, facts: Facts
    ) -> Steps[Outcome | Conflict]:
        """Put a record in place of the current one, or nothing; keep the owner index true."""
        expected = current.revision_bytes
        owner = None if record is None else record.owner
        if record is None:
            outcome = yield from self.store.remove(key, expected=expected)
        else:
            sealed = self._sealer.seal(key, record)
            if record.indexed != current.indexed or owner != current.owner:
                yield from self._enlist(owner, key)
            renew = self.rules.lifetimes if facts.renew else None
            outcome = yield from self.store.commit(key, sealed, expected=expected, renew=renew)
            if isinstance(outcome, Conflict) and outcome.record == sealed:
                # A commit whose answer was lost, sent again by the client: it is our own.
                outcome = Outcome.WRITTEN
        if outcome is Outcome.WRITTEN and current.owner != owner:
            yield from self._delist(current.owner, key)
        return outcome

    def _successor(
        self, session: ServerSession, signed: SignedToken, current: Record, payload: bytes
    ) -> Record:
        facts = session.facts
        now = int(self._clock())
        owner = self._owner(facts, Loaded(signed, current))
        auth_time = current.auth_time
        end = current.deadline
        if facts.bound is not None:
            auth_time, end = now, policy.deadline(now, self.rules)
        elif owner is None:
            auth_time = 0
        indexed = current.indexed
        if self._index_is_stale(current):
            indexed = max(now, indexed + 1)  # another one in any case, or nothing would be noted
        elif facts.bound is not None:
            indexed = now
        return Record(
            sid=current.sid,
            secret_hash=signed.token.secret_hash,
            revision=self._next_revision(session, current),
            permanent=session.is_permanent(),
            created=current.created,
            deadline=end,
            auth_time=auth_time,
            indexed=0 if owner is None else indexed,
            owner=owner,
            payload=payload,
        )

    def _next_revision(self, session: ServerSession, current: Record) -> int:
        if not session.repeats():
            return current.revision + 1
        # Two requests that both count one up would make equal records, and each
        # would take the other's commit for its own.
        return current.revision + 1 + self._signer.random_step()

    # --- how it ended ------------------------------------------------------------------

    def _saved(self, session: ServerSession, loaded: Loaded | None, before: Record) -> Reply:
        if loaded is None:
            session.settle(None)
            self._notify(Event.DELETED, before.sid, "the session was emptied")
            return Reply(DropCookie(), vary=True)
        rekeyed = loaded.record.secret_hash != before.secret_hash
        return self._written(session, loaded, Event.REGENERATED if rekeyed else None)

    def _written(self, session: ServerSession, loaded: Loaded, event: Event | None) -> Reply:
        sid = loaded.record.sid
        bound = session.facts.bound is not None
        session.settle(loaded)
        session.facts.terms = self._terms
        if event is not None:
            self._notify(event, sid, "")
        if bound:
            self._notify(Event.BOUND, sid, "")
        cookie = self._set_cookie(loaded.signed, permanent=session.is_permanent())
        return Reply(cookie, vary=True)

    def _lost(self, session: ServerSession, now_there: Record | None, old: Token) -> Reply:
        """Give up a session that ended, or was taken over, while the request ran."""
        # After a login elsewhere in the same browser the cookie there is already the
        # new one: dropping it would log the user out again.
        rekeyed = now_there is not None and not same_secret(old, now_there.secret_hash)
        session.forget(drop=not rekeyed)
        reason = "its secret was replaced" if rekeyed else "it ended while the request ran"
        self._notify(Event.GONE, old.sid, reason)
        return Reply(None if rekeyed else DropCookie(), vary=True)

    # --- small parts -------------------------------------------------------------------

    def _set_cookie(self, signed: SignedToken, *, permanent: bool) -> SetCookie:
        fresh = self._signer.sign(signed.token) if signed.stale else signed
        return SetCookie(fresh.value, self._expires() if permanent else None)

    def _expires(self) -> int:
        return int(self._clock()) + min(self.rules.lifetimes.permanent, MAX_AGE)

    def _owner(self, facts: Facts, loaded: Loaded | None) -> str | None:
        if facts.bound is not None:
            return facts.bound
        return None if facts.wiped or loaded is None else loaded.record.owner

    def _index_is_stale(self, record: Record) -> bool:
        # An entry lives two idle timeouts and is renewed after one, so that it
        # outlives a session that is used without ever being written.
        return record.owner is not None and (
            record.indexed <= self._horizon.grown
            or self._clock() >= record.indexed + self.rules.lifetimes.longest
        )

    def _has_other_keys(self, facts: Facts) -> bool:
        return facts.terms is not None and facts.terms.key != self._signer.mark

    def _has_other_timeout(self, facts: Facts, record: Record) -> bool:
        before, now = facts.terms, self.rules.lifetimes
        if before is None:
            return False
        if record.permanent:
            return before.lifetimes.permanent != now.permanent
        return before.lifetimes.browser != now.browser

    def _enlist(self, owner: str | None, key: str) -> Steps[None]:
        if owner is not None and isinstance(self.store, OwnerIndex):
            lifetime = 2 * self._horizon.longest + policy.SKEW
            yield from self.store.enlist(owner, key, lifetime=lifetime)

    def _delist(self, owner: str | None, key: str) -> Steps[None]:
        if owner is not None and isinstance(self.store, OwnerIndex):
            yield from self.store.delist(owner, key)


def _require_cookie(*, possible: bool) -> None:
    if not possible:
        raise ReadOnlySession(
            "no cookie can be sent by a WebSocket, nor after a response has started, so a session "
            "can be neither begun nor regenerated there: do it in an HTTP request before"
        )
