"""One SQLite file that others touch, full disks, killed writers: old or new, never torn."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from samesession import ConfigError, StoreUnavailable
from samesession.core.store import Colour, Conflict, Outcome
from samesession.run import groups
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.sqlalchemy import SQLStore
from samesession.stores.sqlite import SQLiteStore, connection, private_file, rows
from samesession.stores.sqlite.writer import Transaction, Write
from samesession.testing import Caller
from tests.conftest import NewSite
from tests.support.backend import UNHURRIED, Backend
from tests.support.clock import Clock
from tests.support.embedded import looking_at
from tests.support.forks import FORKS
from tests.support.site import Site
from tests.unit.parts import record, sealer

from .children import KEY, LIFETIMES, NOBODY, TOKEN, child, raw
from .effort import rounds
from .test_files import _fill, _mount

ROOT = os.geteuid() == 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """Give a store in which there is a session."""
    found = SQLiteStore(path, timeout=0.3)
    assert run(found.create(KEY, raw(1), lifetimes=LIFETIMES))
    yield found
    run(found.close())


def commit(store: SQLiteStore | SQLStore, revision: int) -> Outcome:
    expected = (revision - 1).to_bytes(8, "big")
    outcome = run(store.commit(KEY, raw(revision), expected=expected, renew=LIFETIMES))
    assert isinstance(outcome, Outcome)
    return outcome


# --- the place -----------------------------------------------------------------------------


def test_the_files_and_a_directory_that_is_made_are_this_users_alone(
    store: SQLiteStore, path: Path
) -> None:
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes == dict.fromkeys(("sessions.db", "sessions.db-wal", "sessions.db-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_directory_that_others_may_write_is_refused(path: Path, mode: int) -> None:
    path.parent.mkdir()
    path.parent.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 700"):
        SQLiteStore(path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o620])
def test_a_file_that_others_may_read_or_write_is_refused(
    store: SQLiteStore, path: Path, mode: int
) -> None:
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        SQLiteStore(path)


def test_links_and_what_is_no_file_are_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="symbolic link"):
        SQLiteStore(path)
    path.parent.unlink()
    path.parent.write_bytes(b"")
    with pytest.raises(ConfigError, match="not in a directory"):
        SQLiteStore(path)
    path.parent.unlink()
    path.parent.mkdir(mode=0o700)
    other = tmp_path / "other"
    other.touch(mode=0o600)
    path.symlink_to(other)
    with pytest.raises(ConfigError, match="symbolic link"):
        SQLiteStore(path)
    path.unlink()
    path.hardlink_to(other)
    with pytest.raises(ConfigError, match="linked from elsewhere"):
        SQLiteStore(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match="not a regular file"):
        SQLiteStore(path)


def test_what_is_another_users_is_refused(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (path, path.parent):
        if ROOT:
            os.chown(each, NOBODY, NOBODY)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
        with pytest.raises(ConfigError, match="another user"):
            SQLiteStore(path)


def test_a_network_file_system_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    line = (
        f"36 35 {os.major(device)}:{os.minor(device)} / /mnt rw,noatime master:1 - {{}} a:/b rw\n"
    )
    monkeypatch.setattr(private_file, "_MOUNTS", str(mounts))
    path.parent.mkdir(mode=0o700)
    mounts.write_text(line.format("ext4"))
    _ = SQLiteStore(path)
    mounts.write_text(line.format("nfs4"))
    with pytest.raises(ConfigError, match="network file system"):
        SQLiteStore(path)


def test_a_database_of_something_else_is_left_alone(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    with looking_at(path) as looking:
        looking.execute("CREATE TABLE shop (a)")
    store = SQLiteStore(path)
    for steps in (
        store.load(KEY, renew=None),
        store.create(KEY, raw(1), lifetimes=LIFETIMES),
    ):
        with pytest.raises(StoreUnavailable, match="database of another program"):
            _ = run(steps)
    with looking_at(path) as looking:
        assert looking.execute("SELECT name FROM sqlite_master").fetchall() == [(b"shop",)]


def test_tables_of_another_release_are_left_alone(store: SQLiteStore, path: Path) -> None:
    run(store.close())
    with looking_at(path) as looking:
        looking.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreUnavailable, match="another release"):
        _ = run(store.load(KEY, renew=None))


# --- a file that goes away, or is damaged ----------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.stores("sqlite")
async def test_a_file_that_is_replaced_is_noticed_by_each_process(
    site: Site, backend: Backend, tmp_path: Path
) -> None:
    """As by a restore; without that a session which is revoked in the new file would live on."""
    visitor = site.visitor()
    await visitor.put(a=1)
    assert await visitor.value(lambda session: session.get("a")) == 1
    for each in backend.directory.iterdir():
        shutil.move(each, tmp_path / each.name)
    jar = visitor.jar.copy()
    assert await visitor.value(lambda session: session.get("a")) is None
    visitor.driver.jar = jar
    await site.visitor().put(b=2)
    assert len(backend.records()) == 1
    assert await visitor.value(lambda session: session.get("a")) is None


@pytest.mark.asyncio
@pytest.mark.stores("sqlite")
async def test_a_damaged_file_is_a_503_until_it_is_removed(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site()
    await site.visitor().put(a=1)
    await site.close()
    file = backend.directory / "sessions.db"
    file.write_bytes(b"\0" * 100 + file.read_bytes()[100:])
    site = new_site()
    for _ in range(2):
        assert (await site.visitor().put(a=1)).status == 503
    for each in backend.directory.iterdir():
        each.unlink()
    assert (await site.visitor().put(a=1)).status == 200


def test_a_log_that_ends_anywhere_holds_the_old_record_or_the_new_one(
    store: SQLiteStore, path: Path, tmp_path: Path
) -> None:
    """As after a power cut: the log is what a commit writes to, and has a checksum."""
    assert commit(store, 2) is Outcome.WRITTEN
    whole, log = path.read_bytes(), path.with_name("sessions.db-wal").read_bytes()
    found: set[int] = set()
    (tmp_path / "cut").mkdir(mode=0o700)
    for length in (*range(0, len(log), 307), len(log)):
        cut = tmp_path / "cut" / f"{length}.db"
        for name, content in ((cut, whole), (cut.with_name(f"{cut.name}-wal"), log[:length])):
            name.touch(mode=0o600)
            name.write_bytes(content)
        one = SQLiteStore(cut)
        kept = run(one.load(KEY, renew=None))
        run(one.close())
        assert kept in (None, raw(1), raw(2)), length
        found.add(0 if kept is None else kept[7])
    assert found == {0, 1, 2}


def test_a_killed_writer_leaves_the_old_record_or_the_new_one(path: Path) -> None:
    told = child("kill", path.parent, rounds(60, 1000), "sqlite")
    assert told["written"] > 60
    with looking_at(path) as looking:
        assert looking.execute("PRAGMA integrity_check").fetchall() == [(b"ok",)]


# --- full disks and limits -----------------------------------------------------------------


def test_a_limit_on_file_sizes_refuses_and_keeps_the_old_record(path: Path) -> None:
    told = child("limited", path.parent, "sqlite")
    assert told["refused"] == "StoreUnavailable: the session file is not usable: SQLITE_IOERR_WRITE"
    assert (told["kept"], told["left"], told["then"]) == (True, [], "Outcome.WRITTEN")


@pytest.fixture
def small_disk(path: Path) -> Iterator[Path]:
    """Give a file system of 256 kB, where this user may mount one."""
    path.parent.mkdir(mode=0o700)
    mounted = ROOT and _mount(path.parent)
    yield path.parent
    if mounted:
        _ = subprocess.run(["umount", str(path.parent)], check=True, timeout=30)


@pytest.mark.asyncio
async def test_a_full_disk_is_a_503_that_keeps_the_old_session(
    framework: str, small_disk: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = small_disk / "sessions.db"
    settings: dict[str, Any] = {"SESSION_TYPE": "sqlite", "SESSION_SQLITE_FILE": str(file)}
    site = Site(framework, settings, clock=clock)
    visitor, newcomer = site.visitor(), site.visitor()
    await visitor.put(a=1)
    ballast = small_disk / "ballast" if small_disk.is_mount() else None  # noqa: ASYNC240  # a test's own look
    if ballast is not None:
        _fill(ballast)
    else:
        monkeypatch.setattr(connection, "_opened", partial(_open_full, connection._opened))
        await site.close()
        site = Site(framework, settings, clock=clock)
    for refused in (visitor.put(a="x" * 40_000), newcomer.put(a="x" * 40_000)):
        answer = await refused
        assert (answer.status, answer.set_cookies) == (503, [])
    assert await visitor.value(lambda session: session["a"]) == 1
    if ballast is not None:
        ballast.unlink()
    else:
        monkeypatch.undo()
        await site.close()
    await visitor.put(a="x" * 40_000)
    assert len(await visitor.value(lambda session: session["a"])) == 40_000
    await site.close()


def _open_full(open_as_ever: Any, place: Any) -> Any:
    """Open the file as if there were no room for another page."""
    opened = open_as_ever(place)
    opened.connection.execute("PRAGMA max_page_count = 1")  # or what it has by now
    return opened


# --- what waits for the disk -----------------------------------------------------------------


def statements(store: SQLiteStore) -> list[str]:
    """Give the list to which the writing connection's statements are added."""
    told: list[str] = []
    opened = store._writer._process().opened
    assert opened is not None
    opened.connection.set_trace_callback(lambda text: told.append(" ".join(text.split()[:2])))
    return told


