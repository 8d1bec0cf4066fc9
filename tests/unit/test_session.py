"""The mapping that a view sees: every way into a dict is noticed."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from markupsafe import Markup

from samesession import NotSupported, ReadOnlySession, ServerSession, SessionInfo, StoreUnavailable
from samesession.core import changes as merge
from samesession.core import codec, saving
from samesession.core.loaded import Loaded, Lost
from samesession.core.request_state import (
    Mode,
    SessionState,
    changes_of,
    data_of,
    is_permanent,
    state_of,
)
from tests.support.infos import moment

from .parts import NOW, record, signer

STORED = {"a": 1, "b": [1]}
SIGNER = signer()


def loaded(data: dict[str, Any] | None = None, **changes: Any) -> Loaded:
    signed = SIGNER.mint()
    payload = codec.encode(STORED if data is None else data)
    return Loaded(signed, record(signed.token, payload=payload, **changes))


def stored(**changes: Any) -> ServerSession:
    """A session that holds STORED."""
    state = SessionState(loaded=loaded(**changes), new=False)
    return ServerSession({"a": 1, "b": [1]}, state=state, bindable=True)


def _read_missing(session: ServerSession) -> None:
    with pytest.raises(KeyError):
        _ = session["z"]


READS: dict[str, Callable[[ServerSession], Any]] = {
    "item": lambda session: session["a"],
    "missing item": _read_missing,
    "get": lambda session: session.get("z"),
    "in": lambda session: "z" in session,
    "len": len,
    "bool": bool,
    "iter": list,
    "reversed": lambda session: list(reversed(session)),
    "keys": lambda session: session.keys(),
    "values": lambda session: session.values(),
    "items": lambda session: session.items(),
    "equal": lambda session: session == {},
    "unequal": lambda session: session != {},
    "copy": lambda session: session.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "dict": dict,
    "star": lambda session: {**session},
    "or": lambda session: session | {"x": 1},
    "ror": lambda session: {"x": 1} | session,
    "json": json.dumps,
    "new": lambda session: session.new,
    "permanent": lambda session: session.permanent,
    "sid": lambda session: session.sid,
    "info": lambda session: session.info,
    "pop nothing": lambda session: session.pop("z", None),
    "setdefault there": lambda session: session.setdefault("a", 2),
}

WRITES: dict[str, Callable[[ServerSession], Any]] = {
    "set": lambda session: session.__setitem__("a", 1),
    "delete": lambda session: session.__delitem__("a"),
    "pop": lambda session: session.pop("a"),
    "popitem": lambda session: session.popitem(),
    "setdefault": lambda session: session.setdefault("z", 1),
    "update": lambda session: session.update({"z": 1}),
    "update pairs": lambda session: session.update([("z", 1)]),
    "update names": lambda session: session.update(z=1),
    "update nothing": lambda session: session.update(),
    "ior": lambda session: session.__ior__({"z": 1}),
    "clear": lambda session: session.clear(),
    "permanent": lambda session: setattr(session, "permanent", True),
    "modified": lambda session: setattr(session, "modified", True),
    "regenerate": lambda session: session.regenerate(),
    "bind": lambda session: session.bind("alice"),
    "update_atomically": lambda session: session.update_atomically(lambda data: None),
}
# What marks a session without writing to it.
UNREFUSED = {"modified", "permanent"}


def test_a_fresh_session_is_new_and_untouched() -> None:
    session = ServerSession()
    assert (session.accessed, session.modified) == (False, False)
    assert session.new
    assert session.info == SessionInfo(None, None, None, None, None, None, None, current=True)
    assert session.sid is None


@pytest.mark.parametrize("name", READS)
def test_reading_is_access_and_no_modification(name: str) -> None:
    session = stored()
    _ = READS[name](session)
    assert (session.accessed, session.modified) == (True, False)
    assert changes_of(session) == []


@pytest.mark.parametrize("name", WRITES)
def test_writing_is_access_and_modification(name: str) -> None:
    session = stored()
    _ = WRITES[name](session)
    assert (session.accessed, session.modified) == (True, True)


def test_what_the_library_looks_at_is_no_access() -> None:
    session = stored()
    _ = (
        data_of(session),
        is_permanent(session),
        state_of(session),
        changes_of(session),
        repr(session),
    )
    assert (session.accessed, session.modified) == (False, False)


def test_every_method_of_a_dict_is_ours() -> None:
    """A method of a later Python, inherited, would go unnoticed."""
    own = vars(ServerSession)
    harmless = {
        "__class_getitem__",
        "__getattribute__",
        "__new__",
        "__sizeof__",
        "__doc__",
        "fromkeys",
        "__lt__",
        "__le__",
        "__gt__",
        "__ge__",
    }
    assert {name for name in vars(dict) if name not in own} <= harmless


def test_it_behaves_as_the_dict_that_it_is() -> None:
    session, plain = stored(), dict(STORED)
    for one in (session, plain):
        one["c"] = 3
        assert one.setdefault("a", 9) == 1
        assert one.setdefault("d", 4) == 4
        assert one.pop("a") == 1
        assert one.pop("z", "none") == "none"
        assert one.get("z", 5) == 5
        one.update({"e": 5}, f=6)
        one.update([("g", 7)])
        one |= {"h": 8}
        assert one.popitem() == ("h", 8)
        del one["g"]
        with pytest.raises(KeyError):
            one.pop("z")
        with pytest.raises(KeyError):
            del one["z"]
    assert isinstance(session, ServerSession)
    assert session == plain
    assert list(session) == list(plain)
    assert (session | {"i": 9}, {"i": 9} | session) == (plain | {"i": 9}, {"i": 9} | plain)
    assert type(session | {}) is type({} | session) is type(session.copy()) is dict


def test_what_is_compared_unequal_is_so_both_ways() -> None:
    assert stored() != {}
    assert not stored() == {}  # noqa: SIM201
    assert not stored() != {"a": 1, "b": [1]}  # noqa: SIM202


def test_a_deep_copy_shares_nothing() -> None:
    session = stored()
    copy.deepcopy(session)["b"].append(2)
    assert session["b"] == [1]
    copy.copy(session)["b"].append(2)
    assert session["b"] == [1, 2]


def test_it_is_neither_pickled_nor_hashed() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match=r"dict\(session\)"):
            pickle.dumps(stored(), protocol)
    with pytest.raises(TypeError):
        hash(stored())


def test_no_data_is_in_a_repr() -> None:
    session = stored()
    session["a"] = "canary"
    assert repr(session) == str(session) == f"{session}" == "<ServerSession live>"


@pytest.mark.parametrize("key", [1, None, (1,), b"a"])
def test_a_key_that_is_no_str_is_refused_at_once(key: Any) -> None:
    session = stored()
    for write in (
        lambda: session.__setitem__(key, 1),
        lambda: session.setdefault(key, 1),
        lambda: session.update({key: 1}),
        lambda: session.update_atomically(lambda data: data.__setitem__(key, 1)),
    ):
        with pytest.raises(TypeError, match="session keys are str"):
            write()


def test_a_key_of_a_subclass_of_str_is_a_plain_one() -> None:
    session = stored()
    session[Markup("c")] = 1
    session.update_atomically(lambda data: data.__setitem__(Markup("d"), 1))
    assert {type(key) for key in session} == {str}


def test_accessed_can_be_forgotten_and_not_be_faked() -> None:
    session = stored()
    session.accessed = True
    assert not session.accessed
    _ = session["a"]
    session.accessed = False
    assert not session.accessed


def test_modified_can_be_taken_back() -> None:
    session = stored()
    session.modified = True
    session.modified = False
    assert (session.modified, session.accessed) == (False, True)


def test_permanent_is_kept_where_flask_keeps_it() -> None:
    session = ServerSession()
    assert not session.permanent
    session.permanent = 1  # type: ignore[assignment]
    assert dict(session) == {"_permanent": True}
    assert session.permanent
    assert ServerSession(permanent_by_default=True).permanent
    assert not ServerSession({"_permanent": False}, permanent_by_default=True).permanent


def test_info_tells_the_record() -> None:
    session = stored(owner="alice", auth_time=5, deadline=9)
    record_ = state_of(session).loaded
    assert record_ is not None
    assert session.info == SessionInfo(
        sid=record_.record.sid,
        owner="alice",
        label=None,
        created=moment(NOW),
        authenticated=moment(5),
        last_seen=None,
        expires=moment(9),
        current=True,
    )
    assert session.sid == record_.record.sid


# --- what a request did ---------------------------------------------------------------


def done(session: ServerSession, newer: dict[str, Any]) -> dict[str, Any]:
    """Replay a session's changes on newer data."""
    return merge.replay_on(changes_of(session), dict(newer))


