"""Directories and files below one root, opened without following links, with directory locks.

Everything is opened relative to a directory's descriptor, and never through a symbolic link. A file
is put in place whole or not at all. The directory itself is locked: a lock file could be deleted
while it is locked, and the next writer would create and lock another one. This module does not know
records or sessions.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from ...core.steps import Blocked
from ...errors import BadRecord, ConfigError, StoreUnavailable
from ...run.clocks import stopwatch
from ..kit.home_directory import at_home

NAME = re.compile(r"[0-9a-f]{40}")  # the result of `name_of`
SPELT = re.compile(r"([0-9a-f]{2}){1,120}")  # the result of `spelt`
# The name that `write` gives a file that is not in place yet; the group is its later name.
TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{8}")
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, a FIFO in a file's place would hang the request.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HELP = "write SESSION_FILE_DIR = a directory that only this user can write"
_ATTEMPTS = (
    100  # to create a directory that others remove; each failure is another process's progress
)


class Locked:
    """A block that holds a directory's lock, and whose failures are the store's."""

    # A generator would cost as much as the lock.
    __slots__ = ("_fd", "_reach")

    def __init__(self, reach: Callable[[], int | None]) -> None:
        self._reach = reach
        self._fd: int | None = None

    def __enter__(self) -> int | None:
        try:
            self._fd = self._reach()
        except OSError as error:
            raise _unusable(error) from error
        return self._fd

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        # This releases the lock, and so does kill -9.
        if self._fd is not None:
            os.close(self._fd)
        if isinstance(error, OSError):
            raise _unusable(error) from error


class Tree:
    """A root directory that only this user may write, created by the first write."""

    def __init__(
        self, directory: str | os.PathLike[str], *, mode: int, fsync: bool, timeout: float
    ) -> None:
        """Use a directory; `timeout` in seconds limits the wait for a lock.

        Raises ConfigError if other users could write there, or if it cannot be created.
        """
        self.root = os.path.abspath(at_home(os.fspath(directory), "SESSION_FILE_DIR"))
        self._mode = mode
        self._fsync = fsync
        self._timeout = timeout
        _check_place(self.root)

    @contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _unusable(error) from error

    @contextmanager
    def at(self, path: str = "", *, make: bool = False) -> Iterator[int | None]:
        """Open the root or a directory below it, without following links; None if it is missing."""
        fd = None
        try:
            fd = self._reach(path, make=make)
            yield fd
        except OSError as error:
            raise _unusable(error) from error
        finally:
            if fd is not None:
                os.close(fd)

    def check(self) -> None:
        """Raise StoreUnavailable if the root cannot be used, or created if it is missing."""
        with self.at() as root:
            use = os.R_OK | os.W_OK | os.X_OK
            number = _hindrance(self.root) if root is None else _refusal(self.root, use)
            if number is not None:
                raise OSError(number, os.strerror(number))

    def locked(self, path: str, *, make: bool = False, wait: bool = True) -> Locked:
        """Open a directory and hold its lock for a block; None if it is missing.

        Raises Blocked if the lock is held and `wait` is not set.
        """
        return Locked(partial(self.reach_locked, path, make=make, wait=wait))

    def reach_locked(self, path: str, *, make: bool, wait: bool) -> int | None:
        """Open a directory that is locked until it is closed; None if it is missing."""
        deadline = self._timeout + stopwatch() if wait else None
        while True:
            fd = self._reach(path, make=make)
            if fd is None:
                return None
            try:
                self._acquire(fd, deadline)
                if self._stands(path, fd):
                    return fd
            except BaseException:
                os.close(fd)
                raise
            # It was removed or replaced while we waited: the next writer locks another one.
            os.close(fd)

    def _reach(self, path: str, *, make: bool) -> int | None:
        """Open a directory; with `make`, create it until no other process removes it meanwhile."""
        for _ in range(_ATTEMPTS):
            fd = self._open_root(make=make)
            for part in path.split("/") if path else ():
                if fd < 0:
                    break
                # _descend closes the upper one, whatever happens.
                fd = _descend(fd, part, make=make, fsync=self._fsync)
            if fd >= 0 or not make:
                return None if fd < 0 else fd
        raise StoreUnavailable("the directories of the session files vanish while they are created")

    def _open_root(self, *, make: bool) -> int:
        """Open the root, which may be another one by now; -1 if there is none."""
        try:
            fd = os.open(self.root, DIRECTORY)
        except FileNotFoundError:
            if make:
                os.makedirs(self.root, mode=0o700, exist_ok=True)
                return self._open_root(make=False)
            return -1
        reason = unsound(os.fstat(fd))
        if reason is not None:
            os.close(fd)
            raise StoreUnavailable(f"SESSION_FILE_DIR {reason}")
        return fd

    def _acquire(self, directory: int, deadline: float | None) -> None:
        """Lock a directory; even NFS keeps such a lock within one machine."""
        pause = 0.0005
        while True:
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if deadline is None:
                    raise Blocked from error
                if stopwatch() + pause > deadline:
                    raise StoreUnavailable(
                        f"a session file was locked for more than {self._timeout} s"
                    ) from error
            time.sleep(pause)
            pause = min(pause * 1.5, 0.01)

    def _stands(self, path: str, directory: int) -> bool:
        """Return whether an open directory is still the one at its path."""
        try:
            found = os.lstat(f"{self.root}/{path}")
        except FileNotFoundError:
            return False
        ours = os.fstat(directory)
        return found.st_ino == ours.st_ino and found.st_dev == ours.st_dev

    def remove_empty(self, path: str) -> None:
        """Remove a directory if it is empty and unused: hold its lock, or make its users retry."""
        upper, _, name = path.rpartition("/")
        with self.at(upper) as directory:
            if directory is None:
                return
            try:
                os.rmdir(name, dir_fd=directory)
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise

    def make_way(self, path: str) -> None:
        """Move aside what blocks the path of a file: nothing is deleted.

        Anything but a directory blocks a directory's place, and a directory blocks a file's.
        """
        *upper, last = path.split("/")
        for depth, part in enumerate((*upper, last)):
            with self.at("/".join(upper[:depth])) as directory:
                if directory is None:
                    return
                try:
                    found = os.stat(part, dir_fd=directory, follow_symlinks=False)
                except FileNotFoundError:
                    return
                if stat.S_ISDIR(found.st_mode) is (depth == len(upper)):
                    aside = f"{part}.moved-{secrets.token_hex(4)}"
                    os.rename(part, aside, src_dir_fd=directory, dst_dir_fd=directory)
                    return

    def write(
        self, directory: int, name: str, content: bytes, mtime: int, *, replaces: bool = False
    ) -> None:
        """Put a file in place whole, or not at all; `mtime` is in nanoseconds.

        `replaces`: the present file must survive a power cut, unless the new one does.
        """
        temporary = f".{name}.{secrets.token_hex(4)}"
        try:
            fd = os.open(temporary, _MAKE, self._mode, dir_fd=directory)
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(fd, view) :]
                os.utime(fd, ns=(mtime, mtime))
                if self._fsync or replaces:  # or the new name may survive without the content
                    os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            _ = unlink(directory, temporary)
            raise
        self.sync_directory(directory)

    def sync_directory(self, directory: int) -> None:
        """Make a directory's change durable, if that is requested."""
        if self._fsync:
            os.fsync(directory)


