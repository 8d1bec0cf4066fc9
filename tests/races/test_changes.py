"""Two requests that change one session at once: nothing that was acknowledged is lost."""

from __future__ import annotations

from typing import Any

import pytest

from samesession.core.events import Event
from tests.support.backend import Backend

from .late import Act, Scene

pytestmark = pytest.mark.asyncio

# Where the slower of two requests waits: with what it read, or with what it is to write.
WHERE = [("load", True), ("commit", False)]
BASE = {"mine": 0, "both": 0, "cart": [1], "user": {"name": "ann", "mail": "a@a"}}


def drop(key: str) -> Act:
    return lambda session: session.pop(key)


def put(**values: Any) -> Act:
    return lambda session: session.update(values)


def swap(key: str, **values: Any) -> Act:
    return lambda session: (session.pop(key), session.update(values))


def grow(item: int) -> Act:
    return lambda session: session["cart"].append(item)


def rename(field: str, value: str) -> Act:
    return lambda session: session["user"].update({field: value})


def grow_atomically(item: int) -> Act:
    return lambda session: session.update_atomically(lambda data: data["cart"].append(item))


# The slow request's change, the fast one's, and what differs from BASE when both are over.
PAIRS: dict[str, tuple[Act, Act, dict[str, Any]]] = {
    "different new keys": (put(a=1), put(b=2), {"a": 1, "b": 2}),
    "different old keys": (put(mine=1), put(both=2), {"mine": 1, "both": 2}),
    "a key set and one deleted": (put(mine=1), drop("both"), {"mine": 1, "both": None}),
    "different keys deleted": (drop("mine"), drop("both"), {"mine": None, "both": None}),
    "one key set twice": (put(both=1, a=1), put(both=2, b=2), {"both": 1, "a": 1, "b": 2}),
    "one key set after its deletion": (put(both=1), drop("both"), {"both": 1}),
    "one key deleted after it was set": (drop("both"), put(both=2, b=2), {"both": None, "b": 2}),
    "one key deleted twice": (drop("both"), swap("both", b=2), {"both": None, "b": 2}),
    "different nested values": (grow(2), rename("name", "bob"), {"cart": [1, 2], "user.name": 1}),
    "one nested list": (grow(2), grow(3), {"cart": [1, 2]}),
    "a nested value and a key": (grow(2), put(both=2), {"cart": [1, 2], "both": 2}),
    "one list atomically": (grow_atomically(2), grow_atomically(3), {"cart": [1, 3, 2]}),
    "one list, once atomically": (grow_atomically(2), grow(3), {"cart": [1, 3, 2]}),
    "a list atomically and a key": (grow_atomically(2), put(b=2), {"cart": [1, 2], "b": 2}),
}


def expected(name: str) -> dict[str, Any]:
    changed = dict(PAIRS[name][2])
    renamed = changed.pop("user.name", None)
    after = {**BASE, **changed}
    if renamed:
        after["user"] = {"name": "bob", "mail": "a@a"}
    return {key: value for key, value in after.items() if value is not None}


@pytest.mark.parametrize(("at", "after"), WHERE)
@pytest.mark.parametrize("name", PAIRS)
async def test_of_two_requests_each_keeps_what_only_it_changed(
    scene: Scene, name: str, at: str, after: bool
) -> None:
    slow, fast, _ = PAIRS[name]
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    async with scene.late(visitor, slow, at=at, after=after) as late:
        assert (await scene.tab(visitor).visit(fast)).status == 200
    assert late.answer.status == 200
    assert await visitor.value(dict) == expected(name)
    assert Event.CONFLICT in scene.heard
    assert Event.GONE not in scene.heard


async def test_two_equal_changes_at_once_are_one(scene: Scene) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    async with scene.late(visitor, drop("both"), at="commit") as late:
        await scene.tab(visitor).visit(drop("both"))
    assert late.answer.status == 200
    assert await visitor.value(lambda session: "both" in session) is False


async def test_two_fields_of_one_nested_value_are_one_key_and_the_last_commit_wins(
    scene: Scene,
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    async with scene.late(visitor, rename("name", "bob"), at="commit"):
        await scene.tab(visitor).visit(rename("mail", "b@b"))
    assert await visitor.value(dict) == {**BASE, "user": {"name": "bob", "mail": "a@a"}}


async def test_a_request_that_loses_many_times_keeps_the_changes_of_all(scene: Scene) -> None:
    visitor = scene.site.visitor()
    await visitor.put(cart=[])
    gates = [scene.spy.pause("commit", nth=1 + 2 * turn) for turn in range(5)]
    scene.site.actions.append(lambda session, web: str(grow_atomically(99)(session)))
    slow = visitor.driver.start("GET", f"/visit/{len(scene.site.actions) - 1}")
    for turn, gate in enumerate(gates):
        await gate.reached()
        await scene.tab(visitor).visit(grow_atomically(turn))
        gate.open()
    assert (await slow).status == 200
    assert await visitor.value(lambda session: session["cart"]) == [0, 1, 2, 3, 4, 99]
    assert scene.heard.count(Event.CONFLICT) == 5


@pytest.mark.parametrize("read", [dict, lambda session: session["mine"], lambda session: None])
async def test_a_slow_request_that_only_reads_writes_nothing_over_a_newer_record(
    scene: Scene, backend: Backend, read: Act
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    async with scene.late(visitor, read, at="load", after=True) as late:
        await scene.tab(visitor).visit(put(mine=7))
        stored = backend.records()
        scene.spy.reset()
    assert (late.answer.status, late.answer.set_cookies) == (200, [])
    assert scene.spy.names == []
    assert backend.records() == stored
    assert await visitor.value(lambda session: session["mine"]) == 7


async def test_two_first_writes_without_a_cookie_make_two_sessions(
    scene: Scene, backend: Backend
) -> None:
    """Neither request can know of the other; the browser keeps the cookie that comes last."""
    visitor = scene.site.visitor()
    async with scene.late(visitor, put(a=1), at="create"):
        await scene.tab(visitor).visit(put(b=2))
    assert await visitor.value(dict) == {"a": 1}
    assert len(backend.records()) == 2
