"""Which requests with a bound session go on, and what their responses say of the device."""

from __future__ import annotations

from typing import Any

import pytest

from samesession.core.device_binding import OFFER_LIFE, Offered, challenge_hash, with_device
from samesession.core.device_checks import (
    SETTLES,
    DeviceReply,
    DropBound,
    SetBound,
)
from samesession.core.device_state import DeviceState
from samesession.core.events import (
    DEVICE_BY_HEADER,
    DEVICE_DAMAGED,
    DEVICE_FOREIGN,
    DEVICE_MISSING,
    DEVICE_STALE,
    OVER,
    Event,
    Notice,
)
from samesession.core.loaded import Loaded, Lost
from samesession.core.policy import SKEW
from samesession.core.record import DEVICE, Record
from samesession.core.request_state import SessionState
from samesession.core.store import Lifetimes

from .device_parts import COOKIES, FRESHNESS, MARGIN, Judges, Shown, binding, bound
from .parts import NOW, record, signer

TOKEN = signer().mint().token
BOUND = record(TOKEN, **bound())
OFFER = record(TOKEN, fields=with_device((), Offered(challenge_hash("offer"), NOW)))
DAMAGED = record(TOKEN, fields=((DEVICE, b"?"),))
FREE = record(TOKEN)


def cookie(proved_at: int = NOW, of: Record = BOUND) -> str:
    return COOKIES.value(of, binding().thumbprint, proved_at)


def judged(
    shown: Shown | None, *, of: Record = BOUND, now: float = NOW, **settings: Any
) -> DeviceState | Notice | None:
    return Judges(**settings).devices.judge(of, shown, now)


def outcome(shown: Shown, *, of: Record = BOUND, now: float = NOW, **settings: Any) -> Any:
    """Return the moment that counts, or the reason and whether the session goes on."""
    found = judged(shown, of=of, now=now, **settings)
    if isinstance(found, Notice):
        assert found.event is Event.DEVICE_REFUSED
        assert (found.sid, found.owner) == (of.sid, of.owner)
        return "refused", found.reason
    assert found is not None
    return found.proved_at if found.reason is None else ("skipped", found.reason)


# --- who goes on ------------------------------------------------------------------------


@pytest.mark.parametrize("of", [FREE, OFFER])
def test_a_session_that_is_not_bound_is_not_asked(of: Record) -> None:
    found = judged(Shown(), of=of)
    assert isinstance(found, DeviceState)
    assert (found.reason, found.proved_at, found.was_bound) == (None, None, False)
    assert judged(None, of=of) is judged(None, of=of, by_header=True) is None


@pytest.mark.parametrize("requires", [True, False])
def test_a_fresh_bound_cookie_says_when_the_device_was_proved(requires: bool) -> None:
    assert outcome(Shown([cookie()]), requires=requires) == NOW
    assert (
        outcome(Shown(["tossed", cookie(NOW - 5), cookie(NOW - 9)]), requires=requires) == NOW - 5
    )


@pytest.mark.parametrize(
    ("shown", "now", "reason"),
    [
        (Shown(), NOW, DEVICE_MISSING),
        (Shown(["forged"]), NOW, DEVICE_FOREIGN),
        (Shown([cookie(of=record(TOKEN, secret_hash=bytes(24)))]), NOW, DEVICE_FOREIGN),
        (Shown([cookie()]), NOW + FRESHNESS + 1, DEVICE_STALE),
        (Shown([cookie(NOW + SKEW + 1)]), NOW, DEVICE_FOREIGN),
    ],
)
def test_without_a_fresh_one_a_bound_session_is_refused_where_it_is_required(
    shown: Shown, now: int, reason: str
) -> None:
    assert outcome(shown, now=now) == ("refused", reason)
    assert outcome(shown, now=now, requires=False) == ("skipped", reason)


def test_a_proof_counts_to_its_last_second_and_from_clocks_that_are_ahead() -> None:
    assert outcome(Shown([cookie()]), now=NOW + FRESHNESS) == NOW
    assert outcome(Shown([cookie(NOW + SKEW)])) == NOW + SKEW


def test_the_settings_of_now_say_how_long_a_proof_counts() -> None:
    assert outcome(Shown([cookie()]), now=NOW + 100, freshness=99) == ("refused", DEVICE_STALE)


def test_what_cannot_be_read_of_a_binding_counts_as_one() -> None:
    for shown in (Shown(), Shown([cookie()]), Shown(skipped="unreachable")):
        assert outcome(shown, of=DAMAGED, grace=99) == ("refused", DEVICE_DAMAGED)
        assert outcome(shown, of=DAMAGED, requires=False) == ("skipped", DEVICE_DAMAGED)


