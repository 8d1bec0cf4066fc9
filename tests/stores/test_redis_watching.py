"""Open sockets hear of ended sessions from Redis, and lose none when that cannot be heard."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.stores.test_redis_notices import NARROW, give
from tests.support.clock import Clock
from tests.support.server import Valkey
from tests.support.site import Site
from tests.support.sockets import Socket
from tests.web.test_watching import WATCHER, ann, idle, log_out, opened, serve

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.needs("quart"),
    pytest.mark.stores("redis"),
]
PROMPTLY = 1.0


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing looked at unless something is heard, nor told within the process."""
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 60.0)
    monkeypatch.setattr("samesession.run.ended_sessions.tell", lambda sid: None)


async def listening(site: Site, sockets: int = 1) -> tuple[Any, list[Socket]]:
    serve(site, idle)
    visitor = await ann(site)
    opened_ = [await opened(visitor) for _ in range(sockets)]
    watcher = site.app.session_interface.watchers.here()
    for _ in range(100):
        if watcher._hears and not any(each.fresh for each in watcher._watches):
            break
        await asyncio.sleep(0.02)
    assert watcher._hears
    return visitor, opened_


async def promptly(socket: Socket) -> None:
    async with asyncio.timeout(PROMPTLY):
        while (await socket._sent.get())["type"] != "websocket.close":
            pass
    await socket.over()


def delete_all(valkey: Valkey) -> None:
    """Delete sessions as an operator can, which nobody is told of."""
    with valkey.client() as client:
        client.delete(*client.keys("session:*"))


async def test_many_sockets_share_one_connection(new_site: NewSite, valkey: Valkey) -> None:
    site = new_site(SESSION_CLOSE_SOCKETS=True)
    visitor, sockets = await listening(site, 50)
    with valkey.client() as client:
        assert len(client.client_list(_type="pubsub")) == 1
    await log_out(site, visitor)
    for each in sockets:
        await promptly(each)


async def test_a_connection_that_is_lost_has_all_looked_at_at_once(
    new_site: NewSite, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{WATCHER}._RETRY", 60.0)  # which has them looked at as well
    _, (socket,) = await listening(new_site(SESSION_CLOSE_SOCKETS=True))
    delete_all(valkey)
    with valkey.client() as client:
        client.client_kill_filter(_type="pubsub")
    await promptly(socket)


async def test_a_connection_that_was_lost_is_opened_again(
    new_site: NewSite, valkey: Valkey
) -> None:
    site = new_site(SESSION_CLOSE_SOCKETS=True)
    visitor, (socket,) = await listening(site)
    with valkey.client() as client:
        for _ in range(3):
            client.client_kill_filter(_type="pubsub")
            await asyncio.sleep(0.4)
    assert not socket.task.done()
    await log_out(site, visitor)
    await promptly(socket)


async def test_what_nobody_told_is_found_in_time(
    new_site: NewSite, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{WATCHER}.SWEEP", 0.3)
    _, (socket,) = await listening(new_site(SESSION_CLOSE_SOCKETS=True))
    delete_all(valkey)
    await promptly(socket)


async def test_a_user_who_may_not_listen_asks(
    own_valkey: Valkey,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(f"{WATCHER}.INTERVAL", 0.2)
    give(own_valkey, NARROW)
    url = own_valkey.url.replace("//", "//app:password@")
    settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": url, "SESSION_CLOSE_SOCKETS": True}
    site = Site("quart", settings, clock=clock)
    serve(site, idle)
    visitor = await ann(site)
    socket = await opened(visitor)
    await log_out(site, visitor)
    await promptly(socket)
    assert "+publish +subscribe &session:ended" in caplog.text
    await site.close()
