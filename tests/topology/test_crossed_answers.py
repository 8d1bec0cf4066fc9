"""A record is read again wherever it lies, on another connection than the one that is doubted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import pytest_asyncio
import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncNode
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.cluster import ClusterNode
from redis.sentinel import Sentinel

from samesession.core.steps import Steps
from samesession.core.store import Colour
from samesession.stores.redis import RedisStore
from tests.faults.callers import (
    FACES,
    Caller,
    creating,
    expect_nobody_logged_out,
    sealed,
    with_records,
)
from tests.faults.crossing import Crossing, crossing
from tests.support.redis_process import Cluster, Sentinels, cluster, until, valkey_binary

pytestmark = pytest.mark.asyncio

FACE = pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())
GIVEN = pytest.mark.parametrize("given", [False, True], ids=["url", "client"])
USERS = 12

_sentinel: Any = Sentinel  # their parameters are not annotated
_async_sentinel: Any = AsyncSentinel
_node: Any = ClusterNode


def cluster_client(colour: Colour, ports: list[int]) -> Any:
    if colour is Colour.SYNC:
        made = [_node("127.0.0.1", port) for port in ports]
        return redis.RedisCluster(startup_nodes=made, socket_timeout=0.5)
    nodes = [AsyncNode("127.0.0.1", port) for port in ports]
    return redis.asyncio.RedisCluster(startup_nodes=nodes, socket_timeout=0.5)


async def close(caller: Caller, client: Any = None) -> None:
    await caller.try_(lambda store: store.close())
    if isinstance(client, redis.Redis | redis.RedisCluster):
        client.close()
    elif client is not None:
        await client.aclose()


def again(key: str, doubted: bytes | None) -> Callable[[Any], Steps[Any]]:
    return lambda store: store.load_again(key, doubted=doubted)


async def expect_read_again(caller: Caller) -> None:
    another = sealed("another")[1]
    for name in ("ann", "bob", "eve"):
        key, raw = sealed(name)
        assert await caller.do(creating(key, raw)) is True
        for doubted in (None, another, raw, b"", None):
            assert await caller.do(again(key, doubted)) == raw
        assert await caller.do(again("session:none", another)) is None


@FACE
@GIVEN
async def test_a_record_in_a_cluster_is_read_again(
    shared_cluster: Cluster, colour: Colour, *, given: bool
) -> None:
    client = cluster_client(colour, [node.port for node in shared_cluster.nodes]) if given else None
    store = RedisStore(client or shared_cluster.url).open_for(colour)
    caller = Caller(store, colour, timeout=10.0)
    await expect_read_again(caller)
    await close(caller, client)


@FACE
@GIVEN
async def test_a_record_behind_sentinels_is_read_again(
    shared_sentinels: Sentinels, colour: Colour, *, given: bool
) -> None:
    hosts = [("127.0.0.1", each.port) for each in shared_sentinels.sentinels]
    watch = (_sentinel if colour is Colour.SYNC else _async_sentinel)(hosts, socket_timeout=2)
    client = watch.master_for(shared_sentinels.service) if given else None
    store = RedisStore(client or shared_sentinels.url).open_for(colour)
    caller = Caller(store, colour, timeout=10.0)
    await expect_read_again(caller)
    await close(caller, client)
    for each in watch.sentinels:
        if colour is Colour.SYNC:
            each.close()
        else:
            await each.aclose()


@pytest.fixture(scope="module")
def crossed_cluster() -> Iterator[tuple[Cluster, list[Crossing]]]:
    """Give a Cluster each of whose nodes is announced to be where a proxy stands for it."""
    with ExitStack() as stack:
        made = stack.enter_context(cluster(valkey_binary()))
        proxies = [stack.enter_context(crossing(node.port)) for node in made.nodes]
        for node, proxy in zip(made.nodes, proxies, strict=True):
            node.do("CONFIG", "SET", "cluster-announce-client-port", proxy.port)
        ports = {proxy.port for proxy in proxies}
        until(
            lambda: all(
                {primary[1] for _, _, primary, *_ in node.do("CLUSTER", "SLOTS")} == ports
                for node in made.nodes
            ),
            "every node announces the proxies",
        )
        yield made, proxies


@pytest_asyncio.fixture
async def crossed(
    crossed_cluster: tuple[Cluster, list[Crossing]], colour: Colour, given: bool
) -> AsyncIterator[tuple[Caller, list[Crossing]]]:
    made, proxies = crossed_cluster
    for node in made.nodes:
        node.do("FLUSHALL")
    ports = [proxy.port for proxy in proxies]
    client = cluster_client(colour, ports) if given else None
    url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)
    store = RedisStore(client or url, timeout=0.5).open_for(colour)
    caller = Caller(store, colour, timeout=0.5)
    yield caller, proxies
    for proxy in proxies:
        proxy.mend()
    await close(caller, client)


@FACE
@GIVEN
async def test_a_cluster_whose_answers_are_dropped_or_doubled_logs_nobody_out(
    crossed: tuple[Caller, list[Crossing]],
) -> None:
    caller, proxies = crossed
    keys = await with_records(caller, *(f"user{number}" for number in range(USERS)))
    await expect_nobody_logged_out(caller, keys, proxies)