@pytest.mark.parametrize("requires", [True, False])
@pytest.mark.parametrize("of", [BOUND, DAMAGED])
def test_a_token_in_a_header_opens_no_bound_session(requires: bool, of: Record) -> None:
    found = judged(None, of=of, requires=requires, by_header=True)
    assert found == Notice(Event.DEVICE_REFUSED, DEVICE_BY_HEADER, TOKEN.sid)


def test_what_is_opened_without_a_request_is_not_asked() -> None:
    assert judged(None) is None


@pytest.mark.parametrize("of", [BOUND, DAMAGED, OFFER])
def test_who_comes_to_prove_needs_no_proof(of: Record) -> None:
    found = judged(Shown(["forged"], proves=True), of=of)
    assert isinstance(found, DeviceState)
    assert (found.reason, found.proved_at) == (None, None)


IDLE = Lifetimes(browser=1_000, permanent=5_000, own=True)
# The last second in which a session goes on that was proved now, by its idle timeout.
LASTS = {
    "browser": (record(TOKEN, **bound()), NOW + FRESHNESS + 1_000 + SKEW),
    "permanent": (record(TOKEN, permanent=True, **bound()), NOW + FRESHNESS + 5_000 + SKEW),
    "its own": (record(TOKEN, lifetime=50, **bound()), NOW + FRESHNESS + 50 + SKEW),
}


@pytest.mark.parametrize("by_header", [True, False])
@pytest.mark.parametrize("which", LASTS)
def test_without_a_proof_a_bound_session_is_idle_whoever_asks_for_it(
    which: str, by_header: bool
) -> None:
    of, last = LASTS[which]
    shown = None if by_header else Shown([cookie()])
    for grace in (0, 99):
        for now, event in ((last, Event.DEVICE_REFUSED), (last + 1, Event.EXPIRED)):
            settings = {"lifetimes": IDLE, "by_header": by_header, "grace": grace}
            found = judged(shown, of=of, now=now + grace, **settings)
            assert isinstance(found, Notice)
            assert found.event is event


def test_a_proof_that_comes_too_late_revives_no_idle_session() -> None:
    of, last = LASTS["browser"]
    shown = Shown(proves=True)
    assert isinstance(judged(shown, of=of, now=last, lifetimes=IDLE), DeviceState)
    over = judged(shown, of=of, now=last + 1, lifetimes=IDLE)
    assert over == Notice(Event.EXPIRED, OVER, TOKEN.sid)


def test_where_no_proof_is_required_none_is_missed() -> None:
    of, last = LASTS["browser"]
    for shown in (Shown(), Shown(proves=True)):
        found = judged(shown, of=of, now=10 * last, lifetimes=IDLE, requires=False)
        assert isinstance(found, DeviceState)
    found = judged(None, of=of, now=10 * last, lifetimes=IDLE, requires=False, by_header=True)
    assert found == Notice(Event.DEVICE_REFUSED, DEVICE_BY_HEADER, TOKEN.sid)


@pytest.mark.parametrize(
    ("after", "goes_on"),
    [(-SKEW - 1, False), (-SKEW, True), (0, True), (SETTLES - 1, True), (SETTLES, False)],
)
def test_what_was_under_way_when_the_session_was_bound_goes_on(after: int, goes_on: bool) -> None:
    of = record(TOKEN, **bound(bound_at=NOW))
    kind = "skipped" if goes_on else "refused"
    assert outcome(Shown(), of=of, now=NOW + after) == (kind, DEVICE_MISSING)


@pytest.mark.parametrize(
    ("after", "goes_on"),
    [
        (FRESHNESS - MARGIN - 1, False),
        (FRESHNESS - MARGIN, True),
        (FRESHNESS + 29, True),
        (FRESHNESS + 30, False),
    ],
)
def test_the_grace_is_counted_once_from_the_last_proof(after: int, goes_on: bool) -> None:
    kind = "skipped" if goes_on else "refused"
    skips = Shown(skipped="unreachable")
    assert outcome(skips, now=NOW + after, grace=30) == (kind, DEVICE_MISSING)
    # Not without a word, nor without a grace.
    assert outcome(Shown(), now=NOW + after, grace=30)[0] == "refused"
    assert outcome(skips, now=NOW + after)[0] == "refused"
    # By the record's proof, not by a cookie that was kept from an earlier one.
    old = Shown([cookie(NOW - 10_000)], skipped="unreachable")
    assert outcome(old, now=NOW + after, grace=30) == (kind, DEVICE_STALE)


def test_a_short_freshness_has_a_short_margin() -> None:
    assert Judges(freshness=40).devices.rules.margin == 10


