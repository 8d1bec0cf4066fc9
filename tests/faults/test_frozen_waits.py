"""Waits end, though a test lets the time stand still: freezegun freezes `monotonic` as well."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from freezegun import freeze_time
from redis.exceptions import ConnectionError as RedisConnectionError

from samesession import StoreUnavailable
from samesession.core.record import revision_of
from samesession.core.steps import wait
from samesession.core.store import Lifetimes
from samesession.run.aio import arun
from samesession.run.loop_time import call_at, loop_time
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore
from samesession.stores.kit.deadline import Deadline
from samesession.stores.memcached.meta_protocol import Deadline as MemcachedDeadline
from samesession.stores.redis.commands import get
from samesession.stores.redis.multiplexed import MultiplexedConnection
from samesession.stores.sqlite import SQLiteStore
from samesession.testing import make_record
from tests.support.embedded import looking_at
from tests.support.wire import Pool, turn

SECONDS = 0.05
PATIENCE = 20.0
LIFETIMES = Lifetimes(browser=60, permanent=60)


@contextmanager
def _mocked() -> Iterator[None]:
    with mock.patch("time.time", return_value=5.0), mock.patch("time.monotonic", return_value=5.0):
        yield


def _frozen() -> AbstractContextManager[object]:
    return freeze_time("2030-01-01")


Freezer = Callable[[], AbstractContextManager[object]]
FREEZERS: dict[str, Freezer] = {
    "freezegun": _frozen,
    "mock": _mocked,
}


@pytest.fixture(params=FREEZERS)
def frozen(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the time stand still."""
    with FREEZERS[request.param]():
        before = time.time(), time.monotonic()
        yield
        assert (time.time(), time.monotonic()) == before


def test_a_file_that_is_locked_is_given_up(frozen: None, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "sessions", timeout=SECONDS)
    assert run(store.create("key", make_record(1), lifetimes=LIFETIMES))
    (shard,) = (path for path in (tmp_path / "sessions").iterdir() if path.is_dir())
    held = os.open(shard, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable, match="locked"):
            run(
                store.commit(
                    "key", make_record(2), expected=revision_of(make_record(1)), renew=None
                )
            )
    finally:
        os.close(held)


def test_an_sqlite_file_that_is_locked_is_given_up(frozen: None, tmp_path: Path) -> None:
    path = tmp_path / "sessions" / "sessions.db"
    store = SQLiteStore(path, timeout=SECONDS)
    assert run(store.create("key", make_record(1), lifetimes=LIFETIMES))
    with looking_at(path) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            run(store.remove("key", expected=None))
    run(store.close())


def test_an_operation_of_a_thread_is_over_in_time(frozen: None) -> None:
    deadline = Deadline()
    deadline.begin(SECONDS)
    assert 0 < deadline.left() <= SECONDS
    time.sleep(SECONDS)
    with pytest.raises(TimeoutError):
        deadline.left()


def test_an_operation_on_memcached_is_over_in_time(frozen: None) -> None:
    deadline = MemcachedDeadline(SECONDS)
    assert 0 < deadline.left() <= SECONDS
    time.sleep(SECONDS)
    with pytest.raises(StoreUnavailable):
        deadline.left()


async def _silent(timeout: float = SECONDS) -> str:
    """Wait for a store that never answers; give what that ends with."""
    silence: Any = asyncio.get_running_loop().create_future()
    with pytest.raises(StoreUnavailable) as caught:
        await arun(wait(silence), timeout=timeout)
    return str(caught.value)


SILENT = f"the session store did not answer within {SECONDS} s"


@pytest.mark.asyncio
async def test_a_store_that_stalls_is_given_up_in_an_event_loop(frozen: None) -> None:
    assert await _silent() == SILENT


@pytest.mark.asyncio
@pytest.mark.parametrize("freeze", FREEZERS.values(), ids=FREEZERS)
async def test_a_store_that_stalls_is_given_up_before_in_and_after_frozen_time(
    freeze: Freezer,
) -> None:
    for _ in range(2):
        assert await _silent() == SILENT
        with freeze():
            assert await _silent() == SILENT


@pytest.mark.asyncio
async def test_a_wait_is_not_cut_short_by_a_time_that_jumps() -> None:
    for enters in (True, False):
        answer: Any = asyncio.get_running_loop().create_future()
        with freeze_time("2030-01-01") if not enters else nullcontext():
            task: asyncio.Task[int] = asyncio.create_task(arun(wait(answer), timeout=PATIENCE))
            await asyncio.sleep(0)
        with freeze_time("2030-01-01") if enters else nullcontext():
            await turn(60)
            answer.set_result(5)
            assert await task == 5


@pytest.mark.asyncio
async def test_a_wait_that_ended_leaves_nothing_behind(frozen: None) -> None:
    async def at_once() -> int:
        await asyncio.sleep(0)
        return 5

    loop = asyncio.get_running_loop()
    rung: list[int] = []
    knock = call_at(loop, loop_time(loop) + SECONDS, lambda: rung.append(1))
    knock.cancel()
    answer: Any = at_once()
    assert await arun(wait(answer), timeout=SECONDS) == 5
    await asyncio.to_thread(time.sleep, 2 * SECONDS)
    await asyncio.sleep(0)
    assert rung == []


def test_a_loop_that_closed_is_not_called(frozen: None) -> None:
    async def leave() -> None:
        loop = asyncio.get_running_loop()
        _ = call_at(loop, loop_time(loop) + SECONDS, list)

    asyncio.run(leave())
    time.sleep(2 * SECONDS)  # an error in the thread would be a warning, and so an error here


@pytest.mark.asyncio
async def test_a_silent_redis_is_given_up(frozen: None) -> None:
    connection = MultiplexedConnection(Pool(), timeout=SECONDS)
    answer = connection.execute(get("key"))
    with pytest.raises(RedisConnectionError, match="does not answer"):
        await answer
    await connection.close()
