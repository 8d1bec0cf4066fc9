"""Files that are in memory are read where the caller is, and nothing dubious is."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from samesession.core.idle_renewal import Touching
from samesession.core.store import Lifetimes
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore
from samesession.stores.filesystem.nonblocking_read import CachedFiles
from samesession.stores.filesystem.versions import Version, encoded
from samesession.testing import ManualClock, make_record

HOUR = Lifetimes(browser=3600, permanent=3600)
pytestmark = pytest.mark.stores("filesystem")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file below the root, in a directory, that was written just now."""
    file = tmp_path / "root" / "shard" / "file"
    file.parent.mkdir(parents=True)
    file.write_bytes(encoded(Version(b"content", 5, 12_500_000_000)))
    os.utime(file, (5, 12.5))
    return file


@pytest.fixture
def files(file: Path) -> CachedFiles:
    """The files of a root, on a system that can say what is in memory."""
    files = CachedFiles(str(file.parents[1]), limit=100)
    if files.read("shard/file") is None:
        pytest.skip("this kernel or file system cannot say whether a read would wait")
    return files


def test_a_file_in_memory_is_read_with_its_time(files: CachedFiles) -> None:
    assert files.read("shard/file") == (b"content", 12.5)


def _link(file: Path) -> None:
    file.rename(file.parent / "moved")
    file.symlink_to(file.parent / "moved")


def _linked_directory(file: Path) -> None:
    file.parent.rename(file.parents[1] / "moved")
    file.parent.symlink_to(file.parents[1] / "moved")


def _linked_root(file: Path) -> None:
    root = file.parents[1]
    root.rename(root.parent / "moved")
    root.symlink_to(root.parent / "moved")


def _second_name(file: Path) -> None:
    os.link(file, file.parent / "another")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


DUBIOUS: dict[str, Callable[[Path], object]] = {
    "a symbolic link": _link,
    "in a directory that is a link": _linked_directory,
    "below a root that is a link": _linked_root,
    "a file with a second name": _second_name,
    "a pipe": _pipe,
    "a directory": _directory,
    "missing": Path.unlink,
    "too large": lambda file: file.write_bytes(encoded(Version(b"x" * 101, 5, 6))),
}


@pytest.mark.parametrize("what", DUBIOUS)
def test_what_is_not_plainly_ours_is_left_to_the_thorough_way(
    files: CachedFiles, file: Path, what: str
) -> None:
    DUBIOUS[what](file)
    before = len(os.listdir("/proc/self/fd"))
    assert files.read("shard/file") is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_of_another_user_is_left_to_the_thorough_way(
    files: CachedFiles, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert files.read("shard/file") is None


def test_no_path_leads_out_of_the_root(files: CachedFiles, file: Path) -> None:
    _ = shutil.copy(file, file.parents[2] / "outside")
    assert files.read("../outside") is None
    assert files.read(str(file)) is None


def test_a_system_that_cannot_is_asked_once(
    files: CachedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refuse(*args: object) -> int:
        asked.append(args)
        _ = ctypes.set_errno(errno.ENOSYS)
        return -1

    monkeypatch.setattr(files, "_call", refuse)
    assert [files.read("shard/file") for _ in range(3)] == [None, None, None]
    assert len(asked) == 1


# --- the store -----------------------------------------------------------------------------


def _is_at_once(store: FileStore) -> bool:
    """Say whether a load ends without a wait, and have it end if not."""
    waits = len(list(store.load("key", renew=HOUR)))
    assert run(store.load("key", renew=HOUR)) == make_record(1)
    return waits == 0


def test_a_record_is_loaded_without_a_wait_until_it_is_to_be_renewed(
    files: CachedFiles, tmp_path: Path
) -> None:
    del files  # asked for its skip
    clock = ManualClock()
    store = FileStore(tmp_path / "sessions", touching=Touching(60), clock=clock)
    assert run(store.create("key", make_record(1), lifetimes=HOUR))
    found: list[bool] = []
    for pause in (0, 59, 2, 1):
        clock.advance(pause)
        found.append(_is_at_once(store))
    assert found == [True, True, False, True]
