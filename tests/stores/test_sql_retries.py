"""What only lost a race in the database is done again, in time: deadlocks and the like, for real.

Each race is decided by a second connection that holds locks until the store is
seen to wait for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from samesession import StoreUnavailable
from samesession.core.steps import Steps
from samesession.core.store import Colour, Lifetimes, Outcome
from samesession.run.sync import run
from samesession.stores.sqlalchemy import SQLStore
from samesession.stores.sqlalchemy.engines import driven
from samesession.testing import Caller, make_record
from tests.support.clock import Clock
from tests.support.sql import PATIENCE, SQLPart, in_time, looking, until_waiting

HOUR = Lifetimes(3600, 3600)
# PostgreSQL looks for deadlocks after a second.
TIMEOUT = 3.0
SLACK = 1.0
# Another expiry, so that the index on it is written, too.
LATER = Lifetimes(7200, 7200)
FIRST = b"\0" * 7 + b"\1"

# What a transaction locks first, and then wants of what the store's UPDATE has locked
# by then. It is the one that the database spares: it waits longer, or has written more.
FIRST_LOCK = {
    "postgresql": ("SET deadlock_timeout = '1min'", "UPDATE samesession SET expires = expires"),
    "mariadb": (
        "CREATE OR REPLACE TABLE mine AS SELECT seq FROM seq_1_to_1000",
        "BEGIN",
        "DELETE FROM mine",
        "SELECT expires FROM samesession WHERE expires > 0 LOCK IN SHARE MODE",
    ),
    "mysql": (
        "DROP TABLE IF EXISTS mine",
        """
        CREATE TABLE mine AS WITH RECURSIVE counting(n) AS
        (SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 1000) SELECT n FROM counting
        """,
        "BEGIN",
        "DELETE FROM mine",
        "SELECT expires FROM samesession WHERE expires > 0 LOCK IN SHARE MODE",
    ),
}
SECOND_LOCK = {
    "postgresql": "LOCK TABLE samesession IN SHARE MODE",
    "mariadb": "SELECT * FROM samesession WHERE `key` = 'key' FOR UPDATE",
    "mysql": "SELECT * FROM samesession WHERE `key` = 'key' FOR UPDATE",
}
# Work that takes a while.
COUNTING = """
WITH RECURSIVE counting(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counting WHERE n < 200000)
SELECT n FROM counting
"""
DEADLOCK: dict[str, str | int] = {"postgresql": "40P01", "mariadb": 1213, "mysql": 1213}


@pytest.fixture
def errors() -> Iterator[list[str | int]]:
    """Note the codes of what databases refuse."""
    found: list[str | int] = []

    def note(context: sa.engine.ExceptionContext) -> None:
        error: Any = context.original_exception
        number = error.args[0] if error.args else None
        found.append(number if isinstance(number, int) else getattr(error, "sqlstate", "") or "")

    sa.event.listen(sa.Engine, "handle_error", note)
    yield found
    sa.event.remove(sa.Engine, "handle_error", note)


@pytest.fixture
def new_store(part: SQLPart, caller: Caller, clock: Clock) -> Iterator[Callable[..., SQLStore]]:
    """Give a function that opens the store with a record in it; what it is given is the source."""
    opened: list[SQLStore] = []

    def new(source: Any = None) -> SQLStore:
        store = SQLStore(source or part.url, timeout=TIMEOUT, clock=clock).open_for(caller.colour)
        opened.append(store)
        assert caller.do(store.create("key", make_record(1), lifetimes=HOUR)) is True
        return store

    yield new
    for store in opened:
        caller.do(store.close())


def committing(store: SQLStore) -> Steps[object]:
    return store.commit("key", make_record(2), expected=FIRST, renew=LATER)


@contextmanager
def under_way(caller: Caller, steps: Steps[object]) -> Iterator[Future[object]]:
    """Have steps done in another thread, as a request would do them."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(in_time, caller, steps, TIMEOUT)


@dataclass
class Rival:
    """A transaction that locks what an UPDATE needs."""

    part: SQLPart
    connection: sa.Connection

    def lock(self) -> None:
        for command in FIRST_LOCK[self.part.name]:
            self.connection.execute(sa.text(command))

    def close_the_circle(self) -> None:
        """Want what the waiting UPDATE has locked, and get it: that one is refused."""
        until_waiting(self.part)
        self.connection.execute(sa.text(SECOND_LOCK[self.part.name]))

    def let_go(self) -> None:
        self.connection.rollback()


@pytest.fixture
def rival(part: SQLPart) -> Iterator[Rival]:
    """Give a transaction to end in a deadlock with, which is spared."""
    with looking(part.url) as connection:
        yield Rival(part, connection)


@pytest.fixture
def locked(new_store: Callable[..., SQLStore], errors: list[str | int], rival: Rival) -> SQLStore:
    """Give a store whose record the rival has locked."""
    found = new_store()
    errors.clear()
    rival.lock()
    return found


