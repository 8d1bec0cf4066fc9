"""Open WebSockets and streams learn that their session has ended, wherever that was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module
from typing import Any

import pytest

from samesession import (
    ConfigError,
    NotSupported,
    SessionEnded,
    StoreUnavailable,
    open_sessions,
)
from samesession.run.aio import arun
from tests.conftest import NewSite
from tests.races.workers import RealTime
from tests.support.backend import Backend
from tests.support.browser import Jar
from tests.support.site import Site, Visitor
from tests.support.sockets import Socket
from tests.support.spy import PATIENCE

pytestmark = [pytest.mark.asyncio, pytest.mark.needs("quart")]

WATCHER = "samesession.quart.watcher"
# An end in this process is told at once; what only a look at the store tells may take 2 seconds.
AT_ONCE = 1.0


def sessions() -> Any:
    return import_module("samesession.quart")


def serve(site: Site, handler: Callable[[Any, Any], Any]) -> None:
    async def socket() -> None:
        await handler(site.session, site.web.websocket)

    site.app.websocket("/socket")(socket)


async def watch(session: Any, websocket: Any) -> None:
    """Say when the session has ended, how, and what is left of it."""
    async with sessions().watching() as ended:
        await websocket.send("ready")
        await ended.wait()
        assert ended.is_set()
        await websocket.send(f"{ended.how}, {dict(session)}")


async def idle(session: Any, websocket: Any) -> None:
    await websocket.send("ready")
    await asyncio.Event().wait()


async def ann(site: Site, **values: Any) -> Visitor:
    visitor = site.visitor()
    await visitor.visit(lambda session: (session.update(values, a=1), session.bind("ann")))
    return visitor


def copied(site: Site, visitor: Visitor) -> Visitor:
    """Give another browser that holds a copy of the cookies."""
    other = site.visitor()
    other.driver.jar = Jar(site.clock)
    other.driver.jar["session"] = visitor.jar["session"]
    return other


async def opened(visitor: Visitor) -> Socket:
    socket = Socket(visitor)
    assert await socket.said() == "ready"
    return socket


async def closed(socket: Socket) -> int:
    """Wait until the application closes a socket, and give the code."""
    while True:
        message = await asyncio.wait_for(socket._sent.get(), PATIENCE)
        if message["type"] == "websocket.close":
            await socket.over()
            return int(message["code"])


Ending = Callable[[Site, Visitor], Awaitable[Any]]


async def log_out(site: Site, visitor: Visitor) -> None:
    await copied(site, visitor).visit(lambda session: session.end())


async def empty(site: Site, visitor: Visitor) -> None:
    await copied(site, visitor).visit(lambda session: session.clear())


async def revoke(site: Site, visitor: Visitor) -> None:
    (info,) = await administer(site, "sessions_of", "ann")
    assert await administer(site, "revoke", info.sid)


async def revoke_all(site: Site, visitor: Visitor) -> None:
    assert await administer(site, "revoke_all", "ann") == 1


async def erase_owner(site: Site, visitor: Visitor) -> None:
    assert await administer(site, "erase_owner", "ann") == 1


async def revoke_everyone(site: Site, visitor: Visitor) -> None:
    assert await administer(site, "revoke_everyone") == 1


async def regenerate(site: Site, visitor: Visitor) -> None:
    await copied(site, visitor).visit(lambda session: session.regenerate())


async def bind_another(site: Site, visitor: Visitor) -> None:
    await copied(site, visitor).visit(lambda session: session.bind("bob"))


def watching_tasks() -> list[str]:
    coroutines: list[Any] = [task.get_coro() for task in asyncio.all_tasks()]
    names = [coroutine.__qualname__ for coroutine in coroutines]
    return [name for name in names if "Watcher" in name]


async def administer(site: Site, action: str, *args: Any) -> Any:
    administration = site.app.session_interface.app_sessions.administration
    return await arun(getattr(administration, action)(*args))


ENDED = "ended meanwhile, {}"
REPLACED = "was given another secret in the meantime, {}"
OWNERS = pytest.mark.owners
ENDINGS = [
    pytest.param(log_out, ENDED),
    pytest.param(empty, ENDED),
    pytest.param(revoke, ENDED, marks=OWNERS),
    pytest.param(revoke_all, ENDED, marks=OWNERS),
    pytest.param(erase_owner, ENDED, marks=OWNERS),
    pytest.param(revoke_everyone, ENDED, marks=pytest.mark.lists),
    pytest.param(regenerate, REPLACED),
    pytest.param(bind_another, REPLACED, marks=OWNERS),
]
each_ending = pytest.mark.parametrize(
    ("ending", "how"), ENDINGS, ids=lambda each: getattr(each, "__name__", "")
)


@each_ending
async def test_an_end_in_the_same_process_is_told_at_once(
    site: Site, ending: Ending, how: str
) -> None:
    serve(site, watch)
    visitor = await ann(site)
    socket = await opened(visitor)
    await ending(site, visitor)
    async with asyncio.timeout(AT_ONCE):
        assert await socket.said() == how
    await socket.left()


@each_ending
async def test_an_end_in_another_process_is_told(
    new_site: NewSite, backend: Backend, monkeypatch: pytest.MonkeyPatch, ending: Ending, how: str
) -> None:
    """Redis tells of it; of other stores the watcher asks."""
    monkeypatch.setattr("samesession.run.ended_sessions.tell", lambda sid: None)
    interval = 60.0 if backend.name == "redis" else 0.2
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", interval)
    site, other = new_site(), new_site()
    serve(site, watch)
    visitor = await ann(site)
    socket = await opened(visitor)
    await ending(other, visitor)
    async with asyncio.timeout(AT_ONCE):
        assert await socket.said() == how
    await socket.left()


@pytest.mark.stores("memory", "filesystem", "sqlite", "sqlalchemy-sqlite")
@pytest.mark.parametrize(
    "settings",
    [
        {"SESSION_ABSOLUTE_LIFETIME": 100},
        {"PERMANENT_SESSION_LIFETIME": 100, "SESSION_TOUCH_INTERVAL": 0},
    ],
    ids=["absolute", "idle"],
)
async def test_a_timeout_is_told(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 0.1)
    site = new_site(**settings)
    serve(site, watch)
    socket = await opened(await ann(site))
    site.clock.advance(99)
    await asyncio.sleep(0.3)
    assert socket._sent.empty()
    site.clock.advance(2)
    assert await socket.said() == "ended meanwhile, {}"
    await socket.left()


@pytest.mark.stores("redis")
async def test_an_idle_timeout_that_redis_keeps_is_told(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is published then: the watcher knows when it is."""
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 0.2)
    site = new_site(options={"clock": RealTime()}, PERMANENT_SESSION_LIFETIME=1)
    serve(site, watch)
    socket = await opened(await ann(site))
    assert await socket.said() == "ended meanwhile, {}"
    await socket.left()


