"""A session directory that holds other things besides: a purge leaves each as it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from samesession import StoreUnavailable
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore
from samesession.testing import ManualClock, make_record
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.web.test_administration import administer

from .children import LIFETIMES, NOBODY

ROOT = os.geteuid() == 0
NAME = "ab" + "0" * 38  # as a record's in the directory "ab"
OLD = (1, 1)  # a time at which any session would have expired

pytestmark = pytest.mark.stores("filesystem")


def file(path: Path, content: bytes = b"somebody's, and dear to them") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, OLD)
    return path


def link(path: Path, target: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    os.utime(path, OLD, follow_symlinks=False)
    return path


def _pipe(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    os.utime(path, OLD)


def _directory_of_another(root: Path) -> None:
    found = file(root / "ab" / NAME, make_record(1))
    if ROOT:
        os.chown(found, NOBODY, NOBODY)
        os.chown(root / "ab", NOBODY, NOBODY)
        (root / "ab").chmod(0o700)
    else:
        found.rename(root / "ab" / "theirs")


def _empty_directory_of_another(root: Path) -> None:
    (root / "owners" / "ab" / NAME).mkdir(parents=True)
    if ROOT:
        os.chown(root / "owners" / "ab" / NAME, NOBODY, NOBODY)
    else:
        file(root / "owners" / "ab" / NAME / "theirs")


def _file_of_another(root: Path) -> None:
    found = file(root / "ab" / NAME, make_record(1))
    if ROOT:
        os.chown(found, NOBODY, NOBODY)
    else:
        found.unlink()


FOREIGN: dict[str, Callable[[Path], object]] = {
    "an upload": lambda root: file(root / "uploads" / "invoice.pdf"),
    "a repository": lambda root: (
        file(root / ".git" / "HEAD"),
        file(root / ".git" / "objects" / "ab" / ("0" * 38)),
    ),
    "a plain file": lambda root: file(root / ".gitignore"),
    "Flask-Session's": lambda root: file(root / "2029240f6d1128be89ddc32729463129"),
    "objects of a bare repository": lambda root: file(root / "ab" / ("0" * 38)),
    "a plain file named as a directory of ours": lambda root: file(root / "ab"),
    "a link named as a directory of ours": lambda root: (
        file(root / "elsewhere" / NAME, make_record(1)),
        link(root / "ab", root / "elsewhere"),
    ),
    "a directory with capitals": lambda root: file(root / "AB" / NAME, make_record(1)),
    "a directory with no hex digits": lambda root: file(root / "zz" / ("zz" + "0" * 38)),
    "a directory with one digit": lambda root: file(root / "a" / ("a" * 40), make_record(1)),
    "a directory with three digits": lambda root: file(root / "abc" / NAME, make_record(1)),
    "another's directory": _directory_of_another,
    "another's file": _file_of_another,
    "another's empty directory": _empty_directory_of_another,
    "a name of another directory": lambda root: file(
        root / "ab" / ("cd" + "0" * 38), make_record(1)
    ),
    "a shorter name": lambda root: file(root / "ab" / NAME[:-1], make_record(1)),
    "a longer name": lambda root: file(root / "ab" / (NAME + "0"), make_record(1)),
    "a name with a suffix": lambda root: file(root / "ab" / (NAME + ".bak"), make_record(1)),
    "a name with a line feed": lambda root: file(root / "ab" / (NAME + "\n"), make_record(1)),
    "a name with capitals": lambda root: file(root / "ab" / NAME.replace("b", "B")),
    "a name that is no text": lambda root: file(root / "ab" / os.fsdecode(b"ab\xff")),
    "a hidden file": lambda root: file(root / "ab" / ".htaccess"),
    "a lock": lambda root: file(root / "ab" / ".lock", b""),
    "a temporary file of others": lambda root: file(root / "ab" / ".report.deadbeef"),
    "a temporary file's name, almost": lambda root: (
        file(root / "ab" / f".{NAME}.deadbee"),
        file(root / "ab" / f".{NAME}.deadbeef~"),
        file(root / "ab" / f".cd{NAME[2:]}.deadbeef"),
    ),
    "a directory named as a record": lambda root: file(root / "ab" / NAME / "inside"),
    "a directory named as a temporary file": lambda root: file(
        root / "ab" / f".{NAME}.deadbeef" / "inside"
    ),
    "a link named as a record": lambda root: (
        file(root / "target", make_record(1)),
        link(root / "ab" / NAME, root / "target"),
    ),
    "a pipe named as a record": lambda root: _pipe(root / "ab" / NAME),
    "a file named as a record": lambda root: file(root / "ab" / NAME),
    "a picture named as a record": lambda root: file(
        root / "ab" / NAME, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    ),
    "a file beside the owners": lambda root: file(root / "owners" / "README"),
    "a plain file for the owners": lambda root: file(root / "owners"),
    "a link for the owners": lambda root: (
        file(root / "elsewhere" / "ab" / NAME / NAME),
        link(root / "owners", root / "elsewhere"),
    ),
    "owners that are not ours": lambda root: (
        file(root / "owners" / "zz" / NAME / NAME),
        file(root / "owners" / "ab" / "cd" / NAME),
        file(root / "owners" / "cd" / NAME / NAME),
        file(root / "owners" / "ab" / NAME / "list.txt"),
        file(root / "owners" / "ab" / NAME / NAME),
        file(root / "owners" / "ab" / NAME[:-1]),
    ),
}

SessionState = dict[str, tuple[int, int, int, int, bytes]]


def state(root: Path, *, named: set[str] | None = None) -> SessionState:
    """Return all that can be seen of what is in a directory, or of what is named."""
    found: SessionState = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if named is None or name in named:
            seen = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            times = 0 if path.is_dir() else int(seen.st_mtime)
            found[name] = (seen.st_mode, seen.st_uid, seen.st_nlink, times, content)
    return found


@pytest.mark.parametrize("plant", FOREIGN.values(), ids=FOREIGN)
def test_a_purge_looks_only_at_names_that_the_store_makes(
    tmp_path: Path, plant: Callable[[Path], object]
) -> None:
    root, clock = tmp_path / "sessions", ManualClock()
    root.mkdir(mode=0o700)
    plant(root)
    before = state(root)
    store = FileStore(root, clock=clock)
    assert run(store.purge()) == 0
    assert state(root) == before
    keys = [key for key in map(str, range(40)) if not _blocked(store, key)]
    for key in keys:
        assert run(store.create(key, make_record(1), lifetimes=LIFETIMES))
    clock.advance(2 * LIFETIMES.browser)
    assert run(store.create("live", make_record(1), lifetimes=LIFETIMES))
    assert run(store.purge()) == len(keys) > 30
    left = state(root, named=set(before))
    assert {name: fact[4] for name, fact in left.items()} == {
        name: fact[4] for name, fact in before.items()
    }
    assert run(store.load("live", renew=None)) == make_record(1)


def _blocked(store: FileStore, key: str) -> bool:
    """Return whether what was planted stands where a key's directory would be."""
    try:
        assert run(store.load(key, renew=None)) is None
    except StoreUnavailable:
        return True
    return False


