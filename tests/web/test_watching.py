"""Open WebSockets and streams learn that their session has ended, wherever that was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import pytest

from samesession.run.aio import arun
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Jar
from tests.support.site import Site, Visitor
from tests.support.sockets import Socket
from tests.support.spy import PATIENCE

pytestmark = [pytest.mark.asyncio, pytest.mark.needs("quart")]

MODULE: Any = import_module("samesession.quart")
# An end in this process is told at once; what only a look at the store tells may take 2 seconds.
AT_ONCE = 1.0


def serve(site: Site, handler: Callable[[Any, Any], Any]) -> None:
    async def socket() -> None:
        await handler(site.session, site.web.websocket)

    site.app.websocket("/socket")(socket)


async def watch(session: Any, websocket: Any) -> None:
    """Say when the session has ended, how, and what is left of it."""
    async with MODULE.watching() as ended:
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


async def administer(site: Site, action: str, *args: Any) -> Any:
    administration = site.app.session_interface.app_sessions.administration
    return await arun(getattr(administration, action)(*args))


ENDED = "ended meanwhile, {}"
REPLACED = "was given another secret meanwhile, {}"
ENDINGS: list[tuple[Ending, str]] = [
    (log_out, ENDED),
    (empty, ENDED),
    (revoke, ENDED),
    (revoke_all, ENDED),
    (erase_owner, ENDED),
    (revoke_everyone, ENDED),
    (regenerate, REPLACED),
    (bind_another, REPLACED),
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
    socket.leave()
    await socket.over()


@each_ending
async def test_an_end_in_another_process_is_told(
    new_site: NewSite, backend: Backend, monkeypatch: pytest.MonkeyPatch, ending: Ending, how: str
) -> None:
    """Redis tells of it; of other stores the watcher asks."""
    monkeypatch.setattr("samesession.run.ended_sessions.tell", lambda sid: None)
    interval = 60.0 if backend.name == "redis" else 0.2
    monkeypatch.setattr("samesession.quart.watcher.INTERVAL", interval)
    site, other = new_site(), new_site()
    serve(site, watch)
    visitor = await ann(site)
    socket = await opened(visitor)
    await ending(other, visitor)
    async with asyncio.timeout(AT_ONCE):
        assert await socket.said() == how
    socket.leave()
    await socket.over()
