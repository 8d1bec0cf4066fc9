"""A record that is known as a whole is replaced by SET IFEQ, where the server has it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from samesession.core.record import revision_of
from samesession.core.steps import Steps
from samesession.core.store import Colour, Conflict, Outcome, Store
from samesession.errors import BadRecord
from tests.faults.callers import FACES, LIFETIMES, Caller, calling, sealed_twice
from tests.support.redis_process import Program, oldest_binary, program
from tests.support.server import Valkey

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("redis")]

KEY, OLD, NEW = sealed_twice("alice")
NEWER = (3).to_bytes(8, "big") + NEW[8:]  # a store reads no more of it


@pytest.fixture(scope="module")
def oldest() -> Iterator[Program]:
    """Have a Redis 6.2, which does not know IFEQ."""
    with program(oldest_binary()) as made:
        yield made


@pytest_asyncio.fixture(params=FACES, ids=lambda colour: colour.name.lower())
async def caller(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Caller]:
    async with calling(redis_url, request.param, timeout=5.0) as made:
        yield made


def creating(store: Store) -> Steps[bool]:
    return store.create(KEY, OLD, lifetimes=LIFETIMES)


def replacing(store: Store) -> Steps[Outcome | Conflict]:
    return store.commit(KEY, NEW, expected=OLD, renew=LIFETIMES)


def passing_over(store: Store) -> Steps[Outcome | Conflict]:
    return store.commit(KEY, NEWER, expected=revision_of(OLD), renew=LIFETIMES)


async def test_a_record_that_is_there_still_is_replaced_without_a_script(
    caller: Caller, valkey: Valkey
) -> None:
    await caller.do(creating)
    valkey.reset_commands()
    assert await caller.do(replacing) is Outcome.WRITTEN
    assert valkey.commands() == {"ping": 1, "set": 1}
    assert valkey.records() == {KEY: NEW}
    with valkey.client() as client:
        assert LIFETIMES.browser - 5 <= client.ttl(KEY) <= LIFETIMES.browser


async def test_without_renewal_the_expiry_stays(caller: Caller, valkey: Valkey) -> None:
    await caller.do(creating)
    with valkey.client() as client:
        client.expire(KEY, 77)
        steps = lambda store: store.commit(KEY, NEW, expected=OLD, renew=None)  # noqa: E731
        assert await caller.do(steps) is Outcome.WRITTEN
        assert 70 <= client.ttl(KEY) <= 77
    assert valkey.records() == {KEY: NEW}


async def test_one_that_was_replaced_meanwhile_is_a_conflict(
    caller: Caller, valkey: Valkey
) -> None:
    await caller.do(creating)
    assert await caller.do(passing_over) is Outcome.WRITTEN
    assert await caller.do(replacing) == Conflict(NEWER)
    assert valkey.records() == {KEY: NEWER}


async def test_one_that_is_gone_is_not_brought_back(caller: Caller, valkey: Valkey) -> None:
    assert await caller.do(replacing) is Outcome.GONE
    assert valkey.records() == {}


async def test_one_of_its_revision_that_differs_is_replaced_as_a_revision_is(
    caller: Caller, valkey: Valkey
) -> None:
    await caller.do(lambda store: store.create(KEY, OLD + b"?", lifetimes=LIFETIMES))
    assert await caller.do(replacing) is Outcome.WRITTEN
    assert valkey.records() == {KEY: NEW}


async def test_another_type_is_told_as_such(caller: Caller, valkey: Valkey) -> None:
    with valkey.client() as client:
        client.rpush(KEY, b"1")
    with pytest.raises(BadRecord, match="another type"):
        await caller.do(replacing)


async def test_a_large_record_is_left_to_the_script(caller: Caller, valkey: Valkey) -> None:
    large = OLD + bytes(8192)  # the store does not read it
    await caller.do(lambda store: store.create(KEY, large, lifetimes=LIFETIMES))
    valkey.reset_commands()
    steps = lambda store: store.commit(KEY, NEW, expected=large, renew=LIFETIMES)  # noqa: E731
    assert await caller.do(steps) is Outcome.WRITTEN
    assert "ping" not in valkey.commands()
    assert valkey.records() == {KEY: NEW}


@pytest.mark.stores("redis62")
@pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())
async def test_a_server_without_it_is_asked_once_a_connection(
    oldest: Program, colour: Colour
) -> None:
    oldest.do("FLUSHALL")
    async with calling(f"redis://127.0.0.1:{oldest.port}", colour, timeout=5.0) as caller:
        await caller.do(creating)
        for _ in range(2):
            oldest.do("CONFIG", "RESETSTAT")
            assert await caller.do(replacing) is Outcome.WRITTEN
            assert (
                await caller.do(lambda store: store.commit(KEY, OLD, expected=NEW, renew=LIFETIMES))
                is Outcome.WRITTEN
            )
            assert b"rejected_calls=0,failed_calls=1" in set_calls(oldest)
            # Whatever it leads to, the next connection may lead to another server.
            oldest.do("CLIENT", "KILL", "TYPE", "normal")


def set_calls(server: Program) -> bytes:
    lines = bytes(server.do("INFO", "commandstats")).splitlines()
    return next(line for line in lines if line.startswith(b"cmdstat_set:"))
