"""The package's own stores pass the published contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from samesession.core.idle_renewal import Touching
from samesession.stores.filesystem import FileStore
from samesession.stores.memory import MemoryStore
from samesession.stores.redis import RedisStore
from samesession.stores.sqlite import SQLiteStore
from samesession.testing import (
    FileForeign,
    ForeignRecordsContract,
    ListContract,
    ManualClock,
    NewStore,
    NoticesContract,
    OutageContract,
    OwnerIndexContract,
    PurgeContract,
    RereadContract,
    StoreContract,
)
from samesession.testing.time import TimeContract
from tests.support.foreign import filed_in_redis
from tests.support.server import Valkey, free_port


@pytest.mark.stores("filesystem")
class TestFileStore(StoreContract, OwnerIndexContract, ListContract, PurgeContract):
    @pytest.fixture
    def new_store(self, tmp_path: Path, clock: ManualClock) -> NewStore:
        return lambda: FileStore(tmp_path / "sessions", clock=clock, touching=Touching(0))


@pytest.mark.stores("filesystem")
class TestFileStoreThatPutsRenewalOff(TimeContract):
    @pytest.fixture
    def new_store(self, tmp_path: Path, clock: ManualClock) -> NewStore:
        return lambda: FileStore(tmp_path / "sessions", clock=clock)


@pytest.mark.stores("filesystem")
class TestFileStoreWithoutItsDirectory(OutageContract):
    @pytest.fixture
    def new_store(self, tmp_path: Path, clock: ManualClock) -> NewStore:
        store = FileStore(tmp_path / "sessions", clock=clock)
        (tmp_path / "sessions").write_bytes(b"in its place")
        return lambda: store


@pytest.mark.stores("sqlite")
class TestSQLiteStore(StoreContract, OwnerIndexContract, ListContract, PurgeContract):
    @pytest.fixture
    def new_store(self, tmp_path: Path, clock: ManualClock) -> NewStore:
        path = tmp_path / "sessions" / "sessions.db"
        return lambda: SQLiteStore(path, clock=clock, touching=Touching(0))


@pytest.mark.stores("sqlite")
class TestSQLiteStoreThatPutsRenewalOff(TimeContract):
    @pytest.fixture
    def new_store(self, tmp_path: Path, clock: ManualClock) -> NewStore:
        return lambda: SQLiteStore(tmp_path / "sessions" / "sessions.db", clock=clock)


@pytest.mark.stores("sqlite")
class TestSQLiteStoreWhoseFileIsDamaged(OutageContract):
    @pytest.fixture
    def new_store(self, tmp_path: Path, clock: ManualClock) -> NewStore:
        path = tmp_path / "sessions.db"
        path.write_bytes(b"no database" * 1000)
        path.chmod(0o600)
        return lambda: SQLiteStore(path, clock=clock)


@pytest.mark.stores("memory")
class TestMemoryStore(StoreContract, OwnerIndexContract, ListContract, PurgeContract):
    @pytest.fixture
    def new_store(self, clock: ManualClock) -> NewStore:
        # Its data is the object's own, so that all callers share one.
        store = MemoryStore(clock=clock)
        return lambda: store


@pytest.mark.stores("redis")
class TestRedisStore(
    StoreContract,
    OwnerIndexContract,
    ListContract,
    RereadContract,
    ForeignRecordsContract,
    NoticesContract,
):
    own_clock = True

    @pytest.fixture
    def file_foreign(self, valkey: Valkey) -> FileForeign:
        return filed_in_redis(valkey)

    @pytest.fixture
    def new_store(self, redis_url: str) -> NewStore:
        return lambda: RedisStore(redis_url)


@pytest.mark.stores("redis")
class TestRedisStoreWithoutAServer(OutageContract):
    @pytest.fixture
    def new_store(self) -> NewStore:
        url = f"redis://127.0.0.1:{free_port()}/0"
        return lambda: RedisStore(url)
