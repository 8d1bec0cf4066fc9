"""What an old cookie does, row by row of the table in `core.migrating`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from samesession import ReadOnlySession, ServerSession
from samesession.aes_gcm import AesGcm
from samesession.core import migrated
from samesession.core.cleanup import Deleted
from samesession.core.cookie import DropCookie, Reply, SetCookie
from samesession.core.encryption import Encryption
from samesession.core.events import OLD_MISSING, OLD_UNREADABLE, OLD_USED
from samesession.core.migrated import FOLLOWED, Filed, Tag
from samesession.core.old_names import names_of
from samesession.core.policy import SKEW
from samesession.core.record import Record
from samesession.core.request_state import data_of, state_of
from samesession.run.sync import run
from tests.support.clock import Entropy
from tests.support.old import (
    DATA,
    LIBRARY,
    OLD_ID,
    RULES,
    VALUE,
    Bench,
    CookieReader,
    ForeignMemoryStore,
)

QUIET = Reply(None, vary=False)
SIGNED = json.dumps(DATA)
ABSOLUTE = 5000


def token(session: ServerSession) -> str:
    loaded = state_of(session).loaded
    assert loaded is not None
    assert loaded.signed is not None
    return loaded.signed.value


def closed(bench: Bench, session: ServerSession, **options: Any) -> Reply:
    return run(bench.flow.close(session, **options))


def deleted(session: ServerSession, reply: Reply) -> Deleted | None:
    return state_of(session).deleted(reply.cookie)


def begun(bench: Bench, value: str = VALUE) -> str:
    """Have the old session become one of ours; return its cookie."""
    session = bench.opened(value)
    assert data_of(session) == DATA
    reply = closed(bench, session)
    assert isinstance(reply.cookie, SetCookie)
    bench.events.clear()
    return reply.cookie.value


def is_nothing(session: ServerSession) -> bool:
    return state_of(session).loaded is None and data_of(session) == {}


def record_of(bench: Bench, sid: str) -> Record:
    raw = run(bench.store.load(f"session:{sid}", renew=None))
    assert raw is not None
    return bench.sealer.open(f"session:{sid}", raw)


def place(bench: Bench, old_id: str = OLD_ID, library: str = LIBRARY) -> Filed:
    return bench.old_ids.filed(library, names_of(old_id)[0])[0]


# --- the first request ------------------------------------------------------------------------


def test_an_old_session_becomes_one_of_ours_with_a_cookie_of_its_own() -> None:
    bench = Bench()
    session = bench.opened(VALUE)
    assert data_of(session) == DATA
    assert not state_of(session).new
    assert bench.memory.foreign == {}
    reply = closed(bench, session)
    assert isinstance(reply.cookie, SetCookie)
    assert deleted(session, reply) == Deleted(None, old=True)
    assert bench.told == ["session-migrated", "session-bound"]
    assert [each.reason for each in bench.events] == [LIBRARY, ""]
    ours = bench.opened(ours=reply.cookie.value)
    assert data_of(ours) == DATA
    assert ours.sid == session.sid == place(bench).sid


def test_a_request_that_only_reads_sends_the_cookie_too_and_one_that_writes_saves() -> None:
    bench = Bench()
    session = bench.opened(VALUE)
    session["more"] = 1
    reply = closed(bench, session)
    assert isinstance(reply.cookie, SetCookie)
    assert data_of(bench.opened(ours=reply.cookie.value)) == {**DATA, "more": 1}


def test_the_id_from_outside_is_no_part_of_the_session() -> None:
    bench = Bench()
    cookie = begun(bench)
    assert all(VALUE not in each for each in (cookie, *bench.memory.keys))
    assert place(bench).sid != place(Bench(keys=(b"another key, as long",))).sid
    names = {place(bench), place(bench, "session:other"), place(bench, library="signed-cookie")}
    assert len({name for each in names for name in each}) == 6
    assert place(bench, library="quart-session") == place(bench)


def test_a_session_in_a_signed_cookie_becomes_one_and_needs_no_other_library() -> None:
    bench = Bench()
    cookie = begun(bench, SIGNED)
    assert data_of(bench.opened(ours=cookie)) == DATA
    assert bench.memory.foreign.keys() == {OLD_ID}


@pytest.mark.parametrize("permanent", [True, False])
def test_permanence_is_what_the_old_session_had(permanent: bool) -> None:
    bench = Bench()
    bench.memory.foreign[OLD_ID] = json.dumps({**DATA, "_permanent": permanent}).encode()
    session = bench.opened(VALUE)
    assert session.permanent is permanent
    cookie = closed(bench, session).cookie
    assert isinstance(cookie, SetCookie)
    assert (cookie.expires is not None) is permanent


def test_it_begins_now_for_the_absolute_timeout() -> None:
    bench = Bench(rules=replace(RULES, absolute=ABSOLUTE))
    now = int(bench.clock())
    record = record_of(bench, begun(bench).split(".")[0])
    assert (record.created, record.deadline, record.auth_time) == (now, now + ABSOLUTE, 0)


def test_its_owner_is_told_by_the_application_and_can_list_and_end_it() -> None:
    bench = Bench()
    cookie = begun(bench)
    (listed,) = run(bench.flow.administration.sessions_of("ann"))
    assert (listed.owner, listed.authenticated) == ("ann", None)
    assert run(bench.flow.administration.revoke_all("ann")) == 1
    assert is_nothing(bench.opened(VALUE))
    assert is_nothing(bench.opened(ours=cookie))


@pytest.mark.parametrize("owner", [None, "", "a" * 2000, 5])
def test_what_can_be_no_owner_is_none(owner: Any) -> None:
    bench = Bench(owners=lambda _: owner)
    assert record_of(bench, begun(bench).split(".")[0]).owner is None


# --- the old cookie once more -----------------------------------------------------------------


def test_the_old_cookie_opens_it_for_60_seconds_and_is_sent_no_cookie() -> None:
    bench = Bench()
    sid = begun(bench).split(".")[0]
    session = bench.opened(VALUE)
    assert (session.sid, data_of(session)) == (sid, DATA)
    session["late"] = 1
    reply = closed(bench, session)
    assert reply == Reply(None, vary=True)
    assert deleted(session, reply) is None
    bench.clock.advance(FOLLOWED - 1)
    late = bench.opened(VALUE)
    assert data_of(late) == {**DATA, "late": 1}
    assert closed(bench, late).cookie is None
    assert bench.events == []
    bench.clock.advance(1)
    assert is_nothing(bench.opened(VALUE))
    assert [each.reason for each in bench.events] == [OLD_USED]


def test_a_cookie_that_opens_nothing_any_more_is_deleted() -> None:
    bench = Bench()
    _ = begun(bench)
    bench.clock.advance(FOLLOWED)
    session = bench.opened(VALUE)
    reply = closed(bench, session)
    assert (reply, deleted(session, reply)) == (QUIET, Deleted(None, old=True))


def test_the_first_request_with_the_new_cookie_ends_that() -> None:
    bench = Bench()
    cookie = begun(bench)
    ours = bench.opened(ours=cookie)
    assert not bench.flow.is_at_rest(ours)
    _ = closed(bench, ours)
    assert is_nothing(bench.opened(VALUE))
    ours = bench.opened(ours=cookie)
    assert bench.flow.is_at_rest(ours)
    assert data_of(ours) == DATA


def test_a_write_with_the_new_cookie_ends_it_as_well() -> None:
    bench = Bench()
    ours = bench.opened(ours=begun(bench))
    ours["x"] = 1
    _ = closed(bench, ours)
    assert record_of(bench, str(ours.sid)).fields == ()
    assert is_nothing(bench.opened(VALUE))


def test_the_request_that_has_begun_it_does_not_end_it_by_a_second_save() -> None:
    bench = Bench()
    session = bench.opened(VALUE)
    for number in range(3):
        session["n"] = number
        _ = closed(bench, session)
    assert data_of(bench.opened(VALUE)) == {**DATA, "n": 2}


def test_who_follows_does_not_end_it_either_and_writes_nothing_that_is_not_asked() -> None:
    bench = Bench()
    _ = begun(bench)
    for _ in range(2):
        session = bench.opened(VALUE)
        assert bench.flow.is_at_rest(session)
        session["n"] = 1
        _ = closed(bench, session)
    assert data_of(bench.opened(VALUE)) == {**DATA, "n": 1}


def _end(session: ServerSession) -> None:
    session.end()


def _regenerate(session: ServerSession) -> None:
    session.regenerate()


def _bind(session: ServerSession) -> None:
    session.bind("bob")


def _clear(session: ServerSession) -> None:
    session.clear()


@pytest.mark.parametrize("act", [_end, _regenerate, _bind, _clear])
@pytest.mark.parametrize("by", ["first", "follower", "ours"])
def test_what_ends_or_renews_a_session_is_final_for_the_old_cookie(
    act: Callable[[ServerSession], None], by: str
) -> None:
    bench = Bench()
    if by == "first":
        session = bench.opened(VALUE)
    else:
        cookie = begun(bench)
        session = bench.opened(VALUE) if by == "follower" else bench.opened(ours=cookie)
    act(session)
    reply = closed(bench, session)
    expected = DropCookie if act in {_end, _clear} else SetCookie
    assert isinstance(reply.cookie, expected)
    if by != "ours":
        assert deleted(session, reply) == Deleted(None, old=True)
    # Even where an old process saves its record anew.
    bench.memory.foreign[OLD_ID] = json.dumps(DATA).encode()
    for _ in range(2):
        assert is_nothing(bench.opened(VALUE))
        bench.clock.advance(FOLLOWED)
    if isinstance(reply.cookie, SetCookie):
        kept = bench.opened(ours=reply.cookie.value)
        assert data_of(kept) == DATA


@pytest.mark.parametrize("how", ["revoke", "revoke_all", "revoke_everyone", "erase_owner"])
def test_what_is_ended_from_elsewhere_is_so_too(how: str) -> None:
    bench = Bench()
    cookie = begun(bench)
    admin = bench.flow.administration
    arguments = {"revoke": [cookie.split(".")[0]], "revoke_everyone": []}.get(how, ["ann"])
    assert run(getattr(admin, how)(*arguments))
    assert is_nothing(bench.opened(VALUE))
    assert is_nothing(bench.opened(ours=cookie))
    assert admin is not None
    assert run(admin.count()) == 0


def test_a_copy_of_a_signed_cookie_is_used_until_it_would_expire() -> None:
    bench = Bench()
    bench = Bench(readers=[CookieReader(expires=int(bench.clock()) + 3000)])
    session = bench.opened(SIGNED)
    session.end()
    _ = closed(bench, session)
    for _ in range(29):
        bench.clock.advance(100)
        assert is_nothing(bench.opened(SIGNED))
        assert bench.events[-1].reason == OLD_USED
    bench.clock.advance(100)
    assert is_nothing(bench.opened(SIGNED))
    assert bench.events[-1].reason == OLD_UNREADABLE  # the cookie itself is too old


def test_a_note_is_kept_as_long_as_readers_count() -> None:
    bench = Bench()
    until = bench.clock() + 100_000
    bench = Bench(until=until, clock=bench.clock)
    session = bench.opened(VALUE)
    session.end()
    _ = closed(bench, session)
    bench.clock.advance(99_999)
    bench.memory.foreign[OLD_ID] = json.dumps(DATA).encode()
    assert is_nothing(bench.opened(VALUE))
    bench.clock.advance(SKEW + 2)
    assert data_of(bench.opened(VALUE)) == DATA


def test_another_old_session_has_nothing_to_do_with_it() -> None:
    bench = Bench()
    bench.memory.foreign["session:other"] = b'{"user": "bob"}'
    session = bench.opened(VALUE)
    session.end()
    _ = closed(bench, session)
    assert data_of(bench.opened("other")) == {"user": "bob"}


@pytest.mark.parametrize(
    ("data", "is_followed"),
    [
        ({"lang": "en"}, False),
        ({"user": "guest"}, False),
        ({"csrf_token": "short"}, False),
        ({"user": {"name": "guest"}}, False),
        ({"user_id": 0}, False),
        ({"user_id": 7}, True),
        ({"_user_id": "7"}, True),
        ({"csrf_token": "a" * 40}, True),
        ({"user": {"sub": "abc"}}, True),
    ],
)
def test_equal_cookies_of_two_visitors_never_share_a_session(
    data: dict[str, Any], is_followed: bool
) -> None:
    bench = Bench(owners=lambda _: None)
    one = bench.opened(json.dumps(data))
    one["login"] = "ann"
    _ = closed(bench, one)
    bench.events.clear()
    other = bench.opened(json.dumps(data))
    assert data_of(other) == ({**data, "login": "ann"} if is_followed else {})
    if not is_followed:
        reply = closed(bench, other)
        assert (reply, deleted(other, reply), bench.events) == (QUIET, None, [])


# --- what is no session -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["!what nobody knows"], OLD_UNREADABLE),
        (["unknown"], OLD_MISSING),
        (["damaged"], f"{OLD_UNREADABLE}: it is not JSON"),
        (["huge"], f"{OLD_UNREADABLE}: it is too large"),
        (["numbers"], f"{OLD_UNREADABLE}: it holds data that a session cannot keep"),
        (["!", "unknown", "damaged"], OLD_UNREADABLE),
        (["a", "b", "c", "d", "e"], "more than four"),
        ([VALUE, SIGNED], "two different"),
    ],
)
def test_what_cannot_be_read_is_no_session_and_one_event(values: list[str], reason: str) -> None:
    bench = Bench()
    bench.memory.foreign["session:damaged"] = b"\x80\x04."
    bench.memory.foreign["session:huge"] = json.dumps({"a": "x" * 5000}).encode()
    bench.memory.foreign["session:numbers"] = json.dumps({"a": "\ud800"}).encode()
    session = bench.opened(*values)
    assert is_nothing(session)
    assert state_of(session).new
    assert len(bench.events) == 1
    assert reason in bench.events[0].reason
    assert bench.memory.keys == []
    reply = closed(bench, session)
    assert (reply, deleted(session, reply)) == (QUIET, None)


def test_the_only_readable_one_of_several_counts() -> None:
    bench = Bench()
    session = bench.opened("!", "unknown", VALUE, "damaged")
    assert data_of(session) == DATA
    assert bench.told == ["session-migrated", "session-bound"]


def test_one_cookie_twice_is_one() -> None:
    assert data_of(Bench().opened(VALUE, VALUE)) == DATA


@pytest.mark.parametrize("data", [{}, {"_permanent": True}])
def test_an_empty_one_is_not_stored_and_its_cookie_goes(data: dict[str, Any]) -> None:
    bench = Bench()
    bench.memory.foreign[OLD_ID] = json.dumps(data).encode()
    session = bench.opened(VALUE)
    assert is_nothing(session)
    assert (bench.events, bench.memory.keys) == ([], [])
    assert deleted(session, closed(bench, session)) == Deleted(None, old=True)


def test_a_live_session_of_ours_comes_first_and_the_old_cookie_stays() -> None:
    bench = Bench()
    mine = bench.opened()
    mine["mine"] = 1
    cookie = closed(bench, mine).cookie
    assert isinstance(cookie, SetCookie)
    bench.events.clear()
    for value in (VALUE, "!another application's"):
        session = bench.opened(value, ours=cookie.value)
        assert data_of(session) == {"mine": 1}
        reply = closed(bench, session)
        assert deleted(session, reply) is None
    assert OLD_ID in bench.memory.foreign
    assert bench.events == []


@pytest.mark.parametrize(("value", "goes"), [(VALUE, True), ("!another application's", False)])
def test_a_logout_takes_the_old_cookie_along(value: str, goes: bool) -> None:
    bench = Bench()
    mine = bench.opened()
    mine["mine"] = 1
    cookie = closed(bench, mine).cookie
    assert isinstance(cookie, SetCookie)
    session = bench.opened(value, ours=cookie.value)
    session.end()
    reply = closed(bench, session)
    assert isinstance(reply.cookie, DropCookie)
    assert deleted(session, reply) == (Deleted(None, old=True) if goes else None)


def test_a_record_that_cannot_be_read_at_the_place_is_no_session() -> None:
    bench = Bench()
    key = f"session:{place(bench).sid}"
    assert run(bench.store.create(key, b"\0" * 200, lifetimes=RULES.lifetimes))
    assert is_nothing(bench.opened(VALUE))
    assert OLD_ID in bench.memory.foreign


def test_a_store_without_the_ability_has_what_was_moved_alone() -> None:
    class Plain:
        """A store with what every store has."""

        def __init__(self, inner: ForeignMemoryStore) -> None:
            for name in ("load", "create", "commit", "remove", "close"):
                setattr(self, name, getattr(inner, name))

    bench = Bench()
    bench = Bench(Plain(bench.memory))  # type: ignore[arg-type]  # set by name
    assert is_nothing(bench.opened(VALUE))
    moved(bench, is_own=True)
    assert data_of(bench.opened(VALUE)) == DATA


# --- a WebSocket ------------------------------------------------------------------------------


def test_a_websocket_is_shown_the_old_session_which_stays() -> None:
    bench = Bench()
    session = bench.opened(VALUE, cookie_possible=False)
    assert data_of(session) == DATA
    assert (bench.memory.keys, bench.events) == ([], [])
    assert closed(bench, session, cookie_possible=False).cookie is None
    assert data_of(bench.opened(VALUE)) == DATA


def _append(session: ServerSession) -> None:
    session["cart"].append(2)


def _write(session: ServerSession) -> None:
    session["x"] = 1


@pytest.mark.parametrize("act", [_append, _write, _end, _clear, _regenerate])
def test_what_a_websocket_does_to_it_cannot_be_saved(act: Callable[[ServerSession], None]) -> None:
    bench = Bench()
    session = bench.opened(VALUE, cookie_possible=False)
    act(session)
    with pytest.raises(ReadOnlySession):
        _ = closed(bench, session, cookie_possible=False)
    assert data_of(bench.opened(VALUE)) == DATA


def test_a_websocket_follows_a_session_that_has_begun() -> None:
    bench = Bench()
    cookie = begun(bench)
    session = bench.opened(VALUE, cookie_possible=False)
    session["x"] = 1
    _ = closed(bench, session, cookie_possible=False)
    assert data_of(bench.opened(ours=cookie)) == {**DATA, "x": 1}


# --- keys, encryption -------------------------------------------------------------------------

OLD_KEY, NEW_KEY = b"an older key than that", b"newest key of all"


@pytest.mark.parametrize("value", [VALUE, SIGNED])
@pytest.mark.parametrize("ends", [True, False])
def test_a_rotation_lets_no_old_session_in_twice(value: str, ends: bool) -> None:
    before = Bench(keys=(OLD_KEY,))
    session = before.opened(value)
    if ends:
        session.end()
    _ = closed(before, session)
    before.memory.foreign[OLD_ID] = json.dumps(DATA).encode()
    rotated = Bench(before.memory, keys=(NEW_KEY, OLD_KEY), clock=before.clock)
    assert is_nothing(rotated.opened(value)) is ends
    before.clock.advance(FOLLOWED)
    assert is_nothing(rotated.opened(value))


def test_what_has_arrived_during_a_rotation_is_used_before_and_after_it() -> None:
    rotating = Bench(keys=(NEW_KEY, OLD_KEY))
    session = rotating.opened(SIGNED)
    session.end()
    _ = closed(rotating, session)
    for keys in ((OLD_KEY,), (NEW_KEY,), (NEW_KEY, OLD_KEY)):
        assert is_nothing(Bench(rotating.memory, keys=keys, clock=rotating.clock).opened(SIGNED))


def test_what_was_moved_before_a_rotation_is_found_after_it() -> None:
    before = Bench(keys=(OLD_KEY,))
    moved(before)
    before.memory.foreign.clear()
    rotated = Bench(before.memory, keys=(NEW_KEY, OLD_KEY), clock=before.clock)
    assert data_of(rotated.opened(VALUE)) == DATA


def test_encrypted_records_and_notes_say_nothing_in_the_clear() -> None:
    encryption = Encryption(
        AesGcm([bytes(32)], Entropy()), lambda: 0, owner_keys=(bytes(32),), writes=True
    )
    bench = Bench(encryption=encryption)
    cookie = begun(bench)
    held = b"".join(raw for raw, _ in bench.memory._records.values())
    assert not any(each in held for each in (b"ann", LIBRARY.encode(), VALUE.encode()))
    assert data_of(bench.opened(VALUE)) == DATA
    ours = bench.opened(ours=cookie)
    ours.end()
    _ = closed(bench, ours)
    assert is_nothing(bench.opened(VALUE))


# --- what lists sessions ----------------------------------------------------------------------


def test_notes_and_what_has_only_begun_are_no_sessions() -> None:
    bench = Bench()
    admin = bench.flow.administration
    rogue = migrated.waiting(
        place(bench),
        LIBRARY,
        bench.migration._cookies.draft(DATA),
        entropy=Entropy("rogue"),
        now=int(bench.clock()),
        rules=RULES,
    )
    assert run(bench.flow._filing.create(rogue))
    assert run(admin.count()) == 0
    assert run(admin.revoke(rogue.sid)) is False
    assert run(admin.revoke_everyone()) == 0
    assert run(admin.stored(rogue.sid)) is None
    assert run(bench.flow.open_by_sid(rogue.sid)) is None
    # It is what the next request goes on with.
    cookie = begun(bench)
    assert cookie.split(".")[0] == rogue.sid
    assert run(admin.count()) == 1
    assert run(admin.revoke_everyone()) == 1
    assert len(bench.memory.keys) == 1
    assert is_nothing(bench.opened(VALUE))


# --- what was moved before its cookie comes ---------------------------------------------------


def moved(bench: Bench, *, name: int = 0, owner: str | None = "ann", is_own: bool = False) -> None:
    """Do as the command does; `name`: which of the names the old session is known by."""
    record = migrated.waiting(
        bench.old_ids.filed(LIBRARY, names_of(OLD_ID)[name])[0],
        LIBRARY,
        bench.migration._cookies.draft(DATA),
        entropy=bench.migration._signer.draw,
        now=int(bench.clock()),
        rules=bench.flow.rules,
        tag=Tag.MOVED,
        owner=owner,
        is_own=is_own,
    )
    assert run(bench.flow._filing.create(record, drawn=False))


@pytest.mark.parametrize("name", [0, 1])
def test_what_was_moved_is_listed_and_opened_by_the_old_cookie(name: int) -> None:
    bench = Bench()
    moved(bench, name=name)
    bench.memory.foreign.clear()
    (listed,) = run(bench.flow.administration.sessions_of("ann"))
    cookie = begun(bench)
    assert listed.sid == cookie.split(".")[0]
    assert data_of(bench.opened(VALUE)) == DATA
    assert data_of(bench.opened(ours=cookie)) == DATA
    assert [each.sid for each in run(bench.flow.administration.sessions_of("ann"))] == [listed.sid]


@pytest.mark.parametrize("name", [0, 1])
def test_what_was_moved_and_has_ended_stays_so(name: int) -> None:
    bench = Bench()
    moved(bench, name=name)
    session = bench.opened(VALUE)
    session.end()
    _ = closed(bench, session)
    assert is_nothing(bench.opened(VALUE))
    used = bench.old_ids.filed(LIBRARY, names_of(OLD_ID)[name])[0].note
    assert f"session:used.{used}" in bench.memory.keys
    # And is no session, though the command runs once more.
    moved(bench, name=name)
    assert is_nothing(bench.opened(VALUE))


def test_what_is_taken_already_stays_its_owners() -> None:
    bench = Bench()
    moved(bench)
    with pytest.raises(AssertionError):
        moved(bench)
    assert len(run(bench.flow.administration.sessions_of("ann"))) == 1


@pytest.mark.parametrize("by", ["revoke_all", "revoke_everyone"])
def test_what_was_moved_and_revoked_does_not_come_back(by: str) -> None:
    bench = Bench()
    moved(bench)
    bench.memory.foreign.clear()
    arguments = ["ann"] if by == "revoke_all" else []
    assert run(getattr(bench.flow.administration, by)(*arguments)) == 1
    assert is_nothing(bench.opened(VALUE))


def test_what_the_old_library_has_is_newer_than_what_was_moved() -> None:
    bench = Bench()
    moved(bench)
    bench.memory.foreign[OLD_ID] = b'{"user": "bob"}'
    session = bench.opened(VALUE)
    assert data_of(session) == {"user": "bob"}
    assert record_of(bench, str(session.sid)).owner == "bob"
    assert run(bench.flow.administration.sessions_of("ann")) == []


def test_the_owner_that_the_command_has_told_stays_with_the_same_data() -> None:
    bench = Bench(owners=lambda _: None)
    moved(bench)
    assert record_of(bench, begun(bench).split(".")[0]).owner == "ann"
    bench = Bench(owners=lambda _: None)
    moved(bench)
    bench.memory.foreign[OLD_ID] = b'{"user": "bob"}'
    assert record_of(bench, str(bench.opened(VALUE).sid)).owner is None


def test_what_is_unreadable_in_the_store_and_was_moved_is_what_was_moved() -> None:
    bench = Bench()
    moved(bench)
    bench.memory.foreign[OLD_ID] = b"\x80\x04."
    assert data_of(bench.opened(VALUE)) == DATA


def test_what_is_gone_from_the_store_that_it_was_moved_out_of_has_ended() -> None:
    bench = Bench()
    moved(bench, is_own=True)
    bench.memory.foreign.clear()
    assert is_nothing(bench.opened(VALUE))
    assert bench.memory.keys == []
    assert [each.reason for each in bench.events] == [OLD_MISSING]


def test_a_moved_session_whose_time_is_over_opens_nothing_but_makes_room() -> None:
    bench = Bench(rules=replace(RULES, absolute=500))
    moved(bench)
    bench.clock.advance(500)
    foreign = dict(bench.memory.foreign)
    bench.memory.foreign.clear()
    assert is_nothing(bench.opened(VALUE))
    bench.memory.foreign = foreign
    record = record_of(bench, begun(bench).split(".")[0])
    assert record.deadline == int(bench.clock()) + 500


def test_a_session_that_came_of_what_was_moved_begins_now() -> None:
    bench = Bench()
    moved(bench)
    bench.memory.foreign.clear()
    bench.clock.advance(900)
    cookie = begun(bench)
    assert record_of(bench, cookie.split(".")[0]).created == int(bench.clock())
    bench.clock.advance(900)
    assert data_of(bench.opened(ours=cookie)) == DATA
