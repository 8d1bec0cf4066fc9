"""Sessions on a Redis Cluster of three nodes, while slots move and nodes die."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import redis.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncNode
from redis.crc import key_slot

from samesession import StoreUnavailable
from samesession.core.health import ping
from samesession.core.steps import Steps
from samesession.core.store import Colour, Outcome, Store
from samesession.run.aio import arun
from samesession.stores.redis import RedisStore
from tests.faults.callers import FACES, LIFETIMES, SLACK, Caller, calling, sealed
from tests.support.redis_process import (
    Cluster,
    Program,
    cluster,
    replicated,
    until,
    valkey_binary,
)

from .load import TIMEOUT, Load, revised

FACE = pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())


log = logging.getLogger(__name__)


def slot_of(key: str) -> int:
    return key_slot(key.encode())


def creating(key: str, raw: bytes) -> Callable[[Store], Steps[Any]]:
    return lambda store: store.create(key, raw, lifetimes=LIFETIMES)


def loading(key: str) -> Callable[[Store], Steps[Any]]:
    return lambda store: store.load(key, renew=LIFETIMES)


def elsewhere(cluster: Cluster, source: Program) -> Program:
    return next(node for node in cluster.nodes if node is not source)


@pytest_asyncio.fixture
async def caller(shared_cluster: Cluster, colour: Colour) -> AsyncIterator[Caller]:
    async with calling(shared_cluster.url, colour, timeout=2.0) as made:
        yield made


@FACE
@pytest.mark.asyncio
async def test_a_users_sessions_lie_on_all_nodes_beside_one_index(
    shared_cluster: Cluster, caller: Caller
) -> None:
    keys = dict(sealed("alice") for _ in range(30))
    for key, raw in keys.items():
        await caller.do(lambda store, key=key: store.enlist("alice", key, lifetime=600))  # type: ignore[misc]
        assert await caller.do(creating(key, raw)) is True
    held = [set(node.do("KEYS", "session:*")) for node in shared_cluster.nodes]
    assert all(len(each) > 1 for each in held)
    assert sum(map(len, held)) == len(keys) + 1
    assert set(await caller.do(lambda store: store.owned("alice"))) == set(keys)  # type: ignore[attr-defined]
    for key, raw in keys.items():
        assert await caller.do(loading(key)) == raw
        removed = await caller.do(lambda store, key=key: store.remove(key, expected=None))  # type: ignore[misc]
        assert removed is Outcome.WRITTEN
        await caller.do(lambda store, key=key: store.delist("alice", key))  # type: ignore[misc]
    assert all(node.do("DBSIZE") == 0 for node in shared_cluster.nodes)


@FACE
@pytest.mark.asyncio
async def test_what_has_moved_out_of_a_slot_that_is_still_moving_is_found(
    shared_cluster: Cluster, caller: Caller
) -> None:
    """Every operation is asked on (ASK), many at once, so that no connection takes another's."""
    key, raw = sealed("alice")
    slot = slot_of(key)
    source = shared_cluster.owner(slot)
    target = elsewhere(shared_cluster, source)
    assert await caller.do(creating(key, raw)) is True
    shared_cluster.begin_move(slot, source, target)
    assert await caller.do(loading(key)) == raw  # not moved yet
    assert shared_cluster.move_keys(slot, source, target) == 1
    found = await asyncio.gather(*(caller.do(loading(key)) for _ in range(40)))
    assert found == [raw] * 40
    new = revised(raw, 2)
    assert await caller.do(creating(key, raw)) is False
    written = await caller.do(
        lambda store: store.commit(key, new, expected=raw[:8], renew=LIFETIMES)
    )
    assert written is Outcome.WRITTEN
    assert source.do("DBSIZE") == 0
    shared_cluster.end_move(slot, target)
    assert await caller.do(loading(key)) == new
    assert await caller.do(lambda store: store.remove(key, expected=new[:8])) is Outcome.WRITTEN


