"""Clients of redis-py that the application made: of a Cluster, and of a Sentinel's master."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis
import redis.asyncio
import valkey
import valkey.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncNode
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.cluster import ClusterNode
from redis.sentinel import Sentinel
from valkey.asyncio.sentinel import Sentinel as AsyncValkeySentinel
from valkey.sentinel import Sentinel as ValkeySentinel

from samesession import ConfigError
from samesession.core.batches import every_key
from samesession.core.health import ping
from samesession.core.steps import Steps
from samesession.core.store import Colour, Outcome, Store
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.redis import RedisStore
from tests.faults.callers import LIFETIMES, sealed
from tests.support.redis_process import Cluster, Sentinels

from .load import revised

_sentinel: Any = Sentinel  # their parameters are not annotated
_async_sentinel: Any = AsyncSentinel
_valkey_sentinel: Any = ValkeySentinel
_async_valkey_sentinel: Any = AsyncValkeySentinel
_node: Any = ClusterNode


def life(store: Store) -> Steps[None]:
    """Do all that is done to a session, whose keys lie wherever they do."""
    yield from ping(store, "session:")
    for _ in range(8):
        key, raw = sealed("alice")
        yield from store.enlist("alice", key, lifetime=60)  # type: ignore[attr-defined]
        assert (yield from store.create(key, raw, lifetimes=LIFETIMES))
        assert (yield from store.load(key, renew=LIFETIMES)) == raw
        new = revised(raw, 2)
        done = yield from store.commit(key, new, expected=raw[:8], renew=LIFETIMES)
        assert done is Outcome.WRITTEN
        assert key in (yield from store.owned("alice"))  # type: ignore[attr-defined]
        assert (yield from store.remove(key, expected=None)) is Outcome.WRITTEN
        yield from store.delist("alice", key)  # type: ignore[attr-defined]
    yield from many_lives(store)
    yield from foreign_lives(store)


def foreign_lives(store: Any) -> Steps[None]:
    """Read and delete what others may have filed: these stand in for it."""
    for _ in range(8):
        key, raw = sealed("alice")
        assert (yield from store.create(key, raw, lifetimes=LIFETIMES))
        assert (yield from store.load_foreign(key)).data == raw
        yield from store.remove_foreign(key)
        assert (yield from store.load_foreign(key)) is None


def many_lives(store: Any) -> Steps[None]:
    """Do all that is done to many sessions at once, which lie on several nodes of a Cluster."""
    records = dict(sealed("alice") for _ in range(60))
    for key, raw in records.items():
        yield from store.enlist("alice", key, lifetime=60)
        assert (yield from store.create(key, raw, lifetimes=LIFETIMES))
    listed = yield from every_key(lambda after: store.owned_page("alice", after=after))
    found = yield from every_key(lambda after: store.keys_page("session:", after=after))
    assert {*listed} == {*records}
    assert {*found} >= {*records}
    keys = [*records, "session:none"]
    assert (yield from store.load_many(keys)) == [*records.values(), None]
    assert (yield from store.remove_many(keys)) == [True] * 60 + [False]
    assert (yield from store.load_many(keys)) == [None] * 61
    yield from store.delist_many("alice", keys)
    assert [*(yield from store.owned("alice"))] == []


def hosts(sentinels: Sentinels) -> list[tuple[str, int]]:
    return [("127.0.0.1", each.port) for each in sentinels.sentinels]


def test_threads_use_a_given_client_of_a_cluster(shared_cluster: Cluster) -> None:
    nodes = [_node("127.0.0.1", node.port) for node in shared_cluster.nodes]
    with redis.RedisCluster(startup_nodes=nodes) as client:
        store = RedisStore(client)
        assert store.open_for(Colour.ASYNC).colours is Colour.SYNC
        run(life(store))


def test_threads_use_a_given_client_of_a_sentinels_master(shared_sentinels: Sentinels) -> None:
    watch = _sentinel(hosts(shared_sentinels), socket_timeout=2)
    client = watch.master_for(shared_sentinels.service)
    run(life(RedisStore(client)))
    client.close()
    for each in watch.sentinels:
        each.close()


def test_threads_use_what_a_client_of_valkeys_leads_to(
    shared_cluster: Cluster, shared_sentinels: Sentinels
) -> None:
    with valkey.ValkeyCluster("127.0.0.1", shared_cluster.nodes[0].port) as client:
        live_and_close(RedisStore(client))
    watch = _valkey_sentinel(hosts(shared_sentinels), socket_timeout=2)
    live_and_close(RedisStore(watch.master_for(shared_sentinels.service)))


def live_and_close(store: RedisStore) -> None:
    run(life(store))
    run(store.close())


def test_loops_use_what_a_client_of_valkeys_leads_to(
    shared_cluster: Cluster, shared_sentinels: Sentinels
) -> None:
    port = shared_cluster.nodes[0].port
    watch = _async_valkey_sentinel(hosts(shared_sentinels), socket_timeout=2)
    for client in (
        valkey.asyncio.ValkeyCluster("127.0.0.1", port),
        watch.master_for(shared_sentinels.service),
    ):
        store = RedisStore(client)
        for _ in range(2):  # loops, with connections of their own
            asyncio.run(arun(_lived(store)))


def _lived(store: RedisStore) -> Steps[None]:
    yield from life(store)
    yield from store.close()


def each_in_a_loop_of_its_own(make: Callable[[], Any], close: Callable[[Any], Any]) -> None:
    """Use one given client in two loops: the second gets one of its own, like the first."""
    client = make()
    store = RedisStore(client)
    assert store.colours is Colour.ASYNC

    async def live(*, last: bool) -> None:
        await arun(life(store))
        await arun(store.close())
        if not last:
            await close(client)

    asyncio.run(live(last=False))
    asyncio.run(live(last=True))


def test_each_loop_has_a_client_like_the_one_of_a_cluster_that_was_given(
    shared_cluster: Cluster,
) -> None:
    nodes = [AsyncNode("127.0.0.1", node.port) for node in shared_cluster.nodes]
    each_in_a_loop_of_its_own(
        lambda: redis.asyncio.RedisCluster(startup_nodes=nodes), lambda client: client.aclose()
    )


def test_each_loop_has_a_client_like_the_one_of_a_sentinels_master_that_was_given(
    shared_sentinels: Sentinels,
) -> None:
    watch = _async_sentinel(hosts(shared_sentinels), socket_timeout=2)

    async def close(client: Any) -> None:
        await client.aclose()
        await client.connection_pool.disconnect()
        for each in watch.sentinels:
            await each.aclose()

    each_in_a_loop_of_its_own(lambda: watch.master_for(shared_sentinels.service), close)


def test_clients_that_would_give_text_or_the_past_are_refused(
    shared_cluster: Cluster, shared_sentinels: Sentinels
) -> None:
    port = shared_cluster.nodes[0].port
    for made, reason in (
        (redis.RedisCluster("127.0.0.1", port, decode_responses=True), "decode_responses"),
        (redis.asyncio.RedisCluster("127.0.0.1", port, decode_responses=True), "decode_responses"),
        (_sentinel(hosts(shared_sentinels)).slave_for(shared_sentinels.service), "replica"),
        (_async_sentinel(hosts(shared_sentinels)).slave_for(shared_sentinels.service), "replica"),
        (_sentinel(hosts(shared_sentinels)), "Sentinel"),
    ):
        with pytest.raises(ConfigError, match=reason):
            _ = RedisStore(made)