def test_a_nested_change_is_a_change_of_its_key() -> None:
    session = stored()
    session["b"].append(2)
    assert done(session, {"a": 5, "x": 1}) == {"a": 5, "x": 1, "b": [1, 2]}


def test_an_assignment_counts_even_when_nothing_differs() -> None:
    session = stored()
    session["a"] = 1
    assert done(session, {"a": 5}) == {"a": 1}


def test_clearing_forgets_what_was_done_before_it() -> None:
    session = stored()
    session["c"] = 1
    session.bind("alice")
    session.clear()
    session["d"] = 1
    assert done(session, {"a": 5, "x": 1}) == {"d": 1}
    assert (
        state_of(session).replace_secret,
        state_of(session).cleared,
        state_of(session).bound,
    ) == (
        True,
        True,
        None,
    )


def test_an_atomic_update_runs_now_and_again() -> None:
    session = stored()
    session["c"] = 1
    session.update_atomically(lambda data: data["b"].append(2))
    session["d"] = 1
    assert session == {"a": 1, "b": [1, 2], "c": 1, "d": 1}
    assert done(session, {"a": 5, "b": [7]}) == {"a": 5, "b": [7, 2], "c": 1, "d": 1}


def test_an_atomic_update_sees_the_writes_before_it() -> None:
    session = stored()
    session["n"] = 1

    def double(data: dict[str, Any]) -> None:
        data["n"] *= 2

    session.update_atomically(double)
    session.update_atomically(double)
    assert session["n"] == 4
    assert done(session, {}) == {"n": 4}


