"""Keep each record in its own file: the default store, safe for many processes.

    SESSION_FILE_DIR/            0700, owned by the process's user
        3f/                      by the first two hex digits of the file's name; locked
                                 while one of its files changes
            3f9a...              versions of a record; its mtime is its expiry
        owners/1c/1c77.../7365...  a note that a record belongs to that owner

A file's name is a digest of its key, in hex: safe on file systems that ignore
case, and a key cannot contain a path. Everything is opened relative to a
directory's descriptor, and never through a symbolic link. A request lists no
directory, and costs the same however many sessions there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

from ...core.batches import every_key
from ...core.findings import Finding
from ...core.idle_renewal import Touching
from ...core.record import MIN_BYTES, revision_of
from ...core.steps import (
    Group,
    Steps,
    Turn,
    call,
    call_in_turn,
    call_long,
    call_together,
    checkpoint,
    outcome_of,
)
from ...core.steps import Outcome as WorkOutcome
from ...core.store import (
    Capabilities,
    Clock,
    Colour,
    Conflict,
    DatedRecord,
    KeyPage,
    Lifetimes,
    Outcome,
    Reach,
)
from ...errors import BadRecord
from ...run.clocks import system_time
from ...settings import Config
from ..kit.opener import with_settings
from ..kit.renewing_load import RenewingLoad, records_of
from . import examination, many_files
from .locked_directories import Tree, name_of, unlink
from .nonblocking_read import CachedFiles
from .owner_notes import OwnerNotes
from .purge import Purge
from .record_files import Found, RecordFiles
from .settings import FileSettings

_DURABLE_BATCH = (
    20  # files that can be deleted within one operation's time if each waits for the disk
)

T = TypeVar("T")

# A directory's descriptor, or None if it is missing.
_Directory: TypeAlias = AbstractContextManager[int | None]


class _Work(Protocol):
    """Blocking work that waits for a lock, or raises Blocked if the lock is held."""

    def __call__(self, *, wait: bool) -> Any: ...


class Together:
    """Reads and writes of a few files each, one after another."""

    alone_after = 0.05  # a file takes a fraction of a millisecond

    def alone(self, item: _Work) -> Any:
        """Do one item, and wait for the lock that it needs."""
        return item(wait=True)

    def all(self, items: Iterator[_Work]) -> Iterator[WorkOutcome]:
        """Do all items that need not wait for a lock."""
        for item in items:
            yield outcome_of(partial(item, wait=False))


class FileStore:
    """Records as files. Each method is one piece of blocking work, atomic by itself.

    A record that is in memory, and need not be renewed, is loaded directly, because that cannot
    block.
    """

    colours = Colour.BOTH

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        mode: int = 0o600,
        fsync: bool = False,
        timeout: float = 2.0,
        max_bytes: int = 1024 * 1024,
        touching: Touching | None = None,
        clock: Clock = system_time,
    ) -> None:
        """Use a directory, which the first write creates if it is missing.

        `mode` is that of the files. `fsync` makes each write durable before it returns. `timeout`
        in seconds limits the wait for a lock. Raises ConfigError if other users can write to the
        directory, or if it cannot be created.
        """
        self._tree = Tree(directory, mode=mode, fsync=fsync, timeout=timeout)
        self._cached = CachedFiles(self._tree.root, max_bytes)
        self._notes = OwnerNotes(self._tree, clock=clock, max_bytes=max_bytes)
        self._fsync = fsync
        self._mode = mode
        self._max_bytes = max_bytes
        self._renewing = RenewingLoad(touching or Touching(), clock)
        self._files = RecordFiles(
            self._tree, self._renewing, max_bytes=max_bytes, appends=not fsync
        )
        self._together = Together()
        self._clock = clock

    @property
    def capabilities(self) -> Capabilities:
        """The store's capabilities: it may postpone renewing."""
        return self._renewing.capabilities(Reach.MACHINE)

    @property
    def location(self) -> str:
        """The directory."""
        return f"the directory {self._tree.root}"

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record and restart its idle timeout."""
        name = _name(key)
        record = self._load_cached(name, renew)
        if record is not None:
            return record
        return (yield from self._at(name[:2], self._load, name, renew))

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Write a file if there is none."""
        name = _name(key)
        return (yield from self._at(name[:2], self._create, name, record, lifetimes))

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Replace the file that has the expected revision."""
        name = _name(key)
        return (yield from self._at(name[:2], self._commit, name, record, expected, renew))

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the file that has the expected revision, or any file with None."""
        name = _name(key)
        return (yield from self._at(name[:2], self._remove, name, expected))

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner."""
        return (yield from self._at(f"owner {owner}", self._notes.add, owner, key, lifetime))

    def delist(self, owner: str, key: str) -> Steps[None]:
        """Remove a key from an owner's notes."""
        return (yield from self._at(f"owner {owner}", self._notes.remove, owner, [key]))

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner."""
        return (yield from every_key(lambda after: self.owned_page(owner, after=after)))

    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        """Read records."""
        return records_of((yield from call(self._load_many, keys)))

    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        """Read records with the times of their last renewal."""
        return self._renewing.dated((yield from call(self._load_many, keys)), lifetimes)

    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        """Delete files, whatever their revision; few at a time if that must be durable."""
        names = sorted(map(_name, keys))
        size = _DURABLE_BATCH if self._fsync else len(names)
        removed: set[str] = set()
        for first in range(0, len(names), max(size, 1)):
            if first:
                yield from checkpoint()
            removed |= yield from call(self._remove_many, names[first : first + size])
        return [_name(key) in removed for key in keys]

    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        """List the next keys noted for an owner."""
        return (yield from call(self._notes.page, owner, after))

    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        """Remove keys from an owner's notes."""
        return (yield from self._at(f"owner {owner}", self._notes.remove, owner, keys))

    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        """List the next keys with a prefix."""
        page = many_files.page
        steps = call(page, self._tree, prefix, after, limit, max_bytes=self._max_bytes)
        return (yield from steps)

    def purge(self) -> Steps[int]:
        """Delete expired records, expired notes, and leftovers of killed writers."""
        # In one go: each wait for a lock has a limit, and the loop does not wait for it.
        yield from checkpoint(bounded=False)
        return (yield from call_long(Purge(self._tree, self._files, self._clock).run))

    def ping(self) -> Steps[None]:
        """Check whether the directory can be read and written, or created."""
        return (yield from call(self._tree.check))

    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        """Return the findings for the directory."""
        look = partial(examination.findings, mode=self._mode, fsync=self._fsync)
        return (yield from call(look, self._tree, clock))

    def close(self) -> Steps[None]:
        """Do nothing: no file is kept open between operations."""
        yield from ()

    def _at(self, path: str, func: Callable[..., T], *args: object) -> Steps[T]:
        """Do work that may lock a directory; at most one thread of this process waits for it."""
        turn = Turn((self._tree.root, path))
        if self._fsync:  # many files wait for the disk as long as one does
            return call_in_turn(turn, func, *args, wait=True)
        group: Group[_Work, T] = self._together
        return call_together(group, partial(func, *args), turn=turn)

    # --- the work ----------------------------------------------------------------------

    def _load_cached(self, name: str, renew: Lifetimes | None) -> bytes | None:
        """Read a live record if that cannot block; None leaves it to `_load`."""
        found = self._cached.read(f"{name[:2]}/{name}")
        if found is None or len(found[0]) < MIN_BYTES:
            return None
        raw, expires = found
        now = self._clock()
        if expires <= now or self._renewing.touching.renewal(raw, expires, renew, now) is not None:
            return None  # the work to be done then may block
        return raw

    def _load(self, name: str, renew: Lifetimes | None, *, wait: bool) -> bytes | None:
        with self._shard(name) as shard:
            found = None if shard is None else self._files.look(shard, name)
        if found is None or self._is_fresh(found, renew):
            return None if found is None else found.record
        with self._locked(name, wait=wait) as shard:
            found = None if shard is None else self._files.live(shard, name, renew)
        return None if found is None else found.record

    def _is_fresh(self, found: Found, renew: Lifetimes | None) -> bool:
        """Return whether a record is alive, and need not be renewed."""
        if found.is_over:
            return False
        renewal, now = self._renewing.touching.renewal, self._clock()
        return renewal(found.record, found.expires, renew, now) is None

    def _create(self, name: str, record: bytes, lifetimes: Lifetimes, *, wait: bool) -> bool:
        with self._locked(name, make=True, wait=wait) as shard:
            assert shard is not None
            if self._files.sound(shard, name) is not None:
                return False
            self._files.write(shard, name, record, self._renewing.expiry(record, lifetimes))
            return True

    def _commit(
        self, name: str, record: bytes, expected: bytes, renew: Lifetimes | None, *, wait: bool
    ) -> Outcome | Conflict:
        with self._locked(name, wait=wait) as shard:
            if shard is None:
                return Outcome.GONE
            return self._files.replace(shard, name, record, expected, renew, wait=wait)

    def _remove(self, name: str, expected: bytes | None, *, wait: bool) -> Outcome | Conflict:
        with self._locked(name, wait=wait) as shard:
            found = None if shard is None else self._files.sound(shard, name)
            if found is None or shard is None:
                return Outcome.GONE
            if expected is not None and revision_of(found.record) != expected:
                return Conflict(found.record)
            self._files.end(shard, name)
            return Outcome.WRITTEN

    def _load_many(self, keys: Sequence[str]) -> list[Found | None]:
        found: dict[str, Found | None] = {}
        for path, names in many_files.by_shard(map(_name, keys)):
            with self._tree.at(path) as shard:
                read = {} if shard is None else {name: self._look(shard, name) for name in names}
            found.update(read)
            again = [name for name, each in read.items() if each and not self._is_fresh(each, None)]
            with self._tree.locked(path) if again else nullcontext() as shard:
                for name in again:
                    found[name] = None if shard is None else self._files.sound(shard, name)
        return [found.get(_name(key)) for key in keys]

    def _remove_many(self, doomed: list[str]) -> set[str]:
        removed: set[str] = set()
        for path, names in many_files.by_shard(doomed):
            with self._tree.locked(path) as shard:
                if shard is None:
                    continue
                ends = [(name, self._files.expiry(shard, name)) for name in names]
                now = self._clock()
                # An expired one as well, because a clock may be fast; it counts as missing.
                gone = [(name, end) for name, end in ends if end and unlink(shard, name)]
                removed.update(name for name, end in gone if end > now)
                self._tree.sync_directory(shard)
        return removed

    def _look(self, shard: int, name: str) -> Found | None:
        """Read a record without renewing it; anything but our record counts as missing."""
        try:
            return self._files.look(shard, name)
        except BadRecord:
            return None

    def _shard(self, name: str) -> _Directory:
        return self._tree.at(name[:2])

    def _locked(self, name: str, *, make: bool = False, wait: bool) -> _Directory:
        return self._tree.locked(name[:2], make=make, wait=wait)


def _name(key: str) -> str:
    return name_of(key.encode("utf-8"))


@with_settings(FileSettings)
def open_store(config: Config, settings: FileSettings, *, clock: Clock) -> FileStore:
    """Open the store of SESSION_TYPE "filesystem"."""
    return FileStore(
        settings.directory,
        mode=settings.mode,
        fsync=settings.fsync,
        timeout=config.store_timeout,
        max_bytes=config.rules.max_bytes,
        touching=config.touching(),
        clock=clock,
    )
