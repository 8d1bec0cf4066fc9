"""Count the commands that reach Redis: what scripts do there inside is not counted."""

from __future__ import annotations

from typing import Any

import redis

from .calls import Caller

_MARK = "the-benchmark-ends-here"
_GREETINGS = ("HELLO", "CLIENT", "SELECT", "AUTH", "PING")


def counted(url: str, caller: Caller, path: str, cookie: str | None, *, times: int = 8) -> float:
    """Send a request so many times; give the commands of one time."""
    client = redis.Redis.from_url(url)
    watcher: Any = redis.Redis.from_url(url)
    seen = 0
    with watcher.monitor() as monitor:
        for _ in range(times):
            _ = caller.once(path, cookie)
        _ = client.echo(_MARK)
        for told in monitor.listen():
            if _MARK in told["command"]:
                break
            name = told["command"].partition(" ")[0].upper()
            if told["client_type"] != "lua" and name not in _GREETINGS:
                seen += 1
    client.close()
    watcher.close()
    return seen / times
