"""A request that is still running when its session ends brings nothing back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import pytest

from samesession.core.events import Event
from samesession.core.steps import Steps, wait
from tests.support.backend import Backend
from tests.support.infos import known_of, moment
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


def do_all_and_log_in(session: Any) -> None:
    nested(session)
    append(session)
    write(session)
    log_in(session)


def log_in_and_do_all(session: Any) -> None:
    log_in(session)
    write(session)
    append(session)
    nested(session)


def clear_and_log_in(session: Any) -> None:
    clear_and_write(session)
    log_in(session)


def log_in_twice(session: Any) -> None:
    session.bind("ann")
    write(session)
    log_in(session)


def assign_what_was_there(session: Any) -> None:
    log_in(session)
    session.update(late=0, name="bob")
    session["late"] += 1


def log_in_and_clear(session: Any) -> None:
    log_in(session)
    clear_and_write(session)


LATE = [write, nested, delete, append, regenerate, clear_and_write]


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


# What a request does that logs bob in, and what of it he has.
LOGINS: dict[str, tuple[Act, dict[str, Any]]] = {
    "alone": (log_in, {}),
    "after all else": (do_all_and_log_in, {"late": 1}),
    "before all else": (log_in_and_do_all, {"late": 1}),
    "after clear": (clear_and_log_in, {"late": 1}),
    "after another": (log_in_twice, {"late": 1}),
    "before assignments": (assign_what_was_there, {"late": 1, "name": "bob"}),
}


@pytest.mark.owners
@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("ending", ENDINGS, ids=named)
async def test_a_login_that_comes_after_the_end_begins_a_new_session(
    new_scene: NewScene, backend: Backend, ending: Ending, login: str, where: tuple[str, bool]
) -> None:
    """Of what the request did it has the names that this assigned, and nothing that was loaded."""
    act, kept = LOGINS[login]
    scene = new_scene(**LIFE)
    visitor = await a_login(scene)
    old, sid = visitor.jar["session"], await visitor.value(lambda session: session.sid)
    async with scene.late(visitor, act, at=where[0], after=where[1]) as late:
        await ending(scene, visitor, backend)
        scene.heard.clear()
    assert late.answer.status == 200
    assert scene.heard == [Event.GONE, Event.CREATED, Event.BOUND]
    assert await visitor.value(dict) == kept
    info = await visitor.value(lambda session: session.info)
    now = moment(backend.clock())
    assert (info.owner, info.created, info.authenticated) == ("bob", now, now)
    assert info.sid != sid
    assert [*map(known_of, await scene.administer("sessions_of", "bob"))] == [known_of(info)]
    assert await scene.administer("sessions_of", "ann") == []
    assert await scene.holder(old).value(dict) == {}


@pytest.mark.owners
async def test_a_login_that_was_cleared_again_begins_nothing(
    scene: Scene, backend: Backend
) -> None:
    visitor = await a_login(scene)
    old = visitor.jar["session"]
    async with scene.late(visitor, log_in_and_clear, at="commit"):
        await log_out(scene, visitor, backend)
    assert scene.heard[-1] is Event.GONE
    assert "session" not in visitor.jar
    await nothing_is_left(scene, [old])


@pytest.mark.owners
async def test_a_view_that_ends_all_sessions_of_a_user_and_logs_them_in_has_logged_them_in(
    scene: Scene,
) -> None:
    visitor = await a_login(scene)
    other = scene.site.visitor()
    await other.visit(lambda session: session.bind("ann"))
    module = import_module(f"samesession.{scene.site.framework}")

    def change_password(session: Any, web: Any) -> Steps[str]:
        ended = yield from wait(module.revoke_all("ann"))
        session["welcome"] = True
        session.bind("ann")
        return str(ended)

    answer = await visitor.respond(change_password)
    assert (answer.status, answer.text) == (200, "2")
    assert await visitor.value(dict) == {"welcome": True}
    assert await other.value(dict) == {}
    assert len(await scene.administer("sessions_of", "ann")) == 1


@pytest.mark.owners
async def test_a_login_beyond_the_absolute_timeout_has_one_of_its_own(
    new_scene: NewScene, backend: Backend
) -> None:
    scene = new_scene(SESSION_ABSOLUTE_LIFETIME=1000)
    visitor = await a_login(scene)
    async with scene.late(visitor, log_in, at="load", after=True):
        backend.clock.advance(1000)
    info = await visitor.value(lambda session: session.info)
    assert (info.owner, info.expires) == ("bob", moment(backend.clock() + 1000))
    assert await visitor.value(dict) == {}


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
    # Redis's own clock goes on: a busy machine may take seconds for what takes none here.
    for _ in range(11):
        end_idle_time(backend, 90)
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


@pytest.mark.parametrize("act", [*LATE, *of_owners(log_in)], ids=named)
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