@pytest.mark.stores("postgresql", "mariadb", "mysql")
def test_a_deadlock_is_tried_again_and_done(
    part: SQLPart, caller: Caller, locked: SQLStore, errors: list[str | int], rival: Rival
) -> None:
    with under_way(caller, committing(locked)) as commit:
        rival.close_the_circle()
        rival.let_go()
    assert commit.result() is Outcome.WRITTEN
    assert errors == [DEADLOCK[part.name]]
    assert caller.do(locked.load("key", renew=None)) == make_record(2)


@pytest.mark.stores("postgresql", "mariadb", "mysql")
def test_a_deadlock_is_tried_again_until_the_time_is_over(
    part: SQLPart, caller: Caller, locked: SQLStore, errors: list[str | int], rival: Rival
) -> None:
    started = time.monotonic()
    with under_way(caller, committing(locked)) as commit:
        rival.close_the_circle()
        with pytest.raises(StoreUnavailable):
            commit.result(PATIENCE)
    assert time.monotonic() - started < TIMEOUT + SLACK
    assert errors[0] == DEADLOCK[part.name]
    until_waiting(part, callers=0)
    rival.let_go()
    assert caller.do(locked.load("key", renew=None)) == make_record(1)


@pytest.mark.stores("mariadb", "mysql")
def test_of_two_creations_that_end_in_a_deadlock_one_succeeds(
    part: SQLPart, clock: Clock, errors: list[str | int]
) -> None:
    """InnoDB's own: both wait for a third one that lets go, and then for one another."""
    stores = [SQLStore(part.url, timeout=TIMEOUT, clock=clock) for _ in range(2)]
    with looking(part.url) as other, ThreadPoolExecutor(2) as pool:
        other.execute(sa.text("INSERT INTO samesession VALUES ('key', 1, 1, '')"))
        creations = [
            pool.submit(run, store.create("key", make_record(1), lifetimes=HOUR))
            for store in stores
        ]
        until_waiting(part, callers=2)
        other.rollback()
        assert sorted(each.result(PATIENCE) for each in creations) == [False, True]
    assert errors.count(DEADLOCK[part.name]) == 1
    for store in stores:
        run(store.close())


ISOLATION = ("repeatable read", "serializable")


@pytest.mark.stores("postgresql")
@pytest.mark.parametrize("level", ISOLATION)
def test_a_serialization_failure_is_tried_again_and_done(
    part: SQLPart,
    caller: Caller,
    new_store: Callable[..., SQLStore],
    errors: list[str | int],
    level: str,
) -> None:
    """A database, a role or a URL may ask for such transactions."""
    setting = level.replace(" ", "%5C%20")
    store = new_store(f"{part.url}?options=-c%20default_transaction_isolation%3D{setting}")
    with looking(part.url) as other:
        other.execute(sa.text("UPDATE samesession SET expires = expires"))
        with under_way(caller, committing(store)) as commit:
            until_waiting(part)
            other.commit()
    assert commit.result() is Outcome.WRITTEN
    assert errors == ["40001"]
    assert caller.do(store.load("key", renew=None)) == make_record(2)


@pytest.mark.stores("postgresql")
@pytest.mark.parametrize("level", ISOLATION)
def test_an_engines_isolation_level_does_not_reach_the_sessions(
    part: SQLPart,
    caller: Caller,
    new_store: Callable[..., SQLStore],
    errors: list[str | int],
    level: str,
) -> None:
    url, given = driven(sa.make_url(part.url), caller.colour), level.upper()
    if caller.colour is Colour.SYNC:
        store = new_store(sa.create_engine(url, isolation_level=given))
    else:
        store = new_store(create_async_engine(url, isolation_level=given))
    with looking(part.url) as other:
        other.execute(sa.text("UPDATE samesession SET expires = expires"))
        with under_way(caller, committing(store)) as commit:
            until_waiting(part)
            other.commit()
    assert commit.result() is Outcome.WRITTEN
    assert errors == []


@pytest.mark.stores("sqlalchemy-sqlite")
def test_a_locked_file_is_waited_for(
    part: SQLPart, caller: Caller, new_store: Callable[..., SQLStore], errors: list[str | int]
) -> None:
    store, begun = new_store(), Event()

    def begin(connection: sa.Connection, *_: object) -> None:
        if connection.engine.pool is not holder.pool:
            begun.set()

    holder = sa.create_engine(part.url, poolclass=sa.NullPool)
    sa.event.listen(sa.Engine, "before_cursor_execute", begin)
    with holder.connect() as other:
        other.execute(sa.text("UPDATE samesession SET expires = expires"))
        with under_way(caller, committing(store)) as commit:
            assert begun.wait(PATIENCE)
            # So much work that the store finds the file locked, again and again.
            other.execute(sa.text(f"CREATE TABLE mine AS {COUNTING}"))
            assert not commit.done()
            other.commit()
    sa.event.remove(sa.Engine, "before_cursor_execute", begin)
    assert commit.result() is Outcome.WRITTEN
    assert errors == []
    assert caller.do(store.load("key", renew=None)) == make_record(2)
