"""Judge the device of a request's session, and decide what the response sends for it. Pure.

A request with a bound session's own cookie, by its other parts:

    request                                          "offer"              "require"
    to one of our endpoints                          goes on              goes on
    with a bound cookie that is fresh                goes on              goes on
    without, soon after the binding                  goes on, skipped     goes on, skipped
    without, when the last proof is just too old,    goes on, skipped     goes on in the grace,
      and the browser says why                                            skipped
    without, otherwise                               goes on, skipped     refused
    with the token in a header                       refused              refused

A refused request gets a new session, as for an unknown token; the record stays unchanged. A
bound cookie in the request is deleted, so that the browser makes a new proof.

Loading a record restarts its idle timeout, before anyone knows that the request is refused. So that
a copied cookie keeps no session alive, "require" counts from the last proof, too: since that proof
became too old, every request was refused. If the idle timeout has passed since, the session ends.

The grace starts when the cookie of the last proof expires, and not before: anyone can name a
reason for a skipped proof, and while the browser's own proof is fresh no one needs to. The
cookie expires a little before its value, so that neither a running request nor another node's
clock makes it too old.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from .bound_cookie import BoundCookies
from .device_binding import Binding, Damaged, Device, Offered, device_in, device_of
from .device_state import DeviceState, Presented
from .events import (
    DEVICE_BY_HEADER,
    DEVICE_DAMAGED,
    DEVICE_FOREIGN,
    DEVICE_MISSING,
    DEVICE_STALE,
    OVER,
    Event,
    Notice,
    Notify,
)
from .own_lifetimes import idle_timeout
from .policy import SKEW
from .record import Record
from .request_state import SessionState
from .store import Clock, Lifetimes
from .token import Entropy

SETTLES = 30  # seconds after the binding, for requests of the page that were running then
_MARGIN = 60  # seconds by which the cookie expires before its value
_SHARE = 4  # or by this part of the freshness, if that is less


@dataclass(frozen=True, slots=True)
class DeviceRules:
    """The settings, in seconds; `requires`: refuse a bound session without a proof."""

    requires: bool
    freshness: int
    grace: int

    @property
    def margin(self) -> int:
        """How many seconds before its value the cookie expires."""
        return min(_MARGIN, self.freshness // _SHARE)


@dataclass(frozen=True, slots=True)
class DropBound:
    """Delete the bound cookie."""


@dataclass(frozen=True, slots=True)
class SetBound:
    """Send this bound cookie, for a number of seconds."""

    value: str = field(repr=False)
    max_age: int


BoundAction: TypeAlias = SetBound | DropBound | None


@dataclass(frozen=True, slots=True)
class DeviceReply:
    """A response's parts for the device; `registration`: the challenge of an offer."""

    registration: str | None = field(repr=False)
    cookie: BoundAction


class Devices:
    """Judges the devices of one application's sessions."""

    def __init__(
        self,
        rules: DeviceRules,
        cookies: BoundCookies,
        lifetimes: Lifetimes,
        *,
        entropy: Entropy,
        clock: Clock,
        notify: Notify,
        by_header: bool = False,
    ) -> None:
        """`by_header`: the tokens of these sessions are not in cookies."""
        self.rules = rules
        self._freshness = rules.freshness
        self.entropy = entropy
        self.clock = clock
        self.notify = notify
        self._cookies = cookies
        self._lifetimes = lifetimes
        self._by_header = by_header

    def judge(
        self, record: Record, presented: Presented | None, now: float
    ) -> DeviceState | Notice | None:
        """Return the state of a live session's device, or why the session is refused."""
        device = device_in(record.fields) if record.fields else None
        if presented is None:
            if not self._by_header or device is None or isinstance(device, Offered):
                return None
            return self._refused(record, DEVICE_BY_HEADER, now)
        state = DeviceState(self, presented, record)
        at: int | None = None
        if isinstance(device, Binding):
            at = self._cookies.proved_at(presented.cookies, record, device.thumbprint)
            if at is not None and at <= now + SKEW and now <= at + self._freshness:
                state.proved_at = at
                return state
        elif device is None or isinstance(device, Offered):
            return state
        if presented.proves:
            return Notice.of(Event.EXPIRED, record, OVER) if self.is_over(record, now) else state
        state.reason = _reason(device, presented, at, now)
        goes_on = self._goes_on(device, presented, now)
        return state if goes_on else self._refused(record, state.reason, now)

    def is_over(self, record: Record, now: float) -> bool:
        """Return whether a bound session has been idle for too long, by its last proof."""
        device = device_of(record)
        if not self.rules.requires or not isinstance(device, Binding):
            return False
        went_on = device.proved_at + self.rules.freshness + self.rules.grace
        return now > went_on + idle_timeout(record, self._lifetimes) + SKEW

    def _refused(self, record: Record, reason: str, now: float) -> Notice:
        if self.is_over(record, now):
            return Notice.of(Event.EXPIRED, record, OVER)
        return Notice.of(Event.DEVICE_REFUSED, record, reason)

    def _goes_on(self, device: Device | None, presented: Presented, now: float) -> bool:
        """Return whether a bound session continues without a fresh bound cookie."""
        if not self.rules.requires:
            return True
        if not isinstance(device, Binding):
            return False
        if device.bound_at - SKEW <= now < device.bound_at + SETTLES:
            return True
        rules = self.rules
        over = device.proved_at + rules.freshness
        in_grace = over - rules.margin <= now < over + rules.grace
        return rules.grace > 0 and in_grace and presented.skipped is not None

    # --- the response --------------------------------------------------------------------

    def reply(self, state: SessionState, *, ends: bool) -> DeviceReply | None:
        """Return the response's parts; `ends`: it deletes the session's cookie."""
        device = state.device
        if device is None:
            return None
        record = None if state.loaded is None else state.loaded.record
        now = device_of(record)
        challenge = device.registration if isinstance(now, Offered) else None
        cookie = self._cookie(state, device, record, now, ends=ends)
        if challenge is None and cookie is None:
            return None
        return DeviceReply(challenge, cookie)

    def _cookie(
        self,
        state: SessionState,
        device: DeviceState,
        record: Record | None,
        now: Device | None,
        *,
        ends: bool,
    ) -> BoundAction:
        if state.lost is not None and not state.lost.drop:
            return None  # the browser has the cookies of the request that took the session over
        if device.drops:
            return DropBound()
        if record is None or not isinstance(now, Binding):
            over = device.was_bound and not isinstance(now, Damaged)
            if over or ((ends or device.refused) and device.presented.cookies):
                return DropBound()
            return None
        at = device.proved
        if at is None:
            before = device.record
            if before is None or record.secret_hash == before.secret_hash:
                return None
            if device_in(before.fields) is None:
                return None
            at = device.proved_at
        left = 0
        if at is not None:
            left = at + self.rules.freshness - self.rules.margin - int(self.clock())
        if at is not None and left > 0:
            return SetBound(self._cookies.value(record, now.thumbprint, at), left)
        return DropBound() if device.presented.cookies else None


def _reason(device: Device, presented: Presented, at: int | None, now: float) -> str:
    """Return why a request has no fresh proof; `at`: the time of the one that it has."""
    if not isinstance(device, Binding):
        return DEVICE_DAMAGED
    if not presented.cookies:
        return DEVICE_MISSING
    is_of_it = at is not None and at <= now + SKEW
    return DEVICE_STALE if is_of_it else DEVICE_FOREIGN
