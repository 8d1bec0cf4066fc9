"""Slow views in asyncio's own threads, and locks that are held: neither starves sessions."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket

import pytest

from samesession import StoreUnavailable
from samesession.core.steps import Call, call
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.base import FromSync
from samesession.stores.filesystem import FileStore
from samesession.stores.filesystem.locked_directories import name_of
from samesession.stores.memcached import MemcachedStore
from tests.conftest import NewSite
from tests.stores.test_by_others import PlainStore
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.site import Site
from tests.support.threads import slow_views, work_of_threads
from tests.web.test_administration import administer

pytestmark = [pytest.mark.asyncio, pytest.mark.needs("quart")]

TIMEOUT = 1.0


def expect_starvation_of_lookups(backend: Backend) -> None:
    """Say where it is known that a client connects by asyncio's own threads."""
    if backend.name == "mongodb":
        pytest.xfail("pymongo looks up each address, numeric or not, in asyncio's own threads")


@pytest.mark.parametrize("number", [8, 40])
async def test_slow_sync_views_hold_up_no_session(
    new_site: NewSite, backend: Backend, number: int
) -> None:
    expect_starvation_of_lookups(backend)
    site: Site = new_site(SESSION_STORE_TIMEOUT=5 * TIMEOUT)
    await site.visitor().put(a=1)  # aiobotocore opens a client in asyncio's threads
    async with slow_views(number):
        users = [site.visitor() for _ in range(20)]
        begun = await asyncio.gather(*(user.put(a=1) for user in users))
        changed = await asyncio.gather(*(user.put(b=2) for user in users))
        left = await asyncio.gather(*(user.visit(lambda s: s.clear()) for user in users[1:]))
        assert {answer.status for answer in (*begun, *changed, *left)} == {200}
        assert await users[0].value(dict) == {"a": 1, "b": 2}
        sid = await users[0].value(lambda session: session.sid)
        assert await administer(site, "revoke", sid) is True
        assert await administer(site, "purge") >= 0


@pytest.mark.owners
async def test_slow_sync_views_hold_up_no_login(new_site: NewSite, backend: Backend) -> None:
    expect_starvation_of_lookups(backend)
    site: Site = new_site(SESSION_STORE_TIMEOUT=5 * TIMEOUT)
    await site.visitor().put(a=1)
    async with slow_views(8):
        user = site.visitor()
        assert (await user.visit(lambda session: session.bind("ann"))).status == 200
        assert len(await administer(site, "sessions_of", "ann")) == 1
        assert await administer(site, "revoke_all", "ann") == 1


class PurgedStore(PlainStore):
    def purge(self) -> int:
        return run(self.inner.purge())


async def test_slow_sync_views_hold_up_no_store_of_plain_functions(clock: Clock) -> None:
    site = Site("quart", {}, clock=clock, store=FromSync(PlainStore(clock)))
    async with slow_views(8):
        user = site.visitor()
        assert (await user.put(a=1)).status == 200
        assert await user.value(dict) == {"a": 1}


@pytest.mark.stores("filesystem")
async def test_a_lock_that_is_held_holds_up_its_own_sessions_alone(
    new_site: NewSite, backend: Backend
) -> None:
    site: Site = new_site(SESSION_STORE_TIMEOUT=TIMEOUT)
    user, others = site.visitor(), [site.visitor() for _ in range(3)]
    for each in (user, *others):
        await each.put(a=1)
    shard, *elsewhere = [
        _shard(backend, await each.value(lambda session: session.sid)) for each in (user, *others)
    ]
    lock = os.open(shard, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        waiting = [asyncio.create_task(user.put(b=each)) for each in range(100)]
        await asyncio.sleep(0.05)
        for each, where in zip(others, elsewhere, strict=True):
            assert where == shard or (await each.put(b=2)).status == 200
    finally:
        os.close(lock)
    statuses = [answer.status for answer in await asyncio.gather(*waiting)]
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    await work_of_threads()


def _shard(backend: Backend, sid: str) -> str:
    """Give the directory that is locked when the session changes."""
    return os.path.join(backend.directory, name_of(f"session:{sid}".encode())[:2])


async def test_a_memcached_that_stalls_leaves_threads_to_the_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stalling:
        store = MemcachedStore(f"127.0.0.1:{stalling.getsockname()[1]}", timeout=TIMEOUT)
        waiting = [
            asyncio.create_task(arun(store.load(f"session:{each}", renew=None), timeout=TIMEOUT))
            for each in range(200)
        ]
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(arun(call(os.getpid)), TIMEOUT / 2) == os.getpid()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in ended} == {StoreUnavailable}
    await work_of_threads()


@pytest.mark.stores("filesystem")
async def test_a_purge_has_none_of_the_threads_that_requests_need(
    backend: Backend, clock: Clock
) -> None:
    for store in (FileStore(backend.directory), FromSync(PurgedStore(clock))):
        assert [each.long for each in store.purge() if isinstance(each, Call)] == [True]
        loading = store.load("session:a", renew=None)
        assert [each.long for each in loading if isinstance(each, Call)] == [False]
