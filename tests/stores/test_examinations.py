"""What stores say of how they are set up, each once as it should be and once as it should not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis
import redis.asyncio
import sqlalchemy as sa

from samesession.core.findings import Finding, Level
from samesession.core.idle_renewal import Touching
from samesession.core.store import Colour, Examinable, Lifetimes, Store
from samesession.errors import StoreUnavailable
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.base import FromAsync, FromSync
from samesession.stores.filesystem import FileStore
from samesession.stores.redis import RedisStore
from samesession.stores.sqlalchemy import SQLStore
from samesession.stores.sqlite import SQLiteStore
from samesession.testing import make_record
from tests.support.clock import Clock
from tests.support.server import Valkey, free_port, running

HOUR = Lifetimes(3600, 3600)
DAY = 24 * 3600
LIMITED = "app on >password resetkeys ~session:* -@all +@connection +@read +@write +@scripting"


class Usage(NamedTuple):
    total: int
    free: int


def examined(store: Any, clock: Callable[[], float]) -> dict[str, Finding]:
    closing = store.close
    assert isinstance(store, Examinable)
    found = run(store.findings(clock))
    run(closing())
    return {each.check: each for each in found}


async def examined_by_quart(store: Any, clock: Callable[[], float]) -> dict[str, Finding]:
    found = await arun(store.findings(clock), timeout=10)
    await arun(store.close())
    return {each.check: each for each in found}


def levels(found: dict[str, Finding]) -> dict[str, Level]:
    return {check: finding.level for check, finding in found.items()}


def file_a_session(store: Store, clock: Clock) -> None:
    run(store.create("session:" + "A" * 22, make_record(), lifetimes=HOUR))
    run(store.close())


# --- Redis ---------------------------------------------------------------------------------


@pytest.mark.stores("redis")
@pytest.mark.asyncio
async def test_a_redis_is_examined_whatever_client_reaches_it(
    own_valkey: Valkey, clock: Clock
) -> None:
    clock.now = _now(own_valkey)
    by_url = examined(RedisStore(own_valkey.url), clock)
    assert {*levels(by_url).values()} == {Level.OK}
    with own_valkey.client() as client:
        assert examined(RedisStore(client), clock) == by_url
    assert await examined_by_quart(RedisStore(own_valkey.url, colour=Colour.ASYNC), clock) == by_url
    async with redis.asyncio.Redis.from_url(own_valkey.url) as given:
        assert await examined_by_quart(RedisStore(given), clock) == by_url


@pytest.mark.stores("redis")
def test_what_a_redis_is_told_later_is_seen(clock: Clock) -> None:
    with running(save="") as server, server.client() as client:
        clock.now = _now(server) + 100
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", "100mb")
        found = levels(examined(RedisStore(server.url), clock))
    assert found["redis.eviction"] is Level.WARNING
    assert found["redis.persistence"] is Level.WARNING
    assert found["clock"] is Level.ERROR
    assert found["redis.memory"] is Level.OK


@pytest.mark.stores("redis")
def test_what_a_redis_keeps_to_itself_could_not_be_looked_at(clock: Clock) -> None:
    with running() as server, server.client() as client:
        client.execute_command("ACL", "SETUSER", *LIMITED.split())  # type: ignore[no-untyped-call]
        url = server.url.replace("//", "//app:password@")
        found = examined(RedisStore(url), clock)
        assert {*levels(found).values()} == {Level.NOTICE}
        assert found["redis.eviction"].write == "maxmemory-policy noeviction"
        assert "password" not in repr(found)


@pytest.mark.stores("redis")
def test_a_redis_that_is_down_is_no_finding(clock: Clock) -> None:
    with pytest.raises(StoreUnavailable):
        run(RedisStore(f"redis://127.0.0.1:{free_port()}/0").findings(clock))


def _now(server: Valkey) -> float:
    with server.client() as client:
        answer: Any = client.time()
        return float(answer[0])


# --- SQL -----------------------------------------------------------------------------------


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/sessions.db"


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    found = sa.create_engine(url)
    yield found
    found.dispose()


@pytest.mark.stores("sqlalchemy-sqlite")
@pytest.mark.asyncio
async def test_tables_are_missing_or_there(url: str, engine: sa.Engine, clock: Clock) -> None:
    store = SQLStore(url, clock=clock)
    found = examined(store, clock)
    assert levels(found) == {"sql.tables": Level.ERROR}
    assert found["sql.tables"].write == "flask sessions init"
    run(store.prepare())
    assert {*levels(examined(store, clock)).values()} == {Level.OK}
    assert await examined_by_quart(store.open_for(Colour.ASYNC), clock) == examined(store, clock)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP INDEX ix_samesession_owners_expires"))
    found = examined(store, clock)
    assert found["sql.indexes"].level is Level.WARNING
    with engine.begin() as connection:  # by what it says to write
        connection.execute(sa.text(found["sql.indexes"].write))
    assert examined(store, clock)["sql.indexes"].level is Level.OK
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE samesession RENAME COLUMN revision TO version"))
    assert "no column revision" in examined(store, clock)["sql.tables"].what


# --- what has expired ----------------------------------------------------------------------


def _stores(directory: Path, clock: Clock) -> Iterator[Any]:
    yield FileStore(directory / "files", clock=clock, touching=Touching(0))
    yield SQLiteStore(directory / "own" / "sessions.db", clock=clock)
    sql = SQLStore(f"sqlite:///{directory}/sessions.db", clock=clock)
    run(sql.prepare())
    yield sql


@pytest.mark.stores("filesystem", "sqlite", "sqlalchemy-sqlite")
def test_a_store_that_nobody_purges_says_so(tmp_path: Path, clock: Clock) -> None:
    for store in _stores(tmp_path, clock):
        assert examined(store, clock)["store.purge"].level is Level.OK  # and makes no file
        file_a_session(store, clock)
        clock.advance(3600 + DAY)
        assert examined(store, clock)["store.purge"].level is Level.OK
        clock.advance(2 * DAY)
        assert examined(store, clock)["store.purge"].level is Level.WARNING
        assert run(store.purge()) == 1
        assert examined(store, clock)["store.purge"].level is Level.OK


# --- files ---------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the system's directory for temporary files be another one than the test's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "kept"


@pytest.mark.stores("filesystem")
def test_a_directory_is_examined_and_not_made(elsewhere: Path, clock: Clock) -> None:
    well = examined(FileStore(elsewhere, fsync=True, clock=clock), clock)
    assert {*levels(well).values()} == {Level.OK}
    assert not elsewhere.exists()
    elsewhere.mkdir(mode=0o755)
    found = examined(FileStore(elsewhere, clock=clock), clock)
    assert found["files.mode"] == Finding(
        "files.mode",
        Level.NOTICE,
        "the directory has the mode 0755: other users can see how many sessions there are",
        f"chmod 700 {elsewhere}",
    )
    assert found["files.fsync"].write == "SESSION_FILE_FSYNC = True"
    os.chmod(elsewhere, 0o700)
    assert examined(FileStore(elsewhere, clock=clock), clock)["files.mode"].level is Level.OK
    open_files = examined(FileStore(elsewhere, mode=0o640, clock=clock), clock)
    assert open_files["files.mode"].level is Level.WARNING
    assert open_files["files.mode"].write == "SESSION_FILE_MODE = 0o600"


@pytest.mark.stores("filesystem", "sqlite")
def test_a_disk_that_is_full_or_cleaned_up_is_told(
    elsewhere: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stores() -> tuple[Any, ...]:
        return FileStore(elsewhere, clock=clock), SQLiteStore(elsewhere / "x.db", clock=clock)

    for store in stores():
        found = levels(examined(store, clock))
        assert (found["disk.room"], found["disk.place"]) == (Level.OK, Level.OK)
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere.parent))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000, 49))
    for store in stores():
        found = levels(examined(store, clock))
        assert (found["disk.room"], found["disk.place"]) == (Level.WARNING, Level.WARNING)


# --- by others -----------------------------------------------------------------------------


class _Plain:
    """What FromSync and FromAsync need of a store."""

    said = Finding("pantry.door", Level.OK, "it is shut")

    def load(self, *_: Any, **__: Any) -> Any: ...
    def create(self, *_: Any, **__: Any) -> Any: ...
    def commit(self, *_: Any, **__: Any) -> Any: ...
    def remove(self, *_: Any, **__: Any) -> Any: ...
    def close(self) -> None: ...


class _Examined(_Plain):
    def findings(self, clock: Callable[[], float]) -> list[Finding]:
        return [self.said]


class _Coroutines:
    said = _Plain.said

    async def load(self, *_: Any, **__: Any) -> Any: ...
    async def create(self, *_: Any, **__: Any) -> Any: ...
    async def commit(self, *_: Any, **__: Any) -> Any: ...
    async def remove(self, *_: Any, **__: Any) -> Any: ...
    async def close(self) -> None: ...

    async def findings(self, clock: Callable[[], float]) -> list[Finding]:
        return [self.said]


@pytest.mark.asyncio
async def test_a_store_by_others_has_the_ability_if_it_has_the_method(clock: Clock) -> None:
    assert not isinstance(FromSync(_Plain()), Examinable)
    assert examined(FromSync(_Examined()), clock) == {"pantry.door": _Plain.said}
    said = await examined_by_quart(FromAsync(_Coroutines()), clock)
    assert said == {"pantry.door": _Plain.said}
