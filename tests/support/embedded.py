"""The stores that need no server: files, SQLite, memory, and the cookie."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from samesession.core.idle_renewal import Touching
from samesession.core.store import Store
from samesession.stores.filesystem import FileStore
from samesession.stores.filesystem.versions import Version, encoded, last_whole
from samesession.stores.memory import MemoryStore
from samesession.stores.sqlite import SQLiteStore

from .backend import UNHURRIED, Part


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
        return {path.name: _version(path).record for path in sorted(shards)}

    def plant(self, name: str, record: bytes) -> None:
        (path,) = self.directory.glob(f"*/{name}")
        times, version = path.stat(), _version(path)
        path.write_bytes(encoded(version._replace(record=record)))
        os.utime(path, (times.st_atime, times.st_mtime))

    def dump(self) -> bytes:
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        return b"".join(path.read_bytes() + str(path).encode() for path in files)


@contextmanager
def looking_at(path: Path) -> Iterator[sqlite3.Connection]:
    """Look at a file of sessions beside the library under test."""
    with closing(sqlite3.connect(path, timeout=UNHURRIED, isolation_level=None)) as connection:
        connection.text_factory = bytes
        yield connection


@dataclass
class SQLitePart(Part):
    slowness: ClassVar[int] = 10
    open_files: ClassVar[int] = 15  # five connections, each with a database, its log and index

    @property
    def path(self) -> Path:
        return self.directory / "sessions.db"

    def settings(self) -> dict[str, Any]:
        return {
            "SESSION_TYPE": "sqlite",
            "SESSION_SQLITE_FILE": str(self.path),
            "SESSION_TOUCH_INTERVAL": 0,  # or the tests could not tell when a session ends
            "SESSION_STORE_TIMEOUT": UNHURRIED,
        }

    def store(self) -> Store:
        return SQLiteStore(self.path, timeout=UNHURRIED, clock=self.clock, touching=Touching(0))

    def records(self) -> dict[str, bytes]:
        if not self.path.exists():
            return {}
        with looking_at(self.path) as connection:
            rows = connection.execute("SELECT key, record FROM sessions ORDER BY key")
            return {key.decode(): record for key, record in rows}

    def plant(self, name: str, record: bytes) -> None:
        with looking_at(self.path) as connection:
            connection.execute(
                "UPDATE sessions SET record = ? WHERE key = ?", (record, name.encode())
            )

    def dump(self) -> bytes:
        if not self.path.exists():
            return b""
        found = [path.read_bytes() for path in sorted(self.directory.iterdir())]
        with looking_at(self.path) as connection:
            for table in ("sessions", "owners"):
                for row in connection.execute(f"SELECT * FROM {table}"):
                    found += [each if isinstance(each, bytes) else b"%d" % each for each in row]
        return b"".join(found)


@dataclass
class CookiePart(Part):
    def records(self) -> dict[str, bytes]:
        return {}


def _version(path: Path) -> Version:
    found = last_whole(path.read_bytes())
    assert found is not None
    return found