@FACE
@pytest.mark.asyncio
async def test_no_request_fails_while_slots_move(shared_cluster: Cluster, colour: Colour) -> None:
    load = Load(shared_cluster.url, colour, users=8, timeout=4.0)
    await load.begin()
    try:
        for turn in range(3):
            for user in load.users:
                slot = slot_of(user.key)
                source = await asyncio.to_thread(shared_cluster.owner, slot)
                target = shared_cluster.nodes[
                    (shared_cluster.nodes.index(source) + 1 + turn % 2) % 3
                ]
                await asyncio.to_thread(shared_cluster.move, slot, target)
    finally:
        await load.end()
    assert load.refusals == []
    for user in load.users:
        assert len(user.acknowledged) > 10
        # Each save was done once, and none was lost.
        assert await load.stored(user) == user.last == len(user.acknowledged) + 1
    await load.close()


async def expect_back(caller: Caller, key: str, raw: bytes | None) -> None:
    """Within the failure detection of the Cluster the store works again."""
    ended = time.monotonic() + 15
    while True:
        result = await caller.try_(loading(key))
        assert result.seconds < caller.timeout + SLACK
        if result.error is None:
            assert result.answer == raw
            return
        assert isinstance(result.error, StoreUnavailable)
        assert time.monotonic() < ended, result.error
        await asyncio.sleep(0.05)


@FACE
@pytest.mark.asyncio
async def test_a_dead_node_is_a_typed_error_in_time_and_all_is_well_when_it_is_back(
    own_cluster: Cluster, colour: Colour
) -> None:
    async with calling(own_cluster.url, colour, timeout=1.0) as caller:
        keys = [sealed("alice") for _ in range(20)]
        for key, raw in keys:
            assert await caller.do(creating(key, raw)) is True
        doomed = own_cluster.nodes[0]
        lost = {key for key, _ in keys if own_cluster.owner(slot_of(key)) is doomed}
        assert 0 < len(lost) < len(keys)
        doomed.kill()
        for key in sorted(lost):
            result = await caller.try_(loading(key))
            assert isinstance(result.error, StoreUnavailable)
            assert result.seconds < 1.0 + SLACK
        doomed.start()
        until(own_cluster.is_whole, "the cluster is whole again")
        for key, raw in keys:
            await expect_back(caller, key, None if key in lost else raw)


@pytest.mark.stores("cluster")  # it takes its time: `nox -s servers`
@pytest.mark.asyncio
async def test_when_a_node_dies_its_sessions_go_on_at_its_replica_and_lose_nothing_since() -> None:
    with (
        cluster(valkey_binary()) as own,
        replicated(valkey_binary(), own, own.nodes[0]) as replica,
    ):
        for node in (*own.nodes, replica):
            node.do("CONFIG", "SET", "cluster-require-full-coverage", "no")
        loads = [Load(own.url, colour, users=12) for colour in FACES]
        for load in loads:
            await load.begin()
            await load.served_since(0.0)
        users = [user for load in loads for user in load.users]
        ours = {user.key for user in users if own.owner(slot_of(user.key)) is own.nodes[0]}
        assert 0 < len(ours) < len(users)
        died = time.monotonic()
        await asyncio.to_thread(own.nodes[0].kill)
        await asyncio.to_thread(
            until, lambda: replica.do("ROLE")[0] == b"master", "the replica is master"
        )
        promoted = time.monotonic()
        for load in loads:
            await load.served_since(promoted + 1.0)
            await load.end()
        for load in loads:
            assert all(seconds < TIMEOUT + SLACK for _, seconds, _ in load.refusals)
            for user in load.users:
                if user.key in ours:
                    log.info("%s: gap of %.2f s", load.store.colours, user.refused[-1][0] - died)
                    assert died < user.refused[-1][0] < promoted + 1.0
                else:
                    assert user.refused == []
                since = [revision for at, revision in user.acknowledged if at > promoted]
                assert since == [*range(since[0], since[0] + len(since))]
                assert await load.stored(user) == since[-1]
            await load.close()


