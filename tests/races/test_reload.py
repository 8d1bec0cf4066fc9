"""Requests that read their session again: what others did is shown, and nothing of theirs lost."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from samesession import (
    EndedSessionKeyError,
    NotSupported,
    SessionEnded,
    StoreUnavailable,
)
from samesession.core.steps import Steps, wait
from samesession.quart import reload as reload_quart
from samesession.quart import save as save_quart
from samesession.quart import saving as saving_quart
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, View, Visitor
from tests.support.sockets import Socket

from .conftest import NewScene
from .late import Act, Scene
from .test_endings import ENDINGS, LIFE, Ending, log_in_again, of_owners

pytestmark = pytest.mark.asyncio

BASE = {"mine": 0, "both": 0, "gone": 1, "cart": [1], "list": [1], "count": 0}


def count(data: dict[str, Any]) -> None:
    data["count"] += 1


class Reloading:
    """A view that does something, reads its session again, and does something else."""

    def __init__(self, site: Site, before: Act, after: Act = lambda _: None) -> None:
        self._site = site
        self._before = before
        self._after = after
        self.answers: list[bool] = []
        self.shown: list[dict[str, Any]] = []

    def view(self, session: Any, web: Any) -> Steps[str]:
        module = import_module(f"samesession.{self._site.framework}")
        self._before(session)
        self.answers.append((yield from wait(module.reload())))
        self.shown.append(dict(session))
        self._after(session)
        return "done"


async def ann(scene: Scene) -> Visitor:
    """Give a visitor who is logged in, where that can be."""
    visitor = scene.site.visitor()
    log_in = (lambda s: s.bind("ann")) if scene.has_owners else (lambda s: None)
    await visitor.visit(lambda session: (session.update(BASE), log_in(session)))
    return visitor


# --- what is shown, and kept ----------------------------------------------------------------


def other_act(session: Any) -> None:
    session.update(both=7, other=[2], mine=5)
    session["list"].append(2)
    session["cart"].append(7)
    count(session)


ACTS: dict[str, tuple[Act, dict[str, Any]]] = {
    "nothing": (lambda _: None, {}),
    "reads": (dict, {}),
    "assigns": (lambda s: s.update(mine=1), {"mine": 1}),
    "assigns what was there": (lambda s: s.update(mine=0), {"mine": 0}),
    "changes within": (lambda s: s["cart"].append(2), {"cart": [1, 2]}),
    "deletes": (lambda s: s.pop("gone"), {"gone": None}),
    "runs a function": (lambda s: s.update_atomically(count), {"count": 2}),
    "does all": (
        lambda s: (s.update(mine=1), s.update_atomically(count), s["cart"].append(2)),
        {"mine": 1, "cart": [1, 2], "count": 2},
    ),
}


@pytest.mark.parametrize("act", ACTS)
async def test_what_others_wrote_is_shown_with_what_this_request_did(
    scene: Scene, act: str
) -> None:
    before, differs = ACTS[act]
    visitor = await ann(scene)
    reloading = Reloading(scene.site, before)
    async with scene.late_view(visitor, reloading.view, at="load", nth=2):
        await scene.tab(visitor).visit(other_act)
    theirs = {"both": 7, "other": [2], "mine": 5, "list": [1, 2], "cart": [1, 7], "count": 1}
    expected = {**BASE, **theirs, **differs}
    expected = {name: value for name, value in expected.items() if value is not None}
    assert (reloading.answers, reloading.shown) == ([True], [expected])
    assert await visitor.value(dict) == expected


async def test_what_is_done_after_it_is_saved_with_what_was_done_before(scene: Scene) -> None:
    visitor = await ann(scene)
    reloading = Reloading(
        scene.site,
        lambda s: s.update(mine=1),
        lambda s: (s["list"].append(3), s.update(late=1), s.pop("other")),
    )
    async with scene.late_view(visitor, reloading.view, at="load", nth=2):
        await scene.tab(visitor).visit(lambda s: s.update(other=1, list=[1, 2]))
    assert await visitor.value(dict) == {**BASE, "mine": 1, "list": [1, 2, 3], "late": 1}


async def test_who_only_reads_again_writes_nothing(scene: Scene) -> None:
    visitor = await ann(scene)
    reloading = Reloading(scene.site, lambda s: s["list"], lambda s: s["cart"])
    async with scene.late_view(visitor, reloading.view, at="load", nth=2):
        await scene.tab(visitor).visit(other_act)
        scene.spy.reset()
    assert scene.spy.counts["commit"] == 0


async def test_a_value_that_is_the_same_stays_the_object_that_it_was(scene: Scene) -> None:
    visitor = await ann(scene)
    held: list[Any] = []

    def grow(session: Any) -> None:
        held.append(session["cart"])
        held[0].append(9)

    reloading = Reloading(
        scene.site,
        lambda s: held.append(s["cart"]),
        grow,
    )
    async with scene.late_view(visitor, reloading.view, at="load", nth=2):
        await scene.tab(visitor).visit(lambda s: s.update(other=1))
    assert held[0] is held[1]
    assert await visitor.value(dict) == {**BASE, "other": 1, "cart": [1, 9]}


async def test_what_was_not_to_be_saved_is_dropped(scene: Scene) -> None:
    def discard(session: Any) -> None:
        session["mine"] = 1
        session.modified = False

    visitor = await ann(scene)
    reloading = Reloading(scene.site, discard, lambda s: s.update(late=1))
    async with scene.late_view(visitor, reloading.view, at="load", nth=2):
        await scene.tab(visitor).visit(lambda s: s.update(other=1))
    assert await visitor.value(dict) == {**BASE, "other": 1, "late": 1}


async def test_a_session_that_was_cleared_stays_so(scene: Scene) -> None:
    visitor = await ann(scene)
    reloading = Reloading(scene.site, lambda s: (s.clear(), s.update(mine=1)))
    async with scene.late_view(visitor, reloading.view, at="load", nth=2):
        await scene.tab(visitor).visit(lambda s: s.update(other=1))
    assert reloading.shown == [{"mine": 1}]
    assert await visitor.value(dict) == {"mine": 1}


@pytest.mark.parametrize("after", [True, False], ids=["written", "refused"])
async def test_what_an_earlier_save_may_have_written_is_done_once(
    scene: Scene, after: bool
) -> None:
    module = import_module(f"samesession.{scene.site.framework}")
    visitor, shown = await ann(scene), list[Any]()

    def view(session: Any, web: Any) -> Steps[str]:
        session.update_atomically(count)
        scene.spy.fail("commit", StoreUnavailable("on purpose"), after=after)
        try:
            yield from wait(module.save())
        except Exception as error:
            shown.append(type(error.__cause__))
        scene.spy.mend()
        shown.append((yield from wait(module.reload())))
        shown.append(session["count"])
        return "done"

    await visitor.respond(view)
    assert shown == [StoreUnavailable, True, 1]
    assert await visitor.value(lambda s: s["count"]) == 1


async def test_a_view_that_regenerates_keeps_its_session(scene: Scene) -> None:
    visitor = await ann(scene)
    reloading = Reloading(scene.site, lambda s: s.regenerate())
    await visitor.respond(reloading.view)
    assert reloading.answers == [True]
    assert await visitor.value(dict) == BASE


# --- the end --------------------------------------------------------------------------------


ENDS = [*ENDINGS, *of_owners(log_in_again)]


@pytest.mark.parametrize("ending", ENDS)
async def test_a_session_that_ended_is_empty_and_says_so(
    new_scene: NewScene, backend: Backend, ending: Ending
) -> None:
    scene = new_scene(**LIFE)
    visitor, caught = await ann(scene), list[BaseException]()

    def read(session: Any) -> None:
        for name in ("__getitem__", "pop"):
            try:
                getattr(session, name)("mine")
            except KeyError as error:
                caught.append(error)
        session["late"] = 1

    reloading = Reloading(scene.site, lambda s: s.update(mine=1), read)
    async with scene.late_view(visitor, reloading.view, at="load", nth=2) as late:
        await ending(scene, visitor, backend)
        stored = backend.records() if ending is log_in_again else {}
    assert late.answer.status == 200
    assert (reloading.answers, reloading.shown) == ([False], [{}])
    assert [type(each) for each in caught] == [EndedSessionKeyError] * 2
    replaced = ending is log_in_again
    how = "was given another secret in the meantime" if replaced else "ended meanwhile"
    assert f"{how}, so it is empty" in str(caught[0])
    assert isinstance(caught[0], SessionEnded)
    assert backend.records() == stored


@pytest.mark.stores("memory", "filesystem", "sqlite")
async def test_an_absolute_timeout_ends_it(new_scene: NewScene, backend: Backend) -> None:
    scene = new_scene(SESSION_ABSOLUTE_LIFETIME=100)
    visitor = await ann(scene)
    reloading = Reloading(scene.site, lambda s: None)
    async with scene.late_view(visitor, reloading.view, at="load", nth=2):
        backend.clock.advance(101)
    assert reloading.answers == [False]
    assert backend.records() == {}


@pytest.mark.stores("memory", "filesystem", "sqlite")
async def test_it_does_not_restart_the_idle_timeout(new_site: NewSite, backend: Backend) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=1000)
    visitor = site.visitor()
    await visitor.put(a=1)

    def act(session: Any) -> None:
        backend.clock.advance(900)

    reloading = Reloading(site, act)
    await visitor.respond(reloading.view)
    assert reloading.answers == [True]
    backend.clock.advance(200)
    assert await visitor.value(dict) == {}


@pytest.mark.owners
async def test_a_login_that_is_not_saved_yet_begins_another_session(
    scene: Scene, backend: Backend
) -> None:
    visitor = await ann(scene)
    reloading = Reloading(scene.site, lambda s: (s.bind("bob"), s.update(bobs=1)))
    async with scene.late_view(visitor, reloading.view, at="load", nth=2):
        await scene.tab(visitor).visit(lambda s: s.clear())
    assert reloading.answers == [False]
    assert await visitor.value(dict) == {"bobs": 1}


async def test_a_session_that_has_not_begun_is_not_there(site: Site) -> None:
    reloading = Reloading(site, lambda s: s.update(mine=1))
    visitor = site.visitor()
    await visitor.respond(reloading.view)
    assert (reloading.answers, reloading.shown) == ([False], [{"mine": 1}])
    assert await visitor.value(dict) == {"mine": 1}


@pytest.mark.stores("memory")
async def test_on_an_exempt_path_there_is_none(new_site: NewSite) -> None:
    site = new_site(SESSION_EXEMPT=["/visit"])
    reloading = Reloading(site, lambda s: None)
    await site.visitor().respond(reloading.view)
    assert reloading.answers == [False]


@pytest.mark.stores("cookie")
async def test_a_session_that_the_browser_keeps_cannot_be_read_again(site: Site) -> None:
    visitor = site.visitor()
    await visitor.put(a=1)
    answer = await visitor.respond(Reloading(site, dict).view)
    assert answer.status == 500
    assert isinstance(site.errors[-1], NotSupported)


async def test_a_store_that_is_down_leaves_the_session_as_it_was(scene: Scene) -> None:
    visitor = await ann(scene)
    module = import_module(f"samesession.{scene.site.framework}")
    caught: list[Exception] = []

    def view(session: Any, web: Any) -> Steps[str]:
        session["mine"] = 1
        scene.spy.fail("load", StoreUnavailable("on purpose"))
        try:
            yield from wait(module.reload())
        except Exception as error:
            caught.append(error)
        scene.spy.mend()
        return "done"

    assert (await visitor.respond(view)).status == 200
    assert [getattr(each, "code", None) for each in caught] == [503]
    assert await visitor.value(dict) == {**BASE, "mine": 1}


# --- save -----------------------------------------------------------------------------------


def saved(site: Site, acts: list[Act], told: list[bool]) -> View:
    module = import_module(f"samesession.{site.framework}")

    def view(session: Any, web: Any) -> Steps[str]:
        for act in acts:
            act(session)
            told.append((yield from wait(module.save())))
        return "done"

    return view


async def test_a_save_tells_whether_the_session_is_there(site: Site, backend: Backend) -> None:
    visitor, told = site.visitor(), list[bool]()
    acts: list[Act] = [
        dict,
        lambda s: s.update(a=1),
        lambda s: s.update(b=1),
        lambda s: s.clear(),
    ]
    await visitor.respond(saved(site, acts, told))
    assert told == [False, True, True, False]
    assert backend.records() == {}


@pytest.mark.stores("cookie")
async def test_a_save_of_what_the_browser_keeps_tells_it_too(site: Site) -> None:
    visitor, told = site.visitor(), list[bool]()
    await visitor.respond(saved(site, [dict, lambda s: s.update(a=1)], told))
    assert told == [False, True]
    assert await visitor.value(dict) == {"a": 1}


@pytest.mark.parametrize("ending", ENDS)
async def test_a_save_of_a_session_that_ended_says_no(
    new_scene: NewScene, backend: Backend, ending: Ending
) -> None:
    scene = new_scene(**LIFE)
    visitor, told = await ann(scene), list[bool]()
    view = saved(scene.site, [lambda s: s.update(mine=1), lambda s: s.update(mine=2)], told)
    async with scene.late_view(visitor, view, at="commit"):
        await ending(scene, visitor, backend)
    assert told == [False, False]


# --- sockets --------------------------------------------------------------------------------


def serve(site: Site, handler: Callable[[Any, Any], Any]) -> None:
    async def socket() -> None:
        await handler(site.session, site.web.websocket)

    site.app.websocket("/socket")(socket)


@pytest.mark.needs("quart")
@pytest.mark.owners
async def test_a_socket_opened_with_a_planted_cookie_never_sees_the_victims_login(
    scene: Scene,
) -> None:
    async def handler(session: Any, websocket: Any) -> None:
        while True:
            there = await reload_quart()
            await websocket.send(f"{there} {session.get('secret')}")
            await websocket.receive()

    serve(scene.site, handler)
    attacker = scene.site.visitor()
    await attacker.put(planted=1)
    victim = scene.holder(attacker.jar["session"])
    socket = Socket(attacker)
    assert await socket.said() == "True None"
    await victim.visit(lambda s: (s.bind("victim"), s.update(secret="hers")))
    socket.say("again")
    assert await socket.said() == "False None"
    socket.leave()
    await socket.over()
    assert await victim.value(lambda s: s["secret"]) == "hers"


@pytest.mark.needs("quart")
async def test_a_socket_saves_and_reads_again_as_it_goes(site: Site) -> None:
    async def handler(session: Any, websocket: Any) -> None:
        while True:
            session["said"] = await websocket.receive()
            there = await save_quart()
            await websocket.send(f"{there} {session.get('other')}")

    serve(site, handler)
    visitor = site.visitor()
    await visitor.put(a=1)
    socket = Socket(visitor)
    socket.say("one")
    assert await socket.said() == "True None"
    await visitor.put(other=2)
    socket.say("two")
    assert await socket.said() == "True 2"
    assert await visitor.value(dict) == {"a": 1, "said": "two", "other": 2}
    socket.leave()
    await socket.over()


@pytest.mark.needs("quart")
async def test_a_block_of_a_socket_whose_session_ended_says_so(site: Site) -> None:
    async def handler(session: Any, websocket: Any) -> None:
        await websocket.send("ready")
        for act in (lambda s: setattr(s, "modified", True), lambda s: s.update(a=2)):
            await websocket.receive()
            try:
                async with saving_quart():
                    act(session)
            except SessionEnded as error:
                await websocket.send(str(error))
            else:
                await websocket.send("no word")
        try:
            session["a"]
        except KeyError as error:
            await websocket.send(str(error))

    serve(site, handler)
    visitor = site.visitor()
    await visitor.put(a=1)
    socket = Socket(visitor)
    await socket.said()
    await visitor.visit(lambda s: s.clear())
    socket.say("go on")
    assert await socket.said() == "no word"  # nothing was to be kept
    socket.say("go on")
    assert "ended meanwhile: nothing of it was saved" in await socket.said()
    assert "so it is empty" in await socket.said()
    socket.leave()
    await socket.over()
