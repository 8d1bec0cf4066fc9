"""Where sessions are kept: real servers and files, which both libraries are told of."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import memcached
from tests.support.server import Valkey, running

_NEVER = struct.pack("I", 0)  # when a file of cachelib's expires
_YEARS = "2999-01-01 00:00:00.000000"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A store as the other library is told of it, as ours is, and how to write into it."""

    name: str
    theirs: dict[str, Any] = field(default_factory=dict)
    clients: dict[str, str] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)

    def plant(self, key: str, record: bytes) -> None:
        """Store a record as an attacker does who can write to the store."""
        raise NotImplementedError

    def record(self, key: str) -> bytes:
        """Return what the other library stored."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class InCookie(Place):
    """No store: the framework's own cookie."""


@dataclass(frozen=True, kw_only=True)
class InRedis(Place):
    server: Valkey

    def plant(self, key: str, record: bytes) -> None:
        with self.server.client() as client:
            client.set(key, record)

    def record(self, key: str) -> bytes:
        return self.server.value(key.encode()) or b""


@dataclass(frozen=True, kw_only=True)
class InMemcached(Place):
    server: memcached.Memcached

    def plant(self, key: str, record: bytes) -> None:
        answer = self.server.say(b"set %b 0 0 %d\r\n%b" % (key.encode(), len(record), record))
        assert answer == b"STORED\r\n"

    def record(self, key: str) -> bytes:
        return self.server.value(key.encode())


@dataclass(frozen=True, kw_only=True)
class InSQLite(Place):
    file: Path

    def plant(self, key: str, record: bytes) -> None:
        row = "REPLACE INTO sessions (session_id, data, expiry) VALUES (?, ?, ?)"
        connection = sqlite3.connect(self.file)
        with connection:
            connection.execute(row, (key, record, _YEARS))
        connection.close()


@dataclass(frozen=True, kw_only=True)
class InFiles(Place):
    directory: Path

    def plant(self, key: str, record: bytes) -> None:
        # Releases of cachelib differ in how they name a file.
        for hashed in (hashlib.md5, hashlib.sha256):
            name = hashed(key.encode(), usedforsecurity=False).hexdigest()
            (self.directory / name).write_bytes(_NEVER + record)


@contextmanager
def place(name: str, work: Path) -> Iterator[Place]:
    """Have a store by its name, with nobody else's sessions; files are below `work`."""
    match name:
        case "cookie":
            own = {"SESSION_TYPE": "filesystem", "SESSION_FILE_DIR": str(work / "own")}
            yield InCookie(name=name, ours=own)
        case "redis":
            with running() as valkey:
                yield _redis(valkey)
        case "memcached":
            with memcached.running() as cache:
                yield _memcached(cache)
        case "sqlalchemy":
            yield _sql(work / "sessions.db")
        case _:
            yield _files(name, work)


def _redis(server: Valkey) -> Place:
    return InRedis(
        name="redis",
        theirs={"SESSION_TYPE": "redis", "SESSION_URI": server.url},
        clients={"redis": server.url},
        ours={"SESSION_TYPE": "redis", "SESSION_REDIS": server.url},
        server=server,
    )


def _memcached(server: memcached.Memcached) -> Place:
    host = {"SESSION_MEMCACHED_HOST": "127.0.0.1", "SESSION_MEMCACHED_PORT": server.port}
    return InMemcached(
        name="memcached",
        theirs={"SESSION_TYPE": "memcached", **host},
        clients={"memcached": server.address},
        ours={"SESSION_TYPE": "memcached", "SESSION_MEMCACHED": server.address},
        server=server,
    )


def _sql(file: Path) -> Place:
    url = f"sqlite:///{file}"
    ours = {"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": url}
    return InSQLite(
        name="sqlalchemy",
        theirs={"SESSION_TYPE": "sqlalchemy"},
        clients={"sql": url},
        ours={**ours, "SESSION_SQLALCHEMY_CREATE": True},
        file=file,
    )


def _files(name: str, work: Path) -> Place:
    theirs = work / "theirs"
    clients = {"cachelib": str(theirs)} if name == "cachelib" else {}
    return InFiles(
        name=name,
        theirs={"SESSION_TYPE": name, "SESSION_FILE_DIR": str(theirs)},
        clients=clients,
        ours={"SESSION_TYPE": "filesystem", "SESSION_FILE_DIR": str(work / "own")},
        directory=theirs,
    )
