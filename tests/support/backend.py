"""A place where sessions are stored, that a test can look into.

What is particular to a store is its `Part`, in a module of its own that is
imported when a test runs over that store: `PARTS` says which. A server is
started when the first test asks for it, once a run.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, cast

from samesession.core.store import Store

from .clock import Clock
from .spy import SpyStore, spy_on

SERVER_STORES = ("filesystem", "memory", "redis", "sqlite")
ALL_STORES = (*SERVER_STORES, "cookie")
# Stores that keep the application's time: what ends a session can be tested on a frozen clock.
CLOCKED_STORES = ("filesystem", "memory", "sqlite")

# A store's name in the suite to the module beside this one that has its `Part`.
PARTS = {
    "cookie": "embedded:CookiePart",
    "dynamodb": "dynamodb:DynamoDBPart",
    "filesystem": "embedded:FilePart",
    "memcached": "memcached:MemcachedPart",
    "memory": "embedded:MemoryPart",
    "mongodb": "mongodb:MongoPart",
    "redis": "valkey:ValkeyPart",
    "sqlite": "embedded:SQLitePart",
    "sqlalchemy-sqlite": "sql:SQLPart",
    "postgresql": "sql:SQLPart",
    "mariadb": "sql:SQLPart",
    "mysql": "sql:SQLPart",
    "cluster": "redis_topologies:TopologyPart",
    "sentinel": "redis_topologies:TopologyPart",
    "redis7": "redis_topologies:TopologyPart",
    "redis62": "redis_topologies:TopologyPart",
}
# What needs no server that the suite does not bring: the stores of a run without `CHOSEN`.
USUAL_STORES = (*ALL_STORES, "sqlalchemy-sqlite")
# Seconds for an operation on a server, where no test measures it: the machine may be busy.
UNHURRIED = 10.0
# SAMESESSION_STORES=postgresql,... : the stores that tests about all server-side stores run over.
CHOSEN = tuple(filter(None, os.environ.get("SAMESESSION_STORES", "").split(",")))


@dataclass
class Part:
    """How the suite uses one store; the defaults fit one without a server."""

    name: str
    clock: Clock
    directory: Path  # the test's own; it need not exist
    server: Any = None  # what `serve` gave, whatever that is

    # Whether it takes the application's clock, so that a test decides what time it is.
    clocked: ClassVar[bool] = True
    # In how many ticks of an event loop it does what a store in this process does in one.
    slowness: ClassVar[int] = 1
    # How many files its connections may keep open.
    open_files: ClassVar[int] = 0
    # Whether it has an owner index: what lists or ends a user's sessions needs one.
    owners: ClassVar[bool] = True
    # Whether it can list what it holds: to end every session needs one.
    lists: ClassVar[bool] = True
    # Whether what has expired must be purged: a server may delete it by itself, in its own time.
    purges: ClassVar[bool] = True

    @classmethod
    def serve(cls, name: str) -> AbstractContextManager[Any]:  # Any: see `server`
        """Run the store's server, on a free port of the loopback interface, for a whole run."""
        return nullcontext()

    def empty(self) -> None:
        """Make the server as good as new, before a test."""

    def settings(self) -> dict[str, Any]:  # Any: app.config
        """Give the settings by which an application uses this store."""
        return {"SESSION_TYPE": self.name}

    def given(self) -> Store | None:
        """Give the store object that an application needs, where the settings do not do."""
        return None

    def store(self) -> Store:
        """Make a store object that sees the same records."""
        raise NotImplementedError

    def records(self) -> dict[str, bytes]:
        """Give what is stored of sessions, by the name that the store files it under."""
        raise NotImplementedError

    def plant(self, name: str, record: bytes) -> None:
        """Put bytes in the place of a stored record, as an operator of the store can."""
        raise NotImplementedError

    def hasten(self, seconds: int) -> None:
        """Bring each record's end nearer, where the server keeps the time; Redis: see races."""

    def dump(self) -> bytes:
        """Give all that the store holds, names and indexes too."""
        raise NotImplementedError


def part_of(name: str) -> type[Part]:
    """Import what is particular to a store."""
    module, _, attribute = PARTS[name].partition(":")
    return cast("type[Part]", getattr(import_module(f"tests.support.{module}"), attribute))


def stores_over(named: tuple[str, ...] | None) -> tuple[str, ...]:
    """Say over which stores a test runs whose `stores` marker names these; None: it has none."""
    asked = SERVER_STORES if named is None else named
    if not CHOSEN:
        return asked
    if set(SERVER_STORES) <= set(asked):
        more = CHOSEN
    elif set(CLOCKED_STORES) <= set(asked):
        more = tuple(name for name in CHOSEN if part_of(name).clocked)
    else:
        more = ()
    return tuple(dict.fromkeys((*asked, *more)))


def is_in_run(name: str) -> bool:
    """Say whether this run has a store at all."""
    return name in (CHOSEN or USUAL_STORES)


class Servers:
    """The run's servers, each started when it is first asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._running: dict[str, Any] = {}

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> Any:
        if name not in self._running:
            self._running[name] = self._stack.enter_context(part_of(name).serve(name))
        return self._running[name]


class Backend:
    """One store, for as many applications as a test makes."""

    def __init__(self, name: str, *, clock: Clock, directory: Path, servers: Servers) -> None:
        self.name = name
        self.clock = clock
        self.directory = directory
        self.part = part_of(name)(name, clock, directory, servers[name])
        self.part.empty()

    @property
    def settings(self) -> dict[str, Any]:
        return self.part.settings()

    @property
    def given(self) -> Store | None:
        return self.part.given()

    @property
    def redis_servers(self) -> list[Any]:
        """The servers of the Redis family that hold the records now; each gives a `client`."""
        found: list[Any] = getattr(self.part, "masters", [])
        return found

    def store(self) -> Store:
        return self.part.store()

    def spy(self) -> SpyStore:
        return spy_on(self.store())

    def records(self) -> dict[str, bytes]:
        return self.part.records()
