"""Fixtures of the fault tests: a store whose server is behind a proxy."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samesession.core.store import Colour
from tests.support.backend import Servers, is_in_run, part_of
from tests.support.clock import Clock

from .networks.base import Network, network_of
from .proxy import Proxy, proxied

_LEFT = "ignore:unclosed <socket:ResourceWarning"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the faults that a store does not have: `Network` says which it has."""
    kept = [item for item in items if _has_fault(item)]
    if len(kept) < len(items):
        found = set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item not in found])
        items[:] = kept


def _has_fault(item: pytest.Item) -> bool:
    own: Any = getattr(item, "callspec", None)  # Any: as pytest has it
    params = {} if own is None else own.params
    if not {"store_name", "fault_name"} <= params.keys() or not is_in_run(params["store_name"]):
        return True
    network, fault = network_of(params["store_name"]), params["fault_name"]
    admitted = (fault, params.get("colour", Colour.ASYNC)) in network.unbounded
    return fault in network.faults() and not admitted


@pytest.fixture
def network(
    request: pytest.FixtureRequest,
    store_name: str,
    servers: Servers,
    tmp_path: Path,
    clock: Clock,
) -> Iterator[Network]:
    """Give the store, empty, and what its server might say."""
    part = part_of(store_name)(store_name, clock, tmp_path, servers[store_name])
    part.empty()
    found = network_of(store_name)(part)
    if found.leaves_sockets:
        request.node.add_marker(pytest.mark.filterwarnings(_LEFT))
    yield found
    if found.leaves_sockets:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()  # so that no other test is told


@pytest.fixture
def proxy(network: Network) -> Iterator[Proxy]:
    with proxied(network.port) as between:
        yield between
