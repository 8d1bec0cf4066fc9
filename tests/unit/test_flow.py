"""The order of a request: each question to the store is answered by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from samesession import (
    BadRecord,
    ReadOnlySession,
    ServerSession,
    SessionTooLarge,
    StoreUnavailable,
)
from samesession.aes_gcm import AesGcm
from samesession.core import codec
from samesession.core.cleanup import Cleanup, Deleted
from samesession.core.cookie import MAX_AGE, DropCookie, Reply, SetCookie
from samesession.core.encryption import Encryption
from samesession.core.events import BY_VISITORS, Event, Notice
from samesession.core.flow import Flow
from samesession.core.policy import SKEW
from samesession.core.record import Record, revision_of
from samesession.core.request_state import Mode, SessionState, data_of, state_of
from samesession.core.scopes import Address
from samesession.core.store import Conflict, Lifetimes, Outcome
from samesession.core.token import SignedToken
from samesession.core.writing import MAX_ATTEMPTS
from tests.support.clock import Clock, Entropy

from .parts import (
    NOW,
    RULES,
    Asked,
    AskingStore,
    IndexingStore,
    feed,
    record,
    sealer,
    signer,
)

WRITTEN, GONE = Outcome.WRITTEN, Outcome.GONE
QUIET = Reply(None, vary=False)
ADDRESS = Address("www.example.com", "/a")


class Bench:
    """A flow, a clock, what was noted, and one stored session."""

    def __init__(
        self,
        *,
        indexing: bool = False,
        keys: tuple[bytes, ...] = (),
        encryption: Encryption | None = None,
        **rules: Any,
    ) -> None:
        self.clock = Clock()
        self.events: list[tuple[Event, str | None, str]] = []
        self.notices: list[Notice] = []
        self.rules = replace(RULES, **rules)
        self.signer = signer(*keys)
        self.sealer = sealer(*keys, encryption=encryption)
        self.signed = self.signer.mint()
        self.key = "session:" + self.signed.token.sid
        self.flow = Flow(
            store=IndexingStore() if indexing else AskingStore(),  # type: ignore[arg-type]  # asks
            rules=self.rules,
            signer=self.signer,
            sealer=self.sealer,
            clock=self.clock,
            notify=self._note,
        )

    def _note(self, notice: Notice) -> None:
        self.notices.append(notice)
        self.events.append((notice.event, notice.sid, notice.reason))

    @property
    def noted(self) -> list[Event]:
        return [event for event, _, _ in self.events]

    def record(self, data: dict[str, Any] | None = None, **changes: Any) -> Record:
        payload = codec.encode({"a": 1} if data is None else data)
        return record(self.signed.token, payload=payload, **changes)

    def sealed(self, data: dict[str, Any] | None = None, **changes: Any) -> bytes:
        return self.sealer.seal(self.key, self.record(data, **changes))

    def conflict(self, data: dict[str, Any], **changes: Any) -> Conflict:
        return Conflict(self.sealed(data, **{"revision": 2, **changes}))

    def opened(self, raw: Any = None, **options: Any) -> ServerSession:
        """Open the stored session; forget the events of doing so."""
        answer = self.sealed() if raw is None else raw
        session, _ = feed(self.flow.open([self.signed.value], **options), [answer])
        self.events.clear()
        self.notices.clear()
        return session

    def closed(self, session: ServerSession, *answers: Any, **options: Any) -> tuple[Reply, Any]:
        return feed(self.flow.close(session, **options), answers)

    def sent(self, asked: Asked) -> Record:
        """Read the record that the store was asked to keep."""
        return self.sealer.open(asked.args[0], asked.args[1])


# --- open -----------------------------------------------------------------------------


def test_without_a_cookie_nothing_is_asked() -> None:
    bench = Bench()
    session, asked = feed(bench.flow.open([]))
    assert (asked, session.new, data_of(session), bench.events) == ([], True, {}, [])


@pytest.mark.parametrize("value", ["", "x", "../../x", "a\0b", "\u212a", "x" * 60_000])
def test_a_forged_cookie_asks_nothing_and_is_noted(value: str) -> None:
    bench = Bench()
    session, asked = feed(bench.flow.open([value]))
    assert (asked, session.new) == ([], True)
    assert bench.noted == [Event.REJECTED]
    assert all(sid is None for _, sid, _ in bench.events)


def test_a_live_session_is_one_question() -> None:
    bench = Bench()
    session, asked = feed(bench.flow.open([bench.signed.value]), [bench.sealed()])
    assert asked == [Asked("load", (bench.key,), {"renew": RULES.lifetimes})]
    assert (data_of(session), state_of(session).new, bench.events) == ({"a": 1}, False, [])


def test_a_request_that_must_not_renew_does_not_ask_to() -> None:
    bench = Bench()
    _, asked = feed(bench.flow.open([bench.signed.value], renew=False), [bench.sealed()])
    assert asked[0].named == {"renew": None}


def test_a_cookie_among_foreign_ones_of_its_name_is_used() -> None:
    bench = Bench()
    for values in (["x", bench.signed.value], [bench.signed.value, "x"], [bench.signed.value] * 2):
        session, _ = feed(bench.flow.open(values), [bench.sealed()])
        assert data_of(session) == {"a": 1}


def _load(signed: SignedToken, *, renew: bool) -> Asked:
    lifetimes = RULES.lifetimes if renew else None
    return Asked("load", ("session:" + signed.token.sid,), {"renew": lifetimes})


def _stored(bench: Bench, signed: SignedToken) -> bytes:
    key = "session:" + signed.token.sid
    return bench.sealer.seal(key, record(signed.token, payload=codec.encode({"a": 1})))


@pytest.mark.parametrize("live", [True, False])
def test_of_two_different_cookies_of_ours_neither_is_used(live: bool) -> None:
    bench = Bench()
    other = bench.signer.mint()
    for pair in ((bench.signed, other), (other, bench.signed)):
        bench.events.clear()
        values = ["x", pair[0].value, "y", pair[1].value]
        answers = [_stored(bench, each) if live else None for each in pair]
        session, asked = feed(bench.flow.open(values, address=ADDRESS), answers)
        assert asked == [_load(each, renew=False) for each in pair]
        assert (data_of(session), state_of(session).new) == ({}, True)
        assert state_of(session).cleanup == Cleanup(ADDRESS)
        assert bench.events == [
            (Event.REJECTED, None, "the request has two different session cookies")
        ]
        reply = bench.flow.leave(session)
        assert reply == QUIET
        assert state_of(session).deleted(reply.cookie) == Deleted(ADDRESS)


@pytest.mark.parametrize("renew", [True, False])
def test_of_several_cookies_of_ours_the_one_of_a_live_session_is_used(renew: bool) -> None:
    bench = Bench()
    same_sid = bench.signer.mint(bench.signed.token.sid)
    others = [bench.signer.mint() for _ in range(2)]
    for turn in range(4):
        found = [*others, same_sid]
        found.insert(turn, bench.signed)
        answers = [None if each in others else bench.sealed() for each in found]
        session, asked = feed(
            bench.flow.open([each.value for each in found], renew=renew, address=ADDRESS),
            [*answers, bench.sealed()],
        )
        assert asked[:-1] == [_load(each, renew=False) for each in found]
        assert asked[-1] == _load(bench.signed, renew=renew)
        assert (data_of(session), state_of(session).new) == ({"a": 1}, False)
        reply = bench.flow.leave(session)
        assert reply == Reply(SetCookie(bench.signed.value, None), vary=True)
        assert state_of(session).deleted(reply.cookie) == Deleted(ADDRESS)
        assert bench.closed(session) == (reply, [])


def test_a_session_that_ends_before_it_is_renewed_does_not_count() -> None:
    bench = Bench()
    other = bench.signer.mint()
    values = [bench.signed.value, other.value]
    session, _ = feed(bench.flow.open(values, address=ADDRESS), [bench.sealed(), None, None])
    assert state_of(session).new
    assert bench.noted == [Event.REJECTED]


def test_a_damaged_record_among_several_is_told_and_does_not_count() -> None:
    bench = Bench()
    other = bench.signer.mint()
    values = [other.value, bench.signed.value]
    answers = [b"damaged", bench.sealed(), bench.sealed()]
    session, _ = feed(bench.flow.open(values, address=ADDRESS), answers)
    assert data_of(session) == {"a": 1}
    ((event, sid, reason),) = bench.events
    assert (event, sid, reason in BY_VISITORS) == (Event.REJECTED, None, False)


def test_five_different_cookies_of_ours_are_not_looked_up() -> None:
    bench = Bench()
    values = [bench.signer.mint().value for _ in range(9)]
    session, asked = feed(bench.flow.open(values, address=ADDRESS))
    assert (asked, state_of(session).new, state_of(session).cleanup) == ([], True, Cleanup(ADDRESS))
    assert bench.events == [
        (Event.REJECTED, None, "the request has more than four different session cookies")
    ]


def test_one_token_under_two_keys_is_one_and_the_newer_signature_is_kept() -> None:
    bench = Bench(keys=(b"newest key of all", b"an older key than that"))
    stale = signer(b"an older key than that").sign(bench.signed)
    for values in ([bench.signed.value, stale.value], [stale.value, bench.signed.value]):
        session, asked = feed(bench.flow.open(values, address=ADDRESS), [bench.sealed()])
        assert (len(asked), data_of(session), state_of(session).cleanup) == (1, {"a": 1}, None)
        loaded = state_of(session).loaded
        assert loaded is not None
        assert loaded.signed == bench.signed


@pytest.mark.parametrize("bound", [True, False])
def test_the_owner_index_hears_of_a_longer_time_and_outlives_it(bound: bool) -> None:
    bench = Bench(indexing=True, lifetimes=replace(RULES.lifetimes, own=True))
    owned: dict[str, Any] = {"owner": "ann", "indexed": NOW, "auth_time": NOW}
    session = bench.opened(bench.sealed(**({} if bound else owned)))
    if bound:
        session.bind("ann")
    session.lifetime = timedelta(seconds=50_000)
    _, asked = bench.closed(session, None, WRITTEN)
    assert [each.method for each in asked] == ["enlist", "commit"]
    assert asked[0].named["lifetime"] >= 2 * 50_000
    session.lifetime = timedelta(seconds=20)
    assert [each.method for each in bench.closed(session, WRITTEN)[1]] == ["commit"]


def test_without_a_cookie_of_ours_in_the_response_none_is_deleted() -> None:
    bench = Bench(indexing=True)
    longest = RULES.lifetimes.longest
    bench.clock.now += longest
    other = bench.signer.mint()
    values = [other.value, bench.signed.value]
    stored = bench.sealed(owner="ann", indexed=NOW)
    session, _ = feed(bench.flow.open(values, address=ADDRESS), [None, stored, stored])
    # The index is to be renewed, but another request is faster: its response has the cookie.
    reply, _ = bench.closed(session, None, bench.conflict({"a": 2}, owner="ann", indexed=NOW))
    assert reply.cookie is None
    assert state_of(session).deleted(reply.cookie) is None


def _truncated(bench: Bench) -> bytes:
    return bench.sealed()[:-1]


def _another_key(bench: Bench) -> bytes:
    return bench.sealer.seal("session:x", bench.record())


def _no_mapping(bench: Bench) -> bytes:
    return bench.sealer.seal(bench.key, record(bench.signed.token, payload=b"\x01"))


def _another_secret(bench: Bench) -> bytes:
    return bench.sealed(secret_hash=b"\0" * 24)


def _crossed(bench: Bench) -> bytes:
    # A record of another sid under this key, sealed by us: no store of ours does so.
    other = bench.signer.mint().token
    return bench.sealer.seal(bench.key, record(other, secret_hash=bench.signed.token.secret_hash))


def _overdue(bench: Bench) -> bytes:
    return bench.sealed(deadline=NOW)


def _nothing(bench: Bench) -> None:
    return None


def _bad_record(bench: Bench) -> BadRecord:
    return BadRecord("its file is not a regular file")


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        (_nothing, Event.EXPIRED),
        (_truncated, Event.REJECTED),
        (_another_key, Event.REJECTED),
        (_no_mapping, Event.REJECTED),
        (_another_secret, Event.REJECTED),
        (_crossed, Event.REJECTED),
        (_bad_record, Event.REJECTED),
    ],
)
def test_a_record_that_is_not_this_sessions_is_a_new_session_and_is_never_adopted(
    answer: Callable[[Bench], Any], event: Event
) -> None:
    bench = Bench()
    session, asked = feed(bench.flow.open([bench.signed.value]), [answer(bench)])
    assert (len(asked), state_of(session).new, data_of(session)) == (1, True, {})
    assert bench.noted == [event]
    session["b"] = 1
    reply, asked = bench.closed(session, True)
    assert [one.method for one in asked] == ["create"]
    assert asked[0].args[0] != bench.key
    assert isinstance(reply.cookie, SetCookie)
    assert reply.cookie.value != bench.signed.value


def _begun_later(bench: Bench) -> bytes:
    return bench.sealed(created=NOW + 61)


def _authenticated_later(bench: Bench) -> bytes:
    return bench.sealed(owner="ann", auth_time=NOW + 61)


@pytest.mark.parametrize("answer", [_overdue, _begun_later, _authenticated_later])
def test_a_session_whose_time_is_over_is_deleted_so_that_no_later_clock_shows_it(
    answer: Callable[[Bench], bytes],
) -> None:
    bench = Bench()
    raw = answer(bench)
    answers = [raw, Outcome.WRITTEN]
    session, asked = feed(bench.flow.open([bench.signed.value]), answers)
    assert [(one.method, one.args[0]) for one in asked] == [
        ("load", bench.key),
        ("remove", bench.key),
    ]
    assert asked[1].named == {"expected": revision_of(raw)}
    assert (state_of(session).new, data_of(session), bench.noted) == (True, {}, [Event.EXPIRED])
    session["b"] = 1
    reply, asked = bench.closed(session, True)
    assert [one.method for one in asked] == ["create"]
    assert asked[0].args[0] != bench.key
    assert isinstance(reply.cookie, SetCookie)
    assert reply.cookie.value != bench.signed.value


def test_what_was_written_meanwhile_is_ended_only_if_it_is_over_as_well() -> None:
    bench = Bench()
    over, later = (bench.sealed(deadline=NOW, revision=number) for number in (1, 2))
    login = bench.sealed(deadline=NOW + 100, revision=3)
    steps = bench.flow.open([bench.signed.value])
    session, asked = feed(steps, [over, Conflict(later), Conflict(login)])
    assert [one.named.get("expected") for one in asked[1:]] == [
        revision_of(over),
        revision_of(later),
    ]
    assert (state_of(session).new, bench.noted) == (True, [Event.EXPIRED])


def test_a_store_that_is_down_is_told() -> None:
    bench = Bench()
    with pytest.raises(StoreUnavailable):
        feed(bench.flow.open([bench.signed.value]), [StoreUnavailable("down")])


# --- close: nothing to do -------------------------------------------------------------


def test_an_untouched_session_says_and_asks_nothing() -> None:
    bench = Bench()
    assert bench.closed(ServerSession()) == (QUIET, [])
    assert bench.closed(bench.opened()) == (QUIET, [])


def test_a_session_that_was_read_varies_and_is_not_written() -> None:
    bench = Bench()
    session = bench.opened()
    _ = session.get("a")
    assert bench.closed(session) == (Reply(None, vary=True), [])
    new = ServerSession()
    _ = "a" in new
    assert bench.closed(new) == (Reply(None, vary=True), [])


def test_a_permanent_session_refreshes_its_cookie_without_asking() -> None:
    bench = Bench()
    raw = bench.sealed({"_permanent": True}, permanent=True)
    reply, asked = bench.closed(bench.opened(raw))
    assert reply == Reply(SetCookie(bench.signed.value, NOW + 1000), vary=True)
    assert asked == []
    assert bench.closed(bench.opened(raw, renew=False)) == (QUIET, [])
    assert Bench(refresh_each_request=False).closed(bench.opened(raw)) == (QUIET, [])


def test_a_cookie_is_never_asked_to_last_longer_than_browsers_keep_it() -> None:
    bench = Bench(lifetimes=replace(RULES.lifetimes, permanent=MAX_AGE + 1))
    reply, _ = bench.closed(bench.opened(bench.sealed({"_permanent": True}, permanent=True)))
    assert isinstance(reply.cookie, SetCookie)
    assert reply.cookie.expires == NOW + MAX_AGE


@pytest.mark.parametrize("permanent", [True, False])
def test_a_read_session_is_renewed_again_where_its_timeout_changed(permanent: bool) -> None:
    bench, longer = Bench(), Lifetimes(browser=200, permanent=2000)
    raw = bench.sealed({"_permanent": permanent}, permanent=permanent)
    changed = Bench(lifetimes=longer)
    reply, asked = changed.closed(bench.opened(raw), raw)
    assert asked == [Asked("load", (bench.key,), {"renew": longer})]
    cookie = SetCookie(bench.signed.value, NOW + 2000) if permanent else None
    assert reply == Reply(cookie, vary=permanent)
    assert changed.closed(bench.opened(raw, renew=False)) == (QUIET, [])


def test_a_session_is_not_renewed_again_for_a_timeout_that_is_not_its_own() -> None:
    bench = Bench()
    for raw, lifetimes in (
        (bench.sealed(permanent=True), replace(RULES.lifetimes, browser=1)),
        (bench.sealed(), replace(RULES.lifetimes, permanent=1)),
        (bench.sealed(lifetime=60), Lifetimes(browser=1, permanent=1, own=True)),
    ):
        assert Bench(lifetimes=lifetimes).closed(bench.opened(raw))[1] == []


@pytest.mark.parametrize("found", ["nothing", "another secret", "another key"])
def test_what_cannot_be_renewed_again_gets_no_cookie(found: str) -> None:
    bench = Bench()
    raw = bench.sealed({"_permanent": True}, permanent=True)
    answers = {
        "nothing": None,
        "another secret": _another_secret(bench),
        "another key": Bench(keys=(b"another key of all",)).sealer.seal(bench.key, bench.record()),
    }
    changed = Bench(lifetimes=Lifetimes(browser=200, permanent=2000))
    reply, asked = changed.closed(bench.opened(raw), answers[found])
    assert (reply, len(asked)) == (QUIET, 1)


def test_what_was_saved_under_the_changed_timeout_is_not_renewed_again() -> None:
    bench, changed = Bench(), Bench(lifetimes=Lifetimes(browser=200, permanent=2000))
    session = bench.opened()
    session["b"] = 2
    changed.closed(session, WRITTEN)
    assert changed.closed(session)[1] == []


NEWER_KEY = (b"a newer key of all",)


def test_a_read_session_is_sealed_and_signed_by_the_key_that_came_meanwhile() -> None:
    bench, changed = Bench(), Bench(keys=NEWER_KEY)
    reply, asked = changed.closed(bench.opened(), WRITTEN)
    assert [each.method for each in asked] == ["commit"]
    assert changed.sent(asked[0]).payload == bench.record().payload
    assert isinstance(reply.cookie, SetCookie)
    signed = changed.signer.read(reply.cookie.value)
    assert signed is not None
    assert (signed.token, signed.stale) == (bench.signed.token, False)


@pytest.mark.parametrize("outcome", [GONE, Conflict(b"")])
def test_what_another_took_while_the_key_changed_gets_no_cookie(outcome: Any) -> None:
    reply, _ = Bench(keys=NEWER_KEY).closed(Bench().opened(), outcome)
    assert reply == QUIET


def test_a_key_that_came_meanwhile_waits_where_renewing_is_off_or_no_cookie_can_be_sent() -> None:
    bench, changed = Bench(), Bench(keys=NEWER_KEY)
    assert changed.closed(bench.opened(renew=False)) == (QUIET, [])
    assert changed.closed(bench.opened(), cookie_possible=False) == (QUIET, [])


def test_a_note_of_an_owner_is_renewed_when_timeouts_grew() -> None:
    bench = Bench(indexing=True)
    raw = bench.sealed(owner="ann", indexed=NOW)
    bench.flow._filing._horizon.reach(5000, NOW)
    reply, asked = bench.closed(bench.opened(raw), None, WRITTEN)
    assert [each.method for each in asked] == ["enlist", "commit"]
    assert asked[0].named == {"lifetime": 2 * 5000 + SKEW}
    assert bench.sent(asked[1]).indexed == NOW + 1
    assert reply == QUIET
    raw = bench.sealed(owner="ann", indexed=NOW + 1)
    assert bench.closed(bench.opened(raw)) == (QUIET, [])
    bench.flow._filing._horizon.reach(5000, NOW + 2)  # no longer than before
    assert bench.closed(bench.opened(raw)) == (QUIET, [])


def test_modified_by_hand_sends_the_cookie_and_writes_nothing() -> None:
    bench = Bench()
    session = bench.opened()
    session.modified = True
    reply, asked = bench.closed(session)
    assert (reply, asked) == (Reply(SetCookie(bench.signed.value, None), vary=True), [])


def test_a_cookie_signed_by_a_fallback_key_is_sent_anew_when_it_is_sent() -> None:
    bench = Bench(keys=(b"the newest key 1", b"an older key 222"))
    bench.signed = signer(b"an older key 222").sign(bench.signed)
    session = bench.opened()
    session["a"] = 2
    reply, asked = bench.closed(session, WRITTEN)
    assert isinstance(reply.cookie, SetCookie)
    fresh = signer(b"the newest key 1").read(reply.cookie.value)
    assert isinstance(fresh, SignedToken)
    assert fresh.token == bench.signed.token
    assert sealer(b"the newest key 1").open(bench.key, asked[0].args[1]).revision == 2


@pytest.mark.parametrize("modified", [True, False])
def test_a_renewal_that_the_store_refuses_keeps_back_no_cookie_that_is_due(modified: bool) -> None:
    """An earlier save of the request may have given the session a new secret."""
    bench, changed = Bench(), Bench(keys=NEWER_KEY)
    session = bench.opened()
    session.modified = modified
    reply, asked = changed.closed(session, StoreUnavailable("full"))
    assert [one.method for one in asked] == ["commit"]
    assert isinstance(reply.cookie, SetCookie) is modified


def test_a_cookie_alone_that_a_fallback_key_signed_is_sent_anew_without_a_question() -> None:
    bench = Bench(keys=(b"the newest key 1", b"an older key 222"))
    bench.signed = signer(b"an older key 222").sign(bench.signed)
    reply, asked = bench.closed(bench.opened())
    assert asked == []
    assert isinstance(reply.cookie, SetCookie)
    fresh = bench.signer.read(reply.cookie.value)
    assert fresh is not None
    assert (fresh.token, fresh.stale) == (bench.signed.token, False)
    assert bench.closed(bench.opened(renew=False)) == (QUIET, [])


@pytest.mark.parametrize("mode", [Mode.EXEMPT, Mode.BROKEN])
def test_an_exempt_or_broken_session_is_never_saved(mode: Mode) -> None:
    bench = Bench()
    session = ServerSession(state=SessionState(mode=mode))
    session.modified = True
    assert bench.closed(session) == (Reply(None, vary=mode is Mode.BROKEN), [])


# --- close: create --------------------------------------------------------------------


def test_a_new_session_is_created_with_one_question() -> None:
    bench = Bench()
    session = ServerSession()
    session["a"] = 1
    reply, asked = bench.closed(session, True)
    assert [one.method for one in asked] == ["create"]
    assert asked[0].named == {"lifetimes": RULES.lifetimes}
    made = bench.sent(asked[0])
    assert (made.revision, made.created, made.deadline, made.auth_time) == (1, NOW, 0, 0)
    assert codec.decode(made.payload) == {"a": 1}
    assert isinstance(reply.cookie, SetCookie)
    token = bench.signer.read(reply.cookie.value)
    assert token is not None
    assert (token.token.sid, token.token.secret_hash) == (made.sid, made.secret_hash)
    assert (reply.cookie.expires, reply.vary) == (None, True)
    assert bench.events == [(Event.CREATED, made.sid, "")]
    assert session.sid == made.sid


def test_a_new_permanent_session_says_so_to_the_store_and_the_browser() -> None:
    bench = Bench(absolute=500)
    session = ServerSession({"a": 1}, permanent_by_default=True)
    session.modified = True
    reply, asked = bench.closed(session, True)
    assert isinstance(reply.cookie, SetCookie)
    assert reply.cookie.expires == NOW + 1000
    assert (bench.sent(asked[0]).permanent, bench.sent(asked[0]).deadline) == (True, NOW + 500)


def test_a_taken_sid_is_never_overwritten() -> None:
    bench = Bench()
    session = ServerSession()
    session["a"] = 1
    _, asked = bench.closed(session, False, False, True)
    assert len({one.args[0] for one in asked}) == 3
    with pytest.raises(StoreUnavailable, match="taken"):
        feed(bench.flow.close(_written()), [False] * 3)


def _written(data: dict[str, Any] | None = None) -> ServerSession:
    session = ServerSession()
    session.update(data or {"a": 1})
    return session


def test_an_emptied_session_that_was_never_stored_is_not_stored() -> None:
    bench = Bench()
    session = _written()
    session.clear()
    assert bench.closed(session) == (Reply(DropCookie(), vary=True), [])


def test_what_cannot_be_saved_asks_nothing() -> None:
    bench = Bench()
    with pytest.raises(TypeError, match=r"session\['f'\]"):
        feed(bench.flow.close(_written({"f": print})))
    with pytest.raises(SessionTooLarge):
        feed(bench.flow.close(_written({"f": "x" * RULES.max_bytes})))
    with pytest.raises(ReadOnlySession, match="WebSocket"):
        feed(bench.flow.close(_written(), cookie_possible=False))


# --- close: commit --------------------------------------------------------------------


def test_a_write_is_one_question() -> None:
    bench = Bench()
    session = bench.opened()
    session["b"] = 2
    reply, asked = bench.closed(session, WRITTEN)
    assert [one.method for one in asked] == ["commit"]
    assert asked[0].named == {"expected": (1).to_bytes(8, "big"), "renew": RULES.lifetimes}
    assert bench.sent(asked[0]) == bench.record({"a": 1, "b": 2})._replace(revision=2)
    assert reply == Reply(SetCookie(bench.signed.value, None), vary=True)
    assert bench.events == []


def test_a_nested_change_is_written() -> None:
    bench = Bench()
    session = bench.opened(bench.sealed({"cart": []}))
    assert not session.modified
    session["cart"].append(1)
    assert session.modified
    _, asked = bench.closed(session, WRITTEN)
    assert codec.decode(bench.sent(asked[0]).payload) == {"cart": [1]}


def _encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the names whose values are encoded from now on."""
    names: list[str] = []
    encode = codec.encode_named

    def noting(name: str, value: object) -> bytes:
        names.append(name)
        return encode(name, value)

    monkeypatch.setattr(codec, "encode_named", noting)
    return names