@pytest.mark.asyncio
async def test_a_site_is_purged_beside_all_that_is_foreign(
    new_site: NewSite, backend: Backend
) -> None:
    root = backend.directory
    root.mkdir(mode=0o700)
    for name in ("an upload", "a repository", "a plain file", "a file beside the owners"):
        FOREIGN[name](root)
    before = state(root)
    site = new_site(PERMANENT_SESSION_LIFETIME=60)
    gone, kept = site.visitor(), site.visitor()
    await gone.visit(lambda session: (session.update(a=1), session.bind("ann")))
    site.clock.advance(200)
    await kept.visit(lambda session: (session.update(b=1), session.bind("ben")))
    assert await administer(site, "purge") == 1
    del before["owners"]  # has a directory for each user now
    assert state(root, named=set(before)) == before
    assert await kept.value(lambda session: session["b"]) == 1


# --- what is ours, and cannot be deleted ---------------------------------------------------


def test_what_cannot_be_deleted_stops_no_purge_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    store = FileStore(tmp_path / "sessions", clock=clock, timeout=0.01)
    for number in range(20):
        assert run(store.create(str(number), make_record(1), lifetimes=LIFETIMES))
    clock.advance(2 * LIFETIMES.browser)
    files = sorted((tmp_path / "sessions").glob("??/*"))
    stubborn, unlink = files[0].name, os.unlink

    def refuse(path: str, *, dir_fd: int | None = None) -> None:
        if path == stubborn:
            raise PermissionError(1, "Operation not permitted")
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(StoreUnavailable, match="EPERM"):
        _ = run(store.purge())
    assert sorted((tmp_path / "sessions").glob("??/*")) == files[:1]
    monkeypatch.undo()
    assert run(store.purge()) == 1


def test_what_a_crash_left_of_a_record_is_purged(tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    root.mkdir(mode=0o700)
    file(root / "ab" / NAME, b"")
    file(root / "ab" / f".{NAME}.deadbeef", b"half a rec")
    assert run(FileStore(root).purge()) == 1
    assert list((root / "ab").iterdir()) == []
