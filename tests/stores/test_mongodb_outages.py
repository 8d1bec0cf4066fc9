"""A MongoDB that goes, freezes or comes back: a typed error in time, and no harm afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from samesession import StoreUnavailable
from samesession.core.steps import Steps
from samesession.core.store import Lifetimes, Outcome
from samesession.stores.mongodb import MongoStore
from samesession.testing import Caller, make_record
from tests.faults.proxy import Fault, Proxy, proxied
from tests.support.backend import Servers
from tests.support.clock import Clock
from tests.support.mongodb import DATABASE, MongoPart

pytestmark = pytest.mark.stores("mongodb")

HOUR = Lifetimes(3600, 3600)
TIMEOUT = 1.0


@pytest.fixture
def part(servers: Servers, tmp_path: Path, clock: Clock) -> MongoPart:
    found = MongoPart("mongodb", clock, tmp_path, servers["mongodb"])
    found.empty()
    return found


@pytest.fixture
def proxy(part: MongoPart) -> Iterator[Proxy]:
    with proxied(part.server.port) as between:
        yield between


@pytest.fixture
def store(proxy: Proxy, caller: Caller, clock: Clock) -> Iterator[MongoStore]:
    url = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
    found = MongoStore(url, database=DATABASE, timeout=TIMEOUT, clock=clock).open_for(caller.colour)
    assert caller.do(found.create("key", make_record(1), lifetimes=HOUR)) is True
    yield found
    proxy.mend()
    caller.do(found.close())


def fails_in_time(caller: Caller, steps: Steps[object]) -> None:
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        caller.do(steps)
    assert time.monotonic() - started < TIMEOUT + 1.5


def loaded_again(caller: Caller, store: MongoStore) -> bytes | None:
    """Load the record as soon as the server is found again."""
    until = time.monotonic() + 3.0
    while True:
        try:
            return caller.do(store.load("key", renew=HOUR))
        except StoreUnavailable:
            assert time.monotonic() < until, "it does not find the server again"


@pytest.mark.parametrize(
    "fault", [Fault(hole=True), Fault(trickle=0.3), Fault(refuse=True)], ids=str
)
def test_a_network_that_fails_costs_the_timeout_and_is_soon_forgotten(
    caller: Caller, store: MongoStore, proxy: Proxy, fault: Fault
) -> None:
    proxy.inflict(fault)
    if fault.refuse:
        proxy.cut()
    steps = store.commit("key", make_record(2), expected=make_record(1)[:8], renew=HOUR)
    fails_in_time(caller, store.load("key", renew=HOUR))
    fails_in_time(caller, steps)
    proxy.mend()
    found = loaded_again(caller, store)
    # The swallowed commit may have come through, or not.
    assert found in (make_record(1), make_record(2))


def test_connections_that_died_in_the_pool_are_no_outage_for_a_read(
    caller: Caller, store: MongoStore, proxy: Proxy
) -> None:
    proxy.cut()
    assert caller.do(store.load("key", renew=HOUR)) == make_record(1)


@pytest.mark.parametrize("cut", [0, 1, 16, 40])
def test_an_answer_that_breaks_off_is_read_again_and_never_taken_for_gone(
    caller: Caller, store: MongoStore, proxy: Proxy, cut: int
) -> None:
    proxy.inflict(Fault(reply_bytes=cut, once=True))
    assert caller.do(store.load("key", renew=None)) == make_record(1)


def test_garbage_is_an_outage_and_the_connection_is_not_used_again(
    caller: Caller, store: MongoStore, proxy: Proxy
) -> None:
    proxy.inflict(Fault(garbage=b"\x07" * 64))
    fails_in_time(caller, store.load("key", renew=HOUR))
    proxy.mend()
    proxy.cut()
    steps = store.commit("key", make_record(2), expected=make_record(1)[:8], renew=HOUR)
    assert loaded_again(caller, store) == make_record(1)
    assert caller.do(steps) is Outcome.WRITTEN
