"""Any store's server behind a network that fails: a typed error or success, in time.

What is shown is never another's record, and a second after the fault the store is back.
`networks` says what differs from store to store.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from samesession import SessionError, StoreUnavailable
from samesession.core.health import ping
from samesession.core.steps import Steps
from samesession.core.store import Colour, Outcome, Store

from .callers import (
    FACES,
    SLACK,
    Caller,
    calling,
    committing,
    creating,
    expect_nobody_logged_out,
    expect_recovery,
    loading,
    owner_of,
    sealed,
    sealed_twice,
    watched_loop,
    with_records,
)
from .crossing import crossing
from .effort import LONG, rounds
from .networks.base import NETWORKS, Network
from .proxy import NETWORK, Fault, Proxy

pytestmark = [pytest.mark.stores(*NETWORKS), pytest.mark.asyncio]

COLOURS = pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())
# Of the garbage of a store that has less, conftest.py leaves out what there is not.
FAULTS = pytest.mark.parametrize("fault_name", [*NETWORK, *(f"garbage-{at}" for at in range(20))])


@pytest.fixture
def fault(network: Network, fault_name: str) -> Fault:
    return network.faults()[fault_name]


@pytest_asyncio.fixture
async def caller(network: Network, proxy: Proxy, colour: Colour) -> AsyncIterator[Caller]:
    async with at(network, proxy, colour) as made:
        yield made


@pytest_asyncio.fixture
async def unhurried(network: Network, proxy: Proxy, colour: Colour) -> AsyncIterator[Caller]:
    async with at(network, proxy, colour, timeout=network.unhurried) as made:
        yield made


@pytest_asyncio.fixture
async def direct(network: Network) -> AsyncIterator[Caller]:
    """Give a caller whose store has no proxy before it."""
    store = network.store(network.port, Colour.SYNC, timeout=10.0)
    async with calling(store, Colour.SYNC, timeout=10.0) as made:
        yield made


def at(
    network: Network, proxy: Proxy, colour: Colour, *, timeout: float | None = None
) -> AbstractAsyncContextManager[Caller]:
    """Have a caller whose store is behind the proxy, for the length of a block."""
    limit = network.timeout if timeout is None else timeout
    return calling(network.store(proxy.port, colour, timeout=limit), colour, timeout=limit)


@COLOURS
@FAULTS
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
async def test_a_failing_network_is_a_typed_error_in_time_and_over_when_it_is_over(
    network: Network, caller: Caller, direct: Caller, proxy: Proxy, fault: Fault, *, warm: bool
) -> None:
    key, old, new = sealed_twice("alice")
    assert await direct.do(creating(key, old)) is True
    if warm:
        assert owner_of(key, await caller.do(loading(key))) == "alice"
    proxy.inflict(fault)
    loaded = await caller.try_(loading(key))
    committed = await caller.try_(committing(key, old, new))
    created = await caller.try_(creating(*sealed("bob")))
    for result in (loaded, committed, created):
        assert result.seconds < network.timeout + SLACK, (result, fault)
    if isinstance(loaded.answer, bytes):
        assert fault.garbage is not None
        assert not network.knows_garbage
        with pytest.raises(SessionError):  # whatever came, it is nobody's record
            owner_of(key, loaded.answer)
    else:
        assert isinstance(loaded.error, StoreUnavailable), loaded
    for result, done in ((committed, Outcome.WRITTEN), (created, True)):
        if result.error is not None:
            assert isinstance(result.error, StoreUnavailable)
        else:  # in Redis an answer of a few bytes may still have come in time
            assert result.answer == done, (result, fault)
            assert fault.garbage is None or not network.knows_garbage
    proxy.mend()
    if fault.garbage is not None and not network.drops_garbled:
        proxy.cut()  # what the fault left half said would garble what follows, as in life
    await expect_recovery(caller, key, "alice", within=network.recovery)
    stored = await caller.do(loading(key))
    assert stored in (old, new)
    assert await caller.do(committing(key, stored, new)) is Outcome.WRITTEN


@COLOURS
@FAULTS
async def test_a_ping_fails_in_time_and_no_longer_than_the_network(
    caller: Caller, network: Network, proxy: Proxy, fault: Fault
) -> None:
    def pinging(store: Store) -> Steps[None]:
        return ping(store, "session:")

    assert (await caller.try_(pinging)).error is None
    proxy.inflict(fault)
    result = await caller.try_(pinging)
    assert isinstance(result.error, StoreUnavailable), (result, fault)
    assert result.seconds < network.timeout + SLACK, (result, fault)
    proxy.mend()
    if fault.garbage is not None and not network.drops_garbled:
        proxy.cut()
    ended = asyncio.get_running_loop().time() + network.recovery
    while (result := await caller.try_(pinging)).error is not None:
        assert asyncio.get_running_loop().time() < ended, result.error
    assert network.part.records() == {}


@COLOURS
async def test_connections_that_died_unused_are_no_outage_for_a_read(
    network: Network, caller: Caller, proxy: Proxy
) -> None:
    key = (await with_records(caller, "alice"))["alice"]
    proxy.cut()
    assert owner_of(key, await caller.do(loading(key))) == "alice"


@COLOURS
async def test_a_request_cut_at_each_byte_never_tears_a_record(
    network: Network, unhurried: Caller, proxy: Proxy
) -> None:
    """The old record stays, or the new one is there."""
    for size in itertools.count(step=1 if LONG else network.stride):
        key, old, new = sealed_twice("alice", payload=b"\x81\xa1a\x01")
        assert await unhurried.do(creating(key, old)) is True
        proxy.inflict(Fault(request_bytes=size, once=True, reset=size % 2 == 1))
        result = await unhurried.try_(committing(key, old, new))
        untouched = not proxy.healthy
        proxy.mend()
        assert result.seconds < unhurried.timeout + SLACK
        stored = network.value(key)
        assert stored in (old, new)
        if result.error is None and result.answer is Outcome.WRITTEN:
            assert stored == new
        assert network.seconds_left(key) > 0
        if untouched:
            assert result.answer is Outcome.WRITTEN
            assert size > len(new)
            return


@COLOURS
async def test_a_reply_cut_at_each_byte_never_passes_for_a_record(
    network: Network, unhurried: Caller, proxy: Proxy
) -> None:
    """What is given is the whole record."""
    key, raw = sealed("alice")
    assert await unhurried.do(creating(key, raw)) is True
    for size in itertools.count(step=1 if LONG else network.stride):
        proxy.inflict(Fault(reply_bytes=size, once=True, reset=size % 2 == 1))
        result = await unhurried.try_(loading(key))
        untouched = not proxy.healthy
        proxy.mend()
        assert result.seconds < unhurried.timeout + SLACK
        if result.error is None or network.reads_again:
            assert owner_of(key, result.answer) == "alice"
        if untouched:
            assert size > len(raw)
            return


@COLOURS
async def test_whatever_a_server_says_is_typed_and_the_next_one_is_served(
    network: Network, direct: Caller, proxy: Proxy, colour: Colour
) -> None:
    chance = random.Random(7)
    key, raw = sealed("alice")
    assert await direct.do(creating(key, raw)) is True
    pieces = [*network.pieces, *network.answers_with(raw)]
    for turn in range(rounds(*network.rounds)):
        said = b"".join(chance.choices(pieces, k=chance.choice([1, 1, 2, 3, 5, 6])))
        opened = network.store_that_says_more if turn % 4 == 3 else network.store
        store = opened(proxy.port, colour, timeout=network.brief)
        async with calling(store, colour, timeout=network.brief) as caller:
            if turn % 2 == 0:
                assert owner_of(key, await caller.do(loading(key))) == "alice"
            proxy.inflict(Fault(garbage=said))
            for steps in (
                loading(key),
                loading(key),
                committing(key, raw, raw),
                creating(*sealed("bob")),
            ):
                result = await caller.try_(steps)
                assert result.seconds < network.brief + SLACK, said
                if isinstance(result.answer, bytes) and raw not in said:
                    with pytest.raises(SessionError):
                        owner_of(key, result.answer)
                # Garbage must not pass for "gone", which logs the user out.
                if not network.may_say_gone(said):
                    assert result.answer not in {None, Outcome.GONE} or result.error, said
            proxy.mend()
            if not network.drops_garbled:
                proxy.cut()
            await expect_recovery(caller, key, "alice", within=network.recovery)


@COLOURS
async def test_answers_never_cross_while_connections_die(
    network: Network, caller: Caller, proxy: Proxy
) -> None:
    """20 users read at once, their waits run out and connections end: each sees their own."""
    keys = await with_records(caller, *(f"user{number}" for number in range(20)))

    async def read(user: str) -> bool:
        result = await caller.try_(loading(keys[user]))
        assert result.seconds < network.timeout + SLACK
        if result.error is None:
            assert owner_of(keys[user], result.answer) == user
        return result.error is None

    answered = 0
    for turn in range(12):
        late = Fault(delay=network.timeout * 1.1)
        proxy.inflict((late, Fault(reply_bytes=300 + turn, once=True), Fault())[turn % 3])
        answered += sum(await asyncio.gather(*map(read, keys)))
    proxy.mend()
    await expect_recovery(caller, keys["user0"], "user0", within=network.recovery)
    assert answered >= 20  # the healthy turns at least in part


@COLOURS
async def test_a_network_that_drops_or_doubles_answers_logs_nobody_out(
    network: Network, direct: Caller, colour: Colour
) -> None:
    keys = await with_records(direct, *(f"user{number}" for number in range(12)))
    with crossing(network.port, network.answer_length) as between:
        async with at(network, between, colour) as caller:
            await expect_nobody_logged_out(caller, keys, [between])


async def test_cancelled_waits_leave_no_answer_to_the_next_one(
    network: Network, proxy: Proxy
) -> None:
    async with at(network, proxy, Colour.ASYNC, timeout=5.0) as caller:
        keys = await with_records(caller, *(f"user{number}" for number in range(10)))
        for turn in range(100):
            user = f"user{turn % 10}"
            doomed = [
                asyncio.create_task(caller.do(loading(keys[f"user{(turn + n) % 10}"])))
                for n in range(1, 4)
            ]
            for _ in range(turn % 5):
                await asyncio.sleep(0)
            for task in doomed:
                task.cancel()
            assert owner_of(keys[user], await caller.do(loading(keys[user]))) == user
            await asyncio.gather(*doomed, return_exceptions=True)


@FAULTS
async def test_the_event_loop_is_never_blocked_by_a_failing_network(
    network: Network, proxy: Proxy, fault: Fault
) -> None:
    worst: list[float] = []
    for _ in range(3):
        async with at(network, proxy, Colour.ASYNC) as caller:
            key = (await with_records(caller, "alice"))["alice"]
            async with watched_loop() as lag:
                proxy.inflict(fault)
                _ = await asyncio.gather(*(caller.try_(loading(key)) for _ in range(5)))
                proxy.mend()
                proxy.cut()
        worst.append(lag.worst)
        if lag.worst < 0.05:
            return
    # A busy machine may stall a run; a call that blocks does so in all of them.
    pytest.fail(f"the loop was blocked for {worst} s")
