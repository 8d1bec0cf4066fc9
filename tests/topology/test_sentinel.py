"""Sessions behind Redis Sentinel: a master that dies, is replaced, or is not one any more."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from samesession import StoreUnavailable
from samesession.core.store import Colour, Outcome
from samesession.run.aio import arun
from samesession.stores.redis import RedisStore
from tests.faults.callers import FACES, LIFETIMES, SLACK, Caller, calling, sealed
from tests.faults.proxy import proxied
from tests.support.redis_process import Sentinels, program, until, valkey_binary

from .load import TIMEOUT, Load, revised

FACE = pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())
log = logging.getLogger(__name__)
# These Sentinels take a master for down after 1 s; then come an election, a promotion, and
# time for a busy machine to do something else.
WINDOW = 10.0


async def expect_back(caller: Caller, key: str, raw: bytes) -> None:
    """Within a second the session is read again."""
    ended = time.monotonic() + 1.0
    while (result := await caller.try_(lambda store: store.load(key, renew=LIFETIMES))).error:
        assert isinstance(result.error, StoreUnavailable)
        assert time.monotonic() < ended, result.error
    assert result.answer == raw


@pytest.mark.asyncio
async def test_when_a_master_dies_requests_fail_only_until_the_next_one_and_lose_nothing_since(
    own_sentinels: Sentinels,
) -> None:
    loads = [Load(own_sentinels.url, colour, users=4) for colour in FACES]
    old = own_sentinels.master
    for load in loads:
        await load.begin()
        await load.served_since(0.0)
    died = time.monotonic()
    await asyncio.to_thread(old.kill)
    await asyncio.to_thread(until, lambda: own_sentinels.master is not old, "there is a new master")
    promoted = time.monotonic()
    for load in loads:
        await load.served_since(promoted + 1.0)
        await load.end()
    for load in loads:
        assert load.refusals
        assert all(seconds < TIMEOUT + SLACK for _, seconds, _ in load.refusals)
        first, last = load.refusals[0][0], load.refusals[-1][0]
        log.info("%s: gap of %.2f s", load.store.colours, last - died)
        assert died <= first < last < promoted + 1.0
        assert last - died < WINDOW
        for user in load.users:
            since = [revision for at, revision in user.acknowledged if at > promoted]
            assert since == [*range(since[0], since[0] + len(since))]
            assert await load.stored(user) == since[-1]
        await load.close()


@pytest.mark.asyncio
async def test_a_master_that_is_demoted_under_open_connections_is_left(
    shared_sentinels: Sentinels,
) -> None:
    key, raw = sealed("alice")
    async with (
        calling(shared_sentinels.url, Colour.SYNC, timeout=1.0) as thread,
        calling(shared_sentinels.url, Colour.ASYNC, timeout=1.0) as loop,
    ):
        for caller in (thread, loop):
            await caller.do(lambda store: store.remove(key, expected=None))
            assert await caller.do(lambda store: store.create(key, raw, lifetimes=LIFETIMES))
        old = shared_sentinels.master
        shared_sentinels.sentinels[0].do("SENTINEL", "FAILOVER", shared_sentinels.service)
        until(lambda: shared_sentinels.master is not old, "there is a new master")
        # Sentinel does so, too, some 10 s later, and closes connections; these stay open.
        old.do("REPLICAOF", "127.0.0.1", shared_sentinels.master.port)
        new = raw
        for number, caller in enumerate((thread, loop), 2):
            await expect_back(caller, key, new)
            before, new = new, revised(raw, number)
            written = await caller.do(
                lambda store, before=before, new=new: store.commit(  # type: ignore[misc]
                    key, new, expected=before[:8], renew=LIFETIMES
                )
            )
            assert written is Outcome.WRITTEN
        assert shared_sentinels.master.do("GET", key) == new


@FACE
@pytest.mark.asyncio
async def test_sentinels_that_hang_are_passed_over_within_the_deadline(
    shared_sentinels: Sentinels, colour: Colour
) -> None:
    key, raw = sealed("alice")
    hung, _, _ = shared_sentinels.sentinels
    with hung.paused():
        async with calling(shared_sentinels.url, colour, timeout=1.0) as caller:
            result = await caller.try_(lambda store: store.create(key, raw, lifetimes=LIFETIMES))
            assert result.answer is True
            assert result.seconds < 1.0


@FACE
@pytest.mark.asyncio
async def test_a_replica_that_a_sentinel_takes_for_a_master_serves_no_session(
    colour: Colour,
) -> None:
    """As after a failover that one Sentinel missed: a plain read would be served, from the past."""
    with (
        program(valkey_binary()) as master,
        program(valkey_binary(), f"replicaof 127.0.0.1 {master.port}") as replica,
        program(
            valkey_binary(), f"sentinel monitor m 127.0.0.1 {replica.port} 1", "--sentinel"
        ) as sentinel,
    ):
        async with calling(f"redis+sentinel://127.0.0.1:{sentinel.port}/m", colour) as caller:
            result = await caller.try_(lambda store: store.load("session:x", renew=None))
            assert isinstance(result.error, StoreUnavailable)
            assert result.seconds < caller.timeout + SLACK


@FACE
@pytest.mark.asyncio
async def test_servers_and_sentinels_each_have_a_password_of_their_own(colour: Colour) -> None:
    with (
        program(valkey_binary(), "requirepass one") as master,
        program(
            valkey_binary(),
            f"requirepass two\nsentinel monitor m 127.0.0.1 {master.port} 1\n"
            "sentinel auth-pass m one",
            "--sentinel",
            password="two",
        ) as sentinel,
    ):
        host = f"127.0.0.1:{sentinel.port}/m/3"
        key, raw = sealed("alice")
        async with calling(
            f"redis+sentinel://:one@{host}?sentinel_password=two", colour, timeout=1.0
        ) as caller:
            assert await caller.do(lambda store: store.create(key, raw, lifetimes=LIFETIMES))
        for login in ("default:wrong@", ""):
            async with calling(f"redis+sentinel://{login}{host}", colour) as caller:
                result = await caller.try_(lambda store: store.load(key, renew=None))
                assert isinstance(result.error, StoreUnavailable)


@FACE
@pytest.mark.asyncio
async def test_a_name_that_points_to_a_new_master_is_followed_when_the_old_one_refuses(
    colour: Colour,
) -> None:
    """As a cloud's primary endpoint does: the old server lives on, as a replica."""
    key, raw = sealed("alice")
    with (
        program(valkey_binary(), "repl-diskless-sync-delay 0") as old,
        program(valkey_binary(), f"replicaof 127.0.0.1 {old.port}") as new,
        proxied(old.port) as name,
    ):
        until(lambda: b"link_status:up" in new.do("INFO"), "the replica is up")
        async with calling(name.url, colour) as caller:
            assert await caller.do(lambda store: store.create(key, raw, lifetimes=LIFETIMES))
            until(lambda: new.do("EXISTS", key), "the record is replicated")
            new.do("REPLICAOF", "NO", "ONE")
            old.do("REPLICAOF", "127.0.0.1", new.port)
            name.target = new.port
            refused = await caller.try_(lambda store: store.load(key, renew=LIFETIMES))
            assert isinstance(refused.error, StoreUnavailable)
            assert await caller.do(lambda store: store.load(key, renew=LIFETIMES)) == raw


@pytest.mark.asyncio
async def test_what_ends_is_heard_of_from_the_master(shared_sentinels: Sentinels) -> None:
    store = RedisStore(shared_sentinels.url).open_for(Colour.ASYNC)
    assert await arun(store.listen()) == ()
    assert await arun(store.listen()) == [""]
    key, raw = sealed("ann")
    await arun(store.create(key, raw, lifetimes=LIFETIMES))
    await arun(store.remove(key, expected=None))
    assert await asyncio.wait_for(arun(store.listen()), 2) == [key]
    await arun(store.stop_listening())
    await arun(store.close())
