"""The file store with few and many records, purging beside requests, and bytes in Redis."""

from __future__ import annotations

import os
import random
import resource
import secrets
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from samesession.core import codec
from samesession.core.record import Record, Sealer, revision_of
from samesession.core.store import Lifetimes
from samesession.core.token import text
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore
from samesession.stores.filesystem.store import _name
from samesession.stores.filesystem.versions import Version, encoded, last_whole

from .data import SIZES, session_of
from .rounds import Contestant

LIFETIMES = Lifetimes(3600, 3600)
SMALL, MIDDLE, LARGE = 1_000, 100_000, 1_000_000
_SAMPLE = 1_000
_SEALER = Sealer([b"k" * 32], "session:", "session", max_bytes=1 << 20)


def scaled(directory: str, counts: Sequence[int], *, rounds: int) -> dict[str, float]:
    """Fill one store step by step and measure it at each; at last purge half of it."""
    store = FileStore(directory)
    keys: list[str] = []
    found: dict[str, float] = {}
    for count in counts:
        _fill(directory, keys, count)
        chosen = random.Random(1).sample(keys, min(_SAMPLE, count))
        for name, cost in _latencies(store, chosen, rounds).items():
            found[f"{count:,} records: {name}, us"] = cost
    found.update(_purged(store, directory, keys))
    return found


def _fill(directory: str, keys: list[str], count: int) -> None:
    """Write records as the store would, without what makes it safe for others beside."""
    payload = codec.encode(session_of(0.2))
    expires = int(time.time() + 3600) * 1_000_000_000
    make_shards(directory)
    while len(keys) < count:
        sid = text(secrets.token_bytes(16))
        key = f"session:{sid}"
        keys.append(key)
        record = Record(sid, bytes(24), 1, False, int(time.time()), 0, 0, 0, None, payload)
        write_file(directory, key, _SEALER.seal(key, record), expires)


def make_shards(directory: str) -> None:
    """Make the directories of all records' files."""
    for shard in range(256):
        os.makedirs(f"{directory}/{shard:02x}", mode=0o700, exist_ok=True)


def write_file(directory: str, key: str, sealed: bytes, expires: int) -> None:
    """Write a record's file as the store would; its directory must be there."""
    name = _name(key)
    fd = os.open(f"{directory}/{name[:2]}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    _ = os.write(fd, encoded(Version(sealed, expires, expires)))
    os.utime(fd, ns=(expires, expires))
    os.close(fd)


def _latencies(store: FileStore, keys: Sequence[str], rounds: int) -> dict[str, float]:
    """Give the medians of a load's and a commit's CPU time, and a load's 99th percentile."""
    _ = [run(store.load(key, renew=LIFETIMES)) for key in keys]
    loads, commits, tails = list[float](), list[float](), list[float]()
    for _ in range(rounds):
        waits: list[float] = []
        started = time.process_time()
        for key in keys:
            before = time.perf_counter()
            _ = run(store.load(key, renew=LIFETIMES))
            waits.append(time.perf_counter() - before)
        loads.append((time.process_time() - started) / len(keys) * 1e6)
        tails.append(quantiles(waits, n=100)[-1] * 1e6)
        some = keys[: len(keys) // 5]
        records = [run(store.load(key, renew=None)) for key in some]
        started = time.process_time()
        for key, record in zip(some, records, strict=True):
            assert record is not None
            _ = run(store.commit(key, record, expected=revision_of(record), renew=LIFETIMES))
        commits.append((time.process_time() - started) / len(some) * 1e6)
    return {"load": median(loads), "load p99": median(tails), "commit": median(commits)}


class _Requests(threading.Thread):
    """Loads live sessions, 200 a second, while something else goes on."""

    def __init__(self, store: FileStore, keys: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._store = store
        self._keys = keys
        self._over = threading.Event()
        self.waits: list[float] = []

    def run(self) -> None:
        for number in range(1 << 40):
            if self._over.wait(0.005):
                return
            started = time.perf_counter()
            _ = run(self._store.load(self._keys[number % len(self._keys)], renew=LIFETIMES))
            self.waits.append(time.perf_counter() - started)

    def end(self) -> list[float]:
        self._over.set()
        self.join()
        return self.waits


def _purged(store: FileStore, directory: str, keys: Sequence[str]) -> dict[str, float]:
    """Purge half of all records while the others are read."""
    expired, live = keys[::2], keys[1::2]
    for key in expired:
        name = _name(key)
        path = f"{directory}/{name[:2]}/{name}"
        with open(path, "rb") as file:
            version = last_whole(file.read())
        assert version is not None
        with open(path, "wb") as file:
            _ = file.write(encoded(version._replace(expires=1)))
        os.utime(path, ns=(1, 1))
    before, rested = _peak(), time.perf_counter()
    requests = _Requests(store, live[:_SAMPLE])
    requests.start()
    started = time.perf_counter()
    count = run(store.purge())
    took = time.perf_counter() - started
    del rested
    waits = requests.end()
    if count != len(expired):
        raise RuntimeError(f"{count} records were purged, {len(expired)} were expired")
    return {
        "purge: records a second, requests beside": count / took,
        "purge: memory, MB": (_peak() - before) / 1024,
        "purge: requests' median, ms": median(waits or [0.0]) * 1e3,
        "purge: requests' longest, ms": max(waits, default=0.0) * 1e3,
    }


def _peak() -> float:
    """Give the most memory that this process had so far, in kB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def bytes_in_redis(url: str, contestants: Sequence[Contestant]) -> dict[str, float]:
    """Give the memory that one session takes in Redis, key and expiry included."""
    import redis

    client: Any = redis.Redis.from_url(url)
    found: dict[str, float] = {}
    for one in contestants:
        for size in SIZES:
            client.flushall()
            answer = one.caller.once(f"/login/{size:g}", None)
            assert answer.status == 200
            (key,) = client.keys("*")
            found[f"{one.subject.name}, {size:g} kB"] = client.memory_usage(key)
    client.close()
    return found


def scratch(place: str) -> str:
    """Give a new directory for the store, on the same file system as other temporary files."""
    path = Path(place, "scale")
    path.mkdir(mode=0o700)
    return str(path)
