"""The sqlalchemy store, on each database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa

from samesession.core.idle_renewal import Touching
from samesession.core.record import revision_of
from samesession.core.steps import Steps
from samesession.core.store import Colour, Store
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.sqlalchemy import SQLStore, metadata, session_tables
from samesession.stores.sqlalchemy.engines import driven
from samesession.stores.sqlalchemy.tables import revision_number
from samesession.testing import Caller

from .backend import UNHURRIED, Part
from .databases import Database, mariadb, mysql, postgresql

T = TypeVar("T")

PATIENCE = 20.0

_SERVED: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "sqlalchemy-sqlite": nullcontext,
    "postgresql": postgresql,
    "mariadb": mariadb,
    "mysql": mysql,
}


@contextmanager
def looking(url: str) -> Iterator[sa.Connection]:
    """Look at a database beside the library under test."""
    engine = sa.create_engine(driven(sa.make_url(url), Colour.SYNC), poolclass=sa.NullPool)
    with engine.begin() as connection:
        yield connection


def in_time(caller: Caller, steps: Steps[T], timeout: float) -> T:
    """Run steps as a request does: in an event loop all waits together have a limit."""
    if caller.colour is Colour.SYNC:
        return run(steps)
    return caller._runner.run(arun(steps, timeout=timeout))


# How many connections wait for a lock.
_WAITING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    # Not innodb_trx, which is made anew only when nobody has asked for a while.
    "mariadb": "SELECT CAST(variable_value AS INT) FROM information_schema.global_status "
    "WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'",
    # A transaction has a row for each that it waits for.
    "mysql": "SELECT COUNT(DISTINCT requesting_engine_transaction_id) "
    "FROM performance_schema.data_lock_waits",
}


def until_waiting(part: SQLPart, callers: int = 1) -> None:
    """Return once so many connections wait for a lock; SQLite cannot tell."""
    if part.name not in _WAITING:
        return
    question = sa.text(_WAITING[part.name])
    end = time.monotonic() + PATIENCE
    engine = sa.create_engine(driven(sa.make_url(part.url), Colour.SYNC), poolclass=sa.NullPool)
    # Autocommit: PostgreSQL's answer is one for a whole transaction.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.execute(question).scalar() != callers:
            assert time.monotonic() < end, f"{callers} should wait for a lock"


@dataclass
class SQLPart(Part):
    server: Database | None = None

    slowness: ClassVar[int] = 40
    open_files: ClassVar[int] = 15  # a pool of five, each with a database, its log and index

    @classmethod
    def serve(cls, name: str) -> AbstractContextManager[Any]:
        return _SERVED[name]()

    @cached_property
    def url(self) -> str:
        if self.server is not None:
            return self.server.url
        self.directory.mkdir(exist_ok=True)
        return f"sqlite:///{self.directory}/sessions.db"

    def empty(self) -> None:
        with looking(self.url) as connection:
            metadata.drop_all(connection)
            session_tables()
            metadata.create_all(connection)

    def settings(self) -> dict[str, Any]:
        # 0: a test that lets time pass wants to know exactly what that ends.
        return {
            "SESSION_TYPE": "sqlalchemy",
            "SESSION_SQLALCHEMY": self.url,
            "SESSION_TOUCH_INTERVAL": 0,
            "SESSION_STORE_TIMEOUT": UNHURRIED,
        }

    def store(self) -> Store:
        return SQLStore(self.url, timeout=UNHURRIED, clock=self.clock, touching=Touching(0))

    def records(self) -> dict[str, bytes]:
        rows = session_tables().records
        with looking(self.url) as connection:
            found = connection.execute(sa.select(rows.c.key, rows.c.record).order_by(rows.c.key))
            return {str(key): bytes(record) for key, record in found}

    def plant(self, name: str, record: bytes) -> None:
        rows = session_tables().records
        changes = {"record": record, "revision": revision_number(revision_of(record))}
        with looking(self.url) as connection:
            connection.execute(sa.update(rows).where(rows.c.key == name).values(changes))

    def dump(self) -> bytes:
        found: list[bytes] = []
        with looking(self.url) as connection:
            for table in session_tables().both:
                for row in connection.execute(sa.select(table)):
                    found += [v if isinstance(v, bytes) else str(v).encode() for v in row]
        return b"".join(found)