@pytest.mark.parametrize(
    ("shown", "told"), [(Shown(), DEVICE_MISSING), (Shown(skipped="unreachable"), "unreachable")]
)
def test_what_goes_on_without_a_proof_is_told_with_the_browsers_word(
    shown: Shown, told: str
) -> None:
    found = judged(shown, requires=False)
    assert isinstance(found, DeviceState)
    assert found.skipped(BOUND) == Notice(Event.DEVICE_SKIPPED, told, TOKEN.sid)


# --- what the response says ---------------------------------------------------------------


def replied(
    after: Record | None,
    shown: Shown | None = None,
    *,
    before: Record = BOUND,
    ends: bool = False,
    now: int = NOW,
    lost: Lost | None = None,
    **known: Any,
) -> DeviceReply | None:
    """Return what a response says after a request that has found one record and left another."""
    judges = Judges(requires=False)
    found = judges.devices.judge(before, shown or Shown([cookie()]), NOW)
    assert isinstance(found, DeviceState)
    for name, value in known.items():
        setattr(found, name, value)
    found.speaks = bool(known)
    state = SessionState(loaded=None if after is None else Loaded(None, after))
    state.device, state.lost = found, lost
    judges.clock.now = now
    reply = judges.devices.reply(state, ends=ends)
    assert reply is None or found.may_speak(after)  # or no response would have it
    return reply


REKEYED = BOUND._replace(secret_hash=b"1" * 24)
DROPPED = DeviceReply(None, DropBound())


def test_a_request_that_changes_nothing_says_nothing() -> None:
    for shown in (Shown(), Shown([cookie()]), Shown(["forged"])):
        assert replied(BOUND, shown) is None
        assert replied(FREE, shown, before=FREE) is None
        assert replied(OFFER, shown, before=OFFER) is None
        assert replied(DAMAGED, shown, before=DAMAGED) is None
    assert Judges().devices.reply(SessionState(), ends=True) is None


def test_a_new_secret_brings_the_bound_cookie_anew_with_its_old_end() -> None:
    found = replied(REKEYED, Shown([cookie(NOW - 100)]), now=NOW + 5)
    assert found is not None
    assert found.cookie == SetBound(cookie(NOW - 100, of=REKEYED), FRESHNESS - MARGIN - 105)


@pytest.mark.parametrize("shown", [Shown(["forged"]), Shown([cookie(NOW - FRESHNESS - 1)])])
def test_a_new_secret_brings_none_to_who_had_no_fresh_one(shown: Shown) -> None:
    assert replied(REKEYED, shown) == DROPPED
    assert replied(REKEYED, Shown()) is None


def test_a_bound_cookie_that_would_end_at_once_is_deleted() -> None:
    assert replied(REKEYED, now=NOW + FRESHNESS - MARGIN) == DROPPED
    assert replied(REKEYED, now=NOW + FRESHNESS - MARGIN - 1) != DROPPED


@pytest.mark.parametrize("before", [BOUND, OFFER, FREE])
def test_a_proof_brings_the_bound_cookie(before: Record) -> None:
    found = replied(BOUND, Shown(), before=before, proved=NOW)
    assert found == DeviceReply(None, SetBound(cookie(), FRESHNESS - MARGIN))
    assert "." not in repr(found)


@pytest.mark.parametrize("after", [None, FREE, OFFER])
def test_a_binding_that_is_gone_takes_the_bound_cookie_along(after: Record | None) -> None:
    for shown in (Shown(), Shown([cookie()])):
        assert replied(after, shown) == DROPPED


def test_a_session_that_ends_takes_along_what_the_browser_has() -> None:
    assert replied(None, before=FREE, ends=True) == DROPPED
    assert replied(None, Shown(), before=FREE, ends=True) is None
    assert replied(None, before=FREE) is None


def test_who_is_refused_is_to_prove_anew() -> None:
    assert replied(None, before=FREE, refused=True) == DROPPED
    assert replied(FREE, before=FREE, refused=True) == DROPPED
    assert replied(None, Shown(), before=FREE, refused=True) is None


def test_a_view_can_ask_for_a_proof_at_once() -> None:
    assert replied(BOUND, drops=True) == DROPPED


def test_a_session_that_was_taken_over_leaves_the_cookies_to_who_took_it() -> None:
    taken = Lost("sid", drop=False, owner=None)
    assert replied(None, lost=taken) is replied(None, lost=taken, drops=True) is None
    assert replied(None, lost=Lost("sid", drop=True, owner=None)) == DROPPED


def test_an_offer_is_told_while_it_stands() -> None:
    assert replied(OFFER, before=FREE, registration="c") == DeviceReply("c", None)
    assert replied(FREE, before=FREE, registration="c") is None
    assert replied(None, before=FREE, registration="c") is None
    assert replied(BOUND, before=FREE, registration="c") is None
    both = replied(OFFER, registration="c")  # to a new owner of a bound session
    assert both == DeviceReply("c", DropBound())
    assert OFFER_LIFE > SETTLES
