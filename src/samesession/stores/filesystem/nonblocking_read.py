"""Read a record's file only if that cannot block: from Linux's memory.

`openat2` with RESOLVE_CACHED (Linux 5.12) walks a path with names in memory only. `preadv2` with
RWF_NOWAIT returns the contents of the page cache. Both fail at once if they would wait for a disk
or a server (openat2(2), preadv2(2)). So an event loop can read without a thread, which would cost
several times as much as the read. Anything unusual is left to the caller's slower and thorough way.

tmpfs refuses RWF_NOWAIT, though all its contents are in memory (or swapped out, as the interpreter
may be): there a plain read is used. overlayfs refuses it, too, and may be on a disk.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from typing import Any

from ...errors import BadRecord
from .locked_directories import DIRECTORY, READ, sound, unsound
from .versions import EXTRA_BYTES, read_last, room_for

_OPENAT2 = 437  # on every architecture
_AT_FDCWD = -100
# RESOLVE_* of linux/openat2.h
_NO_SYMLINKS, _BENEATH, _CACHED = 0x04, 0x08, 0x20
# Errors of a kernel or a file system without this ability, or of a sandbox that forbids it.
_NEVER = frozenset((errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL, errno.E2BIG))


class _How(ctypes.Structure):
    """`struct open_how` of linux/openat2.h."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


_SIZE = ctypes.sizeof(_How)
_TO_ROOT = _How(DIRECTORY, 0, _CACHED)
_BELOW = _How(READ, 0, _CACHED | _NO_SYMLINKS | _BENEATH)


def _system_call() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        # PyDLL keeps the interpreter's lock: nothing here waits. Any: ctypes has no types.
        found: Any = ctypes.PyDLL(None, use_errno=True).syscall
    except (AttributeError, OSError):
        return None
    found.restype = ctypes.c_long
    found.argtypes = (
        ctypes.c_long,
        ctypes.c_long,
        ctypes.c_char_p,
        ctypes.POINTER(_How),
        ctypes.c_size_t,
    )
    return found  # type: ignore[no-any-return]


class CachedFiles:
    """Files below a root directory, as far as they are in memory."""

    def __init__(self, root: str, limit: int) -> None:
        """`limit`: bytes of the largest record that is read."""
        self._root = os.fsencode(root)
        self._limit = limit
        self._most = room_for(limit + EXTRA_BYTES)
        self._call = _system_call()
        self._in_memory: int | None = None  # the device of a tmpfs, if one was found

    def read(self, path: str) -> tuple[bytes, float] | None:
        """Return a record and its expiry, reached through no symbolic link below the root.

        None if that would block, or if it is not clearly this user's regular file with a single
        name.
        """
        if self._call is None:
            return None
        try:
            root = self._open(_AT_FDCWD, self._root, _TO_ROOT)
            try:
                if unsound(os.fstat(root)) is not None:
                    return None
                file = self._open(root, path.encode("ascii"), _BELOW)
            finally:
                os.close(root)
            try:
                return self._content(file)
            finally:
                os.close(file)
        except BadRecord:
            return None
        except OSError as error:
            if error.errno in _NEVER:
                self._call = None
            return None

    def _open(self, directory: int, path: bytes, how: _How) -> int:
        assert self._call is not None
        opened = self._call(_OPENAT2, directory, path, how, _SIZE)
        if opened < 0:
            raise OSError(ctypes.get_errno(), "openat2")
        return opened

    def _content(self, file: int) -> tuple[bytes, float] | None:
        found = sound(os.fstat(file), self._most)
        if found.st_nlink != 1:  # replaced in the meantime: the thorough way finds the newer one
            return None
        flags = 0 if found.st_dev == self._in_memory else os.RWF_NOWAIT

        def pread(length: int, offset: int) -> bytes:
            content = bytearray(length)
            read = os.preadv(file, [content], offset, flags)
            return bytes(content) if read == length else b""

        try:
            version = read_last(found.st_size, pread)
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP and _is_tmpfs(found.st_dev):
                self._in_memory = found.st_dev
                return None
            raise
        if version is None or len(version.record) > self._limit:
            return None
        return version.record, version.lives_until(found.st_mtime_ns, is_torn=False) / 1e9


def _is_tmpfs(device: int) -> bool:
    """Return whether a device is a tmpfs, by proc_pid_mountinfo(5)."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            lines = [line.split() for line in mounts]
    except OSError:
        return False
    # The type stands behind a dash, because there may be more fields before it.
    kinds = [line[line.index("-", 6) + 1] for line in lines if line[2] == number]
    return "tmpfs" in kinds
