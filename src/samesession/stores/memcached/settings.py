"""The settings of the memcached store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...reading_settings import anything, setting

HELP = (
    'write SESSION_MEMCACHED = "127.0.0.1:11211", "unix:/path/to/socket", a list of such '
    "servers, or a client of pymemcache"
)
_SERVER = 'write SESSION_MEMCACHED = "127.0.0.1:11211"'


@dataclass(frozen=True, slots=True)
class MemcachedSettings:
    """The servers that keep the sessions."""

    source: Any = setting(
        "SESSION_MEMCACHED",
        anything,
        default=None,
        secret=True,
        doc='A server such as `"127.0.0.1:11211"`, or a list of servers: see '
        "[memcached](../stores/memcached.md).",
        needed=HELP,
    )

    write_instead: ClassVar = {
        "SESSION_MEMCACHED_HOST": _SERVER,
        "SESSION_MEMCACHED_PORT": _SERVER,
    }
