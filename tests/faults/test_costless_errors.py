"""Only an answer that makes no sense costs a connection: no argument, no refusal, no record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
import redis
import redis.asyncio

from samesession import BadRecord, SessionTooLarge, StoreUnavailable
from samesession.core.steps import Steps
from samesession.core.store import Colour, Store
from samesession.stores.memcached import MemcachedStore
from samesession.stores.redis import RedisStore
from tests.support.backend import Servers
from tests.support.server import Valkey

from .callers import (
    FACES,
    LIFETIMES,
    Caller,
    calling,
    committing,
    creating,
    loading,
    owner_of,
    sealed,
)
from .proxy import Proxy, proxied

pytestmark = pytest.mark.asyncio

RAW = sealed("bob")[1]
NO_TEXT: Any = None
# What no command can be made of.
UNSENDABLE: dict[str, Callable[[Any], Steps[Any]]] = {
    "a lone surrogate as key": loading("\ud800"),
    "no key": loading(NO_TEXT),
    "a flag as key": loading(True),  # type: ignore[arg-type]
    "a lone surrogate as record": creating("session:x", "\ud800"),  # type: ignore[arg-type]
    "no record": lambda store: store.commit("session:x", None, expected=RAW[:8], renew=None),
    "a key that a script gets": committing("\udfff", RAW, RAW),
    "no timeout": lambda store: store.load("session:x", renew=3),
}
OWNERS = {
    "a lone surrogate as owner": lambda store: store.owned("\ud800"),
    "no owner": lambda store: store.enlist(None, "session:x", lifetime=60),
    "an owner's key": lambda store: store.delist("alice", "\ud800"),
    "an owner's keys": lambda store: store.delist_many("alice", ["x", "\ud800"]),
    "a page of an owner's": lambda store: store.owned_page("\ud800", after=None),
    "one of many keys": lambda store: store.load_many(["session:x", "\ud800", "session:y"]),
    "no key among many": lambda store: store.remove_many(["session:x", None]),
    "a prefix": lambda store: store.keys_page("\ud800", after=None),
}


@pytest.fixture
def proxy(valkey: Valkey) -> Iterator[Proxy]:
    valkey.flush()
    with proxied(valkey.port) as between:
        yield between


@pytest_asyncio.fixture(params=["url", "client"])
async def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(params=FACES, ids=lambda colour: colour.name.lower())
async def caller(
    proxy: Proxy, source: str, request: pytest.FixtureRequest
) -> AsyncIterator[Caller]:
    if source == "url":
        async with calling(proxy.url, request.param, timeout=10.0) as made:
            yield made
    elif request.param is Colour.SYNC:
        with redis.Redis.from_url(proxy.url) as client:
            yield Caller(RedisStore(client), Colour.SYNC, timeout=10.0)
    else:
        async with redis.asyncio.Redis.from_url(proxy.url) as client:
            yield Caller(RedisStore(client), Colour.ASYNC, timeout=10.0)


async def expect_free_of_cost(caller: Caller, proxy: Proxy, doing: Callable[[], Any]) -> None:
    """Do something between two reads: the second goes on the connection of the first."""
    key, raw = sealed("alice")
    assert await caller.do(creating(key, raw)) is True
    connected = proxy.accepted
    await doing()
    assert owner_of(key, await caller.do(loading(key))) == "alice"
    assert proxy.accepted == connected


@pytest.mark.parametrize("name", [*UNSENDABLE, *OWNERS])
async def test_what_cannot_be_sent_is_the_callers_error_and_costs_no_connection(
    caller: Caller, proxy: Proxy, name: str
) -> None:
    async def send() -> None:
        with pytest.raises((TypeError, ValueError, AttributeError)):
            await caller.do({**UNSENDABLE, **OWNERS}[name])

    await expect_free_of_cost(caller, proxy, send)


@pytest.mark.parametrize("name", [*UNSENDABLE, *OWNERS])
async def test_what_one_request_cannot_send_fails_no_other_on_the_shared_connection(
    proxy: Proxy, name: str
) -> None:
    async with calling(proxy.url, Colour.ASYNC, timeout=10.0) as caller:
        key, raw = sealed("alice")
        assert await caller.do(creating(key, raw)) is True
        connected = proxy.accepted
        wrong = {**UNSENDABLE, **OWNERS}[name]
        results = await asyncio.gather(
            *(caller.do(wrong if turn % 3 == 1 else loading(key)) for turn in range(90)),
            return_exceptions=True,
        )
        for turn, result in enumerate(results):
            if turn % 3 == 1:
                assert isinstance(result, TypeError | ValueError | AttributeError)
            else:
                assert owner_of(key, result) == "alice"
        assert proxy.accepted == connected


async def test_what_is_refused_costs_no_connection(
    caller: Caller, proxy: Proxy, valkey: Valkey
) -> None:
    key, raw = sealed("bob")
    with valkey.client() as client:
        client.rpush(key, "a list")

    async def ask() -> None:
        for steps in (loading(key), committing(key, raw, raw)):
            with pytest.raises(BadRecord):
                await caller.do(steps)
        assert await caller.do(creating(key, raw)) is False
        with valkey.client() as client:
            client.config_set("maxmemory", "1")
            try:
                with pytest.raises(StoreUnavailable):
                    await caller.do(creating(*sealed("eve")))
            finally:
                client.config_set("maxmemory", "0")

    await expect_free_of_cost(caller, proxy, ask)


async def test_a_record_that_the_server_would_hang_up_for_is_refused_before_it_is_sent(
    caller: Caller, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, raw = sealed("bob")
    huge = sealed("bob", payload=b"x" * 1000)[1]
    monkeypatch.setattr("samesession.stores.redis.commands._LARGEST", 1000)

    async def send() -> None:
        assert await caller.do(creating(key, raw)) is True
        for steps in (creating(key, huge), committing(key, raw, huge)):
            with pytest.raises(SessionTooLarge):
                await caller.do(steps)
        assert await caller.do(loading(key)) == raw

    await expect_free_of_cost(caller, proxy, send)


async def test_an_index_that_others_wrote_costs_no_connection(
    caller: Caller, proxy: Proxy, valkey: Valkey
) -> None:
    def listing(store: Any) -> Steps[Any]:
        return (yield from store.owned("alice"))

    def noting(store: Any) -> Steps[Any]:
        return (yield from store.enlist("alice", "session:ours", lifetime=60))

    async def ask() -> None:
        await caller.do(noting)
        with valkey.client() as client:
            (index,) = client.keys("session:owner:*")  # type: ignore[misc,unused-ignore]
            client.zadd(index, {b"\xff\xfe no text": 2**33})
            assert await caller.do(listing) == ["session:ours"]
            client.delete(index)
            client.rpush(index, "a list")
        assert await caller.do(listing) == []
        await caller.do(noting)
        assert await caller.do(listing) == ["session:ours"]

    await expect_free_of_cost(caller, proxy, ask)


@pytest.mark.stores("memcached")
@pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())
@pytest.mark.parametrize("name", sorted({*UNSENDABLE} - {"no record"}))  # which is asked for first
async def test_what_cannot_be_sent_to_memcached_costs_no_connection(
    servers: Servers, colour: Colour, name: str
) -> None:
    with proxied(servers["memcached"].port) as between:
        store: Store = MemcachedStore(f"127.0.0.1:{between.port}", timeout=10.0)
        async with calling(store, colour, timeout=10.0) as caller:

            async def send() -> None:
                with pytest.raises((TypeError, ValueError, AttributeError)):
                    await caller.do(UNSENDABLE[name])

            await expect_free_of_cost(caller, between, send)


@pytest.mark.stores("memcached")
@pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())
async def test_what_memcached_refuses_costs_no_connection(servers: Servers, colour: Colour) -> None:
    with proxied(servers["memcached"].port) as between:
        store: Store = MemcachedStore(f"127.0.0.1:{between.port}", timeout=10.0)
        async with calling(store, colour, timeout=10.0) as caller:
            key, _ = sealed("bob")
            huge = b"\x00" * (4 * 1024 * 1024)

            async def send() -> None:
                with pytest.raises(ValueError, match="larger -I"):
                    await caller.do(lambda store: store.create(key, huge, lifetimes=LIFETIMES))

            await expect_free_of_cost(caller, between, send)
