"""Requests whose Redis dies, or says no: a 503 or a true success, and the cookie outlives it.

What a network does to them: test_network_requests.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import pytest_asyncio
import redis

from samesession.core.store import Colour
from tests.support.clock import Clock
from tests.support.server import Valkey, running
from tests.support.site import Site
from tests.web.test_administration import administer

from .callers import LIFETIMES, SLACK, calling, expect_back, sealed
from .callers import expect_refusal as refused_in_time

TIMEOUT = 0.5
LIMIT = TIMEOUT + SLACK


def redis_settings(url: str) -> dict[str, Any]:  # Any: app.config
    return {"SESSION_TYPE": "redis", "SESSION_REDIS": url, "SESSION_STORE_TIMEOUT": TIMEOUT}


@pytest.fixture(autouse=True)
def every_key_has_an_expiry(own_valkey: Valkey) -> Iterator[None]:
    yield
    with own_valkey.client() as client:
        ages = {key: client.ttl(key) for key in client.scan_iter("session:*")}
    assert all(seconds > 0 for seconds in ages.values()), ages


def command(server: Valkey, words: str) -> None:
    with server.client() as client:
        _ = cast("Any", client).execute_command(*words.split())  # not annotated


async def expect_refusal(visit: Any) -> None:  # Any: an awaitable of either framework
    await refused_in_time(visit, LIMIT)


@pytest.mark.asyncio
async def test_a_server_killed_before_a_commit_keeps_the_old_session(
    framework: str, own_valkey: Valkey, clock: Clock
) -> None:
    site = Site(framework, redis_settings(own_valkey.url), clock=clock)
    visitor = site.visitor()
    await visitor.put(a=1)

    def write(session: Any) -> None:
        session["a"] = 2
        own_valkey.kill()

    await expect_refusal(visitor.visit(write))
    await expect_refusal(visitor.put(a=3))
    own_valkey.start()
    await expect_back(visitor, 1)
    await site.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("colour", [Colour.SYNC, Colour.ASYNC], ids=["sync", "async"])
async def test_what_a_killed_server_acknowledged_is_there_when_it_is_back(
    own_valkey: Valkey, colour: Colour
) -> None:
    for turn in range(5):
        acknowledged: list[tuple[str, bytes]] = []
        tried: dict[str, bytes] = {}
        async with calling(own_valkey.url, colour, timeout=TIMEOUT) as caller:
            killer = threading.Timer(0.05 + 0.02 * turn, own_valkey.kill)
            killer.start()
            for user in map(str, range(100_000)):
                key, raw = sealed(user)
                tried[key] = raw
                steps = await caller.try_(
                    lambda store, key=key, raw=raw: store.create(key, raw, lifetimes=LIFETIMES)  # type: ignore[misc]
                )
                assert steps.seconds < LIMIT
                if steps.error is not None:
                    break
                acknowledged.append((key, raw))
            killer.join()
        own_valkey.start()
        stored = own_valkey.records()
        assert dict(acknowledged).items() <= stored.items()
        assert stored.items() <= tried.items()
        with own_valkey.client() as client:
            assert all(client.ttl(key) > 0 for key in stored)
        own_valkey.flush()


# --- errors that Redis itself gives --------------------------------------------------------


@pytest_asyncio.fixture
async def direct(framework: str, own_valkey: Valkey, clock: Clock) -> AsyncIterator[Site]:
    site = Site(framework, redis_settings(own_valkey.url), clock=clock)
    yield site
    await site.close()


@pytest.mark.asyncio
async def test_a_replica_that_refuses_writes_is_a_503_and_no_logout(
    direct: Site, own_valkey: Valkey
) -> None:
    visitor = direct.visitor()
    await visitor.put(a=1)
    command(own_valkey, "REPLICAOF 127.0.0.1 1")
    await expect_refusal(visitor.put(a=2))
    await expect_refusal(visitor.visit(lambda session: session.clear()))
    command(own_valkey, "REPLICAOF NO ONE")
    await expect_back(visitor, 1)


@pytest.mark.asyncio
async def test_a_full_server_refuses_writes_and_keeps_what_it_has(
    direct: Site, own_valkey: Valkey
) -> None:
    visitor, newcomer = direct.visitor(), direct.visitor()
    await visitor.put(a=1)
    with own_valkey.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        await expect_refusal(visitor.put(a=2))
        await expect_refusal(newcomer.put(a=3))
        assert await visitor.value(lambda session: session["a"]) == 1
        client.config_set("maxmemory", "0")
    await expect_back(visitor, 1)


@pytest.mark.asyncio
async def test_a_server_that_is_still_loading_is_a_503_and_no_logout(
    framework: str, clock: Clock
) -> None:
    settings: Any = {"enable-debug-command": "yes"}
    with running(**settings) as server:
        site = Site(framework, redis_settings(server.url), clock=clock)
        visitor = site.visitor()
        await visitor.put(a=1)
        with loading(server):
            await expect_refusal(visitor.visit(lambda session: session.get("a")))
            await expect_refusal(visitor.put(a=2))
        await expect_back(visitor, 1)
        await site.close()


@contextmanager
def loading(server: Valkey) -> Iterator[None]:
    """Have a server load its data anew, slowly, for the length of a block."""
    with server.client() as client:
        with client.pipeline(transaction=False) as filling:
            for number in range(2000):
                filling.set(f"filler:{number}", "x" * 100, ex=600)
            filling.execute()
        client.config_set("key-load-delay", "2000")
        client.config_set("loading-process-events-interval-bytes", "1024")

        thread = threading.Thread(target=command, args=(server, "DEBUG RELOAD"))
        thread.start()
        try:
            ended = time.monotonic() + 5
            while not client.info("persistence")["loading"]:
                assert time.monotonic() < ended
            yield
        finally:
            client.config_set("key-load-delay", "0")
            thread.join()


@pytest.mark.asyncio
async def test_a_user_limited_to_the_prefix_is_enough(
    framework: str, own_valkey: Valkey, clock: Clock
) -> None:
    command(own_valkey, "SET else where")
    command(
        own_valkey,
        "ACL SETUSER app on >pass resetkeys ~session:* resetchannels "
        "-@all +@connection +@read +@write +@scripting +time",
    )
    url = f"redis://app:pass@127.0.0.1:{own_valkey.port}/0"
    with redis.Redis.from_url(url) as limited, pytest.raises(redis.exceptions.NoPermissionError):
        limited.get("else")
    site = Site(framework, redis_settings(url), clock=clock)
    visitor = site.visitor()
    await visitor.put(a=1)
    await visitor.visit(lambda session: session.bind("alice"))
    await visitor.put(b=2)
    assert await visitor.value(dict) == {"a": 1, "b": 2}
    (listed,) = await administer(site, "sessions_of", "alice")
    assert listed.last_seen is not None
    assert await administer(site, "count") == 1
    assert len((await administer(site, "all_sessions")).sessions) == 1
    await visitor.visit(lambda session: session.clear())
    assert not own_valkey.records()
    for action in (("revoke_all", "alice"), ("revoke_everyone",)):
        await visitor.visit(lambda session: session.bind("alice"))
        assert await administer(site, *action) == 1
        assert not own_valkey.records()
    await site.close()


@pytest.mark.asyncio
async def test_a_user_that_may_not_is_a_503_without_the_password(
    framework: str, own_valkey: Valkey, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    command(own_valkey, "ACL SETUSER app on >hunter2pass ~* -@all")
    for word in ("hunter2pass", "wrongpass"):
        url = f"redis://app:{word}@127.0.0.1:{own_valkey.port}/0"
        site = Site(framework, redis_settings(url), clock=clock)
        await expect_refusal(site.visitor().put(a=1))
        assert word not in caplog.text
        await site.close()
