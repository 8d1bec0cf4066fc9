"""Read the directory that cachelib keeps Flask-Session's sessions in, in the system's order.

    0123...ef     a file for each key, named by a hash of it: MD5 before cachelib 0.16, SHA-256
                  since; 4 bytes of the moment at which it expires (0: never), as this machine
                  writes a number, and then a pickle

A file beside them, which counts them, has a name of the same form, but is not a session. The
names show nothing more: any other file in the directory is taken for a session.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from ...core.old_names import name_of_file, names_of
from ...core.old_records import OldRecord, Pace, Place
from ...core.steps import Steps, call_long, checkpoint
from ...core.store import Clock, Colour
from ...errors import ConfigError, StoreUnavailable
from ...settings import Config

_MOMENT = struct.Struct("=I")
_COUNTERS = names_of("__wz_cache_count")


class OldFiles:
    """The files of a directory."""

    def __init__(self, directory: str, place: Place) -> None:
        self._directory = directory
        self._place = place
        self._found: Any = None  # Any: typeshed's name for what `scandir` gives is private
        self._pace = Pace()
        self.location = f"the directory {os.path.abspath(directory)}"

    def batch(self) -> Steps[Sequence[OldRecord] | None]:
        """Read the next files."""
        yield from checkpoint(bounded=False)
        return (yield from call_long(self._read))

    def close(self) -> Steps[None]:
        """Stop listing the directory."""
        if self._found is not None:
            self._found.close()
        yield from ()

    def _read(self) -> list[OldRecord] | None:
        try:
            return self._records()
        except OSError as error:
            raise StoreUnavailable(
                f"the old sessions' directory cannot be read: {type(error).__name__}"
            ) from error

    def _records(self) -> list[OldRecord] | None:
        if self._found is None:
            self._found = os.scandir(self._directory)
        entries: Iterator[os.DirEntry[str]] = self._found
        found: list[OldRecord] = []
        looked_at = 0
        for entry in entries:
            looked_at += 1
            name = name_of_file(entry.name)
            if name is not None and name not in _COUNTERS:
                record = self._record(entry.path, name)
                found += [] if record is None else [record]
            if len(found) >= self._pace.size:
                break
        self._pace.weigh(found)
        return found if looked_at else None

    def _record(self, path: str, name: str) -> OldRecord | None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None  # it expired in the meantime
        except OSError:  # a symbolic link, or another user's file
            return OldRecord(name, None, b"", None)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return OldRecord(name, None, b"", None)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                raw = file.read(_MOMENT.size + self._place.max_bytes + 1)
        finally:
            os.close(descriptor)
        return self._parsed(name, raw)

    def _parsed(self, name: str, raw: bytes) -> OldRecord:
        if len(raw) < _MOMENT.size:
            return OldRecord(name, None, b"", None)
        data = raw[_MOMENT.size :]
        (moment,) = _MOMENT.unpack_from(raw)
        is_read = len(data) <= self._place.max_bytes
        return OldRecord(name, None, data if is_read else None, moment or None)


def open_old_records(
    source: str | None, place: Place, *, config: Config, colour: Colour, clock: Clock
) -> OldFiles:
    """Return a reader of a directory; raise ConfigError if there is none."""
    del config, colour, clock
    if source is None:
        raise ConfigError("name the place of the old sessions: write --source DIRECTORY, or a URL")
    if not os.path.isdir(source):
        raise ConfigError(f"{source!r} is neither a URL nor a directory")
    return OldFiles(source, place)