def test_only_what_was_handed_out_or_assigned_is_encoded_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    session = bench.opened(bench.sealed({"a": 1, "b": [2], "c": [3], "d": {"e": 4}}))
    names = _encoded(monkeypatch)
    _ = session["a"], session["c"]
    assert bench.closed(session)[1] == []
    assert names == ["c"]
    session["c"].append(5)
    session["a"] = 6
    _, asked = bench.closed(session, WRITTEN)
    assert set(names) == {"a", "c"}
    expected = {"a": 6, "b": [2], "c": [3, 5], "d": {"e": 4}}
    assert bench.sent(asked[0]).payload == codec.encode(expected)


def test_what_others_wrote_is_copied_and_never_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    session = bench.opened(bench.sealed({"a": 1, "b": [2]}))
    session["a"] = 5
    theirs = {**codec.image({"a": 1, "d": [3]}), "b": b"\x92\xcc\x02\x02"}  # 2 in two bytes
    newer = bench.record({"a": 1})._replace(payload=codec.join(theirs), revision=4)
    names = _encoded(monkeypatch)
    _, asked = bench.closed(session, Conflict(bench.sealer.seal(bench.key, newer)), WRITTEN)
    assert "d" not in names
    assert codec.split(bench.sent(asked[1]).payload) == {**theirs, "a": b"\x05"}
    assert session == {"a": 5, "b": [2, 2], "d": [3]}


