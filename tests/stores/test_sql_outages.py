"""A database that goes, freezes or comes back: a typed error in time, and no harm afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from samesession import StoreUnavailable
from samesession.core.steps import Steps
from samesession.core.store import Face, Lifetimes
from samesession.drive import arun, run
from samesession.stores.sqlalchemy import SQLStore
from samesession.testing import Caller, make_record
from tests.faults.proxy import Fault, Proxy, proxied
from tests.support.backend import Servers
from tests.support.clock import Clock
from tests.support.sql import SQLPart, looking

HOUR = Lifetimes(3600, 3600)
TIMEOUT = 1.0


def in_time(caller: Caller, steps: Steps[object]) -> object:
    """Run steps as a request does: in an event loop all waits together have a limit."""
    if caller.face is Face.SYNC:
        return run(steps)
    return caller._runner.run(arun(steps, timeout=TIMEOUT))


def revision(number: int) -> bytes:
    return number.to_bytes(8, "big")


@pytest.fixture(params=[Face.SYNC, Face.ASYNC], ids=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Iterator[Caller]:
    caller = Caller(request.param)
    yield caller
    caller.close()


@pytest.fixture
def part(store_name: str, servers: Servers, tmp_path: Path, clock: Clock) -> SQLPart:
    found = SQLPart(store_name, clock, tmp_path / "sessions", servers[store_name])
    found.empty()
    return found


@pytest.fixture
def proxy(part: SQLPart) -> Iterator[Proxy]:
    assert part.server is not None
    with proxied(part.server.port) as between:
        yield between


@pytest.fixture
def store(part: SQLPart, proxy: Proxy, caller: Caller, clock: Clock) -> Iterator[SQLStore]:
    url = part.url.replace(f":{part.server.port}/", f":{proxy.port}/")  # type: ignore[union-attr]
    found = SQLStore(url, timeout=TIMEOUT, clock=clock).facing(caller.face)
    assert caller.do(found.create("key", make_record(1), lifetimes=HOUR)) is True
    yield found
    proxy.mend()
    caller.do(found.close())


@pytest.mark.stores("postgresql", "mariadb")
def test_a_network_that_swallows_everything_costs_the_timeout(
    caller: Caller, store: SQLStore, proxy: Proxy
) -> None:
    proxy.inflict(Fault(hole=True))
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        in_time(caller, store.load("key", renew=HOUR))
    assert time.monotonic() - started < TIMEOUT + 1.5
    proxy.mend()
    assert caller.do(store.load("key", renew=HOUR)) == make_record(1)


@pytest.mark.stores("postgresql", "mariadb")
def test_connections_that_died_in_the_pool_are_no_outage(
    caller: Caller, store: SQLStore, proxy: Proxy
) -> None:
    proxy.cut()
    assert caller.do(store.load("key", renew=HOUR)) == make_record(1)


@pytest.mark.stores("sqlite", "postgresql", "mariadb")
def test_a_row_that_another_transaction_locks_costs_the_timeout(
    part: SQLPart, caller: Caller, clock: Clock
) -> None:
    store = SQLStore(part.url, timeout=TIMEOUT, clock=clock).facing(caller.face)
    assert caller.do(store.create("key", make_record(1), lifetimes=HOUR)) is True
    with looking(part.url) as other:
        other.execute(sa.text("UPDATE samesession SET expires = expires + 1"))
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            in_time(caller, store.commit("key", make_record(2), expected=revision(1), renew=HOUR))
        assert time.monotonic() - started < TIMEOUT + 1.5
        other.rollback()
    assert caller.do(store.load("key", renew=None)) == make_record(1)
    caller.do(store.close())


@pytest.mark.stores("sqlite", "postgresql", "mariadb")
def test_a_missing_table_is_an_error_that_names_the_command(
    part: SQLPart, caller: Caller, clock: Clock
) -> None:
    store = SQLStore(part.url, clock=clock).facing(caller.face)
    with looking(part.url) as connection:
        connection.execute(sa.text("DROP TABLE samesession"))
    with pytest.raises(StoreUnavailable, match="flask sessions init-db"):
        caller.do(store.load("key", renew=HOUR))
    caller.do(store.prepare())
    caller.do(store.prepare())
    assert caller.do(store.create("key", make_record(1), lifetimes=HOUR)) is True
    caller.do(store.close())
