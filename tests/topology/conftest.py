"""Redis as several processes, started once a run where tests leave them whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.backend import Servers
from tests.support.redis_process import (
    Cluster,
    Sentinels,
    cluster,
    sentinels,
    until,
    valkey_binary,
)


@pytest.fixture
def shared_cluster(servers: Servers) -> Cluster:
    """Give the run's Cluster, emptied; its slots stay covered."""
    found: Cluster = servers["cluster"]
    for node in found.nodes:
        node.do("FLUSHALL")
    return found


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """Give a Cluster to break, which each test leaves whole again, though without its data."""
    with cluster(valkey_binary()) as made:
        yield made


@pytest.fixture
def shared_sentinels(servers: Servers) -> Sentinels:
    """Give the run's Sentinels and servers; who is master may change, both stay alive."""
    found: Sentinels = servers["sentinel"]
    until(found.is_ready, "the Sentinels agree")
    return found


@pytest.fixture
def own_sentinels() -> Iterator[Sentinels]:
    """Give a master, a replica and their Sentinels, to break."""
    with sentinels(valkey_binary()) as made:
        yield made