def test_what_ends_a_session_or_replaces_its_secret_waits_for_the_disk(
    store: SQLiteStore,
) -> None:
    levels: list[int] = []

    def level() -> int:
        opened = store._writer._process().opened
        assert opened is not None
        found: int = opened.connection.execute("PRAGMA synchronous").fetchall()[0][0]
        return found

    assert commit(store, 2) is Outcome.WRITTEN
    levels.append(level())
    told = statements(store)
    sealed = sealer().seal(KEY, record(TOKEN, revision=3, secret_hash=bytes(24)))
    steps = store.commit(KEY, sealed, expected=raw(2)[:8], renew=LIFETIMES)
    assert run(steps) is Outcome.WRITTEN
    levels.append(level())
    # It sees only in a transaction that it must be in another one, and has changed nothing there.
    began = [text for text in told if text.startswith(("BEGIN", "UPDATE", "COMMIT"))]
    assert began == ["BEGIN IMMEDIATE", "COMMIT", "BEGIN IMMEDIATE", "UPDATE sessions", "COMMIT"]
    run(store.enlist("ann", KEY, lifetime=100))
    levels.append(level())
    assert run(store.remove(KEY, expected=None)) is Outcome.WRITTEN
    levels.append(level())
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    levels.append(level())
    assert run(store.remove_many([KEY])) == [True]
    levels.append(level())
    normal, full = 1, 2
    assert levels == [normal, full, normal, full, normal, full]