async def test_a_socket_that_has_just_been_opened_is_looked_at(
    new_site: NewSite, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session ended when it had been read, and nobody watched it yet."""
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 60.0)
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_CLOSE_SOCKETS=True)
    serve(site, idle)
    visitor = await ann(site)
    gate = spy.pause("load", after=True)
    socket = Socket(visitor)
    await gate.reached()
    await log_out(site, visitor)
    gate.open()
    assert await closed(socket) == 4401


# --- by default a socket is no sign of a user -------------------------------------------------


@pytest.mark.stores("memory", "filesystem", "sqlite", "sqlalchemy-sqlite")
@pytest.mark.parametrize("renews", [True, False])
async def test_an_open_socket_keeps_its_session_alive_if_it_is_to(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch, renews: bool
) -> None:
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 0.05)
    lives = {"PERMANENT_SESSION_LIFETIME": 100, "SESSION_TOUCH_INTERVAL": 0}
    site = new_site(SESSION_SOCKETS_RENEW=renews, SESSION_ABSOLUTE_LIFETIME=450, **lives)
    serve(site, watch)
    visitor = await ann(site)
    socket = await opened(visitor)
    heard = asyncio.ensure_future(socket.said())
    for _ in range(5):
        site.clock.advance(80)
        await asyncio.sleep(0.2)
    assert heard.done() is not renews
    if renews:  # and its owner still has it in the list, though no request came for long
        await administer(site, "purge")
        assert len(await administer(site, "sessions_of", "ann")) == 1
        site.clock.advance(51)  # beyond the absolute timeout
    assert await heard == "ended meanwhile, {}"
    await socket.left()


@pytest.mark.stores("memory")
async def test_a_socket_of_a_path_that_renews_nothing_keeps_nothing_alive(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 0.05)
    site = new_site(
        SESSION_SOCKETS_RENEW=True,
        SESSION_NO_RENEW=["/socket"],
        PERMANENT_SESSION_LIFETIME=100,
    )
    serve(site, watch)
    socket = await opened(await ann(site))
    site.clock.advance(80)
    await asyncio.sleep(0.2)
    site.clock.advance(80)
    assert await socket.said() == "ended meanwhile, {}"
    await socket.left()


# --- sockets that are closed ------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "code"), [(True, 4401), (4000, 4000), (1008, 1008)])
async def test_a_socket_is_closed_with_the_code_that_is_asked_for(
    new_site: NewSite, setting: Any, code: int
) -> None:
    left: list[str] = []

    async def handler(session: Any, websocket: Any) -> None:
        try:
            await idle(session, websocket)
        finally:
            left.append("cleaned up")

    site = new_site(SESSION_CLOSE_SOCKETS=setting)
    serve(site, handler)
    visitor = await ann(site)
    socket = await opened(visitor)
    await log_out(site, visitor)
    assert await closed(socket) == code
    assert left == ["cleaned up"]


@pytest.mark.owners
async def test_all_sockets_of_a_user_are_closed_and_no_other(new_site: NewSite) -> None:
    site = new_site(SESSION_CLOSE_SOCKETS=True)
    serve(site, idle)
    hers = [await opened(await ann(site)) for _ in range(3)]
    bob = site.visitor()
    await bob.visit(lambda session: session.bind("bob"))
    his, nobodys = await opened(bob), await opened(site.visitor())
    assert await administer(site, "revoke_all", "ann") == 3
    assert [await closed(each) for each in hers] == [4401] * 3
    await asyncio.sleep(0.5)
    assert not (his.task.done())
    assert not (nobodys.task.done())
    for each in (his, nobodys):
        await each.left()


@pytest.mark.stores("memory")
async def test_a_socket_that_ends_its_own_session_is_closed_when_that_is_saved(
    new_site: NewSite,
) -> None:
    async def handler(session: Any, websocket: Any) -> None:
        await websocket.send("ready")
        await websocket.receive()
        session.end()
        await sessions().save()
        await asyncio.Event().wait()

    site = new_site(SESSION_CLOSE_SOCKETS=True)
    serve(site, handler)
    socket = await opened(await ann(site))
    socket.say("go on")
    assert await closed(socket) == 4401


@pytest.mark.stores("memory")
async def test_what_a_socket_wrote_before_it_was_closed_is_not_saved(
    new_site: NewSite, backend: Backend
) -> None:
    async def handler(session: Any, websocket: Any) -> None:
        session["late"] = 1
        await idle(session, websocket)

    site = new_site(SESSION_CLOSE_SOCKETS=True)
    serve(site, handler)
    visitor = await ann(site)
    socket = await opened(visitor)
    await log_out(site, visitor)
    assert await closed(socket) == 4401
    assert backend.records() == {}


@pytest.mark.stores("memory")
async def test_without_the_setting_nothing_is_closed_or_asked(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    serve(site, idle)
    visitor = await ann(site)
    socket = await opened(visitor)
    spy.reset()
    await log_out(site, visitor)
    await asyncio.sleep(0.5)
    assert "load_many" not in spy.names
    assert "load_dated" not in spy.names
    assert not socket.task.done()
    await socket.left()


@pytest.mark.parametrize("wrong", ["yes", 999, 2999, 5000, 1000, None, 4401.0])
@pytest.mark.stores("memory")
async def test_a_code_that_no_application_may_send_is_refused(
    new_site: NewSite, wrong: object
) -> None:
    with pytest.raises(ConfigError, match="SESSION_CLOSE_SOCKETS must be"):
        new_site(SESSION_CLOSE_SOCKETS=wrong)


@pytest.mark.stores("cookie")
async def test_sessions_that_the_browser_keeps_cannot_be_watched(new_site: NewSite) -> None:
    with pytest.raises(ConfigError, match="SESSION_CLOSE_SOCKETS needs"):
        new_site(SESSION_CLOSE_SOCKETS=True)
    site = new_site()
    caught: list[BaseException] = []

    async def view(session: Any, web: Any) -> str:
        try:
            async with sessions().watching():
                pass
        except NotSupported as error:
            caught.append(error)
        return ""

    await site.visitor().respond(view)
    assert len(caught) == 1


# --- blocks -------------------------------------------------------------------------------------


async def test_a_block_may_be_interrupted(site: Site) -> None:
    async def handler(session: Any, websocket: Any) -> None:
        try:
            async with sessions().watching(interrupts=True):
                await idle(session, websocket)
        except SessionEnded as error:
            await websocket.send(str(error))
        await websocket.receive()  # nothing is left of the cancellation
        await websocket.send("goes on")

    serve(site, handler)
    visitor = await ann(site)
    socket = await opened(visitor)
    await log_out(site, visitor)
    assert "ended meanwhile" in await socket.said()
    socket.say("go on")
    assert await socket.said() == "goes on"
    await socket.over()


@pytest.mark.stores("memory")
async def test_a_client_that_leaves_an_interrupted_block_is_no_end_of_the_session(
    site: Site,
) -> None:
    caught: list[str] = []

    async def handler(session: Any, websocket: Any) -> None:
        try:
            async with sessions().watching(interrupts=True):
                await idle(session, websocket)
        except (SessionEnded, asyncio.CancelledError) as error:
            caught.append(type(error).__name__)
            raise

    serve(site, handler)
    socket = await opened(await ann(site))
    await socket.left()
    assert caught == ["CancelledError"]
    assert site.app.session_interface.watchers.here()._watches == {}


@pytest.mark.stores("memory")
async def test_a_block_that_ends_as_its_session_does_swallows_no_cancellation(site: Site) -> None:
    done: list[str] = []

    async def handler(session: Any, websocket: Any) -> None:
        async with sessions().watching(interrupts=True) as ended:
            await websocket.send("ready")
            ended.tell("ended meanwhile")  # the block ends in the same turn of the loop
        await asyncio.sleep(0)
        done.append("goes on")
        await websocket.send("done")

    serve(site, handler)
    socket = await opened(await ann(site))
    assert await socket.said() == "done"
    assert done == ["goes on"]
    await socket.over()


@pytest.mark.parametrize("interrupts", [True, False])
@pytest.mark.stores("memory", "redis")
async def test_a_session_that_has_ended_before_is_told_at_the_start(
    site: Site, interrupts: bool
) -> None:
    async def handler(session: Any, websocket: Any) -> None:
        await websocket.send("ready")
        await websocket.receive()
        assert not await sessions().reload()
        try:
            async with sessions().watching(interrupts=interrupts) as ended:
                await websocket.send(f"{ended.is_set()} {ended.how}")
        except SessionEnded as error:
            await websocket.send(f"{interrupts} {error}")

    serve(site, handler)
    visitor = await ann(site)
    socket = await opened(visitor)
    await log_out(site, visitor)
    socket.say("go on")
    said = await socket.said()
    assert said.startswith("True")
    assert "ended meanwhile" in said
    await socket.over()


@pytest.mark.owners
async def test_a_streamed_body_is_told_too(site: Site) -> None:
    async def view(session: Any, web: Any) -> Any:
        async def body() -> AsyncIterator[bytes]:
            yield b"hello,"
            try:
                async with sessions().watching(interrupts=True):
                    started.set()
                    await asyncio.Event().wait()
            except SessionEnded:
                yield b"bye"

        return web.Response(web.stream_with_context(body)())

    started = asyncio.Event()
    visitor = await ann(site)
    reading = asyncio.ensure_future(visitor.respond(view))
    await asyncio.wait_for(started.wait(), PATIENCE)
    await revoke_all(site, visitor)
    answer = await asyncio.wait_for(reading, AT_ONCE)
    assert answer.text == "hello,bye"


@pytest.mark.owners
async def test_a_stream_of_a_view_that_regenerates_goes_on(site: Site) -> None:
    """The secret that is replaced is its own: it has the new one."""

    async def view(session: Any, web: Any) -> Any:
        session.regenerate()

        async def body() -> AsyncIterator[bytes]:
            async with sessions().watching() as ended:
                started.set()
                await ended.wait()
                yield str(ended.how).encode()

        return web.Response(web.stream_with_context(body)())

    started = asyncio.Event()
    visitor = await ann(site)
    reading = asyncio.ensure_future(visitor.respond(view))
    await asyncio.wait_for(started.wait(), PATIENCE)
    _, pending = await asyncio.wait((reading,), timeout=0.5)
    assert pending
    await revoke_all(site, visitor)
    assert (await asyncio.wait_for(reading, AT_ONCE)).text == "ended meanwhile"


# --- the store ----------------------------------------------------------------------------------


@pytest.mark.stores("memory", "filesystem")
async def test_while_the_store_is_down_no_session_ends(
    new_site: NewSite,
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 0.05)
    monkeypatch.setattr("samesession.run.ended_sessions.tell", lambda sid: None)
    spy = backend.spy()
    site, other = new_site(options={"store": spy}), new_site()
    serve(site, watch)
    visitor = await ann(site)
    socket = await opened(visitor)
    for name in ("load_many", "load_dated", "load"):
        spy.fail(name, StoreUnavailable("on purpose"))
    if backend.name != "memory":
        await log_out(other, visitor)
    await asyncio.sleep(0.5)
    assert socket._sent.empty()
    assert len([each for each in caplog.records if each.name == "samesession"]) == 1
    spy.mend()
    if backend.name == "memory":
        await log_out(site, visitor)
    assert await socket.said() == "ended meanwhile, {}"
    await socket.left()


@pytest.mark.stores("memory", "filesystem")
async def test_many_sockets_are_asked_for_in_few_batches(
    new_site: NewSite, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 60.0)
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_CLOSE_SOCKETS=True)
    serve(site, idle)
    visitor = await ann(site)
    sockets = [await opened(visitor) for _ in range(20)]
    sockets += [await opened(await ann(site)) for _ in range(20)]
    spy.reset()
    await asyncio.sleep(0.5)
    loads = [each for each in spy.calls if each[0] == "load_dated"]
    assert sum(int(count) for _, count in loads) <= 21
    assert len(loads) <= 4
    for each in sockets:
        await each.left()


@pytest.mark.stores("memory", "redis")
async def test_when_no_socket_is_open_nothing_goes_on(site: Site) -> None:
    serve(site, watch)
    socket = await opened(await ann(site))
    watcher = site.app.session_interface.watchers.here()
    assert watcher._task is not None
    await socket.left()
    for _ in range(100):
        await asyncio.sleep(0.01)
        if watcher._task is None:
            break
    assert watcher._task is None
    assert not watching_tasks()


@pytest.mark.stores("memory", "redis")
async def test_an_application_that_ends_leaves_no_task(new_site: NewSite) -> None:
    site = new_site()
    serve(site, watch)
    async with site.app.test_app():
        socket = await opened(await ann(site))
    assert not watching_tasks()
    await socket.left()


@pytest.mark.stores("memory")
async def test_a_session_that_nobody_watches_wakes_nobody(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 60.0)
    site = new_site(SESSION_CLOSE_SOCKETS=True)
    serve(site, idle)
    visitor = await ann(site)
    sockets = [await opened(visitor) for _ in range(2)]
    watcher = site.app.session_interface.watchers.here()
    await asyncio.sleep(0.3)
    for _ in range(3):
        await log_out(site, await ann(site))
    assert not watcher._suspected
    assert [*watcher._sids.values()] == [2]
    await sockets[0].left()
    assert [*watcher._sids.values()] == [1]
    await log_out(site, visitor)
    assert await closed(sockets[1]) == 4401
    assert not watcher._sids


@pytest.mark.stores("memory")
async def test_a_watcher_that_fails_is_told_of_and_goes_on(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 0.1)
    looked_at = open_sessions.looked_at
    failures = [LookupError("by a mistake of ours")]

    def fail_once(app_sessions: Any, sessions: Any) -> Any:
        if failures:
            raise failures.pop()
        return looked_at(app_sessions, sessions)

    monkeypatch.setattr(open_sessions, "looked_at", fail_once)
    site = new_site(SESSION_CLOSE_SOCKETS=True)
    serve(site, idle)
    visitor = await ann(site)
    socket = await opened(visitor)
    await asyncio.sleep(0.5)
    assert "were not watched for a moment" in caplog.text
    await log_out(site, visitor)
    assert await closed(socket) == 4401


@pytest.mark.stores("memory")
async def test_a_session_that_begins_while_it_is_watched_is_watched_from_then_on(
    new_site: NewSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the first request of a visitor, whose body streams."""
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 0.1)
    site = new_site()
    started = asyncio.Event()

    async def view(session: Any, web: Any) -> Any:
        session["a"] = 1
        watching = sessions().watching()
        ended = await watching.__aenter__()

        async def body() -> AsyncIterator[bytes]:
            try:
                started.set()
                await ended.wait()
                yield str(ended.how).encode()
            finally:
                await watching.__aexit__(None, None, None)

        return web.Response(web.stream_with_context(body)())

    reading = asyncio.ensure_future(site.visitor().respond(view))
    await asyncio.wait_for(started.wait(), PATIENCE)
    await asyncio.sleep(0.5)
    assert await administer(site, "revoke_everyone") == 1
    assert (await asyncio.wait_for(reading, PATIENCE)).text == "ended meanwhile"