def test_data_in_another_order_is_other_data() -> None:
    bench = Bench()
    session = bench.opened(bench.sealed({"a": 1, "b": 2}))
    session["a"] = session.pop("a")
    _, asked = bench.closed(session, WRITTEN)
    assert [*codec.decode(bench.sent(asked[0]).payload)] == ["b", "a"]


def test_what_an_application_says_is_modified_is_looked_at_as_a_whole() -> None:
    bench = Bench()
    session = bench.opened(bench.sealed({"cart": [1]}))
    held = dict[str, Any].__getitem__(session, "cart")  # as code in C would
    held.append(2)
    session.modified = True
    _, asked = bench.closed(session, WRITTEN)
    assert codec.decode(bench.sent(asked[0]).payload) == {"cart": [1, 2]}


def test_fields_that_nobody_knows_here_stay_in_each_next_record() -> None:
    bench = Bench()
    made = bench.record({"a": 1})._replace(fields=((77, b"of a later version"),), label="a phone")
    session = bench.opened(bench.sealer.seal(bench.key, made))
    session["a"] = 2
    session.regenerate()
    _, asked = bench.closed(session, WRITTEN)
    assert bench.sent(asked[0]).fields == made.fields
    assert bench.sent(asked[0]).label == "a phone"
    session.clear()
    session["b"] = 3
    _, asked = bench.closed(session, WRITTEN)
    assert bench.sent(asked[0]).fields == made.fields
    assert bench.sent(asked[0]).label is None