# --- several writes in one transaction -------------------------------------------------------


def no_statement(transaction: Transaction) -> None:
    """Fail as a statement does."""
    _ = transaction.connection.execute("INSERT INTO sessions (key) VALUES (x'00')")


def half(transaction: Transaction) -> None:
    """Write, and fail after that."""
    with rows.savepoint(transaction.connection):
        _ = rows.create(transaction.connection, b"half", raw(1), 2**40, 0)
        no_statement(transaction)


def test_of_several_writes_in_a_transaction_each_has_its_own_outcome(store: SQLiteStore) -> None:
    told = statements(store)
    writes: list[Write[Any]] = [
        Write(partial(store._commit, KEY.encode(), raw(2), raw(1)[:8], LIFETIMES), None),
        Write(partial(store._commit, KEY.encode(), raw(2), raw(1)[:8], LIFETIMES), None),
        Write(no_statement, None),
        Write(half, None),
        Write(partial(store._commit, b"gone", raw(2), raw(1)[:8], LIFETIMES), None),
        Write(partial(store._create, b"new", raw(1), LIFETIMES), None),
    ]
    written, conflict, failed, undone, gone, created = store._writer.all(iter(writes))
    assert written == (Outcome.WRITTEN, None)
    assert conflict == (Conflict(raw(2)), None)
    for _, error in (failed, undone):
        assert isinstance(error, StoreUnavailable)
    assert (gone, created) == ((Outcome.GONE, None), (True, None))
    assert told.count("BEGIN IMMEDIATE") == 1
    assert run(store.load_many([KEY, "new", "half"])) == [raw(2), raw(1), None]


def test_where_sqlite_gives_up_a_transaction_each_write_is_tried_alone(
    store: SQLiteStore, path: Path
) -> None:
    with looking_at(path) as looking:
        looking.execute(
            "CREATE TRIGGER t BEFORE INSERT ON sessions WHEN NEW.key = x'62616400' "
            "BEGIN SELECT RAISE(ROLLBACK, 'as on a full disk'); END"
        )
    creates: list[Write[Any]] = [
        Write(partial(store._create, key, raw(1), LIFETIMES), None)
        for key in (b"one", b"bad\0", b"two")
    ]
    one, bad, two = store._writer.all(iter(creates))
    assert (one, two) == ((True, None), (True, None))
    assert isinstance(bad[1], StoreUnavailable)
    assert run(store.load_many(["one", "bad\0", "two"])) == [raw(1), None, raw(1)]


