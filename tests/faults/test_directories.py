"""The file store's directories: replaced, deleted, opened to others or emptied while it runs."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from samesession import ConfigError, StoreUnavailable
from samesession.core.store import Conflict, Outcome
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore, locked_directories
from samesession.testing import make_record
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site
from tests.web.test_administration import administer

from .children import LIFETIMES, NOBODY

ROOT = os.geteuid() == 0
PATIENCE = 20.0

pytestmark = pytest.mark.stores("filesystem")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def store(directory: Path) -> FileStore:
    return FileStore(directory)


# --- the root ------------------------------------------------------------------------------


def test_nothing_is_made_before_the_first_write(directory: Path, store: FileStore) -> None:
    assert run(store.load("key", renew=LIFETIMES)) is None
    assert run(store.remove("key", expected=None)) is Outcome.GONE
    steps = store.commit("key", make_record(2), expected=bytes(8), renew=LIFETIMES)
    assert run(steps) is Outcome.GONE
    assert [*run(store.owned("ann"))] == []
    run(store.delist("ann", "key"))
    assert run(store.purge()) == 0
    assert not directory.exists()
    assert run(store.create("key", make_record(1), lifetimes=LIFETIMES))
    assert directory.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("place", ["file/sessions", "file/below/sessions"])
def test_a_root_that_cannot_be_made_is_refused_at_start(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="SESSION_FILE_DIR cannot be made"):
        FileStore(tmp_path / place)


def _replaced(directory: Path) -> None:
    directory.rename(directory.parent / "moved")
    directory.mkdir(mode=0o700)


def _of_another(directory: Path) -> None:
    _replaced(directory)
    if ROOT:
        os.chown(directory, NOBODY, NOBODY)
    else:
        directory.chmod(0o777)


def _open_to_others(directory: Path) -> None:
    _replaced(directory)
    directory.chmod(0o770)


def _loosened(directory: Path) -> None:
    directory.chmod(0o702)


UNSOUND: dict[str, Callable[[Path], None]] = {
    "another user's in its place": _of_another,
    "one that others may write in its place": _open_to_others,
    "others may write it now": _loosened,
}


@pytest.mark.asyncio
@pytest.mark.parametrize("spoil", UNSOUND.values(), ids=UNSOUND)
async def test_a_root_is_judged_whenever_it_is_used(
    site: Site, backend: Backend, spoil: Callable[[Path], None]
) -> None:
    user, newcomer = site.visitor(), site.visitor()
    await user.put(a=1)
    cookie = user.jar["session"]
    spoil(backend.directory)
    before = sorted(backend.directory.rglob("*"))
    for answer in (await user.visit(dict), await user.put(a=2), await newcomer.put(a=1)):
        assert (answer.status, answer.set_cookies) == (503, [])
    for action in (("purge",), ("sessions_of", "ann"), ("revoke", "A" * 22)):
        with pytest.raises(StoreUnavailable, match="SESSION_FILE_DIR"):
            await administer(site, *action)
    assert sorted(backend.directory.rglob("*")) == before
    if (moved := backend.directory.parent / "moved").exists():
        backend.directory.rmdir()
        moved.rename(backend.directory)
    backend.directory.chmod(0o700)
    assert user.jar["session"] == cookie
    assert await user.value(lambda session: session["a"]) == 1


@pytest.mark.asyncio
async def test_a_root_that_is_deleted_is_made_anew_by_the_next_write(
    site: Site, backend: Backend
) -> None:
    user, newcomer = site.visitor(), site.visitor()
    await user.visit(lambda session: (session.update(a=1), session.bind("ann")))
    shutil.rmtree(backend.directory)
    assert await user.value(dict) == {}
    assert await administer(site, "sessions_of", "ann") == []
    assert await administer(site, "purge") == 0
    assert not backend.directory.exists()
    for visitor in (user, newcomer):
        assert (await visitor.put(a=2)).status == 200
        assert await visitor.value(lambda session: session["a"]) == 2
    assert backend.directory.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("lost", ["root", "shard"])
def test_what_is_deleted_beneath_a_write_is_made_anew_at_once(
    directory: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    mkdir, made = os.mkdir, []

    def lose(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        mkdir(path, mode, dir_fd=dir_fd)
        made.append(path)
        if len(made) <= 4:
            shutil.rmtree(directory if lost == "root" else next(directory.iterdir(), directory))

    monkeypatch.setattr(os, "mkdir", lose)
    assert run(store.create("key", make_record(1), lifetimes=LIFETIMES))
    assert len(made) > 4
    assert run(store.load("key", renew=None)) == make_record(1)


# --- locks ---------------------------------------------------------------------------------


def _commit(store: FileStore, name: bytes) -> Outcome | Conflict:
    record = make_record(2, payload=name)
    return run(store.commit("key", record, expected=make_record(1)[:8], renew=LIFETIMES))


def test_nobody_can_take_a_lock_away_from_a_writer(
    directory: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever another process deletes that is no record, a second writer waits."""
    assert run(store.create("key", make_record(1), lifetimes=LIFETIMES))
    record = next(directory.glob("??/[0-9a-f]*"))
    write, turn = os.pwrite, threading.Event()
    rivals: list[Future[Outcome | Conflict]] = []

    def interrupted(*args: Any) -> int:
        """Let another writer try while this one is about to write its record."""
        monkeypatch.setattr(os, "pwrite", write)
        for path in record.parent.iterdir():
            if path != record and record.name not in path.name:
                path.unlink()
        rivals.append(pool.submit(_commit, FileStore(directory), b"rival"))
        rivals[0].add_done_callback(lambda _: turn.set())
        assert turn.wait(PATIENCE)
        assert not rivals[0].done()
        return write(*args)

    class Noticed:
        """The time, and that somebody waits."""

        monotonic = staticmethod(time.monotonic)

        @staticmethod
        def sleep(_: float) -> None:
            turn.set()

    monkeypatch.setattr(locked_directories, "time", Noticed)
    monkeypatch.setattr(os, "pwrite", interrupted)
    with ThreadPoolExecutor(1) as pool:
        assert _commit(store, b"first") is Outcome.WRITTEN
        first = make_record(2, payload=b"first")
        assert rivals[0].result(PATIENCE) == Conflict(first)
    assert run(store.load("key", renew=None)) == first


