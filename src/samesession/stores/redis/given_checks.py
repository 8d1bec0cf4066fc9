"""Check which clients of redis-py an application may pass, and name their servers."""

from __future__ import annotations

from typing import Any, cast

import redis
import redis.asyncio

from ...core.store import Colour
from ...errors import ConfigError
from .url import location_of_one

# Any: redis-py has no type that its clients of both colours share.
Given = Any


def colour_of(given: Given) -> Colour:
    """Return a client's colour; refuse one that would return text instead of bytes, or old data."""
    if isinstance(given, redis.asyncio.Redis | redis.asyncio.RedisCluster):
        colour = Colour.ASYNC
    elif isinstance(given, redis.Redis | redis.RedisCluster):
        colour = Colour.SYNC
    else:
        raise ConfigError(
            f"SESSION_REDIS is a {type(given).__name__}: use a URL, a redis.Redis or "
            "redis.RedisCluster (Flask), or one of redis.asyncio (Quart), or of valkey-py"
        )
    known: Any = given
    if known.get_connection_kwargs().get("decode_responses"):
        raise ConfigError(
            "SESSION_REDIS is a client with decode_responses=True, which would break records, "
            "because they are bytes: create one without it"
        )
    if not getattr(getattr(given, "connection_pool", None), "is_master", True):
        raise ConfigError("SESSION_REDIS is a client of a replica: use Sentinel.master_for()")
    if getattr(given, "read_from_replicas", False) or getattr(
        given, "load_balancing_strategy", None
    ):
        raise ConfigError(
            "SESSION_REDIS is a client that reads from replicas, where a session still exists for "
            "a while after its end: create one without read_from_replicas"
        )
    return colour


def location_of(given: Given) -> str:
    """Name a client's servers and database, without a user or password."""
    if isinstance(given, redis.RedisCluster | redis.asyncio.RedisCluster):
        known: Any = cast("Any", given).nodes_manager.startup_nodes
        hosts = {f"{node.host}:{node.port}" for node in known.values()}
        return f"redis+cluster://{','.join(sorted(hosts))}"
    pool = given.connection_pool
    service = getattr(pool, "service_name", None)
    if service is not None:
        return f"the service {service} of Redis Sentinels"
    return location_of_one(pool.connection_kwargs)
