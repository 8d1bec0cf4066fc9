"""The redis store, on a Valkey."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from samesession.core.store import Store
from samesession.stores.redis import RedisStore

from .backend import Part
from .server import Valkey, running


@dataclass
class ValkeyPart(Part):
    clocked: ClassVar[bool] = False

    @classmethod
    def serve(cls, name: str) -> AbstractContextManager[Valkey]:
        return running()

    @property
    def masters(self) -> list[Valkey]:
        return [self.server]

    def empty(self) -> None:
        self.server.flush()

    def settings(self) -> dict[str, Any]:
        return {"SESSION_TYPE": "redis", "SESSION_REDIS": self.server.url}

    def store(self) -> Store:
        return RedisStore(self.server.url)

    def records(self) -> dict[str, bytes]:
        found: dict[str, bytes] = self.server.records()
        return found

    def plant(self, name: str, record: bytes) -> None:
        with self.server.client() as client:
            client.set(name, record, keepttl=True)

    def dump(self) -> bytes:
        with self.server.client() as client:
            return b"".join(
                bytes(key) + bytes(client.dump(key) or b"") for key in client.scan_iter()
            )
