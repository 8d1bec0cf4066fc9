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
import fcntl
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

from ..config import Config
from ..core.policy import SKEW
from ..core.record import lifetime_of, revision_of
from ..core.steps import Steps, call
from ..core.store import Clock, Conflict, Face, Lifetimes, Outcome
from ..errors import BadRecord, ConfigError, StoreUnavailable

# A directory's descriptor, or None where it is missing.
_Directory: TypeAlias = AbstractContextManager[int | None]

_OWNERS = "owners"
_LOCK = ".lock"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a FIFO in a record's place would hang the request.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PURGE_BATCH = 256  # files that a purge deletes before it lets requests at the shard


class FileStore:
    """Records as files. Each method is one piece of blocking work, atomic by itself."""

    faces = Face.BOTH

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        mode: int = 0o600,
        fsync: bool = False,
        timeout: float = 2.0,
        max_bytes: int = 1024 * 1024,
        clock: Clock = time.time,
    ) -> None:
        """Use a directory, made if it is missing.

        `mode` is the files'; `fsync` makes each write durable before it is
        answered; `timeout` in seconds bounds the wait for a lock. Raises
        ConfigError when the directory is not this user's alone to write.
        """
        self._root = os.path.abspath(directory)
        self._mode = mode
        self._fsync = fsync
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._clock = clock
        _prepare(self._root)

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record and restart its idle timeout."""
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
            expires = self._clock() + lifetime_of(record, lifetimes)
            self._write(shard, name, record, expires)
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
                expires = self._clock() + lifetime_of(record, renew)
            self._write(shard, name, record, expires)
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
            self._settle(shard)
            return Outcome.WRITTEN

    def _enlist(self, owner: str, key: str, lifetime: int) -> None:
        with self._owner(owner, make=True) as notes:
            assert notes is not None
            self._write(notes, _name(key), key.encode("utf-8"), self._clock() + lifetime)

    def _delist(self, owner: str, key: str) -> None:
        with self._owner(owner) as notes:
            if notes is not None:
                _unlink(notes, _name(key))

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
        with self._errors(), _opened(self._root, _DIRECTORY) as root:
            for shard in os.listdir(root):
                if len(shard) == 2:
                    purged += self._purge_shard(shard)
            for path in self._owner_directories(root):
                with self._locked_path(path) as notes:
                    if notes is not None:
                        self._purge_names(notes, list(os.listdir(notes)))
        return purged

    def _owner_directories(self, root: int) -> Iterator[str]:
        try:
            with _opened(_OWNERS, _DIRECTORY, root) as owners:
                for shard in os.listdir(owners):
                    with _opened(shard, _DIRECTORY, owners) as inner:
                        yield from (f"{_OWNERS}/{shard}/{name}" for name in os.listdir(inner))
        except FileNotFoundError:
            return

    def _purge_shard(self, name: str) -> int:
        purged = 0
        with self._path(name) as shard:
            if shard is None:
                return 0
            now = self._clock()
            # Read without the lock, judged again under it, a batch at a time.
            with os.scandir(shard) as entries:
                doomed = [
                    entry.name
                    for entry in entries
                    if entry.name != _LOCK
                    and (
                        entry.name.startswith(".")
                        or entry.stat(follow_symlinks=False).st_mtime <= now
                    )
                ]
        for start in range(0, len(doomed), _PURGE_BATCH):
            with self._locked_path(name) as shard:
                if shard is not None:
                    purged += self._purge_names(shard, doomed[start : start + _PURGE_BATCH])
        return purged

    def _purge_names(self, directory: int, names: list[str]) -> int:
        """Delete expired files, and temporary ones: while the lock is held no writer has any."""
        purged = 0
        now = self._clock()
        for name in names:
            if name == _LOCK:
                continue
            if name.startswith("."):
                _unlink(directory, name)
                continue
            try:
                if os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime <= now:
                    purged += _unlink(directory, name)
            except FileNotFoundError:
                continue
        return purged

    # --- files -------------------------------------------------------------------------

    def _read(self, shard: int, name: str, renew: Lifetimes | None) -> tuple[bytes, float] | None:
        """Read a live record and its moment of expiry; renew it on the way."""
        try:
            fd = os.open(name, _READ, dir_fd=shard)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise BadRecord("its file is no regular file") from error
            raise
        try:
            raw, expires = _content(fd, self._max_bytes)
            now = self._clock()
            if expires <= now or len(raw) < 9:
                return None
            # A clock that was ahead for a while must not leave a longer life behind;
            # without `renew` the timeouts are not at hand, and nothing is prolonged.
            if renew is not None:
                lifetime = lifetime_of(raw, renew)
                if expires > now + renew.longest + SKEW:
                    return None
                os.utime(fd, (now, now + lifetime))
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
            with _opened(name, _READ, directory) as fd:
                return _content(fd, self._max_bytes)
        except OSError:
            return None

    def _write(self, directory: int, name: str, content: bytes, expires: float) -> None:
        """Put a file in place whole, or not at all."""
        temporary = f".{name}.{secrets.token_hex(4)}"
        try:
            fd = os.open(temporary, _WRITE, self._mode, dir_fd=directory)
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(fd, view) :]
                os.utime(fd, (self._clock(), expires))
                if self._fsync:
                    os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            _unlink(directory, temporary)
            raise
        self._settle(directory)

    def _settle(self, directory: int) -> None:
        """Make a directory's change durable, if that is asked for."""
        if self._fsync:
            os.fsync(directory)

    # --- directories and locks ---------------------------------------------------------

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = errno.errorcode.get(error.errno or 0, "unknown")
            raise StoreUnavailable(f"the session files are not usable: {reason}") from error

    @contextmanager
    def _path(self, path: str, *, make: bool = False) -> Iterator[int | None]:
        """Open a directory below the root, link by link; None where it is missing."""
        with self._errors():
            fd = os.open(self._root, _DIRECTORY)
            try:
                for part in path.split("/"):
                    # _descend closes the upper one, whatever happens.
                    upper, fd = fd, -1
                    fd = _descend(upper, part, make=make)
                    if fd < 0:
                        break
                yield None if fd < 0 else fd
            finally:
                if fd >= 0:
                    os.close(fd)

    @contextmanager
    def _locked_path(self, path: str, *, make: bool = False) -> Iterator[int | None]:
        """Open a directory and hold its lock."""
        with self._path(path, make=make) as directory:
            if directory is None:
                yield None
                return
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            with _opened(_LOCK, flags, directory) as lock:
                self._acquire(lock)
                yield directory

    def _acquire(self, lock: int) -> None:
        """Take a lock that closing the descriptor gives back, even by kill -9."""
        deadline = time.monotonic() + self._timeout
        pause = 0.0005
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() + pause > deadline:
                    raise StoreUnavailable(
                        f"a session file was locked for more than {self._timeout} s"
                    ) from error
            time.sleep(pause)
            pause = min(pause * 1.5, 0.01)

    def _shard(self, name: str, *, make: bool = False) -> _Directory:
        return self._path(name[:2], make=make)

    def _locked(self, name: str, *, make: bool = False) -> _Directory:
        return self._locked_path(name[:2], make=make)

    def _owner(self, owner: str, *, make: bool = False) -> _Directory:
        digest = _name(owner)
        return self._locked_path(f"{_OWNERS}/{digest[:2]}/{digest}", make=make)