def test_what_a_conflict_leaves_of_permanence_alone_is_deleted() -> None:
    bench = Bench()
    session = bench.opened()
    del session["a"]
    newer = bench.conflict({"a": 5, "_permanent": True})
    reply, asked = bench.closed(session, newer, WRITTEN)
    assert [one.method for one in asked] == ["remove", "remove"]
    assert reply == Reply(DropCookie(), vary=True)


def test_a_record_of_permanence_alone_is_left_to_its_end() -> None:
    bench = Bench()
    session = bench.opened(bench.sealed({"_permanent": True}))
    session.permanent = True
    assert bench.closed(session)[1] == []


def test_a_polling_request_that_writes_does_not_renew() -> None:
    bench = Bench()
    session = bench.opened(renew=False)
    session["b"] = 2
    _, asked = bench.closed(session, WRITTEN)
    assert asked[0].named["renew"] is None


def test_a_conflict_replays_this_requests_changes_on_the_newer_record() -> None:
    bench = Bench()
    session = bench.opened()
    session["b"] = 2
    newer = bench.conflict({"a": 5, "c": 3}, revision=7)
    newest = bench.conflict({"a": 6}, revision=8)
    reply, asked = bench.closed(session, newer, newest, WRITTEN)
    assert [int.from_bytes(one.named["expected"], "big") for one in asked] == [1, 7, 8]
    assert codec.decode(bench.sent(asked[1]).payload) == {"a": 5, "c": 3, "b": 2}
    assert codec.decode(bench.sent(asked[2]).payload) == {"a": 6, "b": 2}
    assert bench.sent(asked[2]).revision == 9
    assert bench.noted == [Event.CONFLICT] * 2
    assert isinstance(reply.cookie, SetCookie)


