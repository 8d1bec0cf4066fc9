"""Requests that save before they end: what others stored meanwhile is neither lost nor hidden."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest

from samesession import SessionTooLarge, StoreUnavailable
from samesession.core.events import Event
from samesession.core.record import lifetime_of
from samesession.core.store import Lifetimes
from tests.support.backend import Backend
from tests.support.site import View
from tests.support.spy import PATIENCE

from .blocks import Block, Held, Steps
from .conftest import NewScene
from .late import Act, Scene

pytestmark = pytest.mark.asyncio

BASE = {"mine": 0, "both": 0, "cart": [1], "list": [1]}


def put(**values: Any) -> Act:
    return lambda session: session.update(copy.deepcopy(values))


def drop(*keys: str) -> Act:
    return lambda session: [session.pop(key) for key in keys]


def grow(item: int) -> Act:
    return lambda session: session["cart"].append(item)


def grow_atomically(item: int) -> Act:
    return lambda session: session.update_atomically(lambda data: data["cart"].append(item))


def clear_and_put(**values: Any) -> Act:
    return lambda session: (session.clear(), session.update(values))


def read_all(session: Any) -> None:
    _ = dict(session)


def both(*acts: Act) -> Act:
    return lambda session: [act(session) for act in acts]


def held(*acts: Callable[[Held], Act | Block]) -> Callable[[], list[Act | Block]]:
    def make() -> list[Act | Block]:
        value = Held("cart")
        return [act(value) for act in acts]

    return make


# What a view does, what another request does while its first block is saved, and what differs
# from BASE when both are over.
CASES: dict[str, tuple[Callable[[], list[Act | Block]], Act, dict[str, Any]]] = {
    "a list that was read": (
        lambda: [read_all, Block(put(mine=1))],
        put(other=1),
        {"mine": 1, "other": 1},
    ),
    "a nested change": (lambda: [Block(grow(2))], put(other=1), {"cart": [1, 2], "other": 1}),
    "a nested change before and after": (
        lambda: [grow(2), Block(put(mine=1)), grow(3)],
        put(other=1),
        {"mine": 1, "cart": [1, 2, 3], "other": 1},
    ),
    "a value held before and changed after": (
        held(
            lambda value: value.take,
            lambda value: Block(put(mine=1)),
            lambda value: value.is_there,
            lambda value: value.append(2),
        ),
        put(other=1),
        {"mine": 1, "cart": [1, 2], "other": 1},
    ),
    "a value changed before, held and changed after": (
        held(
            lambda value: value.take,
            lambda value: Block(value.append(2)),
            lambda value: value.is_there,
            lambda value: value.append(3),
            lambda value: Block(put(mine=1)),
            lambda value: value.append(4),
        ),
        put(other=1),
        {"mine": 1, "cart": [1, 2, 3, 4], "other": 1},
    ),
    "a key that another changed": (
        lambda: [read_all, Block(put(mine=1)), put(late=1)],
        put(both=7, cart=[9]),
        {"mine": 1, "both": 7, "cart": [9], "late": 1},
    ),
    "a key that another changed, changed within afterwards": (
        lambda: [read_all, Block(put(mine=1)), grow(2)],
        grow(9),
        {"mine": 1, "cart": [1, 9, 2]},
    ),
    "a key that another deleted": (
        lambda: [read_all, Block(put(mine=1)), put(late=1)],
        drop("both", "list"),
        {"mine": 1, "both": None, "list": None, "late": 1},
    ),
    "a key deleted": (
        lambda: [read_all, Block(drop("both")), put(late=1)],
        put(other=1),
        {"both": None, "other": 1, "late": 1},
    ),
    "a key set to what it was": (
        lambda: [read_all, Block(put(mine=1, both=0)), put(late=1)],
        put(other=1, both=5),
        {"mine": 1, "other": 1, "late": 1},
    ),
    "atomically, in the block": (
        lambda: [read_all, Block(grow_atomically(2)), grow(3)],
        grow(9),
        {"cart": [1, 9, 2, 3]},
    ),
    "atomically, before and after": (
        lambda: [grow_atomically(2), Block(put(mine=1)), grow_atomically(3), Block(read_all)],
        both(grow(9), put(other=1)),
        {"mine": 1, "other": 1, "cart": [1, 9, 2, 3]},
    ),
    "atomically, with nested changes around": (
        lambda: [grow(2), grow_atomically(3), grow(4), Block(put(mine=1)), grow(5)],
        put(other=1),
        {"mine": 1, "other": 1, "cart": [1, 2, 3, 4, 5]},
    ),
    "cleared": (
        lambda: [read_all, Block(clear_and_put(mine=1)), put(late=1)],
        put(other=1),
        {"both": None, "cart": None, "list": None, "mine": 1, "late": 1},
    ),
    "emptied key by key": (
        lambda: [Block(drop(*BASE)), put(late=1)],
        put(other=1),
        {**dict.fromkeys(BASE), "other": 1, "late": 1},
    ),
    "regenerated": (
        lambda: [read_all, Block(lambda session: session.regenerate()), grow(2)],
        put(other=1),
        {"other": 1, "cart": [1, 2]},
    ),
    "two blocks": (
        lambda: [Block(grow(2)), Block(put(mine=1)), Block(read_all), grow(3)],
        put(other=1),
        {"mine": 1, "other": 1, "cart": [1, 2, 3]},
    ),
    "nothing after": (
        lambda: [read_all, Block(put(mine=1)), read_all],
        put(other=1),
        {"mine": 1, "other": 1},
    ),
}


def expected(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**BASE, **changes}.items() if value is not None}


@pytest.mark.parametrize("name", CASES)
async def test_after_a_block_the_session_shows_and_goes_on_from_what_is_stored(
    scene: Scene, name: str
) -> None:
    make, other, changes = CASES[name]
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    steps = Steps(scene.site, *make())
    async with scene.late_view(visitor, steps.view, at="commit|remove") as late:
        assert (await scene.tab(visitor).visit(other)).status == 200
    assert (late.answer.status, late.answer.text) == (200, "done")
    assert await visitor.value(dict) == expected(changes)
    assert steps.shown[-1] == expected(changes)
    assert Event.GONE not in scene.heard


async def test_a_request_whose_block_saved_it_all_writes_nothing_more(scene: Scene) -> None:
    """In whatever order another request left the keys."""
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    steps = Steps(scene.site, Block(both(grow(2), put(mine=1))), read_all)
    other = both(drop("both"), put(other=[1]), drop("mine"), put(mine=7, both=2))
    async with scene.late_view(visitor, steps.view, at="commit") as late:
        await scene.tab(visitor).visit(other)
        scene.spy.reset()
    assert len(late.answer.set_cookies) == 1
    assert scene.spy.names == ["commit"]  # again, with what the other wrote
    assert await visitor.value(list) == ["cart", "list", "other", "mine", "both"]


@pytest.mark.needs("quart")
async def test_a_socket_goes_on_from_what_is_stored_too(scene: Scene) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    steps = Steps(scene.site, read_all, Block(put(mine=1)), grow(2))

    async def socket() -> None:
        await steps.view(scene.site.session, scene.site.web)
        await scene.site.web.websocket.send("done")

    scene.site.app.websocket("/socket")(socket)
    gate = scene.spy.pause("commit")
    driver: Any = visitor.driver
    async with driver.websocket("/socket") as connection:
        await gate.reached()
        await scene.tab(visitor).visit(put(other=1))
        gate.open()
        assert await connection.receive() == "done"
        await asyncio.wait_for(asyncio.shield(connection._task), PATIENCE)
    assert steps.shown[-1] == expected({"mine": 1, "other": 1, "cart": [1, 2]})
    assert await visitor.value(dict) == expected({"mine": 1, "other": 1, "cart": [1, 2]})


async def test_permanence_that_another_request_gave_is_kept(scene: Scene, backend: Backend) -> None:
    """By the cookie and by the record: its idle timeout is another."""
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    steps = Steps(scene.site, Block(put(mine=1)))
    async with scene.late_view(visitor, steps.view, at="commit") as late:
        await scene.tab(visitor).visit(lambda session: setattr(session, "permanent", True))
    assert "Expires" in late.answer.set_cookies[0]
    assert (late.answer.status, steps.shown[-1]["_permanent"]) == (200, True)
    visitor.jar.end_browser_session()
    assert await visitor.value(lambda session: session["mine"]) == 1
    (record,) = backend.records().values()
    assert is_permanent(record)


def is_permanent(record: bytes) -> bool:
    return lifetime_of(record, Lifetimes(browser=1, permanent=2)) == 2


async def test_what_a_block_began_is_written_to_by_the_next(scene: Scene, backend: Backend) -> None:
    visitor = scene.site.visitor()
    steps = Steps(scene.site, Block(put(**BASE)), grow(2), Block(put(mine=1)), grow(3))
    answer = await visitor.respond(steps.view)
    assert (answer.status, len(answer.set_cookies)) == (200, 1)
    assert scene.spy.names == ["create", "commit", "commit"]
    assert await visitor.value(dict) == expected({"mine": 1, "cart": [1, 2, 3]})
    assert len(backend.records()) == 1


async def test_what_is_written_after_a_block_that_deleted_the_session_begins_another(
    scene: Scene, backend: Backend
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    sid = await visitor.value(lambda session: session.sid)
    steps = Steps(scene.site, Block(drop(*BASE)), put(late=1), Block(read_all), put(later=1))
    assert (await visitor.respond(steps.view)).status == 200
    assert steps.shown[0] == {}
    assert await visitor.value(dict) == {"late": 1, "later": 1}
    assert await visitor.value(lambda session: session.sid) != sid
    assert len(backend.records()) == 1


async def test_a_block_that_changed_nothing_leaves_nothing_to_be_written_later(
    scene: Scene,
) -> None:
    """What it set to what it was is saved: another request's value is newer."""
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    steps = Steps(scene.site, Block(put(both=0)), put(mine=1))
    async with scene.late_view(visitor, steps.view, at="commit"):
        await scene.tab(visitor).visit(put(both=7))
    assert await visitor.value(dict) == expected({"mine": 1, "both": 7})


