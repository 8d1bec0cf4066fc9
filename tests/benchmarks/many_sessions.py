"""What work on many sessions takes: an owner with 20,000 of them in a store with 1,000,000.

`python -m tests.benchmarks.many_sessions [filesystem] [sqlite] [redis] [--all N] [--owned N]`
fills each store, and does each kind of work in a process of its own under Quart: how long that
took, by how much the process grew at most, how late its event loop was at the latest, which on a
busy machine is also what other processes took, and how much CPU the loop's thread took at most
before others got their turn. In a few minutes for 100,000 sessions; a
million of files take ten, and 4 GB of the disk for temporary files.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from quart import Quart

import samesession.quart as ours
from samesession import Session
from samesession.core import codec
from samesession.core.record import Record
from samesession.core.token import text
from samesession.run.sync import run
from tests.support.many import parts_of
from tests.support.server import running

from . import scale
from .data import session_of

OWNER = "ann"
_LIFETIME = 30 * 86_400
_BATCH = 5_000  # records that are filed at once


def application(settings: dict[str, Any]) -> Quart:
    """Make an application whose sessions are in a store."""
    app = Quart("many")
    app.config.update(SECRET_KEY="k" * 40, PERMANENT_SESSION_LIFETIME=_LIFETIME, **settings)
    app.config["SESSION_STORE_TIMEOUT"] = 30  # for each batch: the machine may be busy
    Session(app)
    return app


def settings_of(store: str, place: str) -> dict[str, Any]:
    """Give the settings of a store at a place: a directory, or a URL."""
    match store:
        case "filesystem":
            return {"SESSION_TYPE": store, "SESSION_FILE_DIR": f"{place}/files"}
        case "sqlite":
            return {"SESSION_TYPE": store, "SESSION_SQLITE_FILE": f"{place}/sessions.db"}
        case _:
            return {"SESSION_TYPE": "redis", "SESSION_REDIS": place}


# --- fill ----------------------------------------------------------------------------------


def fill(store: str, settings: dict[str, Any], owned: int, everyone: int) -> None:
    """File sessions as requests would have, but many at once."""
    from flask import Flask

    app = Flask("filling")
    app.config.update(SECRET_KEY="k" * 40, PERMANENT_SESSION_LIFETIME=_LIFETIME, **settings)
    Session(app)
    filing: Any = app.session_interface.app_sessions._store  # type: ignore[attr-defined]
    _, sealer = parts_of(app)
    put = {"filesystem": _put_files, "sqlite": _put_rows}.get(store, _put_keys)(settings)
    made = _records(sealer, owned, everyone)
    first = next(made)  # by the store itself, which makes what it needs
    lifetimes = scale.LIFETIMES
    _ = run(filing.create(first[0], first[1], lifetimes=lifetimes))
    run(filing.enlist(OWNER, first[0], lifetime=2 * _LIFETIME))
    batch: list[tuple[str, bytes]] = []
    for number, (key, sealed) in enumerate(made, 1):
        batch.append((key, sealed))
        if number < owned:
            run(filing.enlist(OWNER, key, lifetime=2 * _LIFETIME))
        if len(batch) >= _BATCH:
            put(batch)
            batch.clear()
    put(batch)
    run(filing.close())


def _records(sealer: Any, owned: int, everyone: int) -> Iterator[tuple[str, bytes]]:
    payload, now = codec.encode(session_of(0.2)), int(time.time())
    for number in range(everyone):
        sid = text(secrets.token_bytes(16))
        owner, since = (OWNER, now) if number < owned else (None, 0)
        record = Record(
            sid, bytes(24), 1, False, now - number % 1000, 0, since, since, owner, payload
        )
        yield f"session:{sid}", sealer.seal(f"session:{sid}", record)


Put = Callable[[list[tuple[str, bytes]]], None]


def _put_files(settings: dict[str, Any]) -> Put:
    directory, expires = settings["SESSION_FILE_DIR"], int(time.time() + _LIFETIME) * 10**9
    scale.make_shards(directory)

    def put(batch: list[tuple[str, bytes]]) -> None:
        for key, sealed in batch:
            scale.write_file(directory, key, sealed, expires)

    return put


def _put_rows(settings: dict[str, Any]) -> Put:
    expires = int(time.time() + _LIFETIME)

    def put(batch: list[tuple[str, bytes]]) -> None:
        connection = sqlite3.connect(settings["SESSION_SQLITE_FILE"], timeout=30)
        rows = [(key.encode(), expires, sealed) for key, sealed in batch]
        with connection:
            _ = connection.executemany("INSERT INTO sessions VALUES (?, ?, ?)", rows)
        connection.close()

    return put


def _put_keys(settings: dict[str, Any]) -> Put:
    import redis

    client: Any = redis.Redis.from_url(settings["SESSION_REDIS"])

    def put(batch: list[tuple[str, bytes]]) -> None:
        pipeline = client.pipeline(transaction=False)
        for key, sealed in batch:
            pipeline.set(key, sealed, ex=_LIFETIME)
        pipeline.execute()

    return put


# --- measure -------------------------------------------------------------------------------


async def _exported() -> int:
    count = 0
    async for _ in ours.export_owner(OWNER):
        count += 1
    return count


async def _listed() -> int:
    return len(await ours.sessions_of(OWNER))


async def _first_page() -> int:
    return len((await ours.sessions_page(OWNER)).sessions)


async def _counted() -> int:
    return await ours.count()


async def _all_in_pages() -> int:
    count, after = 0, None
    while True:
        page = await ours.all_sessions(after=after, limit=1000)
        count, after = count + len(page.sessions), page.after
        if after is None:
            return count


async def _revoked() -> int:
    return await ours.revoke_all(OWNER)


async def _everyone() -> int:
    return await ours.revoke_everyone()


WORK: dict[str, Callable[[], Awaitable[int]]] = {
    "nothing, for a second": lambda: asyncio.sleep(1, 0),
    "sessions_page(owner)": _first_page,
    "sessions_of(owner)": _listed,
    "export_owner(owner)": _exported,
    "count()": _counted,
    "all_sessions(), all pages": _all_in_pages,
    "revoke_all(owner)": _revoked,
    "revoke_everyone()": _everyone,
}


async def measured(name: str, settings: dict[str, Any]) -> dict[str, float]:
    """Do one kind of work; give what it took."""
    app = application(settings)
    worst = held = 0.0

    async def tick() -> None:
        nonlocal worst, held
        while True:
            before, own = time.monotonic(), time.thread_time()
            await asyncio.sleep(0.002)
            worst = max(worst, time.monotonic() - before - 0.002)
            held = max(held, time.thread_time() - own)

    async with app.test_app(), app.app_context():
        await ours.sessions_page("nobody")  # what the first work of a process loads
        _ = gc.collect()
        gc.freeze()  # or to look through all of the libraries' objects would count
        before = _peak()
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0)
        started, cpu = time.perf_counter(), time.process_time()
        count = await WORK[name]()
        took, cpu = time.perf_counter() - started, time.process_time() - cpu
        ticking.cancel()
        grown = _peak() - before
    return {"count": count, "s": took, "cpu s": cpu, "MB": grown, "late": worst, "held": held}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- processes -----------------------------------------------------------------------------


def _apart(*args: str) -> str:
    """Run a part of this in a process of its own, so that its memory is known."""
    command = [sys.executable, "-m", "tests.benchmarks.many_sessions", *args]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Fill the stores that are asked for and print what was measured, as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", default=["filesystem", "sqlite", "redis"])
    parser.add_argument("--owned", type=int, default=20_000)
    parser.add_argument("--all", type=int, default=1_000_000, dest="everyone")
    parser.add_argument("--place", default="")
    parser.add_argument("--do", default="")
    options = parser.parse_args()
    if options.do:
        (store,) = options.stores
        settings = settings_of(store, options.place)
        if options.do == "fill":
            fill(store, settings, options.owned, options.everyone)
        else:
            print(json.dumps(asyncio.run(measured(options.do, settings))))
        return
    print(f"{options.owned:,} sessions of one owner, {options.everyone:,} in all\n")
    print("| store | work | sessions | s | CPU s | MB more | ms late | ms held |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for store in options.stores:
        _one_store(store, options.owned, options.everyone)


def _one_store(store: str, owned: int, everyone: int) -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        running() if store == "redis" else nullcontext() as server,
    ):
        place = directory if server is None else server.url
        Path(place, "files").mkdir(mode=0o700) if store == "filesystem" else None
        numbers = ("--owned", str(owned), "--all", str(everyone))
        _ = _apart(store, "--place", place, "--do", "fill", *numbers)
        for name in WORK:
            one = json.loads(_apart(store, "--place", place, "--do", name))
            print(
                f"| {store} | {name} | {one['count']:,} | {one['s']:.2f} | {one['cpu s']:.2f} | "
                f"{one['MB']:.1f} | {one['late'] * 1000:.0f} | "
                f"{one['held'] * 1000:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