def test_a_conflict_runs_an_atomic_update_again() -> None:
    bench = Bench()
    session = bench.opened(bench.sealed({"n": [1]}))
    session.update_atomically(lambda data: data["n"].append(3))
    _, asked = bench.closed(session, bench.conflict({"n": [1, 2]}), WRITTEN)
    assert codec.decode(bench.sent(asked[1]).payload) == {"n": [1, 2, 3]}


def test_our_own_commit_whose_answer_was_lost_is_no_conflict() -> None:
    bench = Bench()
    session = bench.opened()
    session["b"] = 2
    _, asked = bench.closed(session, lambda question: Conflict(question.args[1]))
    assert len(asked) == 1


def test_our_own_encrypted_commit_whose_answer_was_lost_is_no_conflict() -> None:
    bench = Bench(encryption=Encryption(AesGcm([b"k" * 32], Entropy()), Clock()))
    session = bench.opened()
    session["b"] = 2

    def as_an_earlier_save_sent_it(question: Asked) -> Conflict:
        stood = bench.sealer.seal(bench.key, bench.sent(question))
        assert stood != question.args[1]
        return Conflict(stood)

    _, asked = bench.closed(session, as_an_earlier_save_sent_it)
    assert len(asked) == 1
    assert bench.events == []


def test_a_commit_is_tried_a_bounded_number_of_times() -> None:
    bench = Bench()
    session = bench.opened()
    session["b"] = 2
    answers = [bench.conflict({"a": 5}, revision=n + 2) for n in range(MAX_ATTEMPTS)]
    with pytest.raises(StoreUnavailable, match=f"{MAX_ATTEMPTS} attempts"):
        bench.closed(session, *answers)


