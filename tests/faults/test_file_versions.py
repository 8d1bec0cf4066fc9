"""Whatever cuts a write to a record's file off leaves the old version or the new one, whole."""

from __future__ import annotations

import errno
import json
import os
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.idle_renewal import Touching
from samesession.core.store import Lifetimes, Outcome
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore, versions
from samesession.stores.filesystem.versions import Version, encoded, last_whole, read_last
from samesession.testing import ManualClock, make_record

from .effort import rounds

HOUR = Lifetimes(browser=3600, permanent=3600)
NANO = 1_000_000_000
SIZES = (9, 100, 4064, 4096, 5000, 300)

pytestmark = pytest.mark.stores("filesystem")


def version(number: int, size: int) -> Version:
    return Version(bytes([number]) * size, number * NANO, (number + 10) * NANO)


def last_at_end(raw: bytes) -> Version | None:
    return read_last(len(raw), lambda length, offset: raw[offset : offset + length])


def commit(store: FileStore, revision: int, renew: Lifetimes | None = HOUR) -> Any:
    record, expected = make_record(revision), (revision - 1).to_bytes(8, "big")
    return run(store.commit("key", record, expected=expected, renew=renew))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> FileStore:
    """A store with one record, of revision 1."""
    store = FileStore(tmp_path, clock=clock, touching=Touching(60))
    assert run(store.create("key", make_record(1), lifetimes=HOUR))
    return store


@pytest.fixture
def file(tmp_path: Path, store: FileStore) -> Path:
    (file,) = tmp_path.glob("??/[0-9a-f]*")
    return file


# --- the bytes -----------------------------------------------------------------------------


def test_the_last_whole_version_counts_wherever_a_file_ends() -> None:
    written = [version(number, size) for number, size in enumerate(SIZES)]
    parts = [encoded(each) for each in written]
    ends = [sum(map(len, parts[:number])) for number in range(len(parts) + 1)]
    raw = b"".join(parts)
    for number, (start, end) in enumerate(pairwise(ends)):
        assert last_at_end(raw[:end]) == last_whole(raw[:end]) == written[number]
        for cut in range(start + 1, end, 1 if end - start < 500 else 97):
            assert last_at_end(raw[:cut]) is None
            assert last_whole(raw[:cut]) == (written[number - 1] if number else None)
    assert last_at_end(b"") is last_whole(b"") is None


def test_a_byte_that_differs_makes_a_version_none() -> None:
    old, new = encoded(version(1, 50)), encoded(version(2, 60))
    for place in range(len(new)):
        torn = bytearray(old + new)
        torn[len(old) + place] ^= 0x40
        assert last_at_end(bytes(torn)) is None
        assert last_whole(bytes(torn)) == version(1, 50)


def test_what_a_torn_version_contains_is_no_version() -> None:
    planted = encoded(version(7, 40))
    torn = encoded(version(1, 50)) + encoded(Version(planted * 3, 1, 2))[:-100]
    assert last_whole(torn) == version(1, 50)


def test_any_part_of_what_was_appended_may_be_lost_with_the_power() -> None:
    """Without an fsync each sector of an append may be on the disk or not, at any size."""
    chance = random.Random(5)
    written = [version(number, size) for number, size in enumerate((700, 2200, 1500, 2200))]
    parts = [encoded(each) for each in written]
    raw, kept = b"".join(parts), len(parts[0])
    seen = set[int]()
    for _ in range(rounds(3000, 100_000)):
        disk = bytearray(raw[: chance.randint(kept, len(raw))])
        for start in range(kept - kept % 512, len(disk), 512):
            if chance.random() < 0.2:
                first, last = max(start, kept), min(start + 512, len(disk))
                disk[first:last] = bytes(last - first)
        found = last_at_end(bytes(disk)) or last_whole(bytes(disk))
        assert found in written
        seen.add(written.index(found))
    assert seen == {0, 1, 2, 3}


# --- writers -------------------------------------------------------------------------------


