"""Open a session from the cookies of a request: what they prove, if anything.

Round trips to the store: no cookie or a forged one: none; any other: one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import BadRecord
from . import codec, policy
from .events import Event, Notify
from .facts import Facts, Loaded, Terms
from .policy import Rules, Verdict
from .record import Record, Sealer
from .session import ServerSession
from .steps import Steps
from .store import Clock, OwnerIndex, Store
from .token import SignedToken, Token, TokenSigner


class Opener:
    """What opens the sessions that a store holds."""

    def __init__(
        self,
        *,
        store: Store,
        rules: Rules,
        signer: TokenSigner,
        sealer: Sealer,
        clock: Clock,
        notify: Notify,
    ) -> None:
        self._store = store
        self._rules = rules
        self._signer = signer
        self._sealer = sealer
        self._clock = clock
        self._notify = notify
        self._bindable = isinstance(store, OwnerIndex)
        self.terms = Terms(rules.lifetimes, signer.mark)

    def open(self, values: Sequence[str], *, renew: bool = True) -> Steps[ServerSession]:
        """Open the session that the cookie's values prove, or a new one.

        Raises StoreUnavailable when the store does not answer.
        """
        signed = self._presented(values)
        if signed is not None:
            key = self._rules.prefix + signed.token.sid
            try:
                raw = yield from self._store.load(
                    key, renew=self._rules.lifetimes if renew else None
                )
                record = self._proved(signed.token, key, raw)
                if record is not None:
                    data = codec.decode(record.payload)
                    return self._session(data, Loaded(signed, record), renew=renew)
            except BadRecord as error:
                self._notify(Event.REJECTED, None, error.reason)
        return self._session({}, None, renew=renew)

    def fresh(self) -> ServerSession:
        """Give the session of a request that has no cookie."""
        return ServerSession(
            permanent_by_default=self._rules.permanent_by_default, bindable=self._bindable
        )

    def _session(
        self, data: dict[str, Any], loaded: Loaded | None, *, renew: bool
    ) -> ServerSession:
        facts = Facts(loaded=loaded, new=loaded is None, renew=renew)
        facts.terms = self.terms
        return ServerSession(
            data,
            facts=facts,
            permanent_by_default=self._rules.permanent_by_default,
            bindable=self._bindable,
        )

    def _presented(self, values: Sequence[str]) -> SignedToken | None:
        """Read the one token that the cookie's values hold; two different ones count for none."""
        found: SignedToken | None = None
        for value in values:
            signed = self._signer.read(value)
            if signed is None:
                self._notify(Event.REJECTED, None, "the cookie is not one of ours")
            elif found is not None and signed.token != found.token:
                self._notify(Event.REJECTED, None, "the request has two different session cookies")
                return None
            else:
                found = signed
        return found

    def _proved(self, token: Token, key: str, raw: bytes | None) -> Record | None:
        """Open what a store returned for a token, if it is live and the token's."""
        if raw is None:
            self._notify(Event.EXPIRED, token.sid, "no such session is stored")
            return None
        record = self._sealer.open(key, raw)
        verdict = policy.verdict(record, token, self._clock())
        if verdict is Verdict.LIVE:
            return record
        if verdict is Verdict.EXPIRED:
            self._notify(Event.EXPIRED, record.sid, "its time is over")
        else:
            self._notify(Event.REJECTED, record.sid, "the secret is not the session's")
        return None