@pytest.mark.parametrize("emptied", [False, True])
def test_what_is_gone_stays_gone(emptied: bool) -> None:
    bench = Bench()
    session = bench.opened()
    session["b"] = 2
    if emptied:
        session.clear()
    reply, asked = bench.closed(session, GONE)
    assert [one.method for one in asked] == ["remove" if emptied else "commit"]
    assert reply == Reply(DropCookie(), vary=True)
    assert bench.noted == [Event.GONE]
    assert (data_of(session), state_of(session).loaded) == ({}, None)


@pytest.mark.parametrize(
    "bad",
    [
        lambda bench: BadRecord("Redis holds another type under its key"),
        lambda bench: Conflict(b"rubbish"),
        lambda bench: Conflict(
            bench.sealer.seal(bench.key, record(bench.signed.token, payload=b"1"))
        ),
    ],
)
def test_a_record_that_was_damaged_meanwhile_is_gone(bad: Callable[[Bench], Any]) -> None:
    bench = Bench()
    session = bench.opened()
    session["b"] = 2
    reply, _ = bench.closed(session, bad(bench))
    assert reply == Reply(DropCookie(), vary=True)
    assert bench.noted[-2:] == [Event.REJECTED, Event.GONE]


def test_a_session_that_another_request_rekeyed_is_left_to_it() -> None:
    """Dropping the cookie would delete the one that the login has just set."""
    bench = Bench()
    session = bench.opened()
    session["b"] = 2
    reply, asked = bench.closed(session, bench.conflict({"a": 1}, secret_hash=b"\1" * 24))
    assert len(asked) == 1
    assert reply == Reply(None, vary=True)
    assert bench.events[-1] == (Event.GONE, bench.signed.token.sid, "its secret was replaced")
    assert data_of(session) == {}