def test_what_follows_an_atomic_update_is_replayed_after_it() -> None:
    session = stored()
    session.update_atomically(lambda data: data.update(a=2))
    session["a"] = 3
    del session["b"]
    assert done(session, {"a": 9, "b": [9]}) == {"a": 3}


def test_an_atomic_update_that_raises_changes_nothing() -> None:
    session = stored()

    def fail(data: dict[str, Any]) -> None:
        data.clear()
        raise LookupError

    with pytest.raises(LookupError):
        session.update_atomically(fail)
    assert session == {"a": 1, "b": [1]}


def test_a_new_session_has_only_its_own_changes() -> None:
    session = ServerSession()
    session["a"] = 1
    assert done(session, {"z": 1}) == {"z": 1, "a": 1}


def test_after_saving_it_begins_anew() -> None:
    session = stored()
    session["c"] = 1
    session.bind("alice")
    payload = codec.encode(data_of(session))
    saving.mark_saved(
        session, saving.take(session, payload), loaded({"a": 1, "b": [1], "c": 1}), None
    )
    assert changes_of(session) == []
    assert (state_of(session).replace_secret, state_of(session).bound, session.modified) == (
        False,
        None,
        True,
    )
    session["d"] = 1
    assert done(session, {}) == {"d": 1}


def test_a_lost_session_is_empty_and_new() -> None:
    for drop in (True, False):
        session = stored()
        session["c"] = 1
        saving.forget(session, Lost("sid", drop=drop, owner=None))
        assert data_of(session) == {}
        assert state_of(session).loaded is None
        assert state_of(session).modified is drop


# --- binding --------------------------------------------------------------------------


@pytest.mark.parametrize("owner", ["", None, 5, b"alice", "x" * 1025, "é" * 513, Markup("a")])
def test_an_owner_is_a_str_of_1_to_1024_bytes(owner: Any) -> None:
    session = stored()
    with pytest.raises(TypeError, match=r"session\.bind\(str\(user\.id\)\)"):
        session.bind(owner)
    assert not session.modified


def test_an_owner_of_1024_bytes_passes() -> None:
    session = stored()
    session.bind("x" * 1024)
    assert state_of(session).bound == "x" * 1024
    assert state_of(session).replace_secret


def test_a_store_without_an_index_cannot_bind() -> None:
    session = ServerSession(bindable=False)
    with pytest.raises(NotSupported, match="filesystem"):
        session.bind("alice")
    assert not session.modified


# --- modes ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITES)
def test_an_exempt_session_is_empty_and_refuses_writes(name: str) -> None:
    if name in UNREFUSED:
        return
    session = ServerSession({"a": 1}, state=SessionState(mode=Mode.EXEMPT), bindable=True)
    with pytest.raises(ReadOnlySession, match="SESSION_EXEMPT"):
        WRITES[name](session)
    assert not session.modified


def test_an_exempt_session_does_not_listen_when_it_is_made_permanent() -> None:
    session = ServerSession(state=SessionState(mode=Mode.EXEMPT))
    session.permanent = True
    assert not session.permanent
    assert not session.modified


def test_a_sealed_session_can_be_read_and_not_written() -> None:
    session = stored()
    state_of(session).lock()
    assert session["a"] == 1
    with pytest.raises(ReadOnlySession, match="response has started"):
        session["a"] = 2
    assert session["a"] == 1


def test_sealing_changes_no_other_mode() -> None:
    for mode in (Mode.EXEMPT, Mode.BROKEN):
        session = ServerSession(state=SessionState(mode=mode))
        state_of(session).lock()
        assert state_of(session).mode is mode


def test_a_broken_session_says_so_until_it_was_announced() -> None:
    failure = StoreUnavailable("down")
    session = ServerSession(state=SessionState(mode=Mode.BROKEN), failure=failure)
    for use in (lambda: session.get("a"), lambda: session.update(a=1), lambda: "a" in session):
        with pytest.raises(StoreUnavailable):
            use()
    assert state_of(session).take_failure() is failure
    assert state_of(session).take_failure() is None
    session["a"] = 1  # an error handler's template may flash
    assert session.get("a") == 1


def test_a_session_that_was_not_saved_is_a_throwaway() -> None:
    session = stored()
    state_of(session).mark_failed()
    session["a"] = 2
    assert state_of(session).mode is Mode.BROKEN


def test_a_name_counts_as_assigned_before_its_value_is_there() -> None:
    """Another thread may save the session in between, and must not copy what was stored."""
    session = stored()
    dict[str, Any].pop(session, "a")
    found: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SessionState, "note", lambda _, name: found.append(name in data_of(session)))
        session["a"] = 5
    assert found == [False]
