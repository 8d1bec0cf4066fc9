"""The versions of a record, one after the other in its file: the last whole one counts.

    | magic, length | record | moments, CRC, length | magic, length | record | moments, ...

A write appends one, and changes nothing before it. If it is interrupted by kill -9, a full disk or
a power cut, the version before stays as it was. A reader needs no lock: it finds the last version
by the end of the file, or by going through all versions if the end is torn. A file system does not
promise to write to the disk in order, so a version counts only with its checksum.

When a file has no room left, or its end is torn, it is replaced by a file with a single version.
That file is on the disk before it gets the name: with only a rename, ext4 may store the name first,
and zeros in the file. This costs many times as much as an append, but is rare.

The file's mtime is the record's expiry, and a renewal sets it. An append sets it to the present for
a moment, and for good if a writer is killed before it has set it. So a version contains the expiry
as well, and the later one counts. If the end is torn, the mtime is the moment when a writer died
that had found the version before alive. From then on, that version lives as long as it did after
its own writing.

Two slots that are written in turn, or a spare that is exchanged with the file (renameat2), would
cost a little less. But without an fsync both overwrite a version that may be the only one on the
disk: after a power cut neither the old record exists nor the new one.

The contents of records are not known here. Moments are nanoseconds since 1970, as in `st_mtime_ns`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from struct import Struct
from typing import NamedTuple
from zlib import crc32

_HEAD = Struct(">4sI")  # magic, length of the record
_MOMENTS = Struct(">qq")  # when it was written, and its expiry at that time
_FOOT = Struct(">II")  # CRC-32 of everything before it, length of the record
MAGIC = b"\x89ses"  # no text in any encoding starts like this
RECORD_AT = _HEAD.size  # the offset of the first record in a file
EXTRA_BYTES = _HEAD.size + _MOMENTS.size + _FOOT.size  # bytes of a version besides its record

_BLOCK = 4096  # the least size of a file in bytes
_ROOM = 64 * 1024
_MOST, _FEWEST = 24, 4  # versions for which a file has room: as many as fit in those bytes
_TAIL = 4096  # bytes that are read at first: most versions are not longer


class Version(NamedTuple):
    """A record, when it was written, and its expiry at that time."""

    record: bytes
    written: int
    expires: int

    def lives_until(self, mtime: int, *, is_torn: bool) -> int:
        """Return when the record expires; its file's mtime counts, too."""
        return max(self.expires, mtime + (self.expires - self.written if is_torn else 0))


def encoded(version: Version) -> bytes:
    """Return the bytes to append to a file."""
    record, written, expires = version
    size = len(record)
    covered = b"".join((_HEAD.pack(MAGIC, size), record, _MOMENTS.pack(written, expires)))
    return covered + _FOOT.pack(crc32(covered), size)


def room_for(length: int) -> int:
    """Return the size limit of a file whose next version has this many bytes."""
    return max(_BLOCK, min(_MOST * length, _ROOM), _FEWEST * length)


def read_last(size: int, pread: Callable[[int, int], bytes]) -> Version | None:
    """Return the version at the end of a file of this size; None if there is none.

    `pread` reads a number of bytes from an offset; if it returns fewer, no version is found.
    """
    tail = pread(min(size, _TAIL), max(size - _TAIL, 0))
    if len(tail) < EXTRA_BYTES:
        return None
    length = EXTRA_BYTES + int(_FOOT.unpack_from(tail, len(tail) - _FOOT.size)[1])
    if len(tail) < length <= size:
        tail = pread(length, size - length)
    return _version(tail, len(tail) - length, length) if length <= len(tail) else None


def last_whole(raw: bytes) -> Version | None:
    """Return the last of the whole versions at the start of a file."""
    found, start = None, 0
    while start + EXTRA_BYTES <= len(raw):
        length = EXTRA_BYTES + int(_HEAD.unpack_from(raw, start)[1])
        version = _version(raw, start, length) if start + length <= len(raw) else None
        if version is None:
            break
        found, start = version, start + length
    return found


def _version(raw: bytes, start: int, length: int) -> Version | None:
    """Return the version of that length that starts there, if it is whole."""
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
