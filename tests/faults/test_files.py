"""Files that others touch, disks that are full, writers that are killed: old or new, never torn."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samesession import BadRecord, ConfigError
from samesession.core.store import Outcome
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore
from samesession.stores.filesystem.purge import Purge
from samesession.stores.filesystem.versions import MAGIC
from tests.conftest import NewSite
from tests.support.clock import Clock
from tests.support.site import Site

from .children import KEY, LIFETIMES, NOBODY, child, raw, temporaries
from .effort import rounds

ROOT = os.geteuid() == 0


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


def only_file(directory: Path) -> Path:
    (found,) = directory.glob("[0-9a-f][0-9a-f]/[0-9a-f]*")
    return found


# --- the root ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_root_that_others_may_write_is_refused(directory: Path, mode: int) -> None:
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 700"):
        FileStore(directory)


def test_a_root_that_is_a_link_or_a_file_is_refused(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    directory.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="symbolic link"):
        FileStore(directory)
    directory.unlink()
    directory.write_bytes(b"")
    with pytest.raises(ConfigError):
        FileStore(directory)


def test_a_root_of_another_user_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.mkdir(mode=0o700)
    if ROOT:
        os.chown(directory, NOBODY, NOBODY)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(ConfigError, match="another user"):
        FileStore(directory)


def test_a_root_swapped_for_a_link_later_is_an_error_and_not_followed(
    directory: Path, tmp_path: Path
) -> None:
    store = FileStore(directory)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    directory.rename(tmp_path / "moved")
    directory.symlink_to(tmp_path / "moved")
    with pytest.raises(Exception, match=r"not usable: (ENOTDIR|ELOOP)"):
        run(store.load(KEY, renew=None))


def test_a_shard_that_is_a_link_is_an_error_and_not_followed(
    directory: Path, tmp_path: Path
) -> None:
    store = FileStore(directory)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    shard = only_file(directory).parent
    shard.rename(tmp_path / "moved")
    shard.symlink_to(tmp_path / "moved")
    with pytest.raises(Exception, match=r"not usable: (ENOTDIR|ELOOP)"):
        run(store.load(KEY, renew=None))


def test_a_file_of_another_user_is_no_session(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(directory)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    if ROOT:
        os.chown(only_file(directory), NOBODY, NOBODY)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(BadRecord, match="another user"):
        run(store.load(KEY, renew=None))


@pytest.mark.parametrize("folded", [KEY.swapcase(), KEY.replace("K", "\u212a"), KEY + "\u0301"])
def test_names_differ_where_case_or_spelling_is_folded(directory: Path, folded: str) -> None:
    store = FileStore(directory)
    for key in dict.fromkeys((KEY, folded)):
        assert run(store.create(key, raw(1), lifetimes=LIFETIMES))
    names = [path.name for path in directory.glob("[0-9a-f][0-9a-f]/[0-9a-f]*")]
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in names}) == len(names)
    assert all(re.fullmatch(r"[0-9a-f]{40}", name) for name in names)
    for key in dict.fromkeys((KEY, folded, KEY * 20)):
        run(store.enlist("ann", key, lifetime=60))
    notes = [path.name for path in directory.glob("owners/*/*/*")]
    assert len({name.casefold() for name in notes}) == len(notes) == len({KEY, folded}) + 1
    assert all(re.fullmatch(r"[0-9a-f]{1,240}", name) for name in notes)
    assert set(run(store.owned("ann"))) == {KEY, folded, KEY * 20}


# --- torn and left behind ------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.stores("filesystem")
async def test_a_file_truncated_at_any_byte_is_a_new_session_and_never_an_error(
    new_site: NewSite, directory: Path
) -> None:
    site = new_site()
    visitor = site.visitor()
    await visitor.put(a=1)
    path = only_file(directory)
    whole, times = path.read_bytes(), path.stat()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        os.utime(path, (times.st_atime, times.st_mtime))
        jar = visitor.jar.copy()
        assert await visitor.value(lambda session: session.get("a")) is None
        visitor.driver.jar = jar
    path.write_bytes(whole)
    os.utime(path, (times.st_atime, times.st_mtime))
    assert await visitor.value(lambda session: session.get("a")) == 1


def test_a_killed_writer_leaves_the_old_record_or_the_new_one(directory: Path) -> None:
    told = child("kill", directory, rounds(100, 1000))
    assert told["written"] > 100
    assert told["after"] == []


def test_purge_removes_what_a_killed_writer_left_and_nothing_else(directory: Path) -> None:
    store = FileStore(directory)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    path = only_file(directory)
    (path.parent / f".{path.name}.deadbeef").write_bytes(b"half a rec")
    assert run(store.purge()) == 0
    assert temporaries(directory) == []
    assert run(store.load(KEY, renew=None)) == raw(1)


# --- full disks and limits -----------------------------------------------------------------


@pytest.fixture
def small_disk(directory: Path) -> Iterator[Path]:
    """Give a file system of 256 kB, where this user may mount one."""
    directory.mkdir(mode=0o700)
    mounted = ROOT and _mount(directory)
    yield directory
    if mounted:
        _ = subprocess.run(["umount", str(directory)], check=True, timeout=30)


def _mount(directory: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(directory)]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0


def test_sessions_that_end_while_a_purge_reads_their_shard_disturb_nothing(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(directory)
    shard = directory / "ab"
    directory.mkdir(mode=0o700)
    shard.mkdir(mode=0o700)
    for number in range(700):
        path = shard / f"ab{number:038x}"
        path.write_bytes(MAGIC)
        os.utime(path, (1, 1))
    delete = Purge._delete
    sizes: list[int] = []

    def first_batch_only(self: Purge, files: Any, names: list[str]) -> int:
        """Delete the first batch as a purge does, and all the others as their users do."""
        sizes.append(len(names))
        purged = delete(self, files, names)
        for left in shard.glob("ab*"):
            left.unlink()
        return purged

    monkeypatch.setattr(Purge, "_delete", first_batch_only)
    assert run(store.purge()) == sizes[0] < 700


@pytest.mark.asyncio
async def test_a_full_disk_is_a_503_that_keeps_the_old_session(
    framework: str, small_disk: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {
        "SESSION_TYPE": "filesystem",
        "SESSION_FILE_DIR": str(small_disk),
    }
    site = Site(framework, settings, clock=clock)
    visitor, newcomer = site.visitor(), site.visitor()
    await visitor.put(a=1)
    if small_disk.is_mount():  # noqa: ASYNC240  # a test's own look
        ballast = small_disk / "ballast"
        _fill(ballast)
    else:
        ballast = None
        monkeypatch.setattr(os, "write", _refuse_to_write)
        monkeypatch.setattr(os, "pwrite", _refuse_to_write)
    for refused in (visitor.put(a="x" * 20_000), newcomer.put(a="x" * 20_000)):
        answer = await refused
        assert (answer.status, answer.set_cookies) == (503, [])
    assert temporaries(small_disk) == []
    assert await visitor.value(lambda session: session["a"]) == 1
    monkeypatch.undo()
    if ballast is not None:
        ballast.unlink()
    await visitor.put(a="x" * 20_000)
    assert len(await visitor.value(lambda session: session["a"])) == 20_000


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


def _refuse_to_write(fd: int, data: bytes, offset: int = 0) -> int:
    raise OSError(28, "No space left on device")


def test_a_limit_on_file_sizes_refuses_and_keeps_the_old_record(directory: Path) -> None:
    told = child("limited", directory)
    assert told["refused"] == "StoreUnavailable: the session files are not usable: EFBIG"
    assert (told["kept"], told["left"]) == (True, [])


@pytest.fixture
def for_strangers() -> Iterator[Path]:
    """Make a directory that another user can look into, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name) / "sessions"


