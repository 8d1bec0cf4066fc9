"""Redis behind a network that fails: a typed error or success, in time, never another's record."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from samesession import SessionError, StoreUnavailable
from samesession.core.store import Colour
from tests.support.server import Valkey

from .callers import (
    FACES,
    SLACK,
    Caller,
    calling,
    creating,
    expect_recovery,
    loading,
    owner_of,
    sealed,
    watched_loop,
)
from .cuts import expect_no_torn_record, expect_no_torn_reply
from .effort import rounds
from .proxy import NETWORK, Fault, Proxy, proxied

TIMEOUT = 0.4
GARBAGE = (
    b"\x00" * 64,
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"$-7\r\n",
    b"$999999999999\r\nx",
    b"*-5\r\n",
    b":nonsense\r\n",
    b"+OK\r\n+OK\r\n+OK\r\n",
    b"$3\r\nfoo\r\n",
    b"*1000000\r\n$1\r\na\r\n",
)


@pytest.fixture
def proxy(valkey: Valkey) -> Iterator[Proxy]:
    valkey.flush()
    with proxied(valkey.port) as between:
        yield between


@pytest_asyncio.fixture(params=FACES, ids=lambda colour: colour.name.lower())
async def caller(proxy: Proxy, request: pytest.FixtureRequest) -> AsyncIterator[Caller]:
    async with calling(proxy.url, request.param, timeout=TIMEOUT) as made:
        yield made


FAULTS = {**NETWORK, **{f"garbage-{at}": Fault(garbage=each) for at, each in enumerate(GARBAGE)}}


@pytest.mark.asyncio
@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_failing_network_is_a_typed_error_in_time_and_over_when_it_is_over(
    caller: Caller, proxy: Proxy, fault: Fault, *, warm: bool
) -> None:
    (key, raw), (other, unwritten) = sealed("alice"), sealed("bob")
    async with calling(f"redis://127.0.0.1:{proxy.target}/0", Colour.SYNC) as direct:
        assert await direct.do(creating(key, raw)) is True
    if warm:
        assert owner_of(key, await caller.do(loading(key))) == "alice"
    proxy.inflict(fault)
    for steps in (loading(key), creating(other, unwritten)):
        result = await caller.try_(steps)
        assert result.seconds < TIMEOUT + SLACK, (result, fault)
        if result.error is not None:
            assert isinstance(result.error, StoreUnavailable)
        elif isinstance(result.answer, bytes):
            with pytest.raises(SessionError):  # garbage: whatever came, it is nobody's record
                owner_of(key, result.answer)
    proxy.mend()
    if not warm or fault.hole or fault.garbage:
        proxy.cut()  # what the fault left half said would garble what follows, as in life
    await expect_recovery(caller, key, "alice")


@pytest.mark.asyncio
async def test_a_request_cut_at_each_byte_never_tears_a_record(
    caller: Caller, proxy: Proxy, valkey: Valkey
) -> None:
    await expect_no_torn_record(caller, proxy, valkey)


@pytest.mark.asyncio
async def test_a_reply_cut_at_each_byte_never_passes_for_a_record(
    caller: Caller, proxy: Proxy
) -> None:
    await expect_no_torn_reply(caller, proxy)


PIECES = (
    *(b"+OK\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b":1\r\n", b":0\r\n", b"_\r\n", b"#t\r\n"),
    *(
        b"*2\r\n",
        b"$4\r\nabcd\r\n",
        b"%1\r\n",
        b">1\r\n",
        b",nan\r\n",
        b"(1\r\n",
        b"=5\r\ntxt:x\r\n",
    ),
    *(b"-ERR \xff\xfe\r\n", b"-\r\n", b"-NOAUTH x\r\n", b"-MOVED 1 x:y\r\n", b"-ASK\r\n"),
    *(
        b"\r\n",
        b"\x00",
        b"\xff\xfe",
        b"+\xff\r\n",
        b"$1\r\n\xff\r\n",
        b"~1\r\n",
        b"|1\r\n",
        b"!1\r\nx\r\n",
    ),
)


@pytest.mark.asyncio
@pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())
async def test_whatever_a_server_says_is_typed_and_the_next_one_is_served(
    proxy: Proxy, valkey: Valkey, colour: Colour
) -> None:
    chance = random.Random(7)
    key, raw = sealed("alice")
    with_password = proxy.url.replace("//", "//default:pass@")
    for turn in range(rounds(40, 1000)):
        said = b"".join(chance.choices(PIECES, k=chance.randint(1, 6)))
        url = with_password if turn % 4 == 3 else proxy.url
        async with calling(url, colour, timeout=0.1) as caller:
            if turn % 2 == 0:
                await caller.try_(creating(key, raw))
            proxy.inflict(Fault(garbage=said))
            for _ in range(2):
                result = await caller.try_(loading(key))
                assert result.seconds < 0.1 + SLACK, said
            proxy.mend()
            proxy.cut()
            await expect_recovery(caller, key, "alice")


@pytest.mark.asyncio
async def test_answers_never_cross_while_connections_die(caller: Caller, proxy: Proxy) -> None:
    """20 users read at once, their waits run out and connections end: each sees their own."""
    users = {f"user{number}": sealed(f"user{number}") for number in range(20)}
    for key, raw in users.values():
        assert await caller.do(creating(key, raw)) is True

    async def read(user: str) -> bool:
        key, _ = users[user]
        result = await caller.try_(loading(key))
        assert result.seconds < TIMEOUT + SLACK
        if result.error is None:
            assert owner_of(key, result.answer) == user
        return result.error is None

    answered = 0
    for turn in range(12):
        late = Fault(delay=TIMEOUT * 1.1)
        proxy.inflict((late, Fault(reply_bytes=300 + turn, once=True), Fault())[turn % 3])
        answered += sum(await asyncio.gather(*map(read, users)))
    proxy.mend()
    await expect_recovery(caller, users["user0"][0], "user0")
    assert answered >= 20  # the healthy turns at least in part


@pytest.mark.asyncio
async def test_cancelled_waits_leave_no_answer_to_the_next_one(proxy: Proxy) -> None:
    users = {f"user{number}": sealed(f"user{number}") for number in range(10)}
    async with calling(proxy.url, Colour.ASYNC, timeout=5.0) as caller:
        for key, raw in users.values():
            assert await caller.do(creating(key, raw)) is True
        for turn in range(100):
            user = f"user{turn % 10}"
            doomed = [
                asyncio.create_task(caller.do(loading(users[f"user{(turn + n) % 10}"][0])))
                for n in range(1, 4)
            ]
            for _ in range(turn % 5):
                await asyncio.sleep(0)
            for task in doomed:
                task.cancel()
            assert owner_of(users[user][0], await caller.do(loading(users[user][0]))) == user
            await asyncio.gather(*doomed, return_exceptions=True)


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", [*FAULTS.values()], ids=FAULTS)
async def test_the_event_loop_is_never_blocked_by_a_failing_network(
    proxy: Proxy, fault: Fault
) -> None:
    key, raw = sealed("alice")
    worst: list[float] = []
    for _ in range(3):
        async with calling(proxy.url, Colour.ASYNC, timeout=TIMEOUT) as caller:
            _ = await caller.do(creating(key, raw))
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