def test_a_writer_that_waited_for_a_directory_that_was_replaced_locks_the_new_one(
    directory: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(store.create("key", make_record(1), lifetimes=LIFETIMES))
    shard = next(directory.iterdir())

    def restore() -> None:
        """Put a copy in a directory's place, as who restores a backup does."""
        shard.rename(directory.parent / "moved")
        shutil.copytree(directory.parent / "moved", shard)

    _once_before_a_lock(monkeypatch, restore)
    assert _commit(store, b"newer") is Outcome.WRITTEN
    assert run(store.load("key", renew=None)) == make_record(2, payload=b"newer")


def _once_before_a_lock(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something after a directory was opened, and before its lock is taken."""
    acquire = locked_directories.Tree._acquire

    def acquire_late(self: locked_directories.Tree, directory: int, deadline: float) -> None:
        monkeypatch.setattr(locked_directories.Tree, "_acquire", acquire)
        act()
        acquire(self, directory, deadline)

    monkeypatch.setattr(locked_directories.Tree, "_acquire", acquire_late)


# --- the owners' directories ---------------------------------------------------------------


@pytest.mark.asyncio
async def test_owners_leave_no_directory_when_their_sessions_have_ended(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=60)

    async def log_in(owner: str) -> Any:
        visitor = site.visitor()
        await visitor.visit(lambda session: (session.update(a=1), session.bind(owner)))
        return visitor

    owners = backend.directory / "owners"
    logged_out, _, kept = [await log_in(name) for name in ("ann", "ben", "cyd")]
    second = await log_in("cyd")
    assert len(list(owners.glob("*/*"))) == 3
    await logged_out.visit(lambda session: session.clear())
    await second.visit(lambda session: session.clear())
    assert len(list(owners.glob("*/*"))) == 2
    site.clock.advance(200)
    await kept.visit(lambda session: (session.update(a=1), session.bind("cyd")))
    assert await administer(site, "purge") == 1
    assert len(list(owners.glob("*"))) == len(list(owners.glob("*/*"))) == 1
    assert len(await administer(site, "sessions_of", "cyd")) == 1
    await kept.visit(lambda session: session.clear())
    assert await administer(site, "purge") == 0
    assert not owners.exists()


@pytest.mark.parametrize("remove", ["logout", "purge"])
def test_a_login_beside_the_removal_of_its_owners_directory_is_listed(
    store: FileStore, monkeypatch: pytest.MonkeyPatch, remove: str
) -> None:
    run(store.enlist("ann", "old", lifetime=1000))

    def empty() -> None:
        run(store.delist("ann", "old"))
        if remove == "purge":
            _ = run(store.purge())

    _once_before_a_lock(monkeypatch, empty)
    run(store.enlist("ann", "new", lifetime=1000))
    assert [*run(store.owned("ann"))] == ["new"]


def test_a_logout_beside_the_removal_of_its_owners_directory_is_one(
    directory: Path, store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(store.enlist("ann", "old", lifetime=1000))
    _once_before_a_lock(monkeypatch, lambda: run(store.delist("ann", "old")))
    run(store.delist("ann", "old"))
    assert list(directory.glob("owners/*/*")) == []
