"""Fixtures of the tests of stores: who calls, and the database of a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from samesession.core.store import Colour
from samesession.testing import Caller
from tests.support.backend import Servers
from tests.support.clock import Clock
from tests.support.sql import SQLPart


@pytest.fixture(params=[Colour.SYNC, Colour.ASYNC], ids=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Give who calls a store."""
    caller = Caller(request.param)
    yield caller
    caller.close()


@pytest.fixture
def part(store_name: str, servers: Servers, tmp_path: Path, clock: Clock) -> SQLPart:
    """Give the database, with empty tables."""
    found = SQLPart(store_name, clock, tmp_path / "sessions", servers[store_name])
    found.empty()
    return found