def test_a_session_whose_time_ends_while_the_request_runs_is_gone() -> None:
    bench = Bench()
    session = bench.opened(bench.sealed(deadline=NOW + 5))
    session["b"] = 2
    bench.clock.now += 5
    reply, asked = bench.closed(session)
    assert (reply, asked) == (Reply(DropCookie(), vary=True), [])


def test_a_store_that_refuses_a_commit_leaves_the_session_as_it_was() -> None:
    bench = Bench()
    session = bench.opened()
    session.regenerate()
    with pytest.raises(StoreUnavailable):
        bench.closed(session, StoreUnavailable("down"))
    assert state_of(session).replace_secret


# --- emptying -------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [ServerSession.clear, lambda session: session.pop("a")])
def test_an_emptied_session_is_deleted_with_its_cookie(
    empty: Callable[[ServerSession], Any],
) -> None:
    bench = Bench()
    session = bench.opened()
    empty(session)
    reply, asked = bench.closed(session, WRITTEN)
    assert asked == [Asked("remove", (bench.key,), {"expected": (1).to_bytes(8, "big")})]
    assert reply == Reply(DropCookie(), vary=True)
    assert bench.noted == [Event.ENDED]


@pytest.mark.parametrize(
    ("event", "change", "answers"),
    [
        (Event.ENDED, ServerSession.clear, (WRITTEN, None)),
        (Event.REGENERATED, ServerSession.regenerate, (WRITTEN,)),
        (Event.GONE, lambda session: session.update(b=2), (GONE,)),
        (Event.CONFLICT, lambda session: session.update(b=2), ("conflict", WRITTEN)),
    ],
)
def test_what_is_noted_of_a_session_says_whose_it_is(
    event: Event, change: Callable[[ServerSession], Any], answers: tuple[Any, ...]
) -> None:
    bench = Bench(indexing=True)
    whose: dict[str, Any] = {"owner": "ann", "label": "Firefox", "indexed": NOW}
    session = bench.opened(bench.sealed(**whose))
    change(session)
    faster = bench.conflict({"a": 1}, **whose)
    bench.closed(session, *(faster if each == "conflict" else each for each in answers))
    (notice,) = bench.notices
    assert (notice.event, notice.sid) == (event, bench.signed.token.sid)
    assert (notice.owner, notice.label) == ("ann", "Firefox")
    assert "ann" not in repr(notice)
    assert "Firefox" not in repr(notice)


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (Event.EXPIRED, {"deadline": NOW - 1}),
        (Event.REJECTED, {"secret_hash": b"1" * 24}),
    ],
)
def test_what_is_noted_of_a_cookie_says_whose_session_it_was(
    event: Event, changes: dict[str, Any]
) -> None:
    bench = Bench()
    raw = bench.sealed(owner="ann", label="Firefox", **changes)
    feed(bench.flow.open([bench.signed.value]), [raw, *[WRITTEN] * (event is Event.EXPIRED)])
    (notice,) = bench.notices
    assert (notice.event, notice.owner, notice.label) == (event, "ann", "Firefox")


def test_clearing_wins_over_a_faster_write() -> None:
    bench = Bench()
    session = bench.opened()
    session.clear()
    _, asked = bench.closed(session, bench.conflict({"a": 1, "b": 2}), WRITTEN)
    assert [one.method for one in asked] == ["remove", "remove"]


def test_popping_the_last_key_leaves_what_another_request_wrote() -> None:
    bench = Bench()
    session = bench.opened()
    del session["a"]
    _, asked = bench.closed(session, bench.conflict({"a": 1, "b": 2}), WRITTEN)
    assert [one.method for one in asked] == ["remove", "commit"]
    assert codec.decode(bench.sent(asked[1]).payload) == {"b": 2}


def test_an_emptied_session_can_be_deleted_by_a_websocket() -> None:
    bench = Bench()
    session = bench.opened()
    session.clear()
    _, asked = bench.closed(session, WRITTEN, cookie_possible=False)
    assert [one.method for one in asked] == ["remove"]


# --- regenerate and bind --------------------------------------------------------------


def _orders() -> list[tuple[str, ...]]:
    from itertools import permutations

    return [order for size in (1, 2, 3) for order in permutations(("key", "clear", "write"), size)]


@pytest.mark.parametrize("order", [one for one in _orders() if {"key", "clear"} & set(one)])
def test_in_any_order_with_clear_and_writes_the_old_secret_ends(order: tuple[str, ...]) -> None:
    bench = Bench()
    session = bench.opened()
    for step in order:
        match step:
            case "key":
                session.regenerate()
            case "clear":
                session.clear()
            case _:
                session["b"] = 2
    reply, asked = bench.closed(session, WRITTEN)
    if asked[0].method == "remove":
        assert isinstance(reply.cookie, DropCookie)
        return
    sent = bench.sent(asked[0])
    assert sent.sid == bench.signed.token.sid
    assert sent.secret_hash != bench.signed.token.secret_hash
    assert isinstance(reply.cookie, SetCookie)
    fresh = bench.signer.read(reply.cookie.value)
    assert fresh is not None
    assert fresh.token.secret_hash == sent.secret_hash
    assert bench.noted == [Event.REGENERATED]


def test_regenerating_keeps_the_absolute_deadline() -> None:
    bench = Bench(absolute=500)
    session = bench.opened(bench.sealed(deadline=NOW + 30, auth_time=7, owner="alice"))
    session.regenerate()
    _, asked = bench.closed(session, WRITTEN)
    sent = bench.sent(asked[0])
    assert (sent.deadline, sent.auth_time, sent.owner) == (NOW + 30, 7, "alice")