def test_a_writer_that_is_killed_before_any_of_its_system_calls(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.faults.killed_writers", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    places = json.loads(done.stdout)
    assert len(places) == 5
    assert min(places.values()) > 10
    assert places["append"] > len(make_record(2))


def test_a_reader_sees_no_part_of_an_append(
    store: FileStore, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, size = os.pwrite, len(make_record(2)) + versions.EXTRA_BYTES
    seen: list[bytes | None] = []

    def look() -> None:
        readers = (store, FileStore(file.parents[1]))
        seen.extend(run(reader.load("key", renew=None)) for reader in readers)

    def slowly(fd: int, data: Any, offset: int) -> int:
        look()
        return write(fd, bytes(data)[:1], offset)

    monkeypatch.setattr(os, "pwrite", slowly)
    set_times = os.utime

    def late(*args: Any, **named: Any) -> None:
        look()
        set_times(*args, **named)

    monkeypatch.setattr(os, "utime", late)
    assert commit(store, 2) is Outcome.WRITTEN
    assert seen == [make_record(1)] * 2 * size + [make_record(2)] * 2


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_an_append_that_fails_leaves_the_file_as_it_was(
    store: FileStore, file: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def state() -> tuple[bytes, int]:
        return file.read_bytes(), file.stat().st_mtime_ns

    before, write = state(), os.pwrite
    for size in range(len(make_record(2)) + versions.EXTRA_BYTES):

        def some(fd: int, data: Any, offset: int, last: int = len(before[0]) + size) -> int:
            if offset == last:
                raise OSError(number, os.strerror(number))
            return write(fd, data[: last - offset], offset)

        monkeypatch.setattr(os, "pwrite", some)
        with pytest.raises(StoreUnavailable, match=errno.errorcode[number]):
            commit(store, 2)
        assert state() == before
    monkeypatch.undo()
    assert commit(store, 2) is Outcome.WRITTEN


def test_a_file_gets_no_larger_than_its_room(store: FileStore, file: Path) -> None:
    sizes = list[int]()
    for revision in range(2, 2000):
        assert commit(store, revision) is Outcome.WRITTEN
        sizes.append(file.stat().st_size)
    assert max(sizes) <= versions._BLOCK
    assert sum(later < earlier for earlier, later in pairwise(sizes)) >= 2
    assert run(store.load("key", renew=None)) == make_record(1999)


def test_a_file_is_replaced_by_one_that_is_on_the_disk_already(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut may leave its name alone, though nobody asked for an fsync."""
    steps: list[str] = []

    def noting(name: str, call: Any) -> Any:
        def step(*args: Any, **named: Any) -> Any:
            steps.append(name)
            return call(*args, **named)

        return step

    for name in ("write", "pwrite", "fsync", "replace"):
        monkeypatch.setattr(os, name, noting(name, getattr(os, name)))
    monkeypatch.setattr(versions, "_BLOCK", 100)
    monkeypatch.setattr(versions, "_MOST", 3)
    monkeypatch.setattr(versions, "_FEWEST", 3)
    for revision in range(2, 6):
        assert commit(store, revision) is Outcome.WRITTEN
    replaced = ["write", "fsync", "replace"]
    assert steps == [*["pwrite"] * 2, *replaced, "pwrite"]


def test_a_record_may_have_the_size_that_the_settings_allow(tmp_path: Path) -> None:
    store = FileStore(tmp_path, max_bytes=200_000)
    records = [make_record(revision, payload=b"x" * 190_000) for revision in range(1, 12)]
    assert run(store.create("key", records[0], lifetimes=HOUR))
    (file,) = tmp_path.glob("??/[0-9a-f]*")
    for before, after in pairwise(records):
        assert run(store.commit("key", after, expected=before[:8], renew=HOUR)) is Outcome.WRITTEN
        assert run(store.load("key", renew=None)) == after
        assert file.stat().st_size < 800_000


# --- when a record expires -----------------------------------------------------------------


def test_the_mtime_is_the_moment_at_which_a_record_expires(
    store: FileStore, file: Path, clock: ManualClock
) -> None:
    due = clock() + 3600 + 60
    assert file.stat().st_mtime == due
    clock.advance(30)
    for revision in (2, 3):
        assert commit(store, revision, renew=None) is Outcome.WRITTEN
        assert file.stat().st_mtime == due
    assert commit(store, 4) is Outcome.WRITTEN
    assert file.stat().st_mtime == due + 30
    clock.advance(100)
    assert run(store.load("key", renew=HOUR)) == make_record(4)
    assert file.stat().st_mtime == due + 130


@pytest.fixture
def _killed(file: Path, clock: ManualClock) -> None:
    """A writer was killed before it had set the mtime, which is the moment of its write still."""
    os.utime(file, (clock() - 1, clock() - 1))


@pytest.mark.usefixtures("_killed")
def test_a_purge_keeps_a_record_whose_writer_was_killed(
    store: FileStore, file: Path, clock: ManualClock
) -> None:
    assert run(store.purge()) == 0
    assert file.stat().st_mtime == clock() + 3660
    os.utime(file, (1, 1))
    clock.advance(3661)
    assert run(store.purge()) == 1


@pytest.mark.usefixtures("_killed")
def test_a_record_whose_writer_was_killed_is_there_to_be_removed(store: FileStore) -> None:
    assert run(store.remove_many(["key"])) == [True]


@pytest.mark.parametrize("cut", [1, 20])
def test_a_torn_file_lives_on_from_the_moment_at_which_it_was_torn(
    store: FileStore, file: Path, clock: ManualClock, cut: int
) -> None:
    for _ in range(20):  # it is used, and never written
        clock.advance(600)
        assert run(store.load("key", renew=HOUR)) == make_record(1)
    with file.open("ab") as torn:
        _ = torn.write(encoded(Version(make_record(2), 1, 2))[:-cut])
    os.utime(file, (clock(), clock()))
    clock.advance(3600)
    assert run(store.purge()) == 0
    assert run(store.load("key", renew=None)) == make_record(1)
    clock.advance(61)
    assert run(store.load("key", renew=None)) is None
    assert not file.exists()


def test_a_torn_file_is_replaced_by_the_next_write(store: FileStore, file: Path) -> None:
    with file.open("ab") as torn:
        _ = torn.write(b"half a version")
    assert commit(store, 2) is Outcome.WRITTEN
    assert last_at_end(file.read_bytes()) == last_whole(file.read_bytes())
    assert run(store.load("key", renew=None)) == make_record(2)


def test_a_commit_to_a_file_that_is_replaced_on_the_way_is_not_lost(
    store: FileStore, file: Path, clock: ManualClock
) -> None:
    """A store that knows the longest timeout cuts a longer life before it commits."""
    strict = FileStore(file.parents[1], clock=clock, touching=Touching(60, longest=60))
    assert commit(strict, 2, renew=None) is Outcome.WRITTEN
    assert run(store.load("key", renew=None)) == make_record(2)
    assert file.stat().st_mtime < clock() + 3600


def test_a_life_that_is_too_long_is_cut_though_the_later_moment_counts(
    store: FileStore, file: Path, clock: ManualClock
) -> None:
    short = Lifetimes(browser=600, permanent=600)
    assert run(store.load("key", renew=short)) == make_record(1)
    assert file.stat().st_mtime == clock() + 660
    clock.advance(661)
    assert run(store.load("key", renew=None)) is None
