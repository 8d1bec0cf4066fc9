"""WebSockets whose client leaves: Quart cancels the handler, and what it wrote is saved."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.quart import saving
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.site import Site, Visitor
from tests.support.sockets import Socket
from tests.support.spy import PATIENCE

from .test_hang_ups import EXACTLY, MOST_TICKS, count

pytestmark = pytest.mark.needs("quart")

NOT_SAVED = "a session changed in a WebSocket was not saved"


def serve(site: Site, handler: Callable[[Any, Any], Any]) -> None:
    """Serve "/socket" by a coroutine function of the session and the socket."""

    async def socket() -> None:
        await handler(site.session, site.web.websocket)

    site.app.websocket("/socket")(socket)


async def known(site: Site, **values: Any) -> Visitor:
    visitor = site.visitor()
    await visitor.put(**values)
    return visitor


async def gone(visitor: Visitor) -> None:
    """Have a client connect, hear one text, and leave."""
    socket = Socket(visitor)
    await socket.said()
    socket.leave()
    await socket.over()


async def listen(session: Any, websocket: Any) -> None:
    """Keep in the session what was said last."""
    await websocket.send("ready")
    while True:
        session["said"] = await websocket.receive()
        await websocket.send("kept")


@pytest.mark.asyncio
async def test_what_was_written_before_the_client_left_is_saved(site: Site) -> None:
    serve(site, listen)
    user = await known(site, said="nothing")
    socket = Socket(user)
    await socket.said()
    for text in ("one", "two"):
        socket.say(text)
        await socket.said()
    socket.leave()
    await socket.over()
    assert await user.value(dict) == {"said": "two"}
    assert site.app.session_interface.sockets._open == {}


@pytest.mark.asyncio
async def test_what_a_handler_writes_as_it_is_cancelled_is_saved(site: Site) -> None:
    async def handler(session: Any, websocket: Any) -> None:
        try:
            await listen(session, websocket)
        finally:
            session["list"].append("left")

    serve(site, handler)
    user = await known(site, list=[])
    await gone(user)
    assert await user.value(dict) == {"list": ["left"]}


@pytest.mark.asyncio
async def test_a_client_that_leaves_at_any_moment_of_the_end_loses_nothing(site: Site) -> None:
    written = asyncio.Event()

    async def handler(session: Any, websocket: Any) -> None:
        await websocket.accept()
        session["turn"] = 2
        written.set()

    serve(site, handler)
    over, ticks = False, 0
    while not over and ticks < MOST_TICKS:
        user = await known(site, turn=1)
        written.clear()
        socket = Socket(user)
        await asyncio.wait_for(written.wait(), PATIENCE)
        for _ in range(ticks):
            await asyncio.sleep(0)
        over = socket.task.done()
        socket.leave()
        await socket.over()
        assert await user.value(dict) == {"turn": 2}, ticks
        ticks += 1 + ticks // EXACTLY
    assert over


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("ends", [False, True], ids=["listening", "ending"])
@pytest.mark.asyncio
async def test_a_save_under_way_is_finished(
    new_site: NewSite, backend: Backend, ends: bool, after: bool
) -> None:
    """The client leaves, and then the server has enough of it, too."""
    spy = backend.spy()
    site = new_site(options={"store": spy})

    async def handler(session: Any, websocket: Any) -> None:
        session.update_atomically(count)
        await websocket.send("counted")
        if not ends:
            await websocket.receive()

    serve(site, handler)
    user = await known(site, turn=1)
    gate = spy.pause("commit", after=after)
    socket = Socket(user)
    await socket.said()
    socket.leave()
    await gate.reached()
    _, pending = await asyncio.wait((socket.task,), timeout=0.01)
    assert pending, "the connection is over before its session is saved"
    gate.open()
    await socket.over()
    assert spy.counts["commit"] == 1
    assert await user.value(dict) == {"turn": 2}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.asyncio
async def test_a_block_that_saves_counts_once(
    new_site: NewSite, backend: Backend, after: bool
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})

    async def handler(session: Any, websocket: Any) -> None:
        async with saving():
            session.update_atomically(count)
        await asyncio.Event().wait()

    serve(site, handler)
    user = await known(site, turn=1)
    gate = spy.pause("commit", after=after)
    socket = Socket(user)
    await gate.reached()
    socket.leave()
    gate.open()
    await socket.over()
    assert await user.value(dict) == {"turn": 2}


@pytest.mark.stores("memory", "filesystem")
def test_a_server_that_ends_saves_what_open_sockets_wrote(backend: Backend, clock: Clock) -> None:
    """Hypercorn leaves the handlers to the end of the loop, which cancels them."""
    site = Site("quart", backend.settings, clock=clock, store=backend.given)
    serve(site, listen)
    users: list[Visitor] = []

    async def say_one(socket: Socket) -> None:
        await socket.said()
        socket.say("one")
        await socket.said()

    async def serving() -> None:
        for _ in range(10):
            users.append(await known(site, said="nothing"))
            await say_one(Socket(users[-1]))
        gc.collect()  # nobody holds them any more

    async def later() -> list[Any]:
        return [await user.value(dict) for user in users]

    asyncio.run(serving())
    assert asyncio.run(later()) == [{"said": "one"}] * 10


# --- what cannot be kept is an error in the log ---------------------------------------------


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]


def doing(act: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    async def handler(session: Any, websocket: Any) -> None:
        act(session)
        await websocket.send("done")
        await websocket.receive()

    return handler


@pytest.mark.parametrize("down", ["failing", "stalling"])
@pytest.mark.asyncio
async def test_a_store_that_is_down(
    new_site: NewSite, backend: Backend, caplog: pytest.LogCaptureFixture, down: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_STORE_TIMEOUT=1.0)
    serve(site, doing(lambda session: session.update(turn=2)))
    user = await known(site, turn=1)
    if down == "failing":
        spy.fail("commit", StoreUnavailable("the store is down"))
    else:
        _ = spy.pause("commit")  # never opened
    await gone(user)
    (line,) = errors(caplog)
    assert line.startswith("the session store failed: ")
    spy.mend()
    assert await user.value(dict) == {"turn": 1}


DOOMED: dict[str, Callable[[Any], Any]] = {
    "no data": lambda session: session.update(turn=object()),
    "too large": lambda session: session.update(turn="x" * 10_000_000),
    "regenerated": lambda session: session.regenerate(),
}


@pytest.mark.parametrize("name", DOOMED)
@pytest.mark.stores("memory")
@pytest.mark.asyncio
async def test_what_cannot_be_saved(
    site: Site, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    serve(site, doing(DOOMED[name]))
    user = await known(site, turn=1)
    await gone(user)
    assert errors(caplog) == [NOT_SAVED]
    assert await user.value(dict) == {"turn": 1}


@pytest.mark.stores("memory", "cookie")
@pytest.mark.asyncio
async def test_a_session_that_begins(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    serve(site, doing(lambda session: session.update(turn=2)))
    await gone(site.visitor())
    assert errors(caplog) == [NOT_SAVED]


@pytest.mark.stores("cookie")
@pytest.mark.parametrize(
    ("act", "kept"),
    [
        (dict, True),
        (lambda session: session.update(turn=1), True),
        (lambda session: session.update(turn=2), False),
        (lambda session: session["list"].append(1), False),
        (lambda session: session.clear(), False),
    ],
    ids=["read", "same", "other", "nested", "emptied"],
)
@pytest.mark.asyncio
async def test_a_change_to_a_session_that_the_browser_keeps(
    site: Site, caplog: pytest.LogCaptureFixture, act: Callable[[Any], Any], kept: bool
) -> None:
    serve(site, doing(act))
    user = await known(site, turn=1, list=[])
    await gone(user)
    assert errors(caplog) == ([] if kept else [NOT_SAVED])


@pytest.mark.stores("memory")
@pytest.mark.asyncio
async def test_a_save_that_ends_with_the_event_loop(
    new_site: NewSite, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    serve(site, doing(lambda session: session.update(turn=2)))
    user = await known(site, turn=1)
    gate = spy.pause("commit")
    socket = Socket(user)
    await socket.said()
    socket.leave()
    await gate.reached()
    # As `asyncio.run` does at its end.
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    assert errors(caplog) == [NOT_SAVED]


# --- and nothing else changes -----------------------------------------------------------------


@pytest.mark.stores("memory")
@pytest.mark.asyncio
async def test_a_socket_that_only_reads_writes_nothing(
    new_site: NewSite, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    serve(site, doing(dict))
    user = await known(site, turn=1)
    spy.reset()
    await gone(user)
    assert spy.names == ["load"]
    assert errors(caplog) == []


@pytest.mark.stores("memory")
@pytest.mark.asyncio
async def test_a_task_of_the_handlers_that_is_cancelled_saves_nothing(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})

    async def handler(session: Any, websocket: Any) -> None:
        session["turn"] = 2
        waiting = site.web.copy_current_websocket_context(asyncio.Event().wait)
        task = asyncio.create_task(waiting())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        await websocket.send(str(spy.counts["commit"]))
        await websocket.receive()

    serve(site, handler)
    user = await known(site, turn=1)
    socket = Socket(user)
    assert await socket.said() == "0"
    socket.leave()
    await socket.over()
    assert await user.value(dict) == {"turn": 2}


@pytest.mark.stores("memory")
@pytest.mark.asyncio
async def test_an_http_request_from_within_a_socket_gets_its_cookie(site: Site) -> None:
    other = site.visitor()

    async def handler(session: Any, websocket: Any) -> None:
        answer = await other.put(a=1)
        await websocket.send(str(len(answer.set_cookies)))

    serve(site, handler)
    socket = Socket(site.visitor())
    assert await socket.said() == "1"
    await socket.over()
    assert await other.value(dict) == {"a": 1}