@FACE
@pytest.mark.asyncio
async def test_a_cluster_that_was_down_as_a_whole_is_found_again(
    own_cluster: Cluster, colour: Colour
) -> None:
    async with calling(own_cluster.url, colour, timeout=1.0) as caller:
        key, raw = sealed("alice")
        assert await caller.do(creating(key, raw)) is True
        for node in own_cluster.nodes:
            node.kill()
        for _ in range(2 * len(own_cluster.nodes)):  # as often as there are nodes to give up
            result = await caller.try_(loading(key))
            assert isinstance(result.error, StoreUnavailable)
            assert result.seconds < 1.0 + SLACK
        for node in own_cluster.nodes:
            node.start()
        until(own_cluster.is_whole, "the cluster is whole again")
        await expect_back(caller, key, None)  # these nodes keep nothing on disk
        assert await caller.do(creating(key, raw)) is True


@FACE
@pytest.mark.asyncio
async def test_a_node_that_hangs_holds_no_request_beyond_the_deadline_and_others_serve_on(
    own_cluster: Cluster, colour: Colour
) -> None:
    async with calling(own_cluster.url, colour, timeout=0.5) as caller:
        keys = [sealed("alice") for _ in range(20)]
        for key, raw in keys:
            assert await caller.do(creating(key, raw)) is True
        hung = own_cluster.nodes[0]
        stuck = {key for key, _ in keys if own_cluster.owner(slot_of(key)) is hung}
        assert 0 < len(stuck) < len(keys)
        with hung.paused():
            result = await caller.try_(loading(next(iter(stuck))))
            assert isinstance(result.error, StoreUnavailable)
            assert result.seconds < 0.5 + SLACK
            for key, raw in keys:
                if key not in stuck:
                    assert await caller.do(loading(key)) == raw
        until(own_cluster.is_whole, "the cluster is whole again")
        for key, raw in keys:
            await expect_back(caller, key, raw)


@FACE
@pytest.mark.asyncio
async def test_a_ping_misses_each_node_that_hangs(own_cluster: Cluster, colour: Colour) -> None:
    """Whichever has the key that no session has: each has some sessions."""

    def pinging(store: Store) -> Steps[None]:
        return ping(store, "session:")

    async with calling(own_cluster.url, colour, timeout=0.4) as caller:
        before = [node.do("DBSIZE") for node in own_cluster.nodes]  # as other tests left them
        await caller.do(pinging)
        for node in own_cluster.nodes:
            with node.paused():
                result = await caller.try_(pinging)
                assert isinstance(result.error, StoreUnavailable)
                assert result.seconds < 0.4 + SLACK
            until(own_cluster.is_whole, "the cluster is whole again")
            await caller.do(pinging)
        assert [node.do("DBSIZE") for node in own_cluster.nodes] == before


async def heard(store: RedisStore, key: str) -> None:
    """Listen until a key is told of; the nodes may tell of one before it once more."""
    while key not in await arun(store.listen()):
        pass


@pytest.mark.asyncio
async def test_what_ends_on_any_node_is_heard_of_on_another(shared_cluster: Cluster) -> None:
    nodes = ",".join(f"127.0.0.1:{node.port}" for node in shared_cluster.nodes)
    startup = [AsyncNode("127.0.0.1", node.port) for node in shared_cluster.nodes]
    given: Any = redis.asyncio.RedisCluster(startup_nodes=startup)
    for source in (f"redis+cluster://{nodes}", given):
        store = RedisStore(source).open_for(Colour.ASYNC)
        assert await arun(store.listen()) == ()
        assert await arun(store.listen()) == [""]
        for _ in range(6):
            one, raw = sealed("ann")
            await arun(store.create(one, raw, lifetimes=LIFETIMES))
            await arun(store.remove(one, expected=None))
            await asyncio.wait_for(heard(store, one), 2)
            other, raw = sealed("ann")
            await arun(store.create(other, raw, lifetimes=LIFETIMES))
            assert await arun(store.remove_many([other])) == [True]
            await asyncio.wait_for(heard(store, other), 2)
        await arun(store.stop_listening())
        await arun(store.close())
    await given.aclose()