def test_a_websocket_cannot_regenerate_and_can_write() -> None:
    bench = Bench()
    session = bench.opened()
    session.regenerate()
    with pytest.raises(ReadOnlySession):
        bench.closed(session, cookie_possible=False)
    session = bench.opened()
    session["b"] = 1
    _, asked = bench.closed(session, WRITTEN, cookie_possible=False)
    assert [one.method for one in asked] == ["commit"]


def test_of_two_that_regenerate_at_once_one_wins() -> None:
    bench = Bench()
    session = bench.opened()
    session.regenerate()
    reply, _ = bench.closed(session, bench.conflict({"a": 1}, secret_hash=b"\1" * 24))
    assert reply.cookie is None


def test_binding_is_indexed_before_it_is_written_and_starts_the_time_anew() -> None:
    bench = Bench(indexing=True, absolute=500)
    session = bench.opened(bench.sealed(deadline=NOW + 30))
    session.bind("alice")
    bench.clock.now += 10
    reply, asked = bench.closed(session, None, WRITTEN)
    assert [one.method for one in asked] == ["enlist", "commit"]
    assert asked[0] == Asked("enlist", ("alice", bench.key), {"lifetime": 2 * 1000 + 60})
    sent = bench.sent(asked[1])
    assert (sent.owner, sent.auth_time, sent.deadline) == ("alice", NOW + 10, NOW + 510)
    assert sent.secret_hash != bench.signed.token.secret_hash
    assert isinstance(reply.cookie, SetCookie)
    assert bench.noted == [Event.REGENERATED, Event.BOUND]


def test_a_new_session_is_bound_as_it_is_created() -> None:
    bench = Bench(indexing=True)
    session = ServerSession(bindable=True)
    session.bind("alice")
    _, asked = bench.closed(session, None, True)
    assert [one.method for one in asked] == ["enlist", "create"]
    assert (bench.sent(asked[1]).owner, bench.sent(asked[1]).auth_time) == ("alice", NOW)
    assert bench.noted == [Event.CREATED, Event.BOUND]


def test_a_taken_sid_is_taken_off_the_index_again() -> None:
    bench = Bench(indexing=True)
    session = ServerSession(bindable=True)
    session.bind("alice")
    _, asked = bench.closed(session, None, False, None, None, True)
    assert [one.method for one in asked] == ["enlist", "create", "delist", "enlist", "create"]


def test_changing_the_owner_delists_the_former_one_afterwards() -> None:
    bench = Bench(indexing=True)
    session = bench.opened(bench.sealed(owner="alice", indexed=NOW))
    session.bind("bob")
    bench.clock.now += 1
    _, asked = bench.closed(session, None, WRITTEN, None)
    assert [(one.method, one.args[0]) for one in asked] == [
        ("enlist", "bob"),
        ("commit", bench.key),
        ("delist", "alice"),
    ]


def test_deleting_delists_afterwards() -> None:
    bench = Bench(indexing=True)
    session = bench.opened(bench.sealed(owner="alice", indexed=NOW))
    session.clear()
    _, asked = bench.closed(session, WRITTEN, None)
    assert [one.method for one in asked] == ["remove", "delist"]


def test_a_cleared_session_that_is_written_again_belongs_to_nobody() -> None:
    bench = Bench(indexing=True)
    session = bench.opened(bench.sealed(owner="alice", auth_time=5, indexed=NOW))
    session.clear()
    session["b"] = 1
    _, asked = bench.closed(session, WRITTEN, None)
    sent = bench.sent(next(one for one in asked if one.method == "commit"))
    assert (sent.owner, sent.auth_time, sent.indexed) == (None, 0, 0)
    assert asked[-1] == Asked("delist", ("alice", bench.key))


def test_an_owned_session_without_data_is_kept() -> None:
    bench = Bench(indexing=True)
    session = bench.opened(bench.sealed(owner="alice", indexed=NOW))
    del session["a"]
    _, asked = bench.closed(session, WRITTEN)
    assert [one.method for one in asked] == ["commit"]


def test_an_owners_entry_is_renewed_before_it_runs_out() -> None:
    bench = Bench(indexing=True)
    session = bench.opened(bench.sealed(owner="alice", indexed=NOW))
    bench.clock.now += 999
    assert bench.closed(session) == (QUIET, [])
    bench.clock.now += 1
    _, asked = bench.closed(bench.opened(bench.sealed(owner="alice", indexed=NOW)), None, WRITTEN)
    assert [one.method for one in asked] == ["enlist", "commit"]
    assert bench.sent(asked[1]).indexed == NOW + 1000
    assert bench.sent(asked[1]).payload == codec.encode({"a": 1})


@pytest.mark.parametrize(("secret", "sent"), [({}, True), ({"secret_hash": b"\1" * 24}, False)])
def test_an_entry_that_another_request_renewed_is_tried_once_and_says_what_else_is_due(
    secret: dict[str, bytes], sent: bool
) -> None:
    bench = Bench(indexing=True)
    bench.clock.now += 1000
    session = bench.opened(bench.sealed(owner="alice", indexed=NOW))
    session.modified = True
    newer = bench.conflict({"a": 2}, owner="alice", indexed=NOW + 1000, **secret)
    reply, asked = bench.closed(session, None, newer)
    assert [one.method for one in asked] == ["enlist", "commit"]
    assert (reply.cookie is not None, bench.noted) == (sent, [])
    _, asked = bench.closed(session)
    assert asked == []


def test_a_conflict_keeps_the_owner_that_stands_there_now() -> None:
    bench = Bench(indexing=True)
    session = bench.opened()
    del session["a"]
    newer = bench.conflict({"a": 1}, owner="alice", indexed=NOW)
    _, asked = bench.closed(session, newer, WRITTEN)
    assert [one.method for one in asked] == ["remove", "commit"]
    assert bench.sent(asked[1]).owner == "alice"
