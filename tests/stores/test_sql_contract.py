"""The sqlalchemy store passes the published contract on every database."""

from __future__ import annotations

from pathlib import Path

import pytest

from samesession.core.idle_renewal import Touching
from samesession.stores.sqlalchemy import SQLStore
from samesession.testing import (
    FileForeign,
    ForeignRecordsContract,
    ListContract,
    ManualClock,
    NewStore,
    OutageContract,
    OwnerIndexContract,
    PurgeContract,
    StoreContract,
)
from samesession.testing.time import TimeContract
from tests.support.foreign import filed_in_sql
from tests.support.server import free_port
from tests.support.sql import SQLPart

pytestmark = pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")


class TestSQLStore(
    StoreContract, OwnerIndexContract, ListContract, PurgeContract, ForeignRecordsContract
):
    @pytest.fixture
    def file_foreign(self, part: SQLPart, clock: ManualClock) -> FileForeign:
        return filed_in_sql(part.url, clock)

    @pytest.fixture
    def new_store(self, part: SQLPart) -> NewStore:
        return part.store


class TestSQLStoreThatPutsRenewalOff(TimeContract):
    @pytest.fixture
    def new_store(self, part: SQLPart, clock: ManualClock) -> NewStore:
        return lambda: SQLStore(part.url, clock=clock, touching=Touching())


UNREACHABLE = {
    "sqlalchemy-sqlite": "sqlite:///{path}",
    "postgresql": "postgresql://app@127.0.0.1:{port}/app",
    "mariadb": "mysql://app@127.0.0.1:{port}/app",
    "mysql": "mysql://app@127.0.0.1:{port}/app",
}


class TestSQLStoreWithoutADatabase(OutageContract):
    @pytest.fixture
    def new_store(self, store_name: str, tmp_path: Path) -> NewStore:
        # Not a missing file: aiosqlite's thread would report to an event loop that is closed.
        damaged = tmp_path / "damaged.db"
        damaged.write_bytes(b"no database" * 1000)
        url = UNREACHABLE[store_name].format(port=free_port(), path=damaged)
        return lambda: SQLStore(url)
