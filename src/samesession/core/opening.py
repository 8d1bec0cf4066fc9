"""Open a session from the cookies of a request: the session that they prove, if any.

Round trips to the store: no cookie or a forged one: none; our token: one, and one
more to delete an expired record. A browser sends several if the cookie's domain or path was
changed, or if a neighbouring host has set one (cookie tossing). It does not say which is
which:

    different tokens   looked up   live sessions   counts
    2 to 4             each        one             that one, looked up again to renew it
    2 to 4             each        none, several   none
    5 or more          none        -               none

The response to several then deletes our cookie in every scope but its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..errors import BadRecord
from . import codec, policy
from .cleanup import Cleanup
from .device_checks import Devices
from .device_state import DeviceState, Presented
from .ending import Ending
from .events import (
    BY_VISITORS,
    MISSING,
    NOT_OURS,
    OVER,
    REPLACED,
    SEVERAL,
    TOO_MANY,
    Event,
    Notice,
    Notify,
)
from .freshness import Freshness
from .loaded import Loaded, Terms
from .migrated import is_pending
from .owner_entries import OwnerEntries
from .policy import Rules, Verdict
from .proved_records import ProvedRecords
from .reading import Reader
from .request_state import SessionState, state_of
from .scopes import Address
from .session import ServerSession
from .steps import Steps
from .store import OwnerIndex, Store
from .token import SignedToken, Token, TokenSigner

MAX_TOKENS = 4  # different tokens of a request that are looked up

_NOWHERE = Address("", "/")


_FOREIGN = Notice(Event.REJECTED, NOT_OURS)


class Opener:
    """Opens the sessions that a store holds."""

    def __init__(
        self,
        *,
        store: Store,
        rules: Rules,
        signer: TokenSigner,
        records: ProvedRecords,
        notify: Notify,
        freshness: Freshness,
        devices: Devices | None = None,
    ) -> None:
        """`freshness`: what judges logins, and has the time.

        `devices`: what judges the devices that sessions are bound to, where they are.
        """
        clock = freshness.clock
        self._reader = Reader(store, records)
        owners = OwnerEntries(store, records.encryption)
        self.ending = Ending(
            store, prefix=rules.prefix, records=records, owners=owners, clock=clock
        )
        self._rules = rules
        self._signer = signer
        self._draw_sid = signer.draw_sid
        self._clock = clock
        self._notify = notify
        self._devices = devices
        # The same for all sessions of an application.
        self._make = partial(
            ServerSession,
            permanent_by_default=rules.permanent_by_default,
            bindable=isinstance(store, OwnerIndex),
            own_lifetimes=rules.lifetimes.own,
            freshness=freshness,
        )
        self.terms = Terms(rules.lifetimes, signer.mark, clock)

    def open(
        self,
        values: Sequence[str],
        *,
        renew: bool = True,
        address: Address | None = None,
        device: Presented | None = None,
    ) -> Steps[ServerSession]:
        """Open the session that the cookie's values prove, or a new one.

        `address`: where the request was sent to, needed for several values. Raises StoreUnavailable
        if the store does not answer. At most one event is noted of those that a visitor can cause.
        """
        if not values:
            return self._new(renew=renew, device=device)
        found, refused = self._presented(values)
        if len(found) > 1:
            steps = self._open_one_of(found, address or _NOWHERE, renew=renew, device=device)
            return (yield from steps)
        for signed in found:
            opened = yield from self._looked_up(signed, renew=renew, device=device)
            if isinstance(opened, ServerSession):
                self._tell_skipped(opened)
                if refused is not None:
                    self._notify(refused)
                return opened
            refused = opened
        session = self._new(renew=renew, device=device, refused=refused)
        if refused is not None and not _comes_again(session):
            self._notify(refused)
        return session

    def open_by_sid(self, sid: str) -> Steps[ServerSession | None]:
        """Open the session of a sid outside of its user's requests; None if none is alive.

        Its idle timeout is not restarted. Raises StoreUnavailable.
        """
        try:
            found = yield from self._reader.read(self._rules.prefix + sid, sid, renew=None)
            if found is None or is_pending(found.record):
                return None
            if (yield from self.ending.ends(found.record)):
                return None
            data = codec.decode(found.record.payload)
        except BadRecord:
            return None  # another application's, or not a session
        loaded = Loaded(None, found.record, found.sealed)
        session = self.stored(data, loaded, self._clock(), renew=False)
        state_of(session).lead_from_outside()
        return session

    def _new(
        self, *, renew: bool, device: Presented | None = None, refused: Notice | None = None
    ) -> ServerSession:
        """Return a session of which nothing is stored; `refused`: why no other one is opened."""
        state = SessionState()
        state.renew = renew
        state.draw_sid = self._draw_sid
        if device is not None and self._devices is not None:
            state.device = DeviceState(self._devices, device)
            if refused is not None and refused.event is Event.DEVICE_REFUSED:
                state.device.refuse(refused.reason)
            elif refused is not None and refused.reason == REPLACED:
                state.device.replaced = refused.sid
        return self._make(state=state)

    def stored(
        self,
        data: dict[str, Any],
        loaded: Loaded,
        now: float,
        *,
        renew: bool,
        device: DeviceState | None = None,
    ) -> ServerSession:
        """Return a session that a record holds; `renew`: whether its idle timeout was restarted."""
        state = SessionState(loaded=loaded, new=False, renew=renew)
        state.terms, state.draw_sid = self.terms, self._draw_sid
        if device is not None:
            state.device = device
        if renew:
            state.seen = now
        return self._make(data, state=state)

    def shown(self, data: dict[str, Any], payload: bytes, *, renew: bool) -> ServerSession:
        """Return another library's session, which can be read but not saved."""
        state = SessionState(new=False, renew=renew)
        state.shown = payload
        return self._make(data, state=state)

    def _presented(self, values: Sequence[str]) -> tuple[Sequence[SignedToken], Notice | None]:
        """Return the different tokens in the cookie's values, at most one too many."""
        if len(values) == 1:  # the usual case
            signed = self._signer.read(values[0])
            return ((), _FOREIGN) if signed is None else ((signed,), None)
        found: dict[Token, SignedToken] = {}
        refused: Notice | None = None
        for value in values:
            signed = self._signer.read(value)
            if signed is None:
                refused = _FOREIGN
            elif signed.token not in found or found[signed.token].stale:
                found[signed.token] = signed
            if len(found) > MAX_TOKENS:
                break
        return tuple(found.values()), refused

    def _looked_up(
        self, signed: SignedToken, *, renew: bool, device: Presented | None
    ) -> Steps[ServerSession | Notice]:
        """Load the record that a token names, and open it if it is alive and the token is right."""
        token = signed.token
        key = self._rules.prefix + token.sid
        try:
            lifetimes = self._rules.lifetimes if renew else None
            found = yield from self._reader.read(key, token.sid, renew=lifetimes)
            if found is None:
                return Notice(Event.EXPIRED, MISSING, token.sid)
            record, sealed = found
            now = self._clock()
            verdict = policy.verdict(record, token, now)
            if verdict is Verdict.LIVE:
                devices = self._devices
                judged = None if devices is None else devices.judge(record, device, now)
                if isinstance(judged, Notice):
                    if devices is not None and judged.event is Event.EXPIRED:
                        _ = yield from self.ending.ends(record, devices.is_over)
                    return judged
                data, loaded = codec.decode(record.payload), Loaded(signed, record, sealed)
                return self.stored(data, loaded, now, renew=renew, device=judged)
        except BadRecord as error:
            return Notice(Event.REJECTED, error.reason)
        if verdict is Verdict.EXPIRED:
            _ = yield from self.ending.ends(record)
            return Notice.of(Event.EXPIRED, record, OVER)
        return Notice.of(Event.REJECTED, record, REPLACED)

    def _tell_skipped(self, session: ServerSession) -> None:
        """Report a bound session that continues without a proof."""
        state = state_of(session)
        if state.device is not None and state.device.reason is not None:
            assert state.loaded is not None
            self._notify(state.device.skipped(state.loaded.record))

    def _open_one_of(
        self,
        found: Sequence[SignedToken],
        address: Address,
        *,
        renew: bool,
        device: Presented | None,
    ) -> Steps[ServerSession]:
        """Open the session if only one token has a live one, or a new session."""
        session: ServerSession | None = None
        if len(found) > MAX_TOKENS:
            self._notify(Notice(Event.REJECTED, TOO_MANY))
        else:
            session = yield from self._only_live(found, renew=renew, device=device)
        if session is None:
            session = self._new(renew=renew, device=device)
        state_of(session).cleanup = Cleanup(several_at=address)
        return session

    def _only_live(
        self, found: Sequence[SignedToken], *, renew: bool, device: Presented | None
    ) -> Steps[ServerSession | None]:
        live: list[SignedToken] = []
        refused: dict[Notice, None] = {}
        for signed in found:
            # Nothing is renewed for a token that may belong to someone else.
            opened = yield from self._looked_up(signed, renew=False, device=device)
            # One that its device is missing of is live, too, and may be the browser's own.
            is_live = isinstance(opened, ServerSession) or opened.event is Event.DEVICE_REFUSED
            if is_live:
                live.append(signed)
            if isinstance(opened, Notice):
                refused[opened] = None
        damaged = [each for each in refused if _is_damage(each)]
        for each in damaged:
            self._notify(each)
        if len(live) == 1:
            opened = yield from self._looked_up(live[0], renew=renew, device=device)
            if isinstance(opened, ServerSession):
                self._tell_skipped(opened)
                for each in [each for each in refused if each not in damaged][:1]:
                    self._notify(each)
                return opened
        self._notify(Notice(Event.REJECTED, SEVERAL))
        return None


def _comes_again(session: ServerSession) -> bool:
    """Return whether the browser is sent once more, with a proof: it is not refused for good."""
    device = state_of(session).device
    return device is not None and device.comes_again


def _is_damage(refused: Notice) -> bool:
    """Return whether the record itself is damaged, which a visitor cannot cause."""
    return refused.event is Event.REJECTED and refused.reason not in BY_VISITORS
