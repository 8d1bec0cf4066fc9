"""The stores that need no server: files, memory, and the cookie."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from samesession.core.idle_renewal import Touching
from samesession.core.store import Store
from samesession.stores.filesystem import FileStore
from samesession.stores.memory import MemoryStore

from .backend import Part


@dataclass
class MemoryPart(Part):
    kept: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        self.kept = MemoryStore(clock=self.clock)

    def given(self) -> Store:
        return self.kept

    def store(self) -> Store:
        return self.kept

    def records(self) -> dict[str, bytes]:
        return {key: record for key, (record, _) in self.kept._records.items()}

    def plant(self, name: str, record: bytes) -> None:
        _, expires = self.kept._records[name]
        self.kept._records[name] = (record, expires)

    def dump(self) -> bytes:
        names = [*self.kept._records, *(repr(owned) for owned in self.kept._owned.items())]
        return b"".join([*map(str.encode, names), *self.records().values()])


@dataclass
class FilePart(Part):
    def settings(self) -> dict[str, Any]:
        return {
            "SESSION_TYPE": "filesystem",
            "SESSION_FILE_DIR": str(self.directory),
            "SESSION_TOUCH_INTERVAL": 0,  # or the tests could not tell when a session ends
        }

    def store(self) -> Store:
        return FileStore(self.directory, clock=self.clock, touching=Touching(0))

    def records(self) -> dict[str, bytes]:
        shards = self.directory.glob("[0-9a-f][0-9a-f]/[0-9a-f]*")
        return {path.name: path.read_bytes() for path in sorted(shards)}

    def plant(self, name: str, record: bytes) -> None:
        (path,) = self.directory.glob(f"*/{name}")
        times = path.stat()
        path.write_bytes(record)
        os.utime(path, (times.st_atime, times.st_mtime))

    def dump(self) -> bytes:
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        return b"".join(path.read_bytes() + str(path).encode() for path in files)


@dataclass
class CookiePart(Part):
    def records(self) -> dict[str, bytes]:
        return {}