def _unusable(error: OSError) -> StoreUnavailable:
    reason = errno.errorcode.get(error.errno or 0, "unknown")
    return StoreUnavailable(f"the session files are not usable: {reason}")


def _check_place(root: str) -> None:
    """Refuse a root where others could add or delete sessions, or that cannot be created."""
    try:
        found = os.lstat(root)
    except FileNotFoundError:
        number = _hindrance(root)
        if number is not None:
            raise ConfigError(_cannot("be made", root, number)) from None
        return
    except OSError as error:
        raise ConfigError(_cannot("be made or read", root, error.errno)) from error
    reason = unsound(found)
    if reason is not None:
        raise ConfigError(f"SESSION_FILE_DIR {reason} ({root}, as user {os.geteuid()})")


def _cannot(what: str, root: str, number: int | None) -> str:
    """Return a message with the directory, the reason and the user: the facts for an operator."""
    why = os.strerror(number or 0)
    return f"SESSION_FILE_DIR cannot {what}: {root}: {why} (as user {os.geteuid()}): {_HELP}"


def _hindrance(path: str) -> int | None:
    """Return the errno with which a directory cannot be created; None if it seems possible."""
    upper = path
    while not os.path.lexists(upper):
        upper = os.path.dirname(upper)
    if not os.path.isdir(upper):
        return errno.ENOTDIR
    return _refusal(upper, os.W_OK | os.X_OK)


