"""An application's transaction is its own: sessions neither commit it nor roll it back."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from samesession.core.store import Colour, Lifetimes
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.sqlalchemy import SQLStore
from samesession.stores.sqlalchemy.engines import driven, read_url
from samesession.testing import make_record
from tests.support.backend import Servers
from tests.support.clock import Clock
from tests.support.sql import SQLPart, looking

pytestmark = pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")

HOUR = Lifetimes(3600, 3600)
FIRST = b"\0" * 7 + b"\1"
INSERT = sa.text("INSERT INTO mine VALUES (1)")
COUNT = sa.text("SELECT count(*) FROM mine")


@pytest.fixture
def part(store_name: str, servers: Servers, tmp_path: Path, clock: Clock) -> SQLPart:
    found = SQLPart(store_name, clock, tmp_path / "sessions", servers[store_name])
    found.empty()
    if store_name == "sqlalchemy-sqlite":
        with sa.create_engine(found.url, poolclass=sa.NullPool).connect() as connection:
            connection.execute(sa.text("PRAGMA journal_mode = WAL"))
    with looking(found.url) as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS mine"))
        connection.execute(sa.text("CREATE TABLE mine (n INTEGER)"))
    return found


def test_under_flask(part: SQLPart) -> None:
    engine = sa.create_engine(driven(read_url(part.url), Colour.SYNC))
    store = SQLStore(engine)
    assert run(store.create("key", make_record(1), lifetimes=HOUR)) is True
    with engine.connect() as connection:
        transaction = connection.begin()
        before = connection.get_isolation_level()
        if part.name != "sqlalchemy-sqlite":  # whose one writer at a time is the application now
            connection.execute(INSERT)
            run(store.commit("key", make_record(2), expected=FIRST, renew=HOUR))
        assert run(store.load("key", renew=None)) is not None
        connection.execute(INSERT)
        assert run(store.load("key", renew=None)) is not None
        with looking(part.url) as other:
            assert other.execute(COUNT).scalar() == 0
        assert transaction.is_active
        assert connection.get_isolation_level() == before
        transaction.rollback()
        assert connection.execute(COUNT).scalar() == 0
    left = make_record(1 if part.name == "sqlalchemy-sqlite" else 2)
    assert run(store.load("key", renew=None)) == left
    run(store.close())
    engine.dispose()


@pytest.mark.asyncio
async def test_under_quart(part: SQLPart) -> None:
    engine = create_async_engine(driven(read_url(part.url), Colour.ASYNC))
    store = SQLStore(engine)
    assert await arun(store.create("key", make_record(1), lifetimes=HOUR)) is True
    async with engine.connect() as connection:
        transaction = await connection.begin()
        if part.name != "sqlalchemy-sqlite":
            await connection.execute(INSERT)
            await arun(store.commit("key", make_record(2), expected=FIRST, renew=HOUR))
        await connection.execute(INSERT)
        assert await arun(store.load("key", renew=None)) is not None
        with looking(part.url) as other:
            assert other.execute(COUNT).scalar() == 0
        assert transaction.is_active
        await transaction.rollback()
        assert (await connection.execute(COUNT)).scalar() == 0
    left = make_record(1 if part.name == "sqlalchemy-sqlite" else 2)
    assert await arun(store.load("key", renew=None)) == left
    await arun(store.close())
    await engine.dispose()