def test_missing_rights_refuse_and_keep_the_old_record(for_strangers: Path) -> None:
    directory = for_strangers
    directory.mkdir(mode=0o700)
    if ROOT:
        os.chown(directory, NOBODY, NOBODY)
    told = child("stranger", directory)
    for refused in (told["refused"], told["unreadable"]):
        assert refused == "StoreUnavailable: the session files are not usable: EACCES"
    # A file that cannot be written to is replaced, where its directory can.
    assert (told["kept"], told["replaced"]) == (True, "Outcome.WRITTEN")


# --- durability ----------------------------------------------------------------------------


def test_a_durable_save_syncs_the_file_before_its_name_and_the_directory_after(
    directory: Path, tmp_path: Path
) -> None:
    """By strace where there is one, as in `nox -s faults`; else by the calls that Python makes."""
    strace = shutil.which("strace")
    if strace is None:
        order = _order_by_audit(directory)
    else:
        log = tmp_path / "trace"
        calls = "trace=write,fsync,rename,renameat,renameat2"
        wrapper = (strace, "-f", "-y", "-e", calls, "-o", str(log))
        assert child("save", directory, wrapper=wrapper) is True
        order = [name for line in log.read_text().splitlines() if (name := _step(line, directory))]
    # The first one makes the shard's directory, whose name must last as well.
    assert order[:1] == ["fsync root"]
    assert order[1:] == ["write", "fsync", "rename", "fsync directory"] * 2


def _step(line: str, directory: Path) -> str | None:
    if str(directory) not in line:
        return None
    call = line.split(maxsplit=1)[1].partition("(")[0]
    if call.startswith("rename"):
        return "rename"
    named = Path(line.partition("<")[2].partition(">")[0])
    if named == directory:
        return f"{call} root"
    return f"{call} directory" if len(named.name) == 2 else call


def _order_by_audit(directory: Path) -> list[str]:
    order: list[str] = []
    real = {name: getattr(os, name) for name in ("write", "fsync", "replace")}

    def told(name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            kind = _kind(args[0], directory) if name == "fsync" else ""
            order.append("rename" if name == "replace" else name + kind)
            return real[name](*args, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(os, name, told(name))
        store = FileStore(directory, fsync=True)
        assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
        steps = store.commit(KEY, raw(2), expected=(1).to_bytes(8, "big"), renew=LIFETIMES)
        assert run(steps) is Outcome.WRITTEN
    return order


def _kind(fd: int, root: Path) -> str:
    found = os.fstat(fd)
    if os.path.samestat(found, root.stat()):
        return " root"
    return " directory" if stat.S_ISDIR(found.st_mode) else ""