@pytest.mark.parametrize("after", [put(late=1), grow_atomically(2), lambda s: s.regenerate()])
@pytest.mark.parametrize("ending", ["log out", "regenerate"])
async def test_a_session_that_a_block_finds_lost_stays_lost_for_the_request(
    scene: Scene, backend: Backend, ending: str, after: Act
) -> None:
    """Whatever the view writes next: it would not have been saved without the block either."""
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    steps = Steps(
        scene.site,
        Block(put(mine=1)),
        lambda session: session.setdefault("cart", []),
        after,
        Block(read_all),
        put(later=1),
    )
    async with scene.late_view(visitor, steps.view, at="commit") as late:
        if ending == "log out":
            await scene.tab(visitor).visit(lambda session: session.clear())
        else:
            await scene.tab(visitor).visit(lambda session: session.regenerate())
        stored = backend.records()
    assert steps.shown[0] == steps.shown[3] == {}
    assert late.answer.status == 200
    assert backend.records() == stored
    if ending == "log out":
        assert "session" not in visitor.jar
    else:
        assert late.answer.set_cookies == []
        assert await visitor.value(dict) == BASE
    assert scene.heard[-1] is Event.GONE
    assert scene.heard.count(Event.GONE) == 3


@pytest.mark.owners
@pytest.mark.parametrize("within", [True, False])
async def test_a_login_after_a_block_found_the_session_lost_begins_a_new_one(
    scene: Scene, within: bool
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    log_in = both(put(late=1), lambda session: session.bind("ann"))
    steps = Steps(scene.site, Block(put(mine=1)), Block(log_in) if within else log_in, grow_new)
    async with scene.late_view(visitor, steps.view, at="commit"):
        await scene.tab(visitor).visit(lambda session: session.clear())
    assert await visitor.value(dict) == {"late": 1, "new": [1]}
    assert len(await scene.administer("sessions_of", "ann")) == 1


def grow_new(session: Any) -> None:
    session.setdefault("new", []).append(1)


@pytest.mark.owners
async def test_a_login_has_what_an_earlier_block_of_its_request_assigned(scene: Scene) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    steps = Steps(
        scene.site,
        Block(put(mine=[1], both=2)),
        lambda session: session["mine"].append(2),
        Block(grow(2)),
        lambda session: session.bind("ann"),
    )
    gate = scene.spy.pause("commit", nth=2, after=True)
    scene.site.actions.append(steps.view)
    task = visitor.driver.start("GET", f"/visit/{len(scene.site.actions) - 1}")
    await gate.reached()
    await scene.tab(visitor).visit(lambda session: session.clear())
    gate.open()
    assert (await task).status == 200
    assert await visitor.value(dict) == {"mine": [1, 2], "both": 2}


# --- saves that fail --------------------------------------------------------------------


FAILURES: dict[str, tuple[Act, Act, type[Exception]]] = {
    "what cannot be kept": (
        both(put(bad=object(), mine=1), grow(2)),
        lambda session: session.pop("bad"),
        TypeError,
    ),
    "what is too large": (
        both(put(bad="x" * 2000, mine=1), grow(2)),
        lambda session: session.pop("bad"),
        SessionTooLarge,
    ),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_what_a_block_could_not_save_is_saved_when_it_is_mended(
    new_scene: NewScene, name: str
) -> None:
    scene = new_scene(SESSION_MAX_BYTES=1024)
    act, mend, error = FAILURES[name]
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    steps = Steps(scene.site, Block(act, error), both(mend, grow(3)))
    async with scene.late_view(visitor, steps.view, at="commit"):
        await scene.tab(visitor).visit(put(other=1))
    assert [type(each) for each in steps.caught] == [error]
    assert await visitor.value(dict) == expected({"mine": 1, "other": 1, "cart": [1, 2, 3]})


CHANGES: dict[str, tuple[Act, Act, dict[str, Any]]] = {
    "put": (put(mine=1), grow(2), {"mine": 1, "cart": [1, 2]}),
    "atomically": (grow_atomically(2), grow(3), {"cart": [1, 2, 3]}),
    "atomically twice": (grow_atomically(2), grow_atomically(3), {"cart": [1, 2, 3]}),
    "taken back": (put(mine=1), put(mine=0), {}),
    "regenerated": (
        both(put(mine=1), lambda session: session.regenerate()),
        grow(2),
        {"mine": 1, "cart": [1, 2]},
    ),
    "regenerated twice": (
        lambda session: session.regenerate(),
        both(put(mine=1), lambda session: session.regenerate()),
        {"mine": 1},
    ),
    "cleared": (
        clear_and_put(mine=1),
        put(late=1),
        {**dict.fromkeys(BASE), "mine": 1, "late": 1},
    ),
    "cleared afterwards": (
        grow_atomically(2),
        clear_and_put(mine=1),
        {**dict.fromkeys(BASE), "mine": 1},
    ),
}


# Whether the store did what it said it could not, and whether another request wrote before
# the next save; where it did both nobody can tell what was done already.
HOW = {"answer lost": (True, False), "refused": (False, False), "beside another": (False, True)}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", CHANGES)
async def test_what_a_block_failed_to_save_is_saved_once_in_the_end(
    scene: Scene, name: str, how: str
) -> None:
    first, second, changes = CHANGES[name]
    happened, other = HOW[how]
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    mend: Act = lambda session: scene.spy.mend()  # noqa: E731  # as all acts are written
    steps = Steps(scene.site, Block(first, StoreUnavailable), mend, second)
    scene.spy.fail("commit", StoreUnavailable("on purpose"), after=happened)
    async with scene.late_view(visitor, steps.view, at="commit", nth=2) as late:
        if other:
            await scene.tab(visitor).visit(put(other=1))
    assert (late.answer.status, len(steps.caught)) == (200, 1)
    assert Event.GONE not in scene.heard
    also = {"other": 1} if other and "clear" not in name else {}
    assert await visitor.value(dict) == expected({**changes, **also})


@pytest.mark.needs("quart")
@pytest.mark.parametrize("after", [True, False], ids=["written", "not written"])
async def test_what_a_cancelled_block_may_have_saved_is_saved_once(
    scene: Scene, after: bool
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    replace_secret: Act = lambda session: session.regenerate()  # noqa: E731  # as all acts are written
    steps = Steps(scene.site, Block(both(grow_atomically(2), replace_secret)))
    gate = scene.spy.pause("commit", after=after)

    async def view(session: Any, web: Any) -> str:
        task = asyncio.ensure_future(steps.view(session, web))
        await gate.reached()
        task.cancel()
        await asyncio.wait([task])
        session.update_atomically(lambda data: data["cart"].append(3))
        return str(task.cancelled())

    answer = await visitor.respond(view)
    assert (answer.status, answer.text) == (200, "True")
    assert await visitor.value(dict) == expected({"cart": [1, 2, 3]})


# --- blocks in blocks, and beside one another ---------------------------------------------


async def test_a_block_in_a_block_saves_and_so_does_the_outer_one(scene: Scene) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    inner = Steps(scene.site, Block(grow(2)))
    module = import_module(f"samesession.{scene.site.framework}")

    def flask(session: Any, web: Any) -> str:
        with module.saving():
            session["mine"] = 1
            inner.view(session, web)
            session["cart"].append(3)
        return ""

    async def quart(session: Any, web: Any) -> str:
        async with module.saving():
            session["mine"] = 1
            await inner.view(session, web)
            session["cart"].append(3)
        return ""

    view = flask if scene.site.framework == "flask" else quart
    async with scene.late_view(visitor, view, at="commit"):
        await scene.tab(visitor).visit(put(other=1))
    assert await visitor.value(dict) == expected({"mine": 1, "cart": [1, 2, 3], "other": 1})
    assert scene.spy.counts["commit"] == 4


def both_at_once(scene: Scene, *acts: Act) -> View:
    """Give a view that does each act in a block of its own, in a thread or a task of its own."""
    steps = [Steps(scene.site, Block(act)) for act in acts]

    def flask(session: Any, web: Any) -> str:
        with ThreadPoolExecutor(len(steps)) as threads:
            for each in steps:
                threads.submit(web.copy_current_request_context(each.view), session, web)
        return ""

    async def quart(session: Any, web: Any) -> str:
        await asyncio.gather(*(each.view(session, web) for each in steps))
        return ""

    return flask if scene.site.framework == "flask" else quart


async def test_two_blocks_at_once_save_one_after_the_other(scene: Scene) -> None:
    """Each save begins with what the one before has stored, and no change is made twice."""
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    replace_secret = both(grow_atomically(3), lambda session: session.regenerate())
    view = both_at_once(scene, grow_atomically(2), replace_secret, put(mine=1))
    async with scene.late_view(visitor, view, at="commit"):
        await scene.tab(visitor).visit(put(other=1))
    found = await visitor.value(dict)
    assert sorted(found.pop("cart")) == [1, 2, 3]
    assert found == {"mine": 1, "both": 0, "list": [1], "other": 1}
    assert Event.GONE not in scene.heard


@pytest.mark.needs("quart")
@pytest.mark.parametrize("conflict", [True, False], ids=["conflict", "alone"])
async def test_what_a_task_does_while_another_saves_is_saved_next(
    scene: Scene, conflict: bool
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(**BASE)
    steps = Steps(scene.site, Block(grow_atomically(2)))

    async def view(session: Any, web: Any) -> str:
        task = asyncio.ensure_future(steps.view(session, web))
        await gate.reached()
        session["late"] = 1
        session["list"].append(2)
        session.update_atomically(lambda data: data["cart"].append(3))
        session.pop("both")
        session.regenerate()
        if conflict:
            await scene.tab(visitor).visit(both(put(other=1), grow(9)))
        gate.open()
        await task
        return ""

    gate = scene.spy.pause("commit")
    old = visitor.jar["session"]
    assert (await visitor.respond(view)).status == 200
    cart = [1, 9, 2, 3] if conflict else [1, 2, 3]
    changes = {"late": 1, "list": [1, 2], "both": None, "cart": cart}
    also = {"other": 1} if conflict else {}
    assert await visitor.value(dict) == expected({**changes, **also})
    assert await scene.holder(old).value(dict) == {}
