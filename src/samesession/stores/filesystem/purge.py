"""Delete what has expired below a tree of session files, and nothing that is not ours.

The root may hold other things besides. So it is not listed: the names that the store
makes are tried, and below them only names of its own form are looked at. What is not
a plain file of this user's, or has another content than the store's, is left as it is,
and nothing of the kind stops a purge.
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
_BATCH = 256  # files that are deleted before requests at their directory get a turn
_FOREIGN = frozenset((errno.ENOTDIR, errno.ELOOP))  # not a directory, or a link to one
_ENOUGH = 4096  # bytes of a file that say what it is


class _Files(NamedTuple):
    """The files of one directory: how their names begin, and what their content may be."""

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
        """Delete what has expired, and what killed writers left; return the number of records.

        Raises StoreUnavailable, at the end, if something of ours could not be deleted.
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
        """Delete expired notes of owners, and the directories that hold nothing any more."""
        for batch in self._listed(path, lambda entry: _is_name(entry.name, shard, NAME)):
            for name in batch:
                _ = self._purge(_Files(f"{path}/{name}", "", SPELT, _is_note))
                self._remove_if_empty(f"{path}/{name}")
        self._remove_if_empty(path)

    def _purge(self, files: _Files) -> int:
        """Delete a directory's expired files; return how many of them were no temporary ones."""
        now = self._clock()
        doomed = self._listed(files.path, lambda entry: _is_doomed(entry, files, now))
        return sum(self._delete(files, names) for names in doomed)

    def _listed(self, path: str, wanted: Callable[[os.DirEntry[str]], bool]) -> Iterator[list[str]]:
        """List names in one of our directories, in batches: memory stays the same."""
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
        """Delete files that still are to be deleted now that their directory is locked."""
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
        """Remember what went wrong in a directory, if that is ours."""
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
    """Return whether a file, by its name and time, is to be deleted; without a lock."""
    temporary = TEMPORARY.fullmatch(entry.name)
    name = temporary[1] if temporary else entry.name
    if not _is_name(name, files.prefix, files.names):
        return False
    try:
        return temporary is not None or entry.stat(follow_symlinks=False).st_mtime <= now
    except FileNotFoundError:  # its session ended while the directory was read
        return False


def _plain(directory: int, name: str) -> os.stat_result | None:
    """Look at a plain file of this user's; None for anything else, or nothing."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
    return found if ours else None


# Other programs, too, keep files under 40 hex digits of a digest.


def _is_record(name: str, raw: bytes) -> bool:
    del name  # says nothing of the content
    return MAGIC.startswith(raw[: len(MAGIC)])  # or a crash has left less of it


def _is_note(name: str, raw: bytes) -> bool:
    # Empty where its name says the key; a crash, too, leaves an empty one.
    return not raw or name_of(raw) == name
