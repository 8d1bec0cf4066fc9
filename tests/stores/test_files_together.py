"""Reads and writes of files that a turn of the loop asks for share a hop, and wait for no lock."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.steps import Call
from samesession.core.store import Conflict, Lifetimes, Outcome
from samesession.run import groups
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore, versions
from samesession.stores.filesystem.locked_directories import name_of
from samesession.stores.filesystem.nonblocking_read import CachedFiles
from samesession.stores.filesystem.store import Together
from samesession.testing import make_record

HOUR = Lifetimes(browser=3600, permanent=3600)
KEYS = [f"key{number}" for number in range(32)]
ROOT = os.geteuid() == 0

pytestmark = pytest.mark.stores("filesystem")


def create(store: FileStore, *keys: str) -> None:
    for key in keys:
        assert run(store.create(key, make_record(1), lifetimes=HOUR))


def committing(store: FileStore, key: str, revision: int = 2) -> Any:
    record, expected = make_record(revision), (revision - 1).to_bytes(8, "big")
    return store.commit(key, record, expected=expected, renew=HOUR)


def shard_of(directory: Path, store: FileStore, key: str) -> Path:
    """Give the directory that a key's file is in: the only one, as yet."""
    create(store, key)
    (found,) = directory.glob("[0-9a-f][0-9a-f]")
    return found


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a directory's lock, as another process does."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many items each hop had."""
    found: list[int] = []
    do_all = Together.all

    def noting(self: Together, items: Any) -> Any:
        waiting = list(items)
        found.append(len(waiting))
        return do_all(self, iter(waiting))

    monkeypatch.setattr(Together, "all", noting)
    monkeypatch.setattr(groups, "_WAKE_AFTER", 60.0)  # though the loop's turn be a slow one
    return found


@pytest.mark.asyncio
async def test_the_writes_of_a_turn_share_a_hop_and_have_their_own_outcomes(
    tmp_path: Path, hops: list[int]
) -> None:
    store = FileStore(tmp_path)
    create(store, *KEYS[2:])
    assert run(store.create(KEYS[1], make_record(7), lifetimes=HOUR))
    outcomes = await asyncio.gather(*(arun(committing(store, key)) for key in KEYS))
    assert outcomes[:2] == [Outcome.GONE, Conflict(make_record(7))]
    assert outcomes[2:] == [Outcome.WRITTEN] * 30
    assert hops == [32]


@pytest.mark.asyncio
async def test_reads_that_need_a_thread_share_the_hop_of_the_writes(
    tmp_path: Path, hops: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CachedFiles, "read", lambda *_: None)  # as where the kernel refuses
    store = FileStore(tmp_path)
    create(store, *KEYS)
    loads = (arun(store.load(key, renew=HOUR)) for key in KEYS)
    found = await asyncio.gather(arun(committing(store, KEYS[0])), *loads)
    assert found == [Outcome.WRITTEN, make_record(2), *[make_record(1)] * 31]
    assert hops == [33]


@pytest.mark.asyncio
async def test_a_lock_that_is_held_holds_up_only_who_needs_it(tmp_path: Path) -> None:
    store = FileStore(tmp_path, timeout=10)
    shard = shard_of(tmp_path, store, KEYS[0])
    others = [key for key in KEYS[1:] if not _is_in(key, shard)]
    create(store, *others)
    with locked(shard):
        waiting = asyncio.create_task(arun(committing(store, KEYS[0])))
        done = await asyncio.gather(*(arun(committing(store, key)) for key in others))
        assert done == [Outcome.WRITTEN] * len(others)
        assert not waiting.done()
    assert await waiting is Outcome.WRITTEN


def _is_in(key: str, shard: Path) -> bool:
    return name_of(key.encode()).startswith(shard.name)


@pytest.mark.asyncio
async def test_who_waits_for_a_lock_has_a_deadline(tmp_path: Path) -> None:
    store = FileStore(tmp_path, timeout=0.05)
    with (
        locked(shard_of(tmp_path, store, KEYS[0])),
        pytest.raises(StoreUnavailable, match="locked for more than"),
    ):
        _ = await arun(committing(store, KEYS[0]))
    assert await arun(committing(store, KEYS[0])) is Outcome.WRITTEN


@pytest.mark.asyncio
async def test_a_file_without_room_is_replaced_where_nobody_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, sync, names = FileStore(tmp_path), os.fsync, list[str]()
    create(store, *KEYS)

    def noting(fd: int) -> None:
        names.append(threading.current_thread().name)
        sync(fd)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr(versions, "_BLOCK", 0)
    monkeypatch.setattr(versions, "_MOST", 1)
    monkeypatch.setattr(versions, "_FEWEST", 1)
    done = await asyncio.gather(*(arun(committing(store, key)) for key in KEYS))
    assert done == [Outcome.WRITTEN] * 32
    assert names == ["samesession"] * 32


def test_a_write_that_waits_for_the_disk_has_a_thread_of_its_own(tmp_path: Path) -> None:
    """Many fsyncs at a time take as long as one."""
    for fsync in (False, True):
        asked = next(committing(FileStore(tmp_path, fsync=fsync), KEYS[0]))
        assert isinstance(asked, Call)
        assert (asked.group is None) is fsync
        assert asked.turn is not None


# --- file systems that refuse RWF_NOWAIT ---------------------------------------------------


@pytest.fixture
def mounted(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give a directory of a kind of file system, where this user may mount one."""
    if not ROOT:
        pytest.skip("only root may mount a file system")
    kind, place = request.param, tmp_path / "mounted"
    for name in ("mounted", "lower", "upper", "work"):
        (tmp_path / name).mkdir(mode=0o700)
    options = "size=1m,mode=700"
    if kind == "overlay":
        parts = ("lower", "upper", "work")
        options = ",".join(f"{part}dir={tmp_path / part}" for part in parts)
    command = ["mount", "-t", kind, "-o", options, kind, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        pytest.skip(f"{kind} cannot be mounted here: {done.stderr}")
    try:
        yield place
    finally:
        _ = subprocess.run(["umount", str(place)], check=True, timeout=30)


def _is_at_once(store: FileStore) -> bool:
    waits = len(list(store.load("key", renew=None)))
    assert run(store.load("key", renew=None)) == make_record(2)
    return waits == 0


@pytest.mark.parametrize(
    ("mounted", "is_at_once"), [("tmpfs", True), ("overlay", False)], indirect=["mounted"]
)
def test_a_tmpfs_is_read_in_place_and_an_overlay_in_a_thread(
    mounted: Path, is_at_once: bool
) -> None:
    store = FileStore(mounted)
    create(store, "key")
    if store._cached._call is None:
        pytest.skip("this system cannot say what is in memory")
    assert run(committing(store, "key")) is Outcome.WRITTEN
    _ = run(store.load("key", renew=None))  # from now on it is known what the kernel says
    assert _is_at_once(store) is is_at_once
    assert run(committing(store, "key", 3)) is Outcome.WRITTEN
    assert run(store.remove("key", expected=(3).to_bytes(8, "big"))) is Outcome.WRITTEN
    assert list(mounted.glob("??/*")) == []
