"""The place of the file: created for this user only, refused if others could write or read it.

On POSIX, the owners and permissions of the file and its directories are checked. The file is opened
here only to create it: closing a descriptor of a file releases all locks that this process has on
it (fcntl(2)), including SQLite's.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ...errors import ConfigError, StoreUnavailable
from ..kit.home_directory import at_home

_HELP = "write SESSION_SQLITE_FILE = a path in a directory that only this user can write"
# File systems on which SQLite's locks and shared memory do not reach all machines, by their names
# in /proc/self/mountinfo.
_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gpfs", "fuse.sshfs")
)
_MOUNTS = "/proc/self/mountinfo"

Identity = tuple[int, int]


class Place:
    """The path of a database's file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raise ConfigError if the file is not allowed there, as far as it exists already."""
        self.path = os.path.abspath(at_home(os.fspath(path), "SESSION_SQLITE_FILE"))
        self.directory = os.path.dirname(self.path)
        reason = self._unsound()
        if reason is not None:
            raise ConfigError(f"SESSION_SQLITE_FILE {reason} ({self.path})")

    @property
    def uri(self) -> str:
        """Return the file's name for SQLite, which must not create it."""
        return f"{Path(self.path).as_uri()}?mode=rw"

    def identity(self) -> Identity | None:
        """Return the identity of the file that exists now; None if there is none."""
        try:
            found = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_dev, found.st_ino

    def log_bytes(self) -> int:
        """Return the length of the database's log."""
        try:
            return os.stat(f"{self.path}-wal").st_size
        except FileNotFoundError:
            return 0

    def check(self) -> None:
        """Raise StoreUnavailable if the file is not allowed there any more."""
        reason = self._unsound()
        if reason is not None:
            raise StoreUnavailable(f"SESSION_SQLITE_FILE {reason}")

    def make(self) -> None:
        """Create an empty file, and its directory, if there is none."""
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        self.check()
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        os.close(fd)

    def _unsound(self) -> str | None:
        """Return why the file is not allowed there; None if it is."""
        found = _looked_at(self.directory)
        if found is None:
            return _hindrance(self.directory)
        reason = _unsound_directory(found) or _network(found)
        if reason is not None:
            return reason
        found = _looked_at(self.path)
        return None if found is None else _unsound_file(found)


def _looked_at(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _hindrance(directory: str) -> str | None:
    """Return why a missing directory cannot be created; None if it seems possible."""
    upper = directory
    while not os.path.lexists(upper):
        upper = os.path.dirname(upper)
    if not os.path.isdir(upper):
        return f"is below {upper}, which is not a directory: {_HELP}"
    if not os.access(upper, os.W_OK | os.X_OK):
        return f"is in a directory that cannot be created below {upper}: {_HELP}"
    return None


def _unsound_directory(found: os.stat_result) -> str | None:
    if not stat.S_ISDIR(found.st_mode):
        return f"is not in a directory, or is in a symbolic link: {_HELP}"
    if _is_anothers(found):
        return f"is in a directory that belongs to another user: {_HELP}"
    if _is_posix() and found.st_mode & 0o022:
        return f"is in a directory that other users can write: chmod 700 it, or {_HELP}"
    return None


def _unsound_file(found: os.stat_result) -> str | None:
    if not stat.S_ISREG(found.st_mode):
        return f"is not a regular file, or is a symbolic link: {_HELP}"
    if _is_anothers(found) or found.st_nlink > 1:
        return f"belongs to another user, or is linked from elsewhere: {_HELP}"
    if _is_posix() and found.st_mode & 0o077:
        return "can be read by other users: chmod 600 it"
    return None


def _is_posix() -> bool:
    return hasattr(os, "geteuid")


def _is_anothers(found: os.stat_result) -> bool:
    return _is_posix() and found.st_uid != os.geteuid()


def _network(directory: os.stat_result) -> str | None:
    """Return why a directory's file system is unsuitable, as far as Linux shows it."""
    device = f"{os.major(directory.st_dev)}:{os.minor(directory.st_dev)}" if _is_posix() else ""
    try:
        with open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:
            kinds = {_kind(line) for line in mounts if line.split(" ", 3)[2] == device}
    except OSError:
        return None
    if not kinds & _NETWORK:
        return None
    return (
        "is on a network file system, where SQLite's locks do not hold: write a path on a disk of "
        "this machine, or another SESSION_TYPE"
    )


def _kind(mount: str) -> str:
    # mountinfo(5): optional fields end at a hyphen, and the type comes next.
    return mount.partition(" - ")[2].partition(" ")[0]
