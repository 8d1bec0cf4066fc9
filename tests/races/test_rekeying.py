"""Regenerating and logging in while other requests run: one winner, and no way back."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest

from samesession.core.events import Event
from tests.support.backend import Backend
from tests.support.clock import Entropy
from tests.support.infos import known_of

from .conftest import NewScene
from .late import Act, Scene

pytestmark = pytest.mark.asyncio

WHERE = [("load", True), ("commit", False)]
AT_ONCE = 20


def write(session: Any) -> None:
    session["late"] = 1


def append(session: Any) -> None:
    session.update_atomically(lambda data: data.setdefault("cart", []).append(2))


def regenerate(session: Any) -> None:
    session.regenerate()


def log_in(session: Any) -> None:
    session.bind("ann")


def write_and_log_in(session: Any) -> None:
    write(session)
    log_in(session)


def log_in_as_another(session: Any) -> None:
    session.bind("mallory")


def clear_and_write(session: Any) -> None:
    session.clear()
    session["late"] = 1


# What a store without an owner index cannot do.
LOG_IN = pytest.param(log_in, marks=pytest.mark.owners)
STEPS: dict[str, Act] = {
    "clear": lambda session: session.clear(),
    "write": lambda session: session.update(a=2),
    "regenerate": regenerate,
    "bind": log_in,
}
ORDERS = [order for size in (1, 2, 3, 4) for order in permutations(STEPS, size)]
REKEYING = [order for order in ORDERS if set(order) & {"regenerate", "bind", "clear"}]


async def test_in_every_order_with_clear_and_writes_the_old_cookie_is_anonymous(
    scene: Scene,
) -> None:
    for order in REKEYING:
        if "bind" in order and not scene.has_owners:
            continue
        visitor = scene.site.visitor()
        await visitor.put(a=1)
        old = visitor.jar["session"]
        await visitor.visit(lambda session, order=order: [STEPS[step](session) for step in order])
        assert await scene.holder(old).value(dict) == {}, order
        cleared = "clear" in order
        rest = order[order.index("clear") + 1 :] if cleared else order
        after = {"a": 2} if "write" in rest else {} if cleared else {"a": 1}
        if after or "bind" in rest:
            assert visitor.jar["session"] != old, order
        assert await visitor.value(dict) == after, order
        owner = await visitor.value(lambda session: session.info.owner)
        assert owner == ("ann" if "bind" in rest else None), order


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
@pytest.mark.parametrize("late_act", [write, append, regenerate, clear_and_write])
@pytest.mark.parametrize("change", [regenerate, clear_and_write, LOG_IN])
async def test_a_request_with_the_old_cookie_leaves_the_new_session_alone(
    scene: Scene, backend: Backend, change: Act, late_act: Act, where: tuple[str, bool]
) -> None:
    """A session planted before the login gives its owner no way into it."""
    visitor = scene.site.visitor()
    await visitor.put(cart=[1])
    attacker = scene.holder(visitor.jar["session"])
    async with scene.late(attacker, late_act, at=where[0], after=where[1]) as late:
        await visitor.visit(change)
        new, stored = visitor.jar["session"], backend.records()
        scene.heard.clear()
    assert late.answer.status == 200
    assert late.answer.set_cookies == []
    assert scene.heard[-1] is Event.GONE
    assert backend.records() == stored
    assert visitor.jar["session"] == new
    assert await attacker.value(dict) == {}
    assert await visitor.value(dict) == (
        {"late": 1} if change is clear_and_write else {"cart": [1]}
    )


@pytest.mark.owners
@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
@pytest.mark.parametrize("change", [regenerate, clear_and_write, log_in])
async def test_a_login_with_the_old_cookie_begins_a_session_of_its_own(
    scene: Scene, backend: Backend, change: Act, where: tuple[str, bool]
) -> None:
    """The one that another request took over stays as that left it."""
    visitor = scene.site.visitor()
    await visitor.put(cart=[1])
    attacker = scene.holder(visitor.jar["session"])
    async with scene.late(attacker, log_in_as_another, at=where[0], after=where[1]) as late:
        await visitor.visit(change)
        new, stored = visitor.jar["session"], backend.records()
        scene.heard.clear()
    assert (late.answer.status, len(late.answer.set_cookies)) == (200, 1)
    assert scene.heard[-3:] == [Event.GONE, Event.CREATED, Event.BOUND]
    assert stored.items() < backend.records().items()
    assert visitor.jar["session"] == new
    assert await attacker.value(dict) == {}
    assert await visitor.value(dict) == (
        {"late": 1} if change is clear_and_write else {"cart": [1]}
    )
    (info,) = await scene.administer("sessions_of", "mallory")
    assert known_of(info) == known_of(await attacker.value(lambda session: session.info))
    assert info.sid != await visitor.value(lambda session: session.sid)


@pytest.mark.owners
async def test_of_two_logins_of_one_user_the_faster_one_counts(
    scene: Scene, backend: Backend
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(cart=[1])
    async with scene.late(visitor, write_and_log_in, at="commit") as late:
        await scene.tab(visitor).visit(log_in)
        new = visitor.jar["session"]
    assert late.answer.set_cookies == []
    assert visitor.jar["session"] == new
    assert len(await scene.administer("sessions_of", "ann")) == len(backend.records()) == 1


@pytest.mark.owners
@pytest.mark.stores("memory", "filesystem")
async def test_a_login_of_the_same_user_that_was_faster_and_is_over_counts_no_more(
    new_scene: NewScene, backend: Backend
) -> None:
    scene = new_scene(SESSION_ABSOLUTE_LIFETIME=1000)
    visitor = scene.site.visitor()
    await visitor.put(cart=[1])
    async with scene.late(visitor, write_and_log_in, at="commit"):
        await scene.tab(visitor).visit(log_in)
        backend.clock.advance(1000)
    assert await visitor.value(dict) == {"late": 1}
    assert await visitor.value(lambda session: session.info.owner) == "ann"


@pytest.mark.parametrize("at", ["load", "remove"])
@pytest.mark.parametrize("change", [regenerate, LOG_IN])
async def test_a_logout_with_the_old_cookie_does_not_end_the_login_that_was_faster(
    scene: Scene, at: str, change: Act
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(cart=[1])
    tab = scene.tab(visitor)
    async with scene.late(tab, lambda session: session.clear(), at=at, after=at == "load") as late:
        await visitor.visit(change)
    assert late.answer.set_cookies == []
    assert await visitor.value(dict) == {"cart": [1]}
    owner = "ann" if change is log_in else None
    assert await visitor.value(lambda session: session.info.owner) == owner


@pytest.mark.parametrize("change", [regenerate, LOG_IN])
async def test_a_request_that_reads_with_the_old_cookie_leaves_the_new_one_alone(
    scene: Scene, change: Act
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(cart=[1])
    async with scene.late(scene.tab(visitor), dict, at="load", after=True) as late:
        await visitor.visit(change)
        scene.heard.clear()
    assert (late.answer.text, late.answer.set_cookies) == ("{'cart': [1]}", [])
    assert scene.heard == []
    assert await visitor.value(dict) == {"cart": [1]}


async def test_a_change_made_while_another_request_regenerates_is_kept(scene: Scene) -> None:
    visitor = scene.site.visitor()
    await visitor.put(cart=[1])
    async with scene.late(visitor, regenerate, at="commit"):
        await scene.tab(visitor).visit(write)
    assert await visitor.value(dict) == {"cart": [1], "late": 1}


@pytest.mark.parametrize("change", [regenerate, LOG_IN])
async def test_of_twenty_that_rekey_at_once_one_wins_and_the_browser_is_not_stuck(
    scene: Scene, change: Act
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE + 1))
    visitor = scene.site.visitor()
    await visitor.put(cart=[1])
    gates = [scene.spy.pause("load", nth=turn + 1, after=True) for turn in range(AT_ONCE)]
    tabs = [scene.tab(visitor) for _ in gates]
    scene.site.actions.append(lambda session, web: change(session) or "")
    path = f"/visit/{len(scene.site.actions) - 1}"
    scene.heard.clear()
    tasks = []
    for gate, tab in zip(gates, tabs, strict=True):
        tasks.append(tab.driver.start("GET", path))
        await gate.reached()
    for gate in gates:
        gate.open()
    answers = await asyncio.gather(*tasks)
    assert [answer.status for answer in answers] == [200] * AT_ONCE
    assert sum(bool(answer.set_cookies) for answer in answers) == 1
    assert scene.heard.count(Event.REGENERATED) == 1
    assert scene.heard.count(Event.GONE) == AT_ONCE - 1
    assert await visitor.value(dict) == {"cart": [1]}
    await visitor.visit(change)
    assert await visitor.value(dict) == {"cart": [1]}


class Repeating:
    """Gives the same sid once more, and then others."""

    def __init__(self, has_functions: int) -> None:
        self._source = Entropy()
        self._sids = [b"\1" * 16] * (1 + has_functions)

    def __call__(self, size: int) -> bytes:
        return self._sids.pop() if size == 16 and self._sids else self._source(size)


async def test_a_sid_that_is_taken_is_never_given_to_another(
    new_scene: NewScene, backend: Backend
) -> None:
    scene = new_scene(options={"entropy": Repeating(1)})
    first, second = scene.site.visitor(), scene.site.visitor()
    await first.put(name="ann")
    await second.put(name="bob")
    assert scene.spy.counts["create"] == 3
    assert await first.value(dict) == {"name": "ann"}
    assert await second.value(dict) == {"name": "bob"}
    assert len(backend.records()) == 2


async def test_two_requests_with_one_sid_at_once_make_two_sessions(new_scene: NewScene) -> None:
    scene = new_scene(options={"entropy": Repeating(1)})
    first, second = scene.site.visitor(), scene.site.visitor()
    async with scene.late(first, lambda session: session.update(name="ann"), at="create"):
        await second.put(name="bob")
    assert await first.value(dict) == {"name": "ann"}
    assert await second.value(dict) == {"name": "bob"}


async def test_a_source_of_randomness_that_only_repeats_is_a_503_and_no_shared_session(
    new_scene: NewScene,
) -> None:
    scene = new_scene(options={"entropy": Repeating(100)})
    first, second = scene.site.visitor(), scene.site.visitor()
    await first.put(name="ann")
    answer = await second.put(name="bob")
    assert (answer.status, answer.set_cookies) == (503, [])
    assert await first.value(dict) == {"name": "ann"}


@pytest.mark.owners
async def test_a_list_made_during_a_login_does_not_hide_the_login(scene: Scene) -> None:
    """A session that a device page overlooks could not be revoked."""
    visitor = scene.site.visitor()
    await visitor.put(cart=[1])
    async with scene.late(visitor, log_in, at="enlist", after=True):
        assert await scene.administer("sessions_of", "ann") == []
    assert len(await scene.administer("sessions_of", "ann")) == 1
    assert await scene.administer("revoke_all", "ann") == 1
    assert await visitor.value(dict) == {}


@pytest.mark.owners
async def test_a_list_made_during_a_first_login_does_not_hide_it(scene: Scene) -> None:
    visitor = scene.site.visitor()
    async with scene.late(visitor, log_in, at="create"):
        assert await scene.administer("revoke_all", "ann") == 0
    assert await scene.administer("revoke_all", "ann") == 1
