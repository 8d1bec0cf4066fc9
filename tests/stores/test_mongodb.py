"""The mongodb store passes the published contract, and minds what MongoDB does its own way."""

from __future__ import annotations

from pathlib import Path

import pytest

from samesession.core.touch import Touching
from samesession.stores.mongodb import MongoStore
from samesession.testing import (
    ManualClock,
    NewStore,
    OutageContract,
    OwnerIndexContract,
    PurgeContract,
    StoreContract,
)
from samesession.testing.time import TimeContract
from tests.support.backend import Servers
from tests.support.mongodb import MongoPart
from tests.support.server import free_port

pytestmark = pytest.mark.stores("mongodb")


@pytest.fixture
def part(servers: Servers, tmp_path: Path, clock: ManualClock) -> MongoPart:
    """Give the database, empty."""
    found = MongoPart("mongodb", clock, tmp_path, servers["mongodb"])  # type: ignore[arg-type]  # the contract's clock
    found.empty()
    return found


class TestMongoStore(StoreContract, OwnerIndexContract, PurgeContract):
    @pytest.fixture
    def new_store(self, part: MongoPart) -> NewStore:
        return part.store


class TestMongoStoreThatPutsRenewalOff(TimeContract):
    @pytest.fixture
    def new_store(self, part: MongoPart) -> NewStore:
        return lambda: part.opened(touching=Touching())


class TestMongoStoreWithoutAServer(OutageContract):
    within = 1.0

    @pytest.fixture
    def new_store(self) -> NewStore:
        url = f"mongodb://127.0.0.1:{free_port()}/"
        return lambda: MongoStore(url, timeout=0.5)
