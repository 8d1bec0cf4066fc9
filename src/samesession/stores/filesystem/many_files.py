"""Read, delete and list many records' files, a shard at a time.

A file does not contain its key, only the sid of its record. The prefix and the sid give the key,
and the file's name shows whether it is the right one.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import groupby

from ...core.record import SID_END, sid_of
from ...core.store import KeyPage
from ...errors import BadRecord
from .locked_directories import NAME, READ, Tree, checked, name_of, opened
from .versions import EXTRA_BYTES, RECORD_AT, room_for

_PAGE = 1000  # files to look at before other work gets a turn
_SHARDS = tuple(f"{number:02x}" for number in range(256))


def by_shard(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Group names of files by their shards."""
    for shard, members in groupby(sorted(set(names)), key=lambda name: name[:2]):
        yield shard, list(members)


def page(
    tree: Tree, prefix: str, after: str | None, limit: int | None, *, max_bytes: int
) -> KeyPage:
    """List the next keys with a prefix, in the order of their files' names."""
    keys: list[str] = []
    start, left = after or "", limit or _PAGE
    for shard in _SHARDS[bisect_left(_SHARDS, start[:2]) :]:
        with tree.at(shard) as directory:
            if directory is None:
                continue
            names = sorted(name for name in os.listdir(directory) if name > start)
            for name in names[:left]:
                key = _key(directory, name, prefix, max_bytes)
                keys += [] if key is None else [key]
            if len(names) >= left:
                return KeyPage(keys, names[left - 1])
            left -= len(names)
    return KeyPage(keys, None)


def _key(directory: int, name: str, prefix: str, max_bytes: int) -> str | None:
    """Return the key of a file, if that starts with the prefix."""
    if NAME.fullmatch(name) is None:
        return None
    try:
        with opened(name, READ, directory) as fd:
            _ = checked(fd, room_for(max_bytes + EXTRA_BYTES))
            sid = sid_of(os.pread(fd, SID_END, RECORD_AT))
    except (OSError, BadRecord):
        return None
    key = None if sid is None else prefix + sid
    return key if key is not None and name_of(key.encode("utf-8")) == name else None
