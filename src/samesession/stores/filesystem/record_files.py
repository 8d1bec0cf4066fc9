"""The files of records in an open directory, which is locked as well except for `look`."""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import NamedTuple

from ...core.record import MIN_BYTES, revision_of
from ...core.steps import Blocked
from ...core.store import Conflict, Lifetimes, Outcome
from ...errors import BadRecord
from ..kit.renewing_load import RenewingLoad
from .locked_directories import READ, WRITE, Tree, sound, unlink
from .versions import EXTRA_BYTES, Version, append, encoded, last_whole, read_last, room_for

_NANO = 1_000_000_000


class Found(NamedTuple):
    """The contents of a file.

    `expires`: in seconds; `is_over`: whether that has passed; `end`: where another version may be
    appended, if anywhere; `written`: the expiry that the version was written with.
    """

    record: bytes
    expires: float
    is_over: bool
    end: int | None
    written: int


class RecordFiles:
    """Reads, writes and deletes the files."""

    def __init__(
        self, tree: Tree, renewing: RenewingLoad, *, max_bytes: int, appends: bool
    ) -> None:
        """`appends`: whether a file may get a further version; otherwise each write replaces it."""
        self._tree = tree
        self._renewing = renewing
        self._clock = renewing.clock
        self._max_bytes = max_bytes
        self._most = room_for(max_bytes + EXTRA_BYTES)
        self._appends = appends

    def look(self, shard: int, name: str) -> Found | None:
        """Read a record as it is, without a lock; raise BadRecord."""
        fd = _opened(shard, name, READ)
        if fd is None:
            return None
        try:
            return self._found(fd, self._clock())
        finally:
            os.close(fd)

    def live(self, shard: int, name: str, renew: Lifetimes | None) -> Found | None:
        """Read a live record, and renew it if that is due; delete an expired one.

        It is deleted so that a later clock does not show it again. Raises BadRecord.
        """
        fd = _opened(shard, name, READ)
        if fd is None:
            return None
        try:
            return self._live(fd, shard, name, renew)
        finally:
            os.close(fd)

    def sound(self, shard: int, name: str) -> Found | None:
        """Do the same without renewing; anything but our record counts as missing."""
        try:
            return self.live(shard, name, None)
        except BadRecord:
            return None

    def write(self, shard: int, name: str, record: bytes, expires: float) -> None:
        """Write a file with one version if there is no valid one."""
        self._tree.write(shard, name, *self._encoded(record, expires))

    def replace(
        self,
        shard: int,
        name: str,
        record: bytes,
        expected: bytes,
        renew: Lifetimes | None,
        *,
        wait: bool,
    ) -> Outcome | Conflict:
        """Write the next version of a record, if that has the expected revision.

        Raises Blocked if the disk would have to be waited for and `wait` is not set.
        """
        fd, appends = None, self._appends
        try:
            try:
                fd = _opened(shard, name, WRITE if appends else READ)
            except PermissionError:  # a file can be replaced even if it is not writable
                fd, appends = _opened(shard, name, READ), False
            found = None if fd is None else self._live(fd, shard, name, None)
            if found is None or fd is None:
                return Outcome.GONE
            if revision_of(found.record) != expected:
                return Conflict(found.record)
            expires = found.expires if renew is None else self._renewing.expiry(record, renew)
            content, moment = self._encoded(record, expires)
            if appends and found.end is not None and _has_room(found.end, content):
                append(fd, found.end, content, mtime=round(found.expires * _NANO))
                os.utime(fd, ns=(moment, moment))
            elif wait:
                self._tree.write(shard, name, content, moment, replaces=True)
            else:
                raise Blocked
            return Outcome.WRITTEN
        except BadRecord:
            return Outcome.GONE
        finally:
            if fd is not None:
                os.close(fd)

    def end(self, shard: int, name: str) -> None:
        """Delete a file."""
        _ = unlink(shard, name)
        self._tree.sync_directory(shard)

    def expiry(self, shard: int, name: str) -> float | None:
        """Return when a file's record expires; None if it is not ours; without its content."""
        try:
            facts = sound(os.stat(name, dir_fd=shard, follow_symlinks=False), self._most)
            if facts.st_size < MIN_BYTES + EXTRA_BYTES:
                return None
            if facts.st_mtime > self._clock():
                return facts.st_mtime
            found = self.look(shard, name)
        except (FileNotFoundError, BadRecord):
            return None
        return None if found is None else found.expires

    def outlives_mtime(self, shard: int, name: str) -> bool:
        """Return whether a record is alive though its mtime has passed, and correct that.

        This happens if a writer was killed at the wrong moment.
        """
        try:
            found = self.look(shard, name)
        except BadRecord:
            return False
        if found is None or found.is_over:
            return False
        if found.end is not None:
            os.utime(name, ns=(found.written, found.written), dir_fd=shard, follow_symlinks=False)
        return True

    # --- an open file ------------------------------------------------------------------

    def _live(self, fd: int, shard: int, name: str, renew: Lifetimes | None) -> Found | None:
        touch = partial(self._touch, fd, shard, name)
        found = self._renewing.load(partial(self._found, fd), touch, renew)
        if found is None or not found.is_over:
            return found
        self.end(shard, name)
        return None

    def _found(self, fd: int, now: float) -> Found | None:
        facts = sound(os.fstat(fd), self._most)
        size = facts.st_size
        version, end = read_last(size, partial(_pread, fd)), size
        is_torn = version is None
        if version is None:
            version = last_whole(_pread(fd, size, 0))
        if version is None or len(version.record) < MIN_BYTES:
            return None
        if len(version.record) > self._max_bytes:
            raise BadRecord("its file is too large")
        expires = version.lives_until(facts.st_mtime_ns, is_torn=is_torn) / _NANO
        is_over = expires <= now
        return Found(version.record, expires, is_over, None if is_torn else end, version.expires)

    def _touch(self, fd: int, shard: int, name: str, found: Found, expires: int) -> Found:
        if found.is_over:
            return found
        if found.end is not None and expires * _NANO >= found.written:
            os.utime(fd, (self._clock(), expires))
            return found._replace(expires=expires)
        # The later of two times counts, so an earlier expiry needs its own version.
        self._tree.write(shard, name, *self._encoded(found.record, expires), replaces=True)
        return found._replace(expires=expires, end=None)

    def _encoded(self, record: bytes, expires: float) -> tuple[bytes, int]:
        """Return a version that is written now, and its expiry."""
        moment = round(expires * _NANO)
        return encoded(Version(record, round(self._clock() * _NANO), moment)), moment


def _has_room(end: int, content: bytes) -> bool:
    return end + len(content) <= room_for(len(content))


def _opened(shard: int, name: str, flags: int) -> int | None:
    """Open a file; return None if there is none; raise BadRecord."""
    try:
        return os.open(name, flags, dir_fd=shard)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise BadRecord("its file is not a regular file") from error
        raise


def _pread(fd: int, length: int, offset: int) -> bytes:
    found = os.pread(fd, length, offset)
    while len(found) < length and (more := os.pread(fd, length - len(found), offset + len(found))):
        found += more
    return found
