"""The examples of docs/guides/websockets.md do what the page says that they do."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import pytest

from tests.support.clock import Clock
from tests.support.pages import Block, blocks
from tests.support.site import Site, Visitor
from tests.support.sockets import Socket

from .test_code_blocks import here, ran, secret_key

__all__ = ["here", "secret_key"]  # the fixtures

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("here")]

CHAT, FEED, FLASK = (
    each for each in blocks("docs/guides/websockets.md") if each.language == "python"
)


def served(block: Block) -> Site:
    return Site(block.framework, {}, clock=Clock(time.time()), app=ran(block, ""), init=False)


async def known(site: Site) -> Visitor:
    visitor = site.visitor()
    await visitor.put(a=1)
    return visitor


async def log_out(site: Site, visitor: Visitor) -> None:
    other = site.visitor()
    other.driver.jar = visitor.jar.copy()
    await other.visit(lambda session: session.end())


async def ended(socket: Socket) -> int | None:
    """Wait until a socket is over, and give the code that it was closed with."""
    await socket.over()
    code: int | None = None
    while not socket._sent.empty():
        code = socket._sent.get_nowait().get("code", code)
    return code


@pytest.mark.needs("quart")
async def test_the_chat_counts_what_was_said_and_ends_with_the_session() -> None:
    site = served(CHAT)
    visitor = await known(site)
    socket = Socket(visitor, "/chat")
    for count in (1, 2):
        socket.say("hello")
        assert await socket.said() == f"{count}: hello"
    assert await visitor.value(dict) == {"a": 1, "said": 2}
    await log_out(site, visitor)
    socket.say("hello?")
    assert await ended(socket) == 1000


@pytest.mark.needs("quart")
async def test_the_feed_tells_its_user_of_the_logout() -> None:
    site = served(FEED)
    visitor = await known(site)
    socket = Socket(visitor, "/feed")
    news: Any = vars(sys.modules["documented"])["news"]
    news.put_nowait("it rains")
    assert await socket.said() == "it rains"
    await log_out(site, visitor)
    assert await socket.said() == "you have been logged out"
    assert await ended(socket) == 4401


@pytest.mark.needs("quart")
async def test_the_stream_of_events_tells_it_too() -> None:
    site = served(FEED)
    visitor = await known(site)
    reading = asyncio.ensure_future(visitor.driver.get("/events"))
    vars(sys.modules["documented"])["news"].put_nowait("it rains")
    _, pending = await asyncio.wait((reading,), timeout=0.3)
    assert pending
    await log_out(site, visitor)
    answer = await asyncio.wait_for(reading, 2)
    assert answer.text == "event: hello\ndata:\n\ndata: it rains\n\nevent: logout\ndata:\n\n"


@pytest.mark.needs("flask")
async def test_flasks_stream_asks_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    site = served(FLASK)
    visitor = await known(site)
    other = site.visitor()
    other.driver.jar = visitor.jar.copy()
    site.actions.append(lambda session, web: str(session.end()))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            driver: Any = other.driver
            driver.send("GET", f"/visit/{len(site.actions) - 1}")

    monkeypatch.setattr(time, "sleep", pause)
    answer = await visitor.driver.get("/events")
    assert answer.text.endswith("event: logout\ndata:\n\n")
    assert answer.text.count("data: ") == len(pauses) == 2