def _refusal(directory: str, mode: int) -> int | None:
    """Return the errno with which a directory cannot be used in this way; None if it can."""
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        return errno.EROFS
    effective = os.access in os.supports_effective_ids
    return None if os.access(directory, mode, effective_ids=effective) else errno.EACCES


def unsound(root: os.stat_result) -> str | None:
    """Return why a directory must not be the root; None if it may be."""
    if not stat.S_ISDIR(root.st_mode):
        return f"is not a directory, or is a symbolic link: {_HELP}"
    if root.st_uid != os.geteuid():
        return f"belongs to another user: {_HELP}"
    if root.st_mode & 0o022:
        return f"can be written by other users: chmod 700 it, or {_HELP}"
    return None


def _descend(fd: int, part: str, *, make: bool, fsync: bool) -> int:
    """Open a subdirectory and close its parent; -1 if it is missing."""
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
        if fsync:  # or the directory may be lost, with durable records in it
            os.fsync(fd)
        return os.open(part, DIRECTORY, dir_fd=fd)
    except FileNotFoundError:  # the parent was removed, or this one at once
        return -1
    finally:
        os.close(fd)


@contextmanager
def opened(name: str, flags: int, directory: int | None = None) -> Iterator[int]:
    fd = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        yield fd
    finally:
        os.close(fd)


def name_of(filed: bytes) -> str:
    """Return a safe name, also on file systems that ignore case, which leads nowhere else."""
    return hashlib.blake2b(filed, digest_size=20).hexdigest()


def spelt(filed: bytes) -> str:
    """Return a name as safe as that of `name_of`, but readable if it is short."""
    name = filed.hex()
    return name_of(filed) if NAME.fullmatch(name) or not SPELT.fullmatch(name) else name


def content(fd: int, limit: int) -> tuple[bytes, float]:
    """Read an opened file and its mtime; raise BadRecord if it is not clearly ours."""
    found = checked(fd, limit)
    # Not more than there is: a buffer for the largest record costs more than the read.
    raw = os.read(fd, found.st_size)
    while len(raw) < found.st_size and (more := os.read(fd, found.st_size - len(raw))):
        raw += more
    return raw, found.st_mtime


def checked(fd: int, limit: int) -> os.stat_result:
    """Return an opened file's facts; raise BadRecord if it is not clearly ours."""
    return sound(os.fstat(fd), limit)


def sound(found: os.stat_result, limit: int) -> os.stat_result:
    """Return a file's facts; raise BadRecord if it is not clearly ours."""
    if not stat.S_ISREG(found.st_mode):
        raise BadRecord("its file is not a regular file")
    # 0 links: replaced or deleted since it was opened; it was ours then.
    if found.st_uid != os.geteuid() or found.st_nlink > 1:
        raise BadRecord("its file belongs to another user, or is linked from elsewhere")
    if found.st_size > limit:
        raise BadRecord("its file is too large")
    return found


def unlink(directory: int, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True
