"""The redis store where it is more than one process, and on other servers than the suite's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from samesession.core.store import Store
from samesession.stores.redis import RedisStore

from .backend import UNHURRIED, Part
from .redis_process import (
    Program,
    cluster,
    debian_binary,
    oldest_binary,
    program,
    sentinels,
    valkey_binary,
)

_SERVED: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "cluster": lambda: cluster(valkey_binary()),
    "sentinel": lambda: sentinels(valkey_binary()),
    "redis7": lambda: program(debian_binary()),
    "redis62": lambda: program(oldest_binary()),
}


@dataclass
class TopologyPart(Part):
    clocked: ClassVar[bool] = False

    @classmethod
    def serve(cls, name: str) -> AbstractContextManager[Any]:
        return _SERVED[name]()

    @property
    def url(self) -> str:
        if isinstance(self.server, Program):
            return f"redis://127.0.0.1:{self.server.port}/0"
        return str(self.server.url)

    @property
    def masters(self) -> list[Program]:
        match self.name:
            case "cluster":
                return list(self.server.nodes)
            case "sentinel":
                return [self.server.master]
            case _:
                return [self.server]

    def empty(self) -> None:
        for each in self.masters:
            each.do("FLUSHALL")

    def settings(self) -> dict[str, Any]:
        return {
            "SESSION_TYPE": "redis",
            "SESSION_REDIS": self.url,
            "SESSION_STORE_TIMEOUT": UNHURRIED,
        }

    def store(self) -> Store:
        return RedisStore(self.url, timeout=UNHURRIED)

    def records(self) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for each in self.masters:
            for key in each.do("KEYS", "session:*"):
                if not key.startswith(b"session:owner:"):
                    found[key.decode()] = each.do("GET", key)
        return dict(sorted(found.items()))

    def plant(self, name: str, record: bytes) -> None:
        for each in self.masters:
            if each.do("KEYS", name):  # EXISTS asks a Cluster's node for its own keys only
                each.do("SET", name, record, "KEEPTTL")
                return
        raise LookupError(name)

    def dump(self) -> bytes:
        return b"".join(
            key + (each.do("DUMP", key) or b"")
            for each in self.masters
            for key in each.do("KEYS", "*")
        )
