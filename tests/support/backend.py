"""A place where sessions are stored, that a test can look into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samesession.core.store import Store
from samesession.stores.filesystem import FileStore
from samesession.stores.memory import MemoryStore
from samesession.stores.redis import RedisStore

from .clock import Clock
from .server import Valkey
from .spy import SpyStore

SERVER_STORES = ("filesystem", "memory", "redis")
ALL_STORES = (*SERVER_STORES, "cookie")


class Backend:
    """One store, for as many applications as a test makes."""

    def __init__(
        self, name: str, *, clock: Clock, directory: Path, valkey: Valkey | None = None
    ) -> None:
        self.name = name
        self.clock = clock
        self.directory = directory
        self.valkey = valkey
        self._memory = MemoryStore(clock=clock)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by which an application uses this store."""
        found: dict[str, Any] = {"SESSION_TYPE": self.name}
        if self.name == "filesystem":
            found["SESSION_FILE_DIR"] = str(self.directory)
        if self.name == "redis":
            assert self.valkey is not None
            found["SESSION_REDIS"] = self.valkey.url
        return found

    @property
    def given(self) -> Store | None:
        """The store object that an application must be given, if the settings do not do."""
        return self._memory if self.name == "memory" else None

    def store(self) -> Store:
        """Make a store object that sees the same records."""
        match self.name:
            case "memory":
                return self._memory
            case "filesystem":
                return FileStore(self.directory, clock=self.clock)
            case _:
                assert self.valkey is not None
                return RedisStore(self.valkey.url)

    def spy(self) -> SpyStore:
        return SpyStore(self.store())

    def records(self) -> dict[str, bytes]:
        """Give what is stored of sessions, by the name that the store files it under."""
        match self.name:
            case "memory":
                return {key: record for key, (record, _) in self._memory._records.items()}
            case "filesystem":
                shards = self.directory.glob("[0-9a-f][0-9a-f]/[0-9a-f]*")
                return {path.name: path.read_bytes() for path in sorted(shards)}
            case "redis":
                assert self.valkey is not None
                return self.valkey.records()
            case _:
                return {}