def test_writes_of_one_turn_of_a_loop_share_a_transaction(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "_WAKE_AFTER", 60.0)  # though the loop's turn be a slow one
    told = statements(store)

    async def create_all() -> list[bool]:
        steps = (store.create(f"k{number}", raw(1), lifetimes=LIFETIMES) for number in range(9))
        return await asyncio.gather(*(arun(each, timeout=5) for each in steps))

    assert asyncio.run(create_all()) == [True] * 9
    assert told.count("BEGIN IMMEDIATE") == 1


# --- a log that readers hold ------------------------------------------------------------------


def _read_on(path: Path, stop: threading.Event, offset: float) -> None:
    """Read without an end, so that of several readers there is always one."""
    time.sleep(offset)
    with looking_at(path) as reader:
        while not stop.is_set():
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sessions").fetchall()
            time.sleep(0.004)
            reader.execute("COMMIT")


def test_a_log_is_begun_anew_though_there_is_always_a_reader(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_LOG_PAGES", 10)
    monkeypatch.setattr(connection, "_MOST_BYTES", 20 * 4096)
    store = SQLiteStore(path, timeout=UNHURRIED)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    stop = threading.Event()
    with ThreadPoolExecutor(3) as pool:
        reading = [pool.submit(_read_on, path, stop, number * 0.0015) for number in range(3)]
        sizes: list[int] = []
        for revision in range(2, 700):
            assert commit(store, revision) is Outcome.WRITTEN
            sizes.append(path.with_name("sessions.db-wal").stat().st_size)
        stop.set()
        for each in reading:
            each.result(20)
    run(store.close())
    assert max(sizes) < 450 * 4096


# --- deadlines ---------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [Colour.SYNC, Colour.ASYNC])
def test_a_file_that_stays_locked_is_read_at_once_and_given_up_in_time(
    store: SQLiteStore, path: Path, colour: Colour
) -> None:
    caller = Caller(colour)
    with looking_at(path) as holder:
        holder.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        assert caller.do(store.load(KEY, renew=None)) == raw(1)
        assert time.monotonic() - started < 0.25
        with pytest.raises(StoreUnavailable, match=r"locked for more than 0\.3 s"):
            _ = caller.do(store.remove(KEY, expected=None))
        assert 0.25 < time.monotonic() - started < 2.0
        holder.execute("ROLLBACK")
    assert caller.do(store.remove(KEY, expected=None)) is Outcome.WRITTEN
    caller.close()


def _by_sqlalchemy(path: Path) -> SQLStore:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with looking_at(path) as looking:
        looking.execute("PRAGMA journal_mode = WAL")
    store = SQLStore(f"sqlite:///{path}")
    run(store.prepare())
    return store


@FORKS
@pytest.mark.parametrize("open_store", [SQLiteStore, _by_sqlalchemy], ids=["sqlite", "sqlalchemy"])
def test_what_a_child_writes_is_kept_whatever_its_parent_opened_and_closes(
    open_store: Callable[[Path], SQLiteStore | SQLStore], path: Path
) -> None:
    """SQLite's notes of the locks are inherited, and its locks are not."""
    store = open_store(path)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    assert run(store.load(KEY, renew=None)) == raw(1)
    (told, tell), (asked, ask) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        first = commit(store, 2)
        _ = os.write(tell, b".")
        _ = os.read(asked, 1)
        both = first, commit(store, 3)
        os._exit(0 if both == (Outcome.WRITTEN, Outcome.WRITTEN) else 1)
    assert os.read(told, 1) == b"."
    run(store.close())  # the last connection to the file, for all that this process knows
    other = open_store(path)
    assert run(other.load(KEY, renew=None)) == raw(2)
    _ = os.write(ask, b".")
    assert os.waitpid(pid, 0)[1] == 0
    assert run(other.load(KEY, renew=None)) == raw(3)
    assert commit(store, 4) is Outcome.WRITTEN
    run(other.close())
    run(store.close())
    for each in (told, tell, asked, ask):
        os.close(each)


@FORKS
def test_a_process_that_forks_again_and_again_goes_on_reading_and_writing(path: Path) -> None:
    store = SQLiteStore(path, timeout=UNHURRIED)
    assert run(store.create(KEY, raw(1), lifetimes=LIFETIMES))
    stop = threading.Event()

    def use() -> int:
        revision = 1
        while not stop.is_set():
            revision += 1
            assert commit(store, revision) is Outcome.WRITTEN
            assert run(store.load(KEY, renew=None)) == raw(revision)
        return revision

    with ThreadPoolExecutor(1) as pool:
        using = pool.submit(use)
        children = [_child_that_ends() for _ in range(20)]
        stop.set()
        revision = using.result(20)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 20
    assert run(store.load(KEY, renew=None)) == raw(revision)
    run(store.close())


def _child_that_ends() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return pid
