"""Delete expired files below a tree of session files, and nothing that is not ours.

The root may hold other things. So it is not listed: the purge tries the names that the store
creates, and below them only names in the store's form. An entry that is not a plain file of this
user, or has other contents than the store's, is left alone, and does not stop a purge.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ...core.store import Clock
from ...errors import StoreUnavailable
from .locked_directories import NAME, READ, SPELT, TEMPORARY, Tree, name_of, opened, unlink
from .record_files import RecordFiles
from .versions import MAGIC

OWNERS = "owners"

_SHARDS = tuple(f"{number:02x}" for number in range(256))
_BATCH = 256  # files to delete before requests at their directory get a turn
_FOREIGN = frozenset((errno.ENOTDIR, errno.ELOOP))  # not a directory, or a link to one
_ENOUGH = 4096  # bytes of a file that show what it is


class _Files(NamedTuple):
    """The files of one directory: how their names start, and what they may contain."""

    path: str
    prefix: str
    names: re.Pattern[str]
    is_ours: Callable[[str, bytes], bool]


class Purge:
    """One pass over all files of a store."""

    def __init__(self, tree: Tree, files: RecordFiles, clock: Clock) -> None:
        self._tree = tree
        self._files = files
        self._clock = clock
        self._failure: StoreUnavailable | None = None

    def run(self) -> int:
        """Delete expired files, and leftovers of killed writers; return the number of records.

        Raises StoreUnavailable, at the end, if some of our files could not be deleted.
        """
        with self._tree.at() as root:
            if root is None:
                return 0
        purged = sum(self._purge(_Files(shard, shard, NAME, _is_record)) for shard in _SHARDS)
        for shard in _SHARDS:
            self._purge_owners(f"{OWNERS}/{shard}", shard)
        self._remove_if_empty(OWNERS)
        if self._failure is not None:
            raise self._failure
        return purged

    def _purge_owners(self, path: str, shard: str) -> None:
        """Delete expired notes of owners, and directories that have become empty."""
        for batch in self._listed(path, lambda entry: _is_name(entry.name, shard, NAME)):
            for name in batch:
                _ = self._purge(_Files(f"{path}/{name}", "", SPELT, _is_note))
                self._remove_if_empty(f"{path}/{name}")
        self._remove_if_empty(path)

    def _purge(self, files: _Files) -> int:
        """Delete a directory's expired files; return how many were not temporary ones."""
        now = self._clock()
        doomed = self._listed(files.path, lambda entry: _is_doomed(entry, files, now))
        return sum(self._delete(files, names) for names in doomed)

    def _listed(self, path: str, wanted: Callable[[os.DirEntry[str]], bool]) -> Iterator[list[str]]:
        """List names in one of our directories, in batches of constant memory."""
        try:
            with self._tree.at(path) as directory:
                if directory is None:
                    return
                batch: list[str] = []
                with os.scandir(directory) as entries:
                    for entry in entries:
                        if wanted(entry):
                            batch.append(entry.name)
                        if len(batch) == _BATCH:
                            yield batch
                            batch = []
                if batch:
                    yield batch
        except StoreUnavailable as error:
            self._fail(path, error)

    def _delete(self, files: _Files, names: list[str]) -> int:
        """Delete files that are still expired now that their directory is locked."""
        try:
            with self._tree.locked(files.path) as directory:
                if directory is None:
                    return 0
                return sum(self._delete_one(files, directory, name) for name in names)
        except StoreUnavailable as error:
            self._fail(files.path, error)
            return 0

    def _delete_one(self, files: _Files, directory: int, name: str) -> bool:
        try:
            with self._tree.errors():
                found = _plain(directory, name)
                if found is None:
                    return False
                if TEMPORARY.fullmatch(name):  # while we hold the lock no writer has one
                    _ = unlink(directory, name)
                    return False
                if found.st_mtime > self._clock():
                    return False
                with opened(name, READ, directory) as fd:
                    raw = os.read(fd, _ENOUGH)
                if not files.is_ours(name, raw):
                    return False
                if files.names is NAME and self._files.outlives_mtime(directory, name):
                    return False
                return unlink(directory, name)
        except StoreUnavailable as error:
            self._failure = self._failure or error
            return False

    def _remove_if_empty(self, path: str) -> None:
        if next(self._listed(path, lambda _: True), None) is not None:
            return
        try:
            with self._tree.locked(path) as directory:
                if directory is not None and os.fstat(directory).st_uid == os.geteuid():
                    self._tree.remove_empty(path)
        except StoreUnavailable as error:
            self._fail(path, error)

    def _fail(self, path: str, error: StoreUnavailable) -> None:
        """Remember an error in a directory, if that is ours."""
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _FOREIGN:
            return
        try:
            is_ours = os.lstat(os.path.join(self._tree.root, path)).st_uid == os.geteuid()
        except FileNotFoundError:
            return
        if is_ours:
            self._failure = self._failure or error


def _is_name(name: str, prefix: str, names: re.Pattern[str]) -> bool:
    return name.startswith(prefix) and names.fullmatch(name) is not None


def _is_doomed(entry: os.DirEntry[str], files: _Files, now: float) -> bool:
    """Return whether to delete a file, by its name and time; without a lock."""
    temporary = TEMPORARY.fullmatch(entry.name)
    name = temporary[1] if temporary else entry.name
    if not _is_name(name, files.prefix, files.names):
        return False
    try:
        return temporary is not None or entry.stat(follow_symlinks=False).st_mtime <= now
    except FileNotFoundError:  # its session ended while the directory was read
        return False


def _plain(directory: int, name: str) -> os.stat_result | None:
    """Return the facts of a plain file of this user; None for anything else."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
    return found if ours else None


# Other programs, too, name files by 40 hex digits of a digest.


def _is_record(name: str, raw: bytes) -> bool:
    del name  # does not show what is in it
    return MAGIC.startswith(raw[: len(MAGIC)])  # or a crash has truncated it


def _is_note(name: str, raw: bytes) -> bool:
    # Empty if its name is the key; a crash, too, leaves an empty file.
    return not raw or name_of(raw) == name
