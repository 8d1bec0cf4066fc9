"""Clients that hang up: the request is cancelled at whichever await it has reached."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.site import Site, Visitor
from tests.support.threads import work_of_threads

pytestmark = [pytest.mark.asyncio, pytest.mark.needs("quart")]

USERS = 50
HANG_UPS = 1000
MOST_TICKS = 40_000  # of the event loop; no request here is as long, on a busy machine
EXACTLY = 50  # ticks of which each one is tried; of later ones each fiftieth part more

Act = Callable[[Any], Any]  # Any: the session is a proxy

# What a request does to {"name": ..., "turn": 1}, and what is there when it did.
DEEDS: dict[str, tuple[Act, dict[str, Any] | None]] = {
    "read": (dict, {"turn": 1}),
    "write": (lambda session: session.update(turn=2), {"turn": 2}),
    "count": (lambda session: session.update_atomically(count), {"turn": 2}),
    "regenerate": (lambda session: session.regenerate(), None),
    "bind": (lambda session: session.bind("bob"), None),
    "clear": (lambda session: session.clear(), {}),
}


def count(data: dict[str, Any]) -> None:
    data["turn"] += 1


async def hang_up(visitor: Visitor, act: Act, ticks: int) -> bool:
    """Send a request and disconnect after some ticks of the loop; say whether it was over."""
    site, gone, answered = visitor.site, asyncio.Event(), asyncio.Event()
    site.actions.append(lambda session, web: str(act(session)))
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            answered.set()

    cookie = (visitor.jar.header() or "").encode()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": f"/visit/{len(site.actions) - 1}", "raw_path": b"",
        "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("localhost", 80), "headers": [(b"host", b"localhost"), (b"cookie", cookie)],
        "extensions": {},
    }  # fmt: skip
    task: asyncio.Future[None] = asyncio.ensure_future(site.app(scope, receive, send))
    for _ in range(ticks):
        if answered.is_set():
            break
        await asyncio.sleep(0)
    over = answered.is_set()
    gone.set()
    await task
    return over


@asynccontextmanager
async def turns_for_threads() -> AsyncIterator[None]:
    """Let go of the interpreter at each tick of the loop, as a loop does that waits for a socket.

    A loop that only ever ticks leaves a thread no time: the interpreter is taken back before the
    thread has woken, again and again, for seconds.
    """

    async def let_go() -> None:
        while True:
            time.sleep(0.0001)  # noqa: ASYNC251  # a thread's turn is the point
            await asyncio.sleep(0)

    turns = asyncio.ensure_future(let_go())
    try:
        yield
    finally:
        _ = turns.cancel()


def opened_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def redis_clients(backend: Backend) -> int:
    found = 0
    for server in backend.redis_servers:
        with server.client() as client:
            found += len(client.client_list())
    return found


@pytest.mark.parametrize(
    "action",
    [pytest.param(each, marks=[pytest.mark.owners] if each == "bind" else []) for each in DEEDS],
)
async def test_a_client_that_hangs_up_at_any_moment_leaves_the_old_session_or_the_new_one(
    site: Site, backend: Backend, action: str
) -> None:
    act, changed = DEEDS[action]
    old = {"name": "ann", "turn": 1}
    # Of a new secret, too, the browser never hears: it is anonymous then.
    new = {**old, **changed} if changed else {}
    over, ticks, found = False, 0, old
    while not over and ticks < MOST_TICKS:
        visitor = site.visitor()
        await visitor.put(name="ann", turn=1)
        over = await hang_up(visitor, act, ticks)
        found = await visitor.value(dict)
        assert found in (old, new), ticks
        ticks += 1 + ticks // EXACTLY  # a slow server's answer takes thousands
    assert over
    assert found == new


async def test_a_thousand_hang_ups_of_fifty_users_show_nobody_another_ones_data(
    site: Site, backend: Backend
) -> None:
    visitors = [site.visitor() for _ in range(USERS)]
    for number, visitor in enumerate(visitors):
        await visitor.put(name=number, turn=1)
    seen: list[tuple[int, int]] = []
    files, clients = opened_files(), redis_clients(backend)

    async def leave_often(number: int) -> None:
        for turn in range(HANG_UPS // USERS):

            def act(session: Any) -> None:
                seen.append((number, session["name"]))
                count(session)

            ticks = (turn * 7 + number) % 25 * backend.part.slowness
            await hang_up(visitors[number], act, ticks)

    async with turns_for_threads():
        await asyncio.gather(*(leave_often(number) for number in range(USERS)))
    await work_of_threads()
    assert len(seen) > USERS
    assert [pair for pair in seen if pair[0] != pair[1]] == []
    for number, visitor in enumerate(visitors):
        assert await visitor.value(lambda session: session["name"]) == number
    assert opened_files() <= files + 2 + backend.part.open_files
    assert redis_clients(backend) <= clients
