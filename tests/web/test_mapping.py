"""A session is a dict that stays between requests: every method of it, over every store."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from tests.support.backend import ALL_STORES, Backend
from tests.support.infos import moment
from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores(*ALL_STORES)]

Do = Callable[[Any], Any]  # Any: the session is a proxy in both frameworks


def _delete(session: Any) -> None:
    del session["a"]


def _extend(session: Any) -> None:
    session["a"].append(2)


def _merge(session: Any) -> None:
    session |= {"b": 2}


CHANGES: dict[str, tuple[Do, Any, dict[str, Any]]] = {
    "setitem": (lambda s: s.__setitem__("b", 2), None, {"a": [1], "b": 2}),
    "replace": (lambda s: s.__setitem__("a", 3), None, {"a": 3}),
    "update": (lambda s: s.update({"b": 2}, c=3), None, {"a": [1], "b": 2, "c": 3}),
    "update pairs": (lambda s: s.update([("b", 2)]), None, {"a": [1], "b": 2}),
    "or-assign": (_merge, None, {"a": [1], "b": 2}),
    "setdefault new": (lambda s: s.setdefault("b", 2), 2, {"a": [1], "b": 2}),
    "setdefault old": (lambda s: s.setdefault("a", 2), [1], {"a": [1]}),
    "pop": (lambda s: (s.update(b=2), s.pop("a"))[1], [1], {"b": 2}),
    "pop missing": (lambda s: s.pop("x", "none"), "none", {"a": [1]}),
    "popitem": (lambda s: (s.update(b=2), s.popitem())[1], ("b", 2), {"a": [1]}),
    "nested": (_extend, None, {"a": [1, 2]}),
    "nested default": (lambda s: s.setdefault("a", []).append(2), None, {"a": [1, 2]}),
    "clear and write": (lambda s: (s.clear(), s.update(b=2))[1], None, {"b": 2}),
    "permanent": (lambda s: setattr(s, "permanent", True), None, {"a": [1], "_permanent": True}),
}

READS: dict[str, tuple[Do, Any]] = {
    "getitem": (lambda s: s["a"], [1]),
    "get": (lambda s: s.get("a"), [1]),
    "get missing": (lambda s: s.get("x"), None),
    "get default": (lambda s: s.get("x", 5), 5),
    "in": (lambda s: ("a" in s, "x" in s), (True, False)),
    "len": (len, 1),
    "bool": (bool, True),
    "iter": (list, ["a"]),
    "reversed": (lambda s: list(reversed(s)), ["a"]),
    "keys": (lambda s: list(s.keys()), ["a"]),
    "values": (lambda s: list(s.values()), [[1]]),
    "items": (lambda s: list(s.items()), [("a", [1])]),
    "copy": (lambda s: s.copy(), {"a": [1]}),
    "dict": (dict, {"a": [1]}),
    "double star": (lambda s: dict(**s), {"a": [1]}),
    "equal": (lambda s: (s == {"a": [1]}, s != {"a": [1]}), (True, False)),
    "or": (lambda s: s | {"b": 2}, {"a": [1], "b": 2}),
    "permanent": (lambda s: s.permanent, False),
    "new": (lambda s: s.new, False),
    "modified": (lambda s: s.modified, False),
    "accessed": (lambda s: (s.accessed, s.get("a"), s.accessed), (False, [1], True)),
}


class _Keeper:
    """Keeps what it is compared with."""

    kept: Any = None

    def __eq__(self, other: object) -> bool:
        self.kept = other
        return True

    __hash__ = None  # type: ignore[assignment]  # as other mutable values


def _compared(session: Any) -> Any:
    keeper = _Keeper()
    assert session == {"a": keeper}
    return keeper.kept


def _updated(session: Any) -> Any:
    data: dict[str, Any] = {}
    data.update(session)
    return data["a"]


def _matched(session: Any) -> Any:
    match session:
        case {"a": found}:
            return found
    raise AssertionError


# Each gives the list that is stored.
WAYS_OUT: dict[str, Do] = {
    "getitem": lambda s: s["a"],
    "get": lambda s: s.get("a"),
    "setdefault": lambda s: s.setdefault("a", []),
    "values": lambda s: next(iter(s.values())),
    "items": lambda s: dict(s.items())["a"],
    "copy": lambda s: s.copy()["a"],
    "copy.copy": lambda s: copy.copy(s)["a"],
    "dict": lambda s: dict(s)["a"],
    "double star": lambda s: dict(**s)["a"],
    "or": lambda s: (s | {})["a"],
    "right or": lambda s: ({} | s)["a"],
    "update": _updated,
    "compared": _compared,
    "itemgetter": operator.itemgetter("a"),
}


@pytest.mark.parametrize("way", WAYS_OUT)
async def test_a_value_changed_in_place_stays_however_it_was_reached(site: Site, way: str) -> None:
    reach = WAYS_OUT[way]
    user = site.visitor()
    await user.put(a=[1])
    _ = await user.value(lambda session: reach(session).append(2))
    assert await user.value(dict) == {"a": [1, 2]}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_stays(site: Site, name: str) -> None:
    change, result, after = CHANGES[name]
    user = site.visitor()
    await user.put(a=[1])
    assert await user.value(change) == result
    assert await user.value(dict) == after


@pytest.mark.parametrize("name", READS)
async def test_a_read_tells_what_was_stored_and_changes_nothing(
    site: Site, backend: Backend, name: str
) -> None:
    read, result = READS[name]
    user = site.visitor()
    await user.put(a=[1])
    before = backend.records()
    answer = await user.visit(read)
    assert user.result == result
    assert answer.set_cookies == []
    assert backend.records() == before


async def test_getting_a_missing_key_is_a_key_error(site: Site) -> None:
    user = site.visitor()
    for reach in (lambda session: session["x"], lambda session: session.pop("x"), _delete):
        assert isinstance(await user.failure(reach), KeyError)


@pytest.mark.parametrize(
    "empty",
    [
        lambda session: session.clear(),
        lambda session: session.pop("a"),
        _delete,
        lambda session: session.popitem(),
    ],
    ids=["clear", "pop", "del", "popitem"],
)
async def test_an_emptied_session_is_deleted_with_its_cookie(
    site: Site, backend: Backend, empty: Do
) -> None:
    user = site.visitor()
    await user.put(a=[1])
    kept = user.jar["session"]
    answer = await user.visit(empty)
    assert len(answer.set_cookies) == 1
    assert "Max-Age=0" in answer.set_cookies[0]
    assert "session" not in user.jar
    assert backend.records() == {}
    if backend.name != "cookie":
        user.jar["session"] = kept
        assert await user.value(dict) == {}


async def test_a_session_never_written_is_never_stored(site: Site, backend: Backend) -> None:
    user = site.visitor()
    for touch in (dict, len, lambda session: session.pop("a", None), lambda session: None):
        answer = await user.visit(touch)
        assert answer.set_cookies == []
    assert backend.records() == {}


async def test_a_session_written_and_emptied_in_one_request_is_not_stored(
    site: Site, backend: Backend
) -> None:
    user = site.visitor()
    await user.visit(lambda session: (session.update(a=1), session.pop("a")))
    assert "session" not in user.jar
    assert backend.records() == {}


async def test_new_and_modified_tell_what_happened(site: Site) -> None:
    user = site.visitor()
    state = lambda s: (s.new, s.modified, s.update(a=1), s.modified)  # noqa: E731
    assert await user.value(state) == (True, False, None, True)
    assert await user.value(lambda session: (session.new, session.modified)) == (False, False)


async def test_setting_modified_sends_the_cookie_again(site: Site) -> None:
    user = site.visitor()
    await user.put(a=1)
    answer = await user.visit(lambda session: setattr(session, "modified", True))
    assert len(answer.set_cookies) == 1
    assert await user.value(dict) == {"a": 1}


async def test_two_users_have_two_sessions(site: Site) -> None:
    ann, bob = site.visitor(), site.visitor()
    await ann.put(name="ann")
    await bob.put(name="bob")
    assert await ann.value(dict) == {"name": "ann"}
    assert await bob.value(dict) == {"name": "bob"}
    await ann.visit(lambda session: session.clear())
    assert await bob.value(dict) == {"name": "bob"}


async def test_keys_keep_the_order_in_which_they_were_set(site: Site) -> None:
    user = site.visitor()
    await user.put(b=1, a=2)
    await user.put(c=3)
    assert await user.value(list) == ["b", "a", "c"]


async def test_a_key_that_is_no_text_is_refused(site: Site) -> None:
    error = await site.visitor().failure(lambda session: session.__setitem__(1, 2))
    assert isinstance(error, TypeError)
    assert "session[str(key)]" in str(error)


@pytest.mark.stores("filesystem", "memory", "redis", "sqlite")
async def test_clear_and_write_makes_the_old_cookie_anonymous(site: Site, backend: Backend) -> None:
    user = site.visitor()
    await user.put(name="ann")
    old = user.jar["session"]
    await user.visit(lambda session: (session.clear(), session.update(name="bob")))
    assert user.jar["session"] != old
    assert await user.value(dict) == {"name": "bob"}
    thief = site.visitor()
    thief.jar["session"] = old
    assert await thief.value(dict) == {}
    assert len(backend.records()) == 1


@pytest.mark.stores("filesystem", "memory", "redis", "sqlite")
async def test_regenerate_keeps_the_data_and_ends_the_old_cookie(site: Site) -> None:
    user = site.visitor()
    await user.put(name="ann")
    old, sid = user.jar["session"], await user.value(lambda session: session.sid)
    await user.visit(lambda session: session.regenerate())
    assert await user.value(lambda session: (session.sid, dict(session))) == (sid, {"name": "ann"})
    thief = site.visitor()
    thief.jar["session"] = old
    assert await thief.value(dict) == {}


@pytest.mark.owners
@pytest.mark.stores("filesystem", "memory", "redis", "sqlite")
async def test_bind_makes_the_session_a_users(site: Site) -> None:
    user = site.visitor()
    await user.put(cart=[1])
    await user.visit(lambda session: session.bind("ann"))
    info = await user.value(lambda session: session.info)
    assert (info.owner, info.authenticated) == ("ann", moment(site.clock.now))
    assert await user.value(dict) == {"cart": [1]}


@pytest.mark.owners
@pytest.mark.stores("filesystem", "memory", "redis", "sqlite")
@pytest.mark.parametrize(
    "order",
    [each for size in (1, 2, 3) for each in permutations(("bind", "clear", "write"), size)
     if "bind" in each],
    ids="-".join,
)  # fmt: skip
async def test_a_login_in_any_order_with_clear_and_writes_ends_the_old_cookie(
    site: Site, order: tuple[str, ...]
) -> None:
    steps: dict[str, Do] = {
        "bind": lambda session: session.bind("ann"),
        "clear": lambda session: session.clear(),
        "write": lambda session: session.update(b=2),
    }
    user = site.visitor()
    await user.put(a=1)
    thief = site.visitor()
    thief.jar["session"] = user.jar["session"]
    await user.visit(lambda session: [steps[step](session) for step in order])
    assert await thief.value(dict) == {}
    # What is cleared after a login is a logout.
    is_bound = "clear" not in order[order.index("bind") :]
    assert await user.value(lambda session: session.info.owner) == ("ann" if is_bound else None)
