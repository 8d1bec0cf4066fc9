"""The versions of a record, one behind the other in its file: the last whole one counts.

    | magic, length | record | moments, CRC, length | magic, length | record | moments, ...

A write appends one, and touches nothing of what stands before it. So whatever cuts it off,
be it kill -9, a full disk or a power cut, leaves the version before as it was, and a reader
needs no lock: it finds the last version by the end of the file, or by going through all of
them where that end is torn. A file system does not promise that what was written last
reaches the disk first, so a version counts only with its checksum.

Once a file has no room left, or its end is torn, it is replaced by one with a single version,
which is on the disk before it has the name: a rename alone lets ext4 have the name first, and
zeros in the file. That costs many times an append, but seldom.

The file's mtime is the moment at which the record expires, and what a renewal sets. An append
makes it the present for a while, and for good where a writer is killed before it has set it.
So a version says the moment as well, and the later one counts. Where the end is torn, the mtime
is the moment at which a writer died that had found the version before live: from then on that
lives as long as it did from its own writing.

Two slots written in turn, or a spare that is exchanged with the file (renameat2), cost a
little less. But without an fsync both have overwritten a version that is perhaps the only one
on the disk: after a power cut neither the old record is there nor the new one.

Knows the content of no record. Moments are nanoseconds since 1970, as in `st_mtime_ns`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from struct import Struct
from typing import NamedTuple
from zlib import crc32

_HEAD = Struct(">4sI")  # magic, length of the record
_MOMENTS = Struct(">qq")  # when it was written, when it was to expire
_FOOT = Struct(">II")  # CRC-32 of all before it, length of the record
MAGIC = b"\x89ses"  # no text of any encoding begins so
RECORD_AT = _HEAD.size  # where the first record in a file begins
EXTRA_BYTES = _HEAD.size + _MOMENTS.size + _FOOT.size  # what a version has besides its record

_BLOCK = 4096  # bytes that a file takes at the least
_ROOM = 64 * 1024
_MOST, _FEWEST = 24, 4  # versions for which a file has room: as many as fit in those bytes
_TAIL = 4096  # bytes that are read at first: most versions are not longer


class Version(NamedTuple):
    """A record, when it was written, and when it was to expire then."""

    record: bytes
    written: int
    expires: int

    def lives_until(self, mtime: int, *, is_torn: bool) -> int:
        """Return when the record expires, by its file's mtime, too."""
        return max(self.expires, mtime + (self.expires - self.written if is_torn else 0))


def encoded(version: Version) -> bytes:
    """Return what is appended to a file."""
    record, written, expires = version
    size = len(record)
    covered = b"".join((_HEAD.pack(MAGIC, size), record, _MOMENTS.pack(written, expires)))
    return covered + _FOOT.pack(crc32(covered), size)


def room_for(length: int) -> int:
    """Return the bytes that a file may have whose next version has so many."""
    return max(_BLOCK, min(_MOST * length, _ROOM), _FEWEST * length)


def read_last(size: int, pread: Callable[[int, int], bytes]) -> Version | None:
    """Return the version that ends where a file of so many bytes ends; None: none does.

    `pread` reads so many bytes from an offset; it may answer fewer, and then none is found.
    """
    tail = pread(min(size, _TAIL), max(size - _TAIL, 0))
    if len(tail) < EXTRA_BYTES:
        return None
    length = EXTRA_BYTES + int(_FOOT.unpack_from(tail, len(tail) - _FOOT.size)[1])
    if len(tail) < length <= size:
        tail = pread(length, size - length)
    return _version(tail, len(tail) - length, length) if length <= len(tail) else None


def last_whole(raw: bytes) -> Version | None:
    """Return the last of the whole versions that a file begins with."""
    found, start = None, 0
    while start + EXTRA_BYTES <= len(raw):
        length = EXTRA_BYTES + int(_HEAD.unpack_from(raw, start)[1])
        version = _version(raw, start, length) if start + length <= len(raw) else None
        if version is None:
            break
        found, start = version, start + length
    return found


def _version(raw: bytes, start: int, length: int) -> Version | None:
    """Return the version of that length which begins there, if it is whole."""
    foot = start + length - _FOOT.size
    size = length - EXTRA_BYTES
    covered = memoryview(raw)[start:foot]
    if _HEAD.unpack_from(covered) != (MAGIC, size):
        return None
    if _FOOT.unpack_from(raw, foot) != (crc32(covered), size):
        return None
    record = bytes(covered[_HEAD.size : _HEAD.size + size])
    return Version(record, *_MOMENTS.unpack_from(covered, _HEAD.size + size))


def append(fd: int, size: int, content: bytes, *, mtime: int) -> None:
    """Write at a file's end, which is at `size`; a failure leaves it as it was, at `mtime`."""
    try:
        written = 0
        while written < len(content):
            written += os.pwrite(fd, memoryview(content)[written:], size + written)
    except BaseException:
        os.ftruncate(fd, size)
        os.utime(fd, ns=(mtime, mtime))
        raise
