"""Create a client like the application's, for another process or loop.

A client serves the process and loop that used it first. Its connections must never be shared with
another. redis-py cannot copy a client, but its parts have public names.
"""

from __future__ import annotations

import inspect
from copy import copy
from typing import Any, cast

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode

from .given_checks import Given


def another(given: Given) -> Given:
    """Return a client like the given one, or the same one if it may be shared."""
    if isinstance(given, redis.RedisCluster):
        return given  # its pools notice a fork, and all threads can share it
    if isinstance(given, redis.asyncio.RedisCluster):
        return _another_cluster(given)
    pool = given.connection_pool
    options = {
        "connection_class": pool.connection_class,
        "max_connections": pool.max_connections,
        **pool.connection_kwargs,
    }
    kind = cast("Any", type(given))
    if not hasattr(pool, "sentinel_manager"):
        return kind.from_pool(type(pool)(**options))
    del options["connection_pool"]
    manager = copy(pool.sentinel_manager)
    manager.sentinels = [another(each) for each in manager.sentinels]
    check = getattr(pool, "check_connection", False)
    return kind.from_pool(type(pool)(pool.service_name, manager, check_connection=check, **options))


def _another_cluster(given: Any) -> Given:
    known = inspect.signature(type(given).__init__).parameters
    had = given.get_connection_kwargs()
    seeds: list[Any] = [
        ClusterNode(node.host, node.port) for node in given.nodes_manager.startup_nodes.values()
    ]
    return type(given)(
        startup_nodes=seeds,
        ssl=issubclass(had["connection_class"], redis.asyncio.SSLConnection),
        require_full_coverage=given.nodes_manager.require_full_coverage,
        reinitialize_steps=given.reinitialize_steps,
        address_remap=given.nodes_manager.address_remap,
        **{name: value for name, value in had.items() if name in known},
    )
