"""Expired rows go in batches that hold nobody up, whatever others hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from samesession.core.idle_renewal import Touching
from samesession.core.store import Lifetimes
from samesession.stores.sqlalchemy import SQLStore
from samesession.stores.sqlalchemy.purge import Purge
from samesession.stores.sqlalchemy.tables import Statements, owner_digest, session_tables
from samesession.testing import Caller, make_record
from tests.support.clock import Clock
from tests.support.sql import SQLPart, in_time, looking

BRIEF = Lifetimes(10, 10)
ROWS = 5000


@pytest.fixture
def store(part: SQLPart, caller: Caller, clock: Clock) -> Iterator[SQLStore]:
    found = SQLStore(part.url, clock=clock, touching=Touching(0)).open_for(caller.colour)
    yield found
    caller.do(found.close())


def fill(part: SQLPart, clock: Clock) -> None:
    """Add rows that have expired, and their owners."""
    expired = {"expires": int(clock()) - 1}
    rows = [{"key": f"dead {n}", "revision": 1, "record": b"", **expired} for n in range(ROWS)]
    notes = [{"key": f"dead {n}", "owner": "ann", **expired} for n in range(ROWS)]
    records, owners = session_tables()
    with looking(part.url) as connection:
        connection.execute(sa.insert(records), rows)
        connection.execute(sa.insert(owners), notes)


def counts(part: SQLPart) -> list[int | None]:
    with looking(part.url) as connection:
        return [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()
            for table in session_tables().both
        ]


@pytest.mark.stores("postgresql", "mariadb", "mysql")
def test_a_row_that_another_transaction_locks_does_not_hold_the_others_up(
    part: SQLPart, caller: Caller, store: SQLStore, clock: Clock
) -> None:
    for key in ("locked", "free"):
        caller.do(store.create(key, make_record(1), lifetimes=BRIEF))
        caller.do(store.enlist("ann", key, lifetime=10))
    clock.advance(10)
    with looking(part.url) as other:
        records, owners = session_tables()
        for table, name in ((records, ["locked"]), (owners, [owner_digest("ann"), "locked"])):
            whole = sa.tuple_(*table.primary_key.columns) == sa.tuple_(*name)
            locking = sa.select(table.c.expires).where(whole).with_for_update()
            assert len(other.execute(locking).all()) == 1
        assert in_time(caller, store.purge(), 2.0) == 1
        assert counts(part) == [1, 1]
    assert caller.do(store.purge()) == 1
    assert counts(part) == [0, 0]


@pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")
def test_many_batches_leave_nothing(
    part: SQLPart, caller: Caller, store: SQLStore, clock: Clock
) -> None:
    fill(part, clock)
    caller.do(store.create("live", make_record(1), lifetimes=BRIEF))
    assert caller.do(store.purge()) == ROWS
    assert counts(part) == [1, 0]


@pytest.mark.stores("mariadb", "mysql")
def test_a_server_that_cannot_skip_locks_is_purged_all_the_same(
    part: SQLPart, caller: Caller, store: SQLStore, clock: Clock
) -> None:
    fill(part, clock)

    def age(dialect: Any) -> None:
        dialect.server_version_info = (10, 5, 29) if part.name == "mariadb" else (5, 7, 44)

    said: list[str] = []

    def listen(connection: sa.Connection, _: object, statement: str, *__: object) -> None:
        age(connection.dialect)
        said.append(statement)

    caller.do(store.load("key", renew=None))
    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    assert caller.do(store.load("key", renew=None)) is None
    said.clear()
    assert caller.do(store.purge()) == ROWS
    sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    assert not [each for each in said if "SKIP LOCKED" in each]
    assert counts(part) == [0, 0]


def batches(part: SQLPart, clock: Clock, *took: float) -> list[tuple[int, float]]:
    """Purge, and say of each batch how many rows it may take and what pause follows it."""
    times = iter([at for seconds in took for at in (0.0, seconds)])
    statements = Statements(session_tables()).purge[0]
    purge = Purge(statements, timeout=2.0, stopwatch=lambda: next(times))
    found: list[tuple[int, float]] = []
    with looking(part.url) as connection:
        while not purge.is_over:
            limit = purge.limit
            purge.batch(int(clock()), connection)
            found.append((limit, purge.pause()))
    assert purge.total == ROWS
    assert next(times, None) is None
    return found


@pytest.mark.stores("sqlalchemy-sqlite")
@pytest.mark.parametrize(
    ("took", "limits"),
    [
        ([0.01, 0.01, 0.01], [1000, 2000, 4000]),
        ([1.6, 0.4, 9.0, *[0.01] * 5], [1000, 500, 1000, 100, 200, 400, 800, 1600]),
    ],
)
def test_sqlites_batches_grow_and_shrink_with_the_time_they_take(
    part: SQLPart, clock: Clock, took: list[float], limits: list[int]
) -> None:
    fill(part, clock)
    assert [limit for limit, _ in batches(part, clock, *took)] == limits


@pytest.mark.stores("sqlalchemy-sqlite")
def test_sqlites_other_writers_get_a_turn_before_they_have_waited_for_long(
    part: SQLPart, clock: Clock
) -> None:
    fill(part, clock)
    pauses = [pause for _, pause in batches(part, clock, 0.06, 0.06, 0.5)]
    # The longest for which SQLite sleeps before it tries again; none after the last batch.
    assert pauses == [0, 0.1, 0]


@pytest.mark.stores("postgresql", "mariadb", "mysql")
def test_where_rows_are_locked_one_by_one_all_batches_are_alike(
    part: SQLPart, clock: Clock
) -> None:
    fill(part, clock)
    assert batches(part, clock, *[5.0] * 6) == [(1000, 0)] * 6
