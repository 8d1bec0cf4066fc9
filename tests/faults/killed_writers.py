"""Writers of a file store that are killed before each of their system calls: run by name.

python -m tests.faults.killed_writers DIRECTORY
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from samesession.core.store import Lifetimes
from samesession.run.sync import run
from samesession.stores.filesystem import FileStore, versions
from samesession.testing import make_record

KEY = "key"
LIFETIMES = Lifetimes(browser=3600, permanent=7200)
LONGER = Lifetimes(browser=7200, permanent=7200)
CALLS = (
    "open",
    "close",
    "fstat",
    "lstat",
    "stat",
    "pread",
    "write",
    "utime",
    "fsync",
    "replace",
    "unlink",
)

Work = Callable[[FileStore], object]


def expected(revision: int) -> bytes:
    return revision.to_bytes(8, "big")


def commit(store: FileStore, lifetimes: Lifetimes | None = LIFETIMES) -> object:
    return run(store.commit(KEY, make_record(2), expected=expected(1), renew=lifetimes))


def prepare(store: FileStore) -> None:
    """File a record of which revision 1 is the last one."""
    assert run(store.create(KEY, make_record(1), lifetimes=LIFETIMES))


def replace(store: FileStore) -> object:
    """Commit to a file without room."""
    versions._BLOCK, versions._MOST, versions._FEWEST = 0, 1, 1
    return commit(store)


# What is done, and the revisions that may be there afterwards, besides the first one.
WORK: dict[str, tuple[Work, set[int | None]]] = {
    "append": (commit, {2}),
    "append without renewal": (lambda store: commit(store, None), {2}),
    "replace": (replace, {2}),
    "renew": (lambda store: run(store.load(KEY, renew=LONGER)), set()),
    "remove": (lambda store: run(store.remove(KEY, expected=expected(1))), {None}),
}


class Killer:
    """Kills this process before one of its system calls, or in the midst of an append."""

    def __init__(self, last: int, part: int | None = None) -> None:
        """`last`: the call that is not made; `part`: of how many bytes an append is made."""
        self._left = last
        self._part = part
        for name in CALLS:
            setattr(os, name, self._counting(getattr(os, name)))
        fcntl.flock = self._counting(fcntl.flock)
        self._pwrite = os.pwrite
        os.pwrite = self._append if part is not None else self._counting(os.pwrite)

    def _counting(self, call: Any) -> Any:
        def counted(*args: Any, **named: Any) -> Any:
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
            self._left -= 1
            return call(*args, **named)

        return counted

    def _append(self, fd: int, data: Any, offset: int) -> int:
        assert self._part is not None
        _ = self._pwrite(fd, data[: self._part], offset)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def killed(store: FileStore, work: Work, last: int, part: int | None = None) -> bool:
    """Do work in a process that is killed meanwhile; return False if it came to its end."""
    pid = os.fork()
    if pid == 0:
        _ = Killer(last, part)
        _ = work(store)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or status == 0, status
    return os.WIFSIGNALED(status)


def check(directory: Path, name: str, last: int, part: int | None) -> bool:
    """Kill a writer, and see what it left; return whether it was killed."""
    work, revisions = WORK[name]
    store = FileStore(directory, timeout=0.05)
    prepare(store)
    (file,) = directory.glob("??/[0-9a-f]*")
    was_killed = killed(store, work, last, part)
    found = run(store.load(KEY, renew=None))
    revision = None if found is None else int.from_bytes(found[:8], "big")
    told = f"{name} killed before call {last} ({part}) left revision {revision}"
    assert revision in {1, *revisions}, told
    assert revision is None or found == make_record(revision), told
    if not was_killed and revisions:
        assert revision in revisions, told
    # It lives as long as it should, by a purge's view, too, and can be written.
    assert run(store.purge()) == 0, told
    assert run(store.load(KEY, renew=None)) == found, told
    if revision is not None:
        shard = os.open(file.parent, os.O_RDONLY)
        left = store._files.expiry(shard, file.name)
        os.close(shard)
        assert left is not None, told
        assert LIFETIMES.browser - 60 <= left - time.time() <= LONGER.browser + 400, told
        record = make_record(revision + 1)
        _ = run(store.commit(KEY, record, expected=expected(revision), renew=LIFETIMES))
        assert run(store.load(KEY, renew=LIFETIMES)) == record, told
    assert [path.name for path in directory.rglob(".*")] == [], told
    with suppress(FileNotFoundError):
        file.unlink()
    return was_killed


def main(directory: Path) -> dict[str, int]:
    """Kill writers everywhere; return at how many places that was."""
    places = dict.fromkeys(WORK, 0)
    for name in WORK:
        while check(directory, name, places[name], None):
            places[name] += 1
    for part in range(len(make_record(2)) + versions.EXTRA_BYTES + 1):
        assert check(directory, "append", 1 << 30, part)
        places["append"] += 1
    return places


if __name__ == "__main__":
    _ = sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
