"""Fixtures of all tests: servers started once a run, and sites by framework and store.

SAMESESSION_FRAMEWORKS (default "flask,quart") names the frameworks that are
installed; tests of another are deselected, and none is imported for them.
SAMESESSION_STORES names the stores of this run in place of the usual ones: tests
about all server-side stores run over these, tests of other stores are deselected.
SAMESESSION_CASES says how many cases each scenario has: see tests/support/spread.py.
What only a session of nox of its own has is named by a mark, and deselected without the
variable that the session sets: see NEEDED.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from tests.support.backend import CHOSEN, Backend, Servers, is_in_run, part_of, stores_over
from tests.support.clock import Clock, Entropy
from tests.support.server import Valkey, running
from tests.support.site import Site
from tests.support.spread import HOW, chosen, place_of

pytest_plugins = ("pytester", "samesession.pytest_plugin", "tests.support.leftovers")

FRAMEWORKS = ("flask", "quart")
# What a mark asks for, by the variable that says it is there.
NEEDED = {
    "browser": "SAMESESSION_BROWSER",  # a Chromium's program
    "deployments": "SAMESESSION_DEPLOYMENTS",  # servers of others
}
# A busy machine, or a tracer, is slow, and that is not what a property is about.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
INSTALLED = tuple(os.environ.get("SAMESESSION_FRAMEWORKS", "flask,quart").split(","))


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "stores(*names): the stores that a test is about; default: all server-side ones",
        "owners: the test needs a store with an owner index",
        "lists: the test needs a store that can list what it holds",
        "purges: the test needs a store that must be purged",
        "browser: the test needs a real browser: `nox -s browser`",
        "deployments: the test needs servers of others: `nox -s deployments`",
        "needs(*frameworks): deselect the test where one of these is not installed",
    ):
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "framework" in metafunc.fixturenames:
        metafunc.parametrize("framework", [each for each in FRAMEWORKS if each in INSTALLED])
    if "store_name" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("stores")
        names = stores_over(None if marker is None else marker.args)
        metafunc.parametrize("store_name", names)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = [each for each in items if _has_frameworks(each) and _has_store(each)]
    kept = _some_cases([each for each in here if _has_needed(each)])
    if len(kept) < len(items):
        found = set(kept)
        config.hook.pytest_deselected(items=[each for each in items if each not in found])
        items[:] = kept


def _some_cases(items: list[pytest.Item]) -> list[pytest.Item]:
    places = [place_of(each.nodeid.partition("[")[0], _params(each)) for each in items]
    run: set[Any] = {*chosen(filter(None, places))}
    if HOW != "rest":
        run.add(None)  # what is not of a scenario
    return [each for each, place in zip(items, places, strict=True) if place in run]


def _params(item: pytest.Item) -> dict[str, Any]:  # Any: as pytest has it
    own = getattr(item, "callspec", None)
    return {} if own is None else own.params


def _has_frameworks(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("needs")
    needed = set() if marker is None else set(marker.args)
    chosen = _params(item).get("framework")
    if chosen is not None:
        # "needs" on a parametrised test says which of the frameworks it is about.
        if marker is not None and chosen not in marker.args:
            return False
        needed = needed | {chosen}
    return needed <= set(INSTALLED)


def _fits(item: pytest.Item, store: str) -> bool:
    # Here and not where a test is multiplied: the mark may be one parameter's alone.
    part = part_of(store)
    lacks = {"owners": not part.owners, "lists": not part.lists, "purges": not part.purges}
    return not any(lacking and item.get_closest_marker(name) for name, lacking in lacks.items())


def _has_store(item: pytest.Item) -> bool:
    chosen = _params(item).get("store_name")
    if chosen is not None:
        return is_in_run(chosen) and _fits(item, chosen)
    marker = item.get_closest_marker("stores")
    if marker is None:
        return not CHOSEN  # about no store at all
    return any(is_in_run(name) for name in marker.args)


def _has_needed(item: pytest.Item) -> bool:
    return all(
        os.environ.get(variable) or not item.get_closest_marker(mark)
        for mark, variable in NEEDED.items()
    )


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Give the run's servers by store name, started as they are asked for."""
    with Servers() as found:
        yield found


@pytest.fixture(scope="session")
def valkey(servers: Servers) -> Valkey:
    """Give the run's Valkey; `backend` empties it for each test."""
    server: Valkey = servers["redis"]
    return server


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
def backend(store_name: str, clock: Clock, tmp_path: Path, servers: Servers) -> Backend:
    """Give the test's store, empty."""
    return Backend(store_name, clock=clock, directory=tmp_path / "sessions", servers=servers)


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
