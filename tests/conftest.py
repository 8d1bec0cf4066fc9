"""Fixtures of all tests: one real Valkey a run, and sites by framework and store.

SAMESESSION_FRAMEWORKS (default "flask,quart") names the frameworks that are
installed; tests of another are deselected, and none is imported for them.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.backend import SERVER_STORES, Backend
from tests.support.clock import Clock, Entropy
from tests.support.server import Valkey, running
from tests.support.site import Site

FRAMEWORKS = ("flask", "quart")
INSTALLED = tuple(os.environ.get("SAMESESSION_FRAMEWORKS", "flask,quart").split(","))


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "stores(*names): the stores that a test's `backend` runs over; default: server-side ones",
        "needs(*frameworks): deselect the test where one of these is not installed",
    ):
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "framework" in metafunc.fixturenames:
        metafunc.parametrize("framework", FRAMEWORKS)
    if "store_name" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("stores")
        metafunc.parametrize("store_name", SERVER_STORES if marker is None else marker.args)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        marker = item.get_closest_marker("needs")
        needed = set() if marker is None else set(marker.args)
        own = getattr(item, "callspec", None)
        if own is not None and own.params.get("framework"):
            chosen = own.params["framework"]
            # "needs" on a parametrised test says which of the frameworks it is about.
            needed = needed | {chosen}
            if marker is not None and chosen not in marker.args:
                dropped.append(item)
                continue
        (kept if needed <= set(INSTALLED) else dropped).append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """Give the run's Valkey; `backend` empties it for each test."""
    with running() as server:
        yield server


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """Give a Valkey of the test's own, to stop and start; it keeps what it acknowledged."""
    with running(durable=True) as server:
        yield server


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """Give the URL of the run's Valkey, emptied."""
    valkey.flush()
    return valkey.url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def entropy() -> Entropy:
    return Entropy()


@pytest.fixture
def backend(
    store_name: str, clock: Clock, tmp_path: Path, request: pytest.FixtureRequest
) -> Backend:
    """Give the test's store, empty."""
    server: Valkey | None = None
    if store_name == "redis":
        server = request.getfixturevalue("valkey")
        server.flush()
    return Backend(store_name, clock=clock, directory=tmp_path / "sessions", valkey=server)


NewSite = Callable[..., Site]


@pytest_asyncio.fixture
async def new_site(framework: str, backend: Backend, clock: Clock) -> AsyncIterator[NewSite]:
    """Give a function that makes a site: settings by name, `options` for `Site` itself."""
    made: list[Site] = []

    def make(*, options: dict[str, Any] | None = None, **settings: Any) -> Site:  # Any: app.config
        chosen: dict[str, Any] = {"store": backend.given, "clock": clock, **(options or {})}
        name = chosen.pop("framework", framework)
        made.append(Site(name, {**backend.settings, **settings}, **chosen))
        return made[-1]

    yield make
    for site in made:
        await site.close()


@pytest_asyncio.fixture
async def site(new_site: NewSite) -> Site:
    return new_site()
