"""A database that goes, freezes or comes back: a typed error in time, and no harm afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
import sqlalchemy as sa

from samesession import StoreUnavailable
from samesession.core.store import Lifetimes
from samesession.run.sync import run
from samesession.stores.sqlalchemy import SQLStore
from samesession.testing import Caller, make_record
from tests.faults.proxy import Fault, Proxy, proxied
from tests.support.backend import UNHURRIED
from tests.support.clock import Clock
from tests.support.sql import PATIENCE, SQLPart, in_time, looking, until_waiting

HOUR = Lifetimes(3600, 3600)
TIMEOUT = 1.0


def revision(number: int) -> bytes:
    return number.to_bytes(8, "big")


@pytest.fixture
def proxy(part: SQLPart) -> Iterator[Proxy]:
    assert part.server is not None
    with proxied(part.server.port) as between:
        yield between


NewStore = Callable[[float], SQLStore]


@pytest.fixture
def new_store(part: SQLPart, proxy: Proxy, caller: Caller, clock: Clock) -> Iterator[NewStore]:
    """Give a function that makes a store behind the proxy, with its timeout, and a record in it."""
    url = part.url.replace(f":{part.server.port}/", f":{proxy.port}/")  # type: ignore[union-attr]
    made: list[SQLStore] = []

    def make(timeout: float) -> SQLStore:
        assert run(part.store().create("key", make_record(1), lifetimes=HOUR)) is True
        made.append(SQLStore(url, timeout=timeout, clock=clock).open_for(caller.colour))
        assert when_it_can(caller, made[0]) == make_record(1)
        return made[0]

    yield make
    proxy.mend()
    for each in made:
        caller.do(each.close())


def when_it_can(caller: Caller, store: SQLStore) -> bytes | None:
    """Load the record, for which a busy machine may need more than one timeout, to connect."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return caller.do(store.load("key", renew=HOUR))
        except StoreUnavailable:
            assert time.monotonic() < end


@pytest.mark.stores("postgresql", "mariadb", "mysql")
def test_a_network_that_swallows_everything_costs_the_timeout(
    caller: Caller, new_store: NewStore, proxy: Proxy
) -> None:
    store = new_store(TIMEOUT)
    proxy.inflict(Fault(hole=True))
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        in_time(caller, store.load("key", renew=HOUR), TIMEOUT)
    assert time.monotonic() - started < TIMEOUT + 1.5
    proxy.mend()
    assert when_it_can(caller, store) == make_record(1)


@pytest.mark.stores("postgresql", "mariadb", "mysql")
def test_the_statements_of_one_operation_have_one_timeout(
    caller: Caller, new_store: NewStore, proxy: Proxy
) -> None:
    store = new_store(TIMEOUT)
    proxy.inflict(Fault(delay=TIMEOUT * 0.7))
    with pytest.raises(StoreUnavailable):
        # The key is taken: an INSERT, and then an UPDATE of what may have expired.
        in_time(caller, store.create("key", make_record(2), lifetimes=HOUR), TIMEOUT)
    proxy.mend()
    assert when_it_can(caller, store) == make_record(1)


@pytest.mark.stores("mariadb", "mysql")
def test_the_server_hears_of_the_end_however_long_ago_it_was_asked(
    part: SQLPart, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections: Any = import_module("pymysql.connections").Connection
    store = SQLStore(part.url, timeout=TIMEOUT, clock=clock)
    assert run(store.load("key", renew=HOUR)) is None
    store._deadline.begin(0)
    written: list[bytes] = []
    write = connections._write_bytes

    def spy(self: object, data: bytes) -> None:
        write(self, data)
        written.append(data)

    monkeypatch.setattr(connections, "_write_bytes", spy)
    run(store.close())
    assert [packet[4] for packet in written] == [1]  # COM_QUIT


@pytest.mark.stores("postgresql", "mariadb", "mysql")
def test_connections_that_died_in_the_pool_are_no_outage(
    caller: Caller, new_store: NewStore, proxy: Proxy
) -> None:
    store = new_store(UNHURRIED)
    proxy.cut()
    assert caller.do(store.load("key", renew=HOUR)) == make_record(1)


@pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")
def test_a_row_that_another_transaction_locks_costs_the_timeout(
    part: SQLPart, caller: Caller, clock: Clock
) -> None:
    store = SQLStore(part.url, timeout=TIMEOUT, clock=clock).open_for(caller.colour)
    assert run(part.store().create("key", make_record(1), lifetimes=HOUR)) is True
    assert when_it_can(caller, store) == make_record(1)
    with looking(part.url) as other:
        other.execute(sa.text("UPDATE samesession SET expires = expires + 1"))
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            in_time(
                caller,
                store.commit("key", make_record(2), expected=revision(1), renew=HOUR),
                TIMEOUT,
            )
        assert time.monotonic() - started < TIMEOUT + 1.5
        # Until then the server may do what nobody waits for any more.
        until_waiting(part, callers=0)
        other.rollback()
    assert when_it_can(caller, store) == make_record(1)
    caller.do(store.close())


@pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")
def test_a_missing_table_is_an_error_that_names_the_command(
    part: SQLPart, caller: Caller, clock: Clock
) -> None:
    store = SQLStore(part.url, clock=clock).open_for(caller.colour)
    with looking(part.url) as connection:
        connection.execute(sa.text("DROP TABLE samesession"))
    with pytest.raises(StoreUnavailable, match="flask sessions init"):
        caller.do(store.load("key", renew=HOUR))
    caller.do(store.prepare())
    caller.do(store.prepare())
    assert caller.do(store.create("key", make_record(1), lifetimes=HOUR)) is True
    caller.do(store.close())
