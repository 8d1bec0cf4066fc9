"""A request that is still running when its session ends brings nothing back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from samesession.core.events import Event
from tests.support.backend import Backend
from tests.support.site import Visitor

from .conftest import NewScene
from .late import Act, Scene, end_idle_time

pytestmark = pytest.mark.asyncio

WHERE = [("load", True), ("commit", False)]
# Browser sessions end sooner than the index of owners asks to be renewed.
LIFE = {"PERMANENT_SESSION_LIFETIME": 1000, "SESSION_BROWSER_LIFETIME": 100}

Ending = Callable[[Scene, Visitor, Backend], Awaitable[Any]]


async def log_out(scene: Scene, visitor: Visitor, backend: Backend) -> None:
    await scene.tab(visitor).visit(lambda session: session.clear())


async def log_out_elsewhere(scene: Scene, visitor: Visitor, backend: Backend) -> None:
    await scene.holder(visitor.jar["session"]).visit(lambda session: session.clear())


async def empty(scene: Scene, visitor: Visitor, backend: Backend) -> None:
    def take_all(session: Any) -> None:
        session.clear()
        session.update(back=1)
        session.clear()

    await scene.tab(visitor).visit(take_all)


async def revoke(scene: Scene, visitor: Visitor, backend: Backend) -> None:
    (about,) = await scene.administer("sessions_of", "ann")
    assert await scene.administer("revoke", about.sid)


async def revoke_all(scene: Scene, visitor: Visitor, backend: Backend) -> None:
    assert await scene.administer("revoke_all", "ann") == 1


async def log_in_again(scene: Scene, visitor: Visitor, backend: Backend) -> None:
    await scene.tab(visitor).visit(lambda session: session.bind("ann"))


async def idle(scene: Scene, visitor: Visitor, backend: Backend) -> None:
    end_idle_time(backend, 101)


async def purged(scene: Scene, visitor: Visitor, backend: Backend) -> None:
    end_idle_time(backend, 101)
    await scene.administer("purge")


def of_owners(*functions: Any) -> list[Any]:
    """Mark what a store without an owner index cannot do."""
    return [pytest.param(each, marks=pytest.mark.owners) for each in functions]


ENDINGS = [
    log_out, log_out_elsewhere, empty, idle, purged, *of_owners(revoke, revoke_all)
]  # fmt: skip


def named(function: Any) -> str:
    return str(function.__name__)


def read(session: Any) -> Any:
    return session["cart"]


def write(session: Any) -> None:
    session["late"] = 1


def nested(session: Any) -> None:
    session["cart"].append(2)


def delete(session: Any) -> None:
    del session["cart"]


def append(session: Any) -> None:
    session.update_atomically(lambda data: data["cart"].append(2))


def regenerate(session: Any) -> None:
    session.regenerate()


def log_in(session: Any) -> None:
    session.bind("bob")


def clear_and_write(session: Any) -> None:
    session.clear()
    session["late"] = 1


LATE = [write, nested, delete, append, regenerate, clear_and_write, *of_owners(log_in)]


async def a_login(scene: Scene) -> Visitor:
    """Begin a session, of a user where the store knows of users."""
    visitor = scene.site.visitor()
    await visitor.put(cart=[1], name="ann")
    if scene.has_owners:
        await visitor.visit(lambda session: session.bind("ann"))
    return visitor


async def nothing_is_left(scene: Scene, cookies: list[str]) -> None:
    """See that no cookie opens a session and no owner has one, whatever lies in the store."""
    for cookie in cookies:
        assert await scene.holder(cookie).value(dict) == {}
    for owner in ("ann", "bob") if scene.has_owners else ():
        assert await scene.administer("sessions_of", owner) == []


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
@pytest.mark.parametrize("act", LATE, ids=named)
@pytest.mark.parametrize("ending", ENDINGS, ids=named)
async def test_a_write_that_comes_after_the_end_is_not_written(
    new_scene: NewScene, backend: Backend, ending: Ending, act: Act, where: tuple[str, bool]
) -> None:
    scene = new_scene(**LIFE)
    visitor = await a_login(scene)
    old = visitor.jar["session"]
    async with scene.late(visitor, act, at=where[0], after=where[1]) as late:
        await ending(scene, visitor, backend)
        scene.heard.clear()
    assert late.answer.status == 200
    assert scene.heard[-1] is Event.GONE
    assert "Expires=Thu, 01 Jan 1970" in late.answer.set_cookies[0]
    assert "session" not in visitor.jar
    await nothing_is_left(scene, [old])


@pytest.mark.parametrize("ending", ENDINGS, ids=named)
async def test_a_request_that_clears_what_has_ended_is_content(
    new_scene: NewScene, backend: Backend, ending: Ending
) -> None:
    scene = new_scene(**LIFE)
    visitor = await a_login(scene)
    old = visitor.jar["session"]
    async with scene.late(visitor, lambda session: session.clear(), at="remove") as late:
        await ending(scene, visitor, backend)
    assert late.answer.status == 200
    assert "session" not in visitor.jar
    await nothing_is_left(scene, [old])


@pytest.mark.parametrize("ending", ENDINGS, ids=named)
async def test_a_request_that_only_reads_neither_writes_nor_errs(
    new_scene: NewScene, backend: Backend, ending: Ending
) -> None:
    scene = new_scene(**LIFE)
    visitor = await a_login(scene)
    old = visitor.jar["session"]

    async with scene.late(visitor, read, at="load", after=True) as late:
        await ending(scene, visitor, backend)
        scene.heard.clear()
        scene.spy.reset()
    assert (late.answer.status, late.answer.text) == (200, "[1]")
    assert late.answer.set_cookies == []
    assert (scene.heard, scene.spy.names) == ([], [])
    await nothing_is_left(scene, [old])


@pytest.mark.owners
@pytest.mark.parametrize("at", ["load", "enlist", "commit"])
@pytest.mark.parametrize("ending", [log_out, revoke, idle, log_in_again])
async def test_a_request_that_only_reads_leaves_quietly_when_the_owner_index_is_due(
    new_scene: NewScene, backend: Backend, ending: Ending, at: str
) -> None:
    """Renewing the index is upkeep: a session that is gone needs none, and no word of it."""
    scene = new_scene(**LIFE)
    visitor = await a_login(scene)
    for _ in range(10):
        end_idle_time(backend, 99)
        assert await visitor.value(lambda session: session["cart"]) == [1]
    end_idle_time(backend, 20)  # as long as PERMANENT_SESSION_LIFETIME since the login
    async with scene.late(
        scene.holder(visitor.jar["session"]), read, at=at, after=at == "load"
    ) as late:
        await ending(scene, visitor, backend)
        scene.heard.clear()
    assert (late.answer.status, late.answer.text) == (200, "[1]")
    assert late.answer.set_cookies == []
    assert Event.GONE not in scene.heard


async def test_a_request_that_only_reads_for_longer_than_the_idle_timeout_leaves_quietly(
    scene: Scene, backend: Backend
) -> None:
    visitor = await a_login(scene)
    async with scene.late(visitor, read, at="load", after=True) as late:
        end_idle_time(backend, 40 * 86400)
        scene.heard.clear()
    assert (late.answer.status, late.answer.set_cookies, scene.heard) == (200, [], [])
    await nothing_is_left(scene, [])


@pytest.mark.parametrize("act", LATE, ids=named)
async def test_after_the_end_the_same_browser_begins_anew_with_another_sid(
    scene: Scene, backend: Backend, act: Act
) -> None:
    visitor = await a_login(scene)
    sid = await visitor.value(lambda session: session.sid)
    async with scene.late(visitor, act, at="load", after=True):
        await log_out(scene, visitor, backend)
    await visitor.put(cart=[5])
    assert await visitor.value(dict) == {"cart": [5]}
    assert await visitor.value(lambda session: session.sid) != sid


@pytest.mark.parametrize("at", ["commit", "remove"])
async def test_logging_out_wins_over_a_write_that_was_faster(scene: Scene, at: str) -> None:
    """A logout that finds a newer record clears that one, too."""
    visitor = await a_login(scene)
    old = visitor.jar["session"]
    clear, write_first = (lambda session: session.clear()), at == "remove"
    slow, fast = (clear, write) if write_first else (write, clear)
    async with scene.late(visitor, slow, at=at) as late:
        await scene.tab(visitor).visit(fast)
    assert late.answer.status == 200
    assert "session" not in visitor.jar
    await nothing_is_left(scene, [old])
