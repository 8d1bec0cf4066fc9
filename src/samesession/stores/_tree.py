"""Directories and files below one root, reached link by link and locked by directory.

Everything is opened relative to a directory's descriptor and never through a
symbolic link; a file is put in place whole or not at all. Knows nothing of
records or sessions.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import BadRecord, ConfigError, StoreUnavailable

LOCK = ".lock"
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a FIFO in a file's place would hang the request.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCKING = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """A root directory that this user alone may write."""

    def __init__(
        self, directory: str | os.PathLike[str], *, mode: int, fsync: bool, timeout: float
    ) -> None:
        """Use a directory, made if it is missing.

        Raises ConfigError when others could write there.
        """
        self.root = os.path.abspath(directory)
        self._mode = mode
        self._fsync = fsync
        self._timeout = timeout
        _prepare(self.root)

    @contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = errno.errorcode.get(error.errno or 0, "unknown")
            raise StoreUnavailable(f"the session files are not usable: {reason}") from error

    @contextmanager
    def at(self, path: str = "", *, make: bool = False) -> Iterator[int | None]:
        """Open the root or a directory below it, link by link; None where it is missing."""
        with self.errors():
            fd = os.open(self.root, DIRECTORY)
            try:
                for part in filter(None, path.split("/")):
                    # _descend closes the upper one, whatever happens.
                    upper, fd = fd, -1
                    fd = _descend(upper, part, make=make, fsync=self._fsync)
                    if fd < 0:
                        break
                yield None if fd < 0 else fd
            finally:
                if fd >= 0:
                    os.close(fd)

    @contextmanager
    def locked(self, path: str, *, make: bool = False) -> Iterator[int | None]:
        """Open a directory and hold its lock."""
        with self.at(path, make=make) as directory:
            if directory is None:
                yield None
                return
            with opened(LOCK, _LOCKING, directory) as lock:
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

    def write(self, directory: int, name: str, content: bytes, mtime: float) -> None:
        """Put a file in place whole, or not at all."""
        temporary = f".{name}.{secrets.token_hex(4)}"
        try:
            fd = os.open(temporary, _WRITE, self._mode, dir_fd=directory)
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(fd, view) :]
                os.utime(fd, (mtime, mtime))
                if self._fsync:
                    os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            _ = unlink(directory, temporary)
            raise
        self.settle(directory)

    def settle(self, directory: int) -> None:
        """Make a directory's change durable, if that is asked for."""
        if self._fsync:
            os.fsync(directory)


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


def _descend(fd: int, part: str, *, make: bool, fsync: bool) -> int:
    """Go one directory down and close the upper one; -1 where there is none."""
    try:
        try:
            return os.open(part, DIRECTORY, dir_fd=fd)
        except FileNotFoundError:
            if not make:
                return -1
        try:
            os.mkdir(part, 0o700, dir_fd=fd)
        except FileExistsError:
            pass  # another process was faster
        if fsync:  # or the directory may be lost, with the durable records in it
            os.fsync(fd)
        return os.open(part, DIRECTORY, dir_fd=fd)
    finally:
        os.close(fd)


@contextmanager
def opened(name: str, flags: int, directory: int | None = None) -> Iterator[int]:
    fd = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        yield fd
    finally:
        os.close(fd)


def content(fd: int, limit: int) -> tuple[bytes, float]:
    """Read an opened file and its mtime; raises BadRecord for one that is not plainly ours."""
    found = checked(fd, limit)
    chunks: list[bytes] = []
    while chunk := os.read(fd, limit):
        chunks.append(chunk)
    return b"".join(chunks), found.st_mtime


def checked(fd: int, limit: int) -> os.stat_result:
    """Give an opened file's facts; raises BadRecord if it is not plainly ours."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise BadRecord("its file is no regular file")
    # 0 links: replaced or deleted since it was opened; it was ours then.
    if found.st_uid != os.geteuid() or found.st_nlink > 1:
        raise BadRecord("its file is another user's, or linked from elsewhere")
    if found.st_size > limit:
        raise BadRecord("its file is too large")
    return found


def unlink(directory: int, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True
