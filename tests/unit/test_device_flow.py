"""Offers, registrations, challenges and proofs are saved like changes, on what stands then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from samesession import NotSupported, ReadOnlySession, ServerSession, StoreUnavailable
from samesession.core import codec, device_notes
from samesession.core.account import adopt
from samesession.core.cookie import DropCookie, Reply
from samesession.core.device_binding import (
    CHALLENGE_LIFE,
    OFFER_LIFE,
    Binding,
    Challenge,
    Device,
    Offered,
    challenge_hash,
    device_in,
    device_of,
    with_device,
)
from samesession.core.device_checks import DropBound, SetBound
from samesession.core.device_state import DeviceState
from samesession.core.events import (
    DEVICE_BY_HEADER,
    DEVICE_MISSING,
    DEVICE_SIGNATURE,
    NOT_OURS,
    SEVERAL,
    Event,
    Notice,
)
from samesession.core.flow import Flow
from samesession.core.record import DEVICE, Record
from samesession.core.request_state import Mode, SessionState, data_of, state_of
from samesession.core.scopes import Address
from samesession.core.store import Conflict, Outcome

from .device_parts import COOKIES, FRESHNESS, KEY, MARGIN, Judges, Shown, binding, bound
from .parts import NOW, RULES, Asked, IndexingStore, feed, record, sealer, signer

WRITTEN, GONE = Outcome.WRITTEN, Outcome.GONE
OFFER: dict[str, Any] = {"fields": with_device((), Offered(challenge_hash("offer"), NOW))}
TOO_OLD = {"fields": with_device((), Offered(challenge_hash("offer"), NOW - OFFER_LIFE - 1))}
HELD = Challenge(challenge_hash("one"), NOW, demanded=False)
OTHER = Challenge(challenge_hash("two"), NOW, demanded=False)


class Bench:
    """A flow with devices, and one stored session."""

    def __init__(self, *, requires: bool = False, by_header: bool = False) -> None:
        self.judges = Judges(requires=requires, by_header=by_header)
        self.clock, self.notices = self.judges.clock, self.judges.notices
        self.signer, self.sealer = signer(), sealer()
        self.signed = self.signer.mint()
        self.key = "session:" + self.signed.token.sid
        self.flow = Flow(
            store=IndexingStore(),  # type: ignore[arg-type]  # asks
            rules=RULES,
            signer=self.signer,
            sealer=self.sealer,
            clock=self.clock,
            notify=self.notices.append,
            devices=self.judges.devices,
        )

    def record(self, data: dict[str, Any] | None = None, **changes: Any) -> Record:
        payload = codec.encode({"a": 1} if data is None else data)
        return record(self.signed.token, payload=payload, **changes)

    def sealed(self, data: dict[str, Any] | None = None, **changes: Any) -> bytes:
        return self.sealer.seal(self.key, self.record(data, **changes))

    def conflict(self, **changes: Any) -> Conflict:
        return Conflict(self.sealed({"a": 2}, **{"revision": 2, **changes}))

    def opened(self, shown: Shown | None = None, **changes: Any) -> ServerSession:
        """Open the stored session; forget the events of doing so."""
        steps = self.flow.open([self.signed.value], device=shown or Shown())
        session, _ = feed(steps, [self.sealed(**changes)])
        assert state_of(session).loaded is not None
        self.notices.clear()
        return session

    def new(self, shown: Shown | None = None) -> ServerSession:
        return feed(self.flow.open([], device=shown or Shown()))[0]

    def cookie(self, proved_at: int = NOW) -> str:
        return COOKIES.value(self.record(), binding().thumbprint, proved_at)

    def closed(self, session: ServerSession, *answers: Any) -> tuple[Reply, Sequence[Asked]]:
        return feed(self.flow.close(session), answers)

    def sent(self, asked: Sequence[Asked]) -> Device | None:
        """Return what the last record that the store was given says of its device."""
        written = [each for each in asked if each.method in {"create", "commit"}][-1]
        return device_of(self.sealer.open(written.args[0], written.args[1]))

    @property
    def noted(self) -> list[Event]:
        return [notice.event for notice in self.notices]


def device(session: ServerSession) -> DeviceState:
    found = state_of(session).device
    assert found is not None
    return found


def bind(session: ServerSession) -> None:
    session.bind("ann")


MONTH = 31 * 24 * 3600  # longer than any idle timeout of these sessions, and a proof


# --- open ---------------------------------------------------------------------------------


def test_what_was_not_proved_for_too_long_is_deleted() -> None:
    bench = Bench(requires=True)
    steps = bench.flow.open([bench.signed.value], device=Shown())
    late = bound(proved_at=NOW - 2 * MONTH)
    session, asked = feed(steps, [bench.sealed(**late), WRITTEN, None])
    assert state_of(session).loaded is None
    assert [each.method for each in asked][:2] == ["load", "remove"]
    assert bench.noted == [Event.EXPIRED]


def test_what_is_proved_in_the_meantime_is_not_deleted() -> None:
    bench = Bench(requires=True)
    steps = bench.flow.open([bench.signed.value], device=Shown())
    late = bound(proved_at=NOW - 2 * MONTH)
    session, asked = feed(steps, [bench.sealed(**late), bench.conflict(**bound())])
    assert state_of(session).loaded is None
    assert [each.method for each in asked] == ["load", "remove"]


def test_a_request_asks_nothing_more_of_the_store_for_its_device() -> None:
    bench = Bench(requires=True)
    steps = bench.flow.open([bench.signed.value], device=Shown([bench.cookie()]))
    session, asked = feed(steps, [bench.sealed(**bound())])
    assert [each.method for each in asked] == ["load"]
    assert (data_of(session), device(session).proved_at, bench.notices) == ({"a": 1}, NOW, [])
    assert bench.flow.is_at_rest(session)


def test_a_session_that_is_refused_is_a_new_one_and_the_record_stays() -> None:
    bench = Bench(requires=True)
    steps = bench.flow.open([bench.signed.value], device=Shown())
    session, asked = feed(steps, [bench.sealed(owner="ann", **bound())])
    assert [each.method for each in asked] == ["load"]
    assert (session.new, data_of(session), session.sid) == (True, {}, session.sid)
    assert session.sid != bench.signed.token.sid
    assert (device(session).refused, device(session).reason) == (True, DEVICE_MISSING)
    sid = bench.signed.token.sid
    assert bench.notices == [Notice(Event.DEVICE_REFUSED, DEVICE_MISSING, sid, "ann")]
    assert feed(bench.flow.close(session)) == (Reply(None, vary=True), [])


@pytest.mark.parametrize(
    ("cookies", "fields", "comes_again"),
    [
        ((), bound(), True),
        (("1.old",), bound(), True),  # as of another session
        ((), {"fields": ((DEVICE, b"?"),)}, False),  # no proof would open it
    ],
)
def test_a_link_is_refused_for_good_only_where_no_proof_helps(
    cookies: Sequence[str], fields: dict[str, Any], *, comes_again: bool
) -> None:
    bench = Bench(requires=True)
    shown = Shown(cookies, arrives=True)
    steps = bench.flow.open([bench.signed.value], device=shown)
    session, _ = feed(steps, [bench.sealed(**fields)])
    assert device(session).refused
    assert (device(session).comes_again, device(session).is_ours) == (comes_again, comes_again)
    assert shown.ends_early == comes_again
    assert bench.noted == ([] if comes_again else [Event.DEVICE_REFUSED])


def test_other_new_sessions_are_in_nobodys_place() -> None:
    bench = Bench(requires=True)
    session, _ = feed(bench.flow.open(["forged"], device=Shown()))
    assert (device(session).refused, bench.notices) == (False, [Notice(Event.REJECTED, NOT_OURS)])
    assert not device(bench.new()).refused


def test_a_bound_session_that_goes_on_is_told_of_once() -> None:
    bench = Bench()
    steps = bench.flow.open([bench.signed.value], device=Shown(skipped="unreachable"))
    _ = feed(steps, [bench.sealed(owner="ann", **bound())])
    sid = bench.signed.token.sid
    assert bench.notices == [Notice(Event.DEVICE_SKIPPED, "unreachable", sid, "ann")]


@pytest.mark.parametrize("requires", [True, False])
def test_a_token_in_a_header_opens_no_bound_session(requires: bool) -> None:
    bench = Bench(requires=requires, by_header=True)
    session, _ = feed(bench.flow.open([bench.signed.value]), [bench.sealed(**bound())])
    assert (session.new, state_of(session).device) == (True, None)
    sid = bench.signed.token.sid
    assert bench.notices == [Notice(Event.DEVICE_REFUSED, DEVICE_BY_HEADER, sid)]


def test_a_session_that_is_named_by_its_sid_needs_no_device() -> None:
    bench = Bench(requires=True)
    steps = bench.flow.open_by_sid(bench.signed.token.sid)
    session, _ = feed(steps, [bench.sealed(**bound())])
    assert session is not None
    assert session.info.device_bound


@pytest.mark.parametrize("requires", [True, False])
def test_a_tossed_cookie_does_not_win_over_a_session_without_its_device(requires: bool) -> None:
    bench = Bench(requires=requires)
    tossed = bench.signer.mint()
    other = bench.sealer.seal("session:" + tossed.token.sid, record(tossed.token))
    steps = bench.flow.open(
        [bench.signed.value, tossed.value], device=Shown(), address=Address("localhost", "/")
    )
    session, _ = feed(steps, [bench.sealed(**bound()), other])
    assert session.new
    assert bench.notices == [Notice(Event.REJECTED, SEVERAL)]


def test_of_several_cookies_the_bound_one_that_is_live_is_told_of_once() -> None:
    bench = Bench()
    stale = bench.signer.mint()
    steps = bench.flow.open([bench.signed.value, stale.value], device=Shown())
    session, _ = feed(steps, [bench.sealed(**bound()), None, bench.sealed(**bound())])
    assert data_of(session) == {"a": 1}
    assert bench.noted == [Event.DEVICE_SKIPPED, Event.EXPIRED]


# --- offers -------------------------------------------------------------------------------


def test_a_login_is_offered_to_bind_its_session() -> None:
    bench = Bench()
    session = bench.new()
    session.bind("ann")
    _, asked = bench.closed(session, None, True)
    challenge = device(session).registration
    assert challenge is not None
    assert bench.sent(asked) == Offered(challenge_hash(challenge), NOW)
    reply = bench.judges.devices.reply(state_of(session), ends=False)
    assert reply is not None
    assert (reply.registration, reply.cookie) == (challenge, None)


def test_a_login_in_a_session_that_is_there_is_offered_it_in_the_same_commit() -> None:
    bench = Bench()
    session = bench.opened()
    session.bind("ann")
    _, asked = bench.closed(session, None, WRITTEN)
    assert [each.method for each in asked] == ["enlist", "commit"]
    assert bench.sent(asked) == Offered(challenge_hash(device(session).registration or ""), NOW)


def test_a_login_by_another_library_is_offered_it_where_the_session_was_nobodys() -> None:
    bench = Bench()
    session = bench.opened()
    adopt(session, "ann", new_secret=False)
    _, asked = bench.closed(session, None, WRITTEN)
    assert isinstance(bench.sent(asked), Offered)
    again = bench.opened(owner="ann", indexed=NOW)
    adopt(again, "ann", new_secret=False)
    _, asked = bench.closed(again, WRITTEN)
    assert bench.sent(asked) is None


def test_nothing_is_offered_over_plain_http() -> None:
    bench = Bench()
    session = bench.opened(Shown(is_secure=False))
    session.bind("ann")
    session.offer_device_binding()
    _, asked = bench.closed(session, None, WRITTEN)
    assert (bench.sent(asked), device(session).registration) == (None, None)


@pytest.mark.parametrize("change", [ServerSession.regenerate, ServerSession.confirm])
def test_nothing_else_is_offered_unasked(change: Callable[[ServerSession], None]) -> None:
    bench = Bench()
    session = bench.opened(owner="ann", indexed=NOW)
    change(session)
    _, asked = bench.closed(session, WRITTEN)
    assert bench.sent(asked) is None


def test_an_application_can_have_it_offered_at_any_time() -> None:
    bench = Bench()
    session = bench.opened()
    session.offer_device_binding()
    assert not bench.flow.is_at_rest(session)
    _, asked = bench.closed(session, WRITTEN)
    assert isinstance(bench.sent(asked), Offered)
    assert bench.closed(session)[1] == []  # nothing is left to save
    new = bench.new()
    new.offer_device_binding()
    assert bench.closed(new)[1] == []  # which would be stored for nothing
    new["a"] = 1
    new.offer_device_binding()
    assert isinstance(bench.sent(bench.closed(new, True)[1]), Offered)


def test_an_offer_that_stands_gives_way_to_a_newer_one() -> None:
    bench = Bench()
    session = bench.opened(**OFFER)
    session.offer_device_binding()
    _, asked = bench.closed(session, WRITTEN)
    found = bench.sent(asked)
    assert isinstance(found, Offered)
    assert found.hash != challenge_hash("offer")


def test_a_bound_session_is_offered_nothing() -> None:
    bench = Bench()
    session = bench.opened(owner="ann", indexed=NOW, **bound())
    session.offer_device_binding()
    assert bench.flow.is_at_rest(session)
    session.bind("ann")
    session.offer_device_binding()
    _, asked = bench.closed(session, WRITTEN)
    assert (bench.sent(asked), device(session).registration) == (binding(), None)


@pytest.mark.parametrize("clears", [True, False])
def test_a_bound_session_that_gets_another_owner_is_offered_a_new_binding(clears: bool) -> None:
    bench = Bench()
    session = bench.opened(owner="ann", indexed=NOW, **bound())
    if clears:
        session.clear()
    session.bind("ann" if clears else "bob")
    session.offer_device_binding()
    _, asked = bench.closed(session, *([WRITTEN] if clears else [None, WRITTEN, None]))
    assert isinstance(bench.sent(asked), Offered)


def test_a_faster_request_has_bound_the_session_and_the_offer_is_dropped() -> None:
    bench = Bench()
    session = bench.opened()
    session["b"] = 1
    session.offer_device_binding()
    _, asked = bench.closed(session, bench.conflict(**bound()), WRITTEN)
    assert (bench.sent(asked), device(session).registration) == (binding(), None)
    assert data_of(session) == {"a": 2, "b": 1}


def test_an_offer_that_was_not_saved_is_saved_later() -> None:
    bench = Bench()
    session = bench.opened()
    session.bind("ann")
    with pytest.raises(StoreUnavailable):
        bench.closed(session, None, StoreUnavailable("down"))
    assert device(session).registration is None
    _, asked = bench.closed(session, None, WRITTEN)
    found = bench.sent(asked)
    assert found == Offered(challenge_hash(device(session).registration or ""), NOW)


@pytest.mark.parametrize("undo", [ServerSession.clear, ServerSession.end])
def test_what_ends_takes_an_offer_along(undo: Callable[[ServerSession], None]) -> None:
    bench = Bench()
    session = bench.opened()
    session.offer_device_binding()
    undo(session)
    _, asked = bench.closed(session, WRITTEN)
    assert [each.method for each in asked] == ["remove"]
    assert device(session).registration is None


def test_an_offer_needs_a_response_and_the_setting() -> None:
    with pytest.raises(NotSupported, match="SESSION_DEVICE_BOUND"):
        ServerSession().offer_device_binding()
    by_header = SessionState()
    by_header.header_token = ""
    with pytest.raises(NotSupported, match="header"):
        ServerSession(state=by_header).offer_device_binding()
    with pytest.raises(ReadOnlySession, match="exempt"):
        ServerSession(state=SessionState(mode=Mode.EXEMPT)).offer_device_binding()
    bench = Bench()
    for name in ("of_socket", "answered"):
        session = bench.opened()
        setattr(state_of(session), name, True)
        with pytest.raises(ReadOnlySession, match="offer"):
            session.offer_device_binding()
    steps = bench.flow.open_by_sid(bench.signed.token.sid)
    outside, _ = feed(steps, [bench.sealed()])
    assert outside is not None
    with pytest.raises(ReadOnlySession, match="offer"):
        outside.offer_device_binding()
    ServerSession(state=SessionState(mode=Mode.BROKEN)).offer_device_binding()  # a throwaway


# --- registration -------------------------------------------------------------------------


def test_the_answer_to_an_offer_binds_the_session() -> None:
    bench = Bench()
    session = bench.opened(owner="ann", indexed=NOW, **OFFER)
    assert device_notes.note_registration(session, "ES256", KEY, "offer")
    _, asked = bench.closed(session, WRITTEN)
    assert bench.sent(asked) == binding(bound_at=NOW)
    assert (device(session).done, device(session).proved) == (True, NOW)
    assert bench.notices == [Notice(Event.DEVICE_BOUND, "", bench.signed.token.sid, "ann")]
    reply = bench.judges.devices.reply(state_of(session), ends=False)
    assert reply is not None
    assert reply.cookie == SetBound(bench.cookie(), FRESHNESS - MARGIN)


@pytest.mark.parametrize(
    ("changes", "challenge"),
    [
        ({}, "offer"),
        (OFFER, "another"),
        (bound(), "offer"),
        (bound(bound_at=NOW, algorithm="RS256"), "offer"),
        (bound(bound_at=NOW, key=b"another"), "offer"),
        (bound(bound_at=NOW), "another"),
        (TOO_OLD, "offer"),
    ],
)
def test_no_other_answer_does(changes: dict[str, Any], challenge: str) -> None:
    bench = Bench()
    session = bench.opened(**changes)
    assert not device_notes.note_registration(session, "ES256", KEY, challenge)
    assert bench.flow.is_at_rest(session)
    assert bench.judges.devices.reply(state_of(session), ends=False) is None


def test_the_same_answer_again_has_the_same_reply() -> None:
    bench = Bench()
    session = bench.opened(Shown(proves=True), **bound(bound_at=NOW - 5, proved_at=NOW - 5))
    assert device_notes.note_registration(session, "ES256", KEY, "offer")
    assert bench.flow.is_at_rest(session)
    assert device(session).done
    reply = bench.judges.devices.reply(state_of(session), ends=False)
    assert reply is not None
    assert reply.cookie == SetBound(bench.cookie(NOW - 5), FRESHNESS - MARGIN - 5)


def test_of_two_answers_at_once_the_first_binds() -> None:
    bench = Bench()
    session = bench.opened(**OFFER)
    assert device_notes.note_registration(session, "ES256", KEY, "offer")
    other = bound(key=b"another", bound_at=NOW)
    _, asked = bench.closed(session, bench.conflict(**other), WRITTEN)
    assert bench.sent(asked) == binding(key=b"another", bound_at=NOW)
    assert (device(session).done, device(session).proved) == (False, None)
    assert bench.noted == [Event.CONFLICT]


def test_of_two_equal_answers_both_have_bound_it() -> None:
    bench = Bench()
    session = bench.opened(**OFFER)
    assert device_notes.note_registration(session, "ES256", KEY, "offer")
    _, _ = bench.closed(session, bench.conflict(**bound(bound_at=NOW, proved_at=NOW + 1)), WRITTEN)
    assert (device(session).done, device(session).proved) == (True, NOW + 1)
    assert bench.noted == [Event.CONFLICT]  # whoever was faster has told of it


def test_an_offer_that_was_replaced_meanwhile_is_not_answered() -> None:
    bench = Bench()
    session = bench.opened(**OFFER)
    assert device_notes.note_registration(session, "ES256", KEY, "offer")
    newer = Offered(challenge_hash("newer"), NOW)
    _, asked = bench.closed(session, bench.conflict(fields=with_device((), newer)), WRITTEN)
    assert (bench.sent(asked), device(session).done) == (newer, False)


# --- challenges and proofs ------------------------------------------------------------------


def test_a_challenge_is_kept_as_a_hash() -> None:
    bench = Bench()
    session = bench.opened(**bound(challenges=(HELD,)))
    challenge = device_notes.note_challenge(session, demanded=True)
    assert challenge is not None
    _, asked = bench.closed(session, WRITTEN)
    newest = Challenge(challenge_hash(challenge), NOW, demanded=True)
    assert bench.sent(asked) == binding(challenges=(HELD, newest))
    assert (device(session).done, device(session).proved, bench.notices) == (True, None, [])


@pytest.mark.parametrize("changes", [{}, OFFER])
def test_only_a_bound_session_is_challenged(changes: dict[str, Any]) -> None:
    bench = Bench()
    session = bench.opened(**changes)
    assert device_notes.note_challenge(session) is None
    assert not device_notes.note_proof(session, "offer")
    assert bench.flow.is_at_rest(session)


def test_of_two_challenges_at_once_both_stand() -> None:
    bench = Bench()
    session = bench.opened(**bound())
    challenge = device_notes.note_challenge(session)
    assert challenge is not None
    _, asked = bench.closed(session, bench.conflict(**bound(challenges=(OTHER,))), WRITTEN)
    newest = Challenge(challenge_hash(challenge), NOW, demanded=False)
    assert bench.sent(asked) == binding(challenges=(OTHER, newest))


def test_a_proof_uses_its_challenge_up() -> None:
    bench = Bench()
    stale = bound(proved_at=NOW - 900, challenges=(HELD, OTHER))
    session = bench.opened(Shown(proves=True), **stale)
    assert device_notes.note_proof(session, "one")
    _, asked = bench.closed(session, WRITTEN)
    assert bench.sent(asked) == binding(challenges=(OTHER,))
    assert (device(session).done, device(session).proved) == (True, NOW)
    assert bench.noted == [Event.DEVICE_PROVED]
    reply = bench.judges.devices.reply(state_of(session), ends=False)
    assert reply is not None
    assert reply.cookie == SetBound(bench.cookie(), FRESHNESS - MARGIN)
    assert not device_notes.note_proof(session, "one")


def test_a_challenge_that_is_too_old_is_none() -> None:
    bench = Bench()
    held = HELD._replace(at=NOW - CHALLENGE_LIFE - 1)
    session = bench.opened(Shown(proves=True), **bound(challenges=(held,)))
    assert not device_notes.note_proof(session, "one")


def test_of_two_proofs_at_once_both_stand() -> None:
    bench = Bench()
    session = bench.opened(Shown(proves=True), **bound(challenges=(HELD, OTHER)))
    assert device_notes.note_proof(session, "one")
    faster = bound(proved_at=NOW + 3, challenges=(HELD,))
    _, asked = bench.closed(session, bench.conflict(**faster), WRITTEN)
    assert bench.sent(asked) == binding(proved_at=NOW + 3)
    assert (device(session).done, device(session).proved) == (True, NOW + 3)


def test_of_two_equal_proofs_at_once_one_stands() -> None:
    bench = Bench()
    session = bench.opened(Shown(proves=True), **bound(challenges=(HELD,)))
    assert device_notes.note_proof(session, "one")
    _, asked = bench.closed(session, bench.conflict(**bound()), WRITTEN)
    assert bench.sent(asked) == binding()
    assert (device(session).done, device(session).proved) == (False, None)
    assert bench.noted == [Event.CONFLICT]
    assert bench.judges.devices.reply(state_of(session), ends=False) is None


@pytest.mark.parametrize(
    "note",
    [
        device_notes.note_challenge,
        lambda session: device_notes.note_proof(session, "one"),
    ],
)
def test_nothing_is_revived(note: Callable[[ServerSession], object]) -> None:
    bench = Bench()
    rekeyed = bench.conflict(secret_hash=b"1" * 24, **bound())
    for answer, drop in ((GONE, True), (rekeyed, False)):
        session = bench.opened(Shown(["x"]), **bound(challenges=(HELD,)))
        _ = note(session)
        reply, asked = bench.closed(session, answer)
        assert [each.method for each in asked] == ["commit"]
        assert reply == Reply(DropCookie() if drop else None, vary=True)
        assert (device(session).done, device(session).proved) == (None, None)
        found = bench.judges.devices.reply(state_of(session), ends=drop)
        assert (found is not None) == drop
        if found is not None:
            assert found.cookie == DropBound()


@pytest.mark.parametrize("owner", ["bob", None])
def test_a_device_that_was_let_go_meanwhile_is_not_proved(owner: str | None) -> None:
    bench = Bench()
    session = bench.opened(owner="ann", indexed=NOW, **bound(challenges=(HELD,)))
    assert device_notes.note_proof(session, "one")
    newer = bench.conflict(owner=owner, indexed=NOW if owner else 0)
    _, asked = bench.closed(session, newer, WRITTEN)
    assert (bench.sent(asked), device(session).done) == (None, False)


def test_notes_are_for_requests_that_have_the_session_by_its_cookie() -> None:
    bench = Bench()
    session, _ = feed(bench.flow.open_by_sid(bench.signed.token.sid), [bench.sealed(**bound())])
    assert session is not None
    with pytest.raises(NotSupported, match="cookie"):
        _ = device_notes.note_challenge(session)


def test_who_comes_to_prove_and_is_refused_is_told_of() -> None:
    bench = Bench()
    session = bench.opened(owner="ann", indexed=NOW, **bound())
    device_notes.tell_refused(session, DEVICE_SIGNATURE)
    sid = bench.signed.token.sid
    assert bench.notices == [Notice(Event.DEVICE_REFUSED, DEVICE_SIGNATURE, sid, "ann")]
    new = bench.new()
    device_notes.tell_refused(new, DEVICE_SIGNATURE)
    assert bench.notices[-1] == Notice(Event.DEVICE_REFUSED, DEVICE_SIGNATURE)
    assert device_notes.device_now(new) is None


# --- what else is done to a bound session -----------------------------------------------------


def test_a_write_leaves_the_binding_as_it_is() -> None:
    bench = Bench(requires=True)
    session = bench.opened(Shown([bench.cookie()]), **bound())
    session["b"] = 1
    _, asked = bench.closed(session, WRITTEN)
    assert bench.sent(asked) == binding()
    assert bench.judges.devices.reply(state_of(session), ends=False) is None


@pytest.mark.parametrize(
    "change",
    [ServerSession.regenerate, ServerSession.confirm, bind],
    ids=["regenerate", "confirm", "bind"],
)
def test_a_new_secret_keeps_the_binding_and_its_proof(
    change: Callable[[ServerSession], None],
) -> None:
    bench = Bench(requires=True)
    shown = Shown([bench.cookie(NOW - 100)])
    session = bench.opened(shown, owner="ann", indexed=NOW, **bound(proved_at=NOW - 50))
    change(session)
    _, asked = bench.closed(session, WRITTEN)
    assert bench.sent(asked) == binding(proved_at=NOW - 50)
    loaded = state_of(session).loaded
    assert loaded is not None
    assert loaded.record.secret_hash != bench.signed.token.secret_hash
    reply = bench.judges.devices.reply(state_of(session), ends=False)
    assert reply is not None
    value = COOKIES.value(loaded.record, binding().thumbprint, NOW - 100)
    assert reply.cookie == SetBound(value, FRESHNESS - MARGIN - 100)


def test_who_goes_on_without_a_proof_gets_none_by_a_new_secret() -> None:
    bench = Bench()
    session = bench.opened(**bound())
    session.regenerate()
    _, asked = bench.closed(session, WRITTEN)
    assert bench.sent(asked) == binding()
    assert bench.judges.devices.reply(state_of(session), ends=False) is None


@pytest.mark.parametrize(
    ("change", "answers"),
    [
        (ServerSession.unbind, (WRITTEN, None)),
        (lambda session: session.bind("bob"), (None, WRITTEN, None)),
        (lambda session: (session.clear(), session.update(b=1)), (WRITTEN, None)),
    ],
)
def test_a_new_owner_or_none_drops_the_binding(
    change: Callable[[ServerSession], object], answers: tuple[Any, ...]
) -> None:
    bench = Bench()
    session = bench.opened(Shown(is_secure=False), owner="ann", indexed=NOW, **bound())
    _ = change(session)
    _, asked = bench.closed(session, *answers)
    assert bench.sent(asked) is None
    reply = bench.judges.devices.reply(state_of(session), ends=False)
    assert reply is not None
    assert reply.cookie == DropBound()


def test_an_anonymous_bound_session_that_is_cleared_is_bound_no_more() -> None:
    bench = Bench()
    session = bench.opened(**bound())
    session.clear()
    session["b"] = 1
    _, asked = bench.closed(session, WRITTEN)
    assert bench.sent(asked) is None


def test_who_has_the_setting_off_keeps_the_binding() -> None:
    bench = Bench()
    off = Flow(
        store=IndexingStore(),  # type: ignore[arg-type]  # asks
        rules=replace(RULES),
        signer=bench.signer,
        sealer=bench.sealer,
        clock=bench.clock,
        notify=bench.notices.append,
    )
    session, _ = feed(off.open([bench.signed.value]), [bench.sealed(**bound())])
    assert (data_of(session), bench.notices) == ({"a": 1}, [])
    session.regenerate()
    _, asked = feed(off.close(session), [WRITTEN])
    assert bench.sent(asked) == binding()
    assert session.info.device_bound


def test_a_session_says_whether_it_is_bound() -> None:
    bench = Bench()
    assert bench.opened(**bound()).info.device_bound
    assert not bench.opened(**OFFER).info.device_bound
    assert not bench.opened().info.device_bound
    assert not bench.new().info.device_bound
    assert isinstance(device_in(bound()["fields"]), Binding)
