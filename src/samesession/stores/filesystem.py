"""Keep each record in a file of its own: the embedded default, safe for many processes.

    SESSION_FILE_DIR/            0700, owned by the process's user
        3f/                      by the first two hex digits of the file's name
            .lock                held while a file of this shard changes
            3f9a...              a record; its mtime is the moment it expires
        owners/1c/1c77.../3f9a...  a note that the record is that owner's

A file's name is a digest of its key, in hex: safe on file systems that fold
case, and no path can be smuggled in. Everything is opened relative to a
directory's descriptor and never through a symbolic link. A request lists no
directory, and costs the same however many sessions there are.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TypeAlias

from ..config import Config
from ..core.record import MIN_BYTES, revision_of
from ..core.steps import Steps, call
from ..core.store import Capabilities, Clock, Conflict, Face, Lifetimes, Outcome, Reach
from ..core.touch import Touching
from ..errors import BadRecord
from ._cached import CachedFiles
from ._tree import DIRECTORY, LOCK, READ, Tree, content, opened, unlink

# A directory's descriptor, or None where it is missing.
_Directory: TypeAlias = AbstractContextManager[int | None]

_OWNERS = "owners"
_PURGE_BATCH = 256  # files that a purge deletes before it lets requests at the shard


class FileStore:
    """Records as files. Each method is one piece of blocking work, atomic by itself.

    Only loading a record that is in memory, and need not be renewed, is done where
    the caller is: it cannot block.
    """

    faces = Face.BOTH

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        mode: int = 0o600,
        fsync: bool = False,
        timeout: float = 2.0,
        max_bytes: int = 1024 * 1024,
        touching: Touching | None = None,
        clock: Clock = time.time,
    ) -> None:
        """Use a directory, made if it is missing.

        `mode` is the files'; `fsync` makes each write durable before it is
        answered; `timeout` in seconds bounds the wait for a lock. Raises
        ConfigError when the directory is not this user's alone to write.
        """
        self._tree = Tree(directory, mode=mode, fsync=fsync, timeout=timeout)
        self._cached = CachedFiles(self._tree.root, max_bytes)
        self._max_bytes = max_bytes
        self._touching = touching or Touching()
        self._clock = clock

    @property
    def capabilities(self) -> Capabilities:
        """What the store promises: renewing may be put off."""
        return Capabilities(reach=Reach.MACHINE, exact_renewal=self._touching.interval == 0)

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record and restart its idle timeout."""
        record = self._load_cached(key, renew)
        if record is not None:
            return record
        return (yield from call(self._load, key, renew))

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Write a file where none is."""
        return (yield from call(self._create, key, record, lifetimes))

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Replace the file that holds the expected revision."""
        return (yield from call(self._commit, key, record, expected, renew))

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the file that holds the expected revision, or whichever is there."""
        return (yield from call(self._remove, key, expected))

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner."""
        return (yield from call(self._enlist, owner, key, lifetime))

    def delist(self, owner: str, key: str) -> Steps[None]:
        """Forget that a key belongs to an owner."""
        return (yield from call(self._delist, owner, key))

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner."""
        return (yield from call(self._owned, owner))

    def purge(self) -> Steps[int]:
        """Delete expired records, expired notes, and what killed writers left behind."""
        return (yield from call(self._purge))

    def close(self) -> Steps[None]:
        """Do nothing: no file is kept open between operations."""
        yield from ()

    # --- the work ----------------------------------------------------------------------

    def _load_cached(self, key: str, renew: Lifetimes | None) -> bytes | None:
        """Read a live record if that cannot block; None leaves it to `_load`."""
        name = _name(key)
        found = self._cached.read(f"{name[:2]}/{name}")
        if found is None or len(found[0]) < MIN_BYTES:
            return None
        raw, expires = found
        now = self._clock()
        if expires <= now:
            return None
        if renew is not None and self._touching.renewal(raw, expires, renew, now) is not None:
            return None  # renewing may block
        return raw

    def _expiry(self, record: bytes, lifetimes: Lifetimes) -> int:
        return self._touching.expiry_of(record, lifetimes, self._clock())

    def _load(self, key: str, renew: Lifetimes | None) -> bytes | None:
        name = _name(key)
        with self._shard(name) as shard:
            if shard is None:
                return None
            found = self._read(shard, name, renew)
            return None if found is None else found[0]

    def _create(self, key: str, record: bytes, lifetimes: Lifetimes) -> bool:
        name = _name(key)
        with self._locked(name, make=True) as shard:
            assert shard is not None
            if self._read_sound(shard, name) is not None:
                return False
            self._tree.write(shard, name, record, self._expiry(record, lifetimes))
            return True

    def _commit(
        self, key: str, record: bytes, expected: bytes, renew: Lifetimes | None
    ) -> Outcome | Conflict:
        name = _name(key)
        with self._locked(name) as shard:
            found = None if shard is None else self._read_sound(shard, name)
            if found is None or shard is None:
                return Outcome.GONE
            current, expires = found
            if revision_of(current) != expected:
                return Conflict(current)
            if renew is not None:
                expires = self._expiry(record, renew)
            self._tree.write(shard, name, record, expires)
            return Outcome.WRITTEN

    def _remove(self, key: str, expected: bytes | None) -> Outcome | Conflict:
        name = _name(key)
        with self._locked(name) as shard:
            found = None if shard is None else self._read_sound(shard, name)
            if found is None or shard is None:
                return Outcome.GONE
            if expected is not None and revision_of(found[0]) != expected:
                return Conflict(found[0])
            os.unlink(name, dir_fd=shard)
            self._tree.settle(shard)
            return Outcome.WRITTEN

    def _enlist(self, owner: str, key: str, lifetime: int) -> None:
        with self._owner(owner, make=True) as notes:
            assert notes is not None
            self._tree.write(notes, _name(key), key.encode("utf-8"), self._clock() + lifetime)

    def _delist(self, owner: str, key: str) -> None:
        with self._owner(owner) as notes:
            if notes is not None:
                _ = unlink(notes, _name(key))

    def _owned(self, owner: str) -> list[str]:
        with self._owner(owner) as notes:
            if notes is None:
                return []
            keys: list[str] = []
            for name in os.listdir(notes):
                try:
                    found = None if name.startswith(".") else self._read_file(notes, name)
                except BadRecord:
                    continue
                if found is not None and found[1] > self._clock():
                    keys.append(found[0].decode("utf-8", "replace"))
            return keys

    def _purge(self) -> int:
        purged = 0
        with self._tree.at() as root:
            assert root is not None
            for shard in os.listdir(root):
                if shard != _OWNERS:
                    purged += self._purge_shard(shard)
            for path in self._owner_directories(root):
                with self._tree.locked(path) as notes:
                    if notes is not None:
                        _ = self._purge_names(notes, os.listdir(notes))
        return purged

    def _owner_directories(self, root: int) -> Iterator[str]:
        try:
            with opened(_OWNERS, DIRECTORY, root) as owners:
                for shard in os.listdir(owners):
                    with opened(shard, DIRECTORY, owners) as inner:
                        yield from (f"{_OWNERS}/{shard}/{name}" for name in os.listdir(inner))
        except FileNotFoundError:
            return

    def _purge_shard(self, name: str) -> int:
        purged = 0
        with self._tree.at(name) as shard:
            if shard is None:
                return 0
            # Read without the lock, judged again under it, a batch at a time: memory
            # stays the same however many there are.
            for doomed in self._doomed(shard):
                with self._tree.locked(name) as same:
                    if same is not None:
                        purged += self._purge_names(same, doomed)
        return purged

    def _doomed(self, shard: int) -> Iterator[list[str]]:
        """List what looks expired or left behind, in batches."""
        now = self._clock()
        batch: list[str] = []
        with os.scandir(shard) as entries:
            for entry in entries:
                if entry.name != LOCK and (entry.name.startswith(".") or _has_expired(entry, now)):
                    batch.append(entry.name)
                if len(batch) == _PURGE_BATCH:
                    yield batch
                    batch = []
        yield batch

    def _purge_names(self, directory: int, names: list[str]) -> int:
        """Delete expired files, and temporary ones: while the lock is held no writer has any."""
        purged = 0
        now = self._clock()
        for name in names:
            if name == LOCK:
                continue
            if name.startswith("."):
                _ = unlink(directory, name)
                continue
            try:
                if os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime <= now:
                    purged += unlink(directory, name)
            except FileNotFoundError:
                continue
        return purged

    # --- files -------------------------------------------------------------------------

    def _read(self, shard: int, name: str, renew: Lifetimes | None) -> tuple[bytes, float] | None:
        """Read a live record and its moment of expiry; renew it on the way."""
        try:
            fd = os.open(name, READ, dir_fd=shard)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise BadRecord("its file is no regular file") from error
            raise
        try:
            raw, expires = content(fd, self._max_bytes)
            now = self._clock()
            if expires <= now or len(raw) < MIN_BYTES:
                return None
            # Without `renew` the timeouts are not at hand, and nothing is prolonged.
            if renew is not None:
                if self._touching.is_overlong(expires, renew, now):
                    return None
                renewed = self._touching.renewal(raw, expires, renew, now)
                if renewed is not None:
                    os.utime(fd, (now, renewed))
            return raw, expires
        finally:
            os.close(fd)

    def _read_sound(self, shard: int, name: str) -> tuple[bytes, float] | None:
        """Read a live record for a change; what is no record of ours counts as none."""
        try:
            return self._read(shard, name, None)
        except BadRecord:
            return None

    def _read_file(self, directory: int, name: str) -> tuple[bytes, float] | None:
        try:
            with opened(name, READ, directory) as fd:
                return content(fd, self._max_bytes)
        except OSError:
            return None

    def _shard(self, name: str, *, make: bool = False) -> _Directory:
        return self._tree.at(name[:2], make=make)

    def _locked(self, name: str, *, make: bool = False) -> _Directory:
        return self._tree.locked(name[:2], make=make)

    def _owner(self, owner: str, *, make: bool = False) -> _Directory:
        digest = _name(owner)
        return self._tree.locked(f"{_OWNERS}/{digest[:2]}/{digest}", make=make)


def _has_expired(entry: os.DirEntry[str], now: float) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_mtime <= now
    except FileNotFoundError:  # its session ended while the directory was read
        return False


def _name(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8"), digest_size=20).hexdigest()


def open_store(config: Config, *, clock: Clock) -> FileStore:
    """Open the store of SESSION_TYPE "filesystem"."""
    return FileStore(
        config.file_dir,
        mode=config.file_mode,
        fsync=config.file_fsync,
        timeout=config.store_timeout,
        max_bytes=config.rules.max_bytes,
        touching=Touching(config.touch_interval),
        clock=clock,
    )