def _name(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8"), digest_size=20).hexdigest()


def _prepare(root: str) -> None:
    """Make the root, or refuse it: whoever else writes there could plant or delete sessions."""
    help_ = "write SESSION_FILE_DIR = a directory that only this user can write"
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
        found = os.lstat(root)
    except OSError as error:
        raise ConfigError(f"SESSION_FILE_DIR cannot be made or read: {help_}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"SESSION_FILE_DIR is no directory, or a symbolic link: {help_}")
    if found.st_uid != os.geteuid():
        raise ConfigError(f"SESSION_FILE_DIR belongs to another user: {help_}")
    if found.st_mode & 0o022:
        raise ConfigError(f"SESSION_FILE_DIR can be written by others: chmod 700 it, or {help_}")


def _descend(fd: int, part: str, *, make: bool) -> int:
    """Go one directory down and close the upper one; -1 where there is none."""
    try:
        try:
            return os.open(part, _DIRECTORY, dir_fd=fd)
        except FileNotFoundError:
            if not make:
                return -1
        try:
            os.mkdir(part, 0o700, dir_fd=fd)
        except FileExistsError:
            pass  # another process was faster
        return os.open(part, _DIRECTORY, dir_fd=fd)
    finally:
        os.close(fd)


@contextmanager
def _opened(name: str, flags: int, directory: int | None = None) -> Iterator[int]:
    fd = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        yield fd
    finally:
        os.close(fd)


def _content(fd: int, limit: int) -> tuple[bytes, float]:
    """Read an opened file and its mtime; raises BadRecord for one that is not plainly ours."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise BadRecord("its file is no regular file")
    # 0 links: replaced or deleted since it was opened; it was ours then.
    if found.st_uid != os.geteuid() or found.st_nlink > 1:
        raise BadRecord("its file is another user's, or linked from elsewhere")
    if found.st_size > limit:
        raise BadRecord("its file is too large")
    chunks: list[bytes] = []
    while chunk := os.read(fd, limit):
        chunks.append(chunk)
    return b"".join(chunks), found.st_mtime


def _unlink(directory: int, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


def open_store(config: Config, *, clock: Clock) -> FileStore:
    """Open the store of SESSION_TYPE "filesystem"."""
    return FileStore(
        config.file_dir,
        mode=config.file_mode,
        fsync=config.file_fsync,
        timeout=config.store_timeout,
        max_bytes=config.rules.max_bytes,
        clock=clock,
    )
