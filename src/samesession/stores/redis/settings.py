"""The settings of the Redis store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...reading_settings import anything, setting


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """The Redis or Valkey that keeps the sessions."""

    source: Any = setting(
        "SESSION_REDIS",
        anything,
        default=None,
        secret=True,
        shown="none",
        doc="The server: a URL (`redis://`, `rediss://`, `unix://`, `redis+sentinel://`, "
        "`redis+cluster://`), or a client of redis-py without `decode_responses`.",
        needed='write a URL such as "redis://127.0.0.1:6379/0", or use a client',
    )

    write_instead: ClassVar = {"SESSION_URI": 'write SESSION_REDIS = "redis://127.0.0.1:6379/0"'}
    types_instead: ClassVar = {
        "redis+trio": "write 'redis', and run Quart on asyncio",
        "valkey": "write 'redis', which serves Valkey, too",
    }
    meant: ClassVar = dict.fromkeys(
        ("CLIENT", "HOST", "PASSWORD", "PORT", "URL", "VALKEY"), "SESSION_REDIS"
    )
