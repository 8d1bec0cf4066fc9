"""memcached behind a network that fails, or that talks nonsense: as tests of Redis do it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from samesession import SessionError, StoreUnavailable
from samesession.core.reading import Reader
from samesession.core.store import Colour, Outcome, Store
from samesession.stores.memcached import MemcachedStore
from tests.support.backend import Servers
from tests.support.clock import Clock
from tests.support.memcached import Memcached
from tests.support.site import Site
from tests.unit.parts import sealer

from .callers import (
    FACES,
    LIFETIMES,
    SLACK,
    Caller,
    calling,
    committing,
    creating,
    expect_recovery,
    loading,
    owner_of,
    sealed,
    watched_loop,
)
from .crossing import crossing, memcached_answer
from .cuts import expect_no_torn_record, expect_no_torn_reply
from .effort import rounds
from .proxy import NETWORK, Fault, Proxy, proxied

pytestmark = [pytest.mark.stores("memcached"), pytest.mark.asyncio]

TIMEOUT = 0.4
GARBAGE = (
    b"\x00" * 64,
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"VA\r\n",
    b"VA -7\r\n",
    b"VA 3 c1 t-1\r\nfoobar\r\n",
    b"VA 999999999999\r\nx",
    b"VA 3\r\nfoo",
    b"EN\r\nEN\r\n",
    b"HD c\r\n",
    b"STORED\r\nSTORED\r\n",
    b"x" * 5000,
)
FAULTS = {**NETWORK, **{f"garbage-{at}": Fault(garbage=each) for at, each in enumerate(GARBAGE)}}
PIECES = (
    *(b"EN\r\n", b"HD\r\n", b"HD c1 t-1\r\n", b"NS\r\n", b"EX\r\n", b"NF\r\n", b"MN\r\n"),
    *(b"VA 4 c1 t-1\r\nabcd\r\n", b"VA 0\r\n\r\n", b"VA 4 t\r\nabcd\r\n", b"VA 1 cx\r\n\xff\r\n"),
    *(b"STORED\r\n", b"NOT_STORED\r\n", b"EXISTS\r\n", b"NOT_FOUND\r\n", b"END\r\n", b"OK\r\n"),
    *(b"ERROR\r\n", b"CLIENT_ERROR \xff\r\n", b"SERVER_ERROR out of memory\r\n"),
    *(b"\r\n", b"\x00", b"\xff\xfe", b" \r\n", b"\n", b"VALUE k 0 1\r\n"),
)
# What a record may come with that no number is made of.
FLAGS = (b"", b"c", b"cx t-1", b"c1 tx", b"c-1 t", b"c\xff t\xff", b"t-1", b"c1 t0")


@pytest.fixture
def server(servers: Servers) -> Memcached:
    found: Memcached = servers["memcached"]
    found.flush()
    return found


@pytest.fixture
def proxy(server: Memcached) -> Iterator[Proxy]:
    with proxied(server.port) as between:
        yield between


def store_at(port: int, *, timeout: float = TIMEOUT) -> Store:
    return MemcachedStore(f"127.0.0.1:{port}", timeout=timeout)


@pytest_asyncio.fixture(params=FACES, ids=lambda colour: colour.name.lower())
async def caller(proxy: Proxy, request: pytest.FixtureRequest) -> AsyncIterator[Caller]:
    async with calling(store_at(proxy.port), request.param, timeout=TIMEOUT) as made:
        yield made


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_failing_network_is_a_typed_error_in_time_and_over_when_it_is_over(
    caller: Caller, proxy: Proxy, fault: Fault, *, warm: bool
) -> None:
    (key, raw), (other, unwritten) = sealed("alice"), sealed("bob")
    async with calling(store_at(proxy.target), Colour.SYNC) as direct:
        assert await direct.do(creating(key, raw)) is True
    if warm:
        assert owner_of(key, await caller.do(loading(key))) == "alice"
    proxy.inflict(fault)
    for steps in (loading(key), creating(other, unwritten)):
        result = await caller.try_(steps)
        assert result.seconds < TIMEOUT + SLACK, (result, fault)
        if fault.garbage:
            assert result.error is not None
        if result.error is not None:
            assert isinstance(result.error, StoreUnavailable)
        elif isinstance(result.answer, bytes):
            assert owner_of(key, result.answer) == "alice"
    proxy.mend()
    # No `cut`: a connection on which anything went wrong is not used again.
    await expect_recovery(caller, key, "alice")


async def test_a_request_cut_at_each_byte_never_tears_a_record(
    caller: Caller, proxy: Proxy, server: Memcached
) -> None:
    await expect_no_torn_record(caller, proxy, server)


async def test_a_reply_cut_at_each_byte_never_passes_for_a_record(
    caller: Caller, proxy: Proxy
) -> None:
    await expect_no_torn_reply(caller, proxy)


@pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())
async def test_whatever_a_server_says_is_typed_and_the_next_one_is_served(
    proxy: Proxy, colour: Colour
) -> None:
    chance = random.Random(7)
    key, raw = sealed("alice")
    async with calling(store_at(proxy.target), colour) as direct:
        assert await direct.do(creating(key, raw)) is True
    pieces = [*PIECES, *(b"VA %d %b\r\n%b\r\n" % (len(raw), flags, raw) for flags in FLAGS)]
    for turn in range(rounds(60, 2000)):
        said = b"".join(chance.choices(pieces, k=chance.choice([1, 1, 2, 5])))
        async with calling(store_at(proxy.port, timeout=0.1), colour, timeout=0.1) as caller:
            if turn % 2 == 0:
                assert owner_of(key, await caller.do(loading(key))) == "alice"
            proxy.inflict(Fault(garbage=said))
            for steps in (loading(key), committing(key, raw, raw), creating(*sealed("bob"))):
                result = await caller.try_(steps)
                assert result.seconds < 0.1 + SLACK, said
                if isinstance(result.answer, bytes) and raw not in said:
                    with pytest.raises(SessionError):
                        owner_of(key, result.answer)
                # Garbage must not pass for "gone", which logs the user out.
                if b"EN" not in said and b"NF" not in said and b"NOT_FOUND" not in said:
                    assert result.answer not in {None, Outcome.GONE} or result.error
            proxy.mend()
            await expect_recovery(caller, key, "alice")


async def test_an_answer_too_many_is_never_the_next_ones(caller: Caller, proxy: Proxy) -> None:
    (key, raw), (other, another) = sealed("alice"), sealed("bob")
    for each in ((key, raw), (other, another)):
        assert await caller.do(creating(*each)) is True
    twice = b"VA %d\r\n%b\r\n" % (len(another), another) * 2
    proxy.inflict(Fault(garbage=twice))
    result = await caller.try_(loading(other))
    assert isinstance(result.error, StoreUnavailable)
    proxy.mend()
    assert owner_of(key, await caller.do(loading(key))) == "alice"


async def test_answers_never_cross_while_connections_die(caller: Caller, proxy: Proxy) -> None:
    users = {f"user{number}": sealed(f"user{number}") for number in range(20)}
    for key, raw in users.values():
        assert await caller.do(creating(key, raw)) is True

    async def read(user: str) -> bool:
        key, _ = users[user]
        result = await caller.try_(loading(key))
        if result.error is None:
            assert owner_of(key, result.answer) == user
        return result.error is None

    answered = 0
    for turn in range(9):
        late = Fault(delay=TIMEOUT * 1.1)
        proxy.inflict((late, Fault(reply_bytes=300 + turn, once=True), Fault())[turn % 3])
        answered += sum(await asyncio.gather(*map(read, users)))
    proxy.mend()
    await expect_recovery(caller, users["user0"][0], "user0")
    assert answered >= 20  # the healthy turns at least in part


@pytest.mark.parametrize("colour", FACES, ids=lambda colour: colour.name.lower())
async def test_a_network_that_drops_or_doubles_answers_logs_nobody_out(
    server: Memcached, colour: Colour
) -> None:
    with crossing(server.port, memcached_answer) as between:
        users = {f"user{number}": sealed(f"user{number}") for number in range(12)}
        async with calling(store_at(between.port), colour, timeout=TIMEOUT) as caller:
            reader = Reader(caller.store, sealer())
            for key, raw in users.values():
                assert await caller.do(creating(key, raw)) is True
            found: Counter[str] = Counter()

            async def read(name: str) -> None:
                key = users[name][0]
                sid = key.partition(":")[2]
                result = await caller.try_(lambda _: reader.read(key, sid, renew=LIFETIMES))
                answer: Any = result.answer
                if result.error is not None:
                    assert isinstance(result.error, StoreUnavailable), result.error
                    found["503"] += 1
                else:
                    found["none" if answer is None else str(answer.owner == name)] += 1

            between.at_random(0.05, 7)
            for _ in range(6):
                await asyncio.gather(*map(read, users))
            assert between.faults > 0
            between.mend()
            assert set(found) <= {"True", "503"}, found
            assert found["True"] > len(users) * 3


async def test_the_event_loop_is_never_blocked_by_a_server_that_is_silent(proxy: Proxy) -> None:
    key, raw = sealed("alice")
    worst: list[float] = []
    for _ in range(3):
        async with calling(store_at(proxy.port), Colour.ASYNC, timeout=TIMEOUT) as caller:
            await caller.try_(creating(key, raw))
            async with watched_loop() as lag:
                proxy.inflict(Fault(hole=True))
                _ = await asyncio.gather(*(caller.try_(loading(key)) for _ in range(5)))
                proxy.mend()
                proxy.cut()
        worst.append(lag.worst)
        if lag.worst < 0.05:
            return
    pytest.fail(f"the loop was blocked for {worst} s")


# --- requests ------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def behind(framework: str, proxy: Proxy, clock: Clock) -> AsyncIterator[Site]:
    """Give a site whose memcached is behind the proxy."""
    settings = {
        "SESSION_TYPE": "memcached",
        "SESSION_MEMCACHED": f"127.0.0.1:{proxy.port}",
        "SESSION_STORE_TIMEOUT": TIMEOUT,
    }
    site = Site(framework, settings, clock=clock)
    yield site
    proxy.mend()
    await site.close()


@pytest.mark.parametrize("answered", [0, 1, 200])
async def test_an_append_whose_answer_is_lost_is_done_once(
    behind: Site, proxy: Proxy, answered: int
) -> None:
    visitor = behind.visitor()
    await visitor.put(cart=[])
    acknowledged = 0
    for turn in range(5):

        def append(session: Any, turn: int = turn) -> None:
            session.update_atomically(lambda data: data["cart"].append(turn))
            proxy.inflict(Fault(reply_bytes=answered, once=True, reset=turn % 2 == 1))

        answer = await visitor.visit(append)
        proxy.mend()
        assert answer.status in (200, 503)
        acknowledged += answer.status == 200
    cart: list[int] = await visitor.value(lambda session: session["cart"])
    assert sorted(set(cart)) == sorted(cart)
    assert acknowledged <= len(cart) <= 5


async def test_a_logout_whose_answer_is_lost_ends_the_session_or_says_that_it_failed(
    behind: Site, proxy: Proxy, server: Memcached
) -> None:
    visitor = behind.visitor()
    await visitor.put(a=1)

    def logout(session: Any) -> None:
        session.clear()
        proxy.inflict(Fault(reply_bytes=0, once=True))

    answer = await visitor.visit(logout)
    if answer.status == 200:
        assert not server.names()
        assert len(visitor.jar.cookies) == 0
    else:
        assert (answer.status, answer.set_cookies) == (503, [])


@pytest.mark.parametrize("fault", [Fault(refuse=True, request_bytes=0), Fault(hole=True)])
async def test_an_outage_is_a_503_in_time_and_the_cookie_outlives_it(
    behind: Site, proxy: Proxy, fault: Fault
) -> None:
    visitor = behind.visitor()
    await visitor.put(a=1)
    proxy.inflict(fault)
    proxy.cut()
    for visit in (lambda session: session.get("a"), lambda session: session.update(a=2)):
        started = time.monotonic()
        answer = await visitor.visit(visit)
        assert (answer.status, answer.set_cookies) == (503, [])
        assert time.monotonic() - started < TIMEOUT + SLACK
    proxy.mend()
    assert await visitor.value(lambda session: session["a"]) == 1
