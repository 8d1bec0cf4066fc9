"""The permissions that docs/stores/redis.md gives are enough for the store, and for no more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import redis

from samesession.core.store import Colour
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.redis import RedisStore
from tests.faults.callers import FACES, LIFETIMES, calling, sealed
from tests.support.redis_process import Cluster, Program, Sentinels

from .test_cluster import elsewhere, slot_of
from .test_given_clients import life

PAGE = Path(__file__).parents[2] / "docs" / "stores" / "redis.md"
ONE, CLUSTER, SENTINEL = re.findall(r"^ +(ACL SETUSER .*)$", PAGE.read_text(), re.MULTILINE)
FACE = pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())


async def live(url: str, colour: Colour) -> None:
    store = RedisStore(url).open_for(colour)
    if colour is Colour.SYNC:
        run(life(store))
        run(store.close())
    else:
        await arun(life(store))
        await arun(store.close())


def expect_refused_elsewhere(server: Program) -> None:
    with (
        redis.Redis(port=server.port, username="app", password="password") as limited,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        limited.get("else")


@FACE
@pytest.mark.asyncio
async def test_behind_sentinels(shared_sentinels: Sentinels, colour: Colour) -> None:
    for server in shared_sentinels.servers:
        server.do(*ONE.split())
        expect_refused_elsewhere(server)
    for each in shared_sentinels.sentinels:
        each.do(*SENTINEL.split())
    login = "?sentinel_username=watcher&sentinel_password=password"
    await live(shared_sentinels.url.replace("//", "//app:password@") + login, colour)


@FACE
@pytest.mark.asyncio
async def test_on_a_cluster_while_a_slot_moves_too(shared_cluster: Cluster, colour: Colour) -> None:
    for node in shared_cluster.nodes:
        node.do(*CLUSTER.split())
        expect_refused_elsewhere(node)
    url = shared_cluster.url.replace("//", "//app:password@")
    await live(url, colour)
    key, raw = sealed("alice")
    source = shared_cluster.owner(slot_of(key))
    target = elsewhere(shared_cluster, source)
    shared_cluster.begin_move(slot_of(key), source, target)
    async with calling(url, colour, timeout=1.0) as caller:
        assert await caller.do(lambda store: store.create(key, raw, lifetimes=LIFETIMES)) is True
    assert target.do("CLUSTER", "COUNTKEYSINSLOT", slot_of(key)) == 1
    shared_cluster.end_move(slot_of(key), target)
