"""An owner's notes: one file for each record's key, in the owner's directory.

    owners/1c/1c77.../73657373...    empty; its name is the key, in hex
    owners/1c/1c77.../3f9a...        contains a key that is too long; its name is the digest

So listing an owner's keys reads the directory, and only files of the second kind, which all
notes once were. Only a purge checks whether a note has expired.

Anything else may be in the place of such a directory or note. A login moves it aside, to note
the session, and a list skips it.
"""

from __future__ import annotations

import errno
import os
from bisect import bisect_right
from collections.abc import Sequence

from ...core.store import Clock, KeyPage
from ...errors import BadRecord, StoreUnavailable
from .locked_directories import NAME, READ, SPELT, Tree, content, name_of, spelt, unlink
from .purge import OWNERS

_PAGE = 4000  # notes to look at before other work gets a turn
_BLOCKED = frozenset((errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENOTEMPTY))


class OwnerNotes:
    """The notes below a tree."""

    def __init__(self, tree: Tree, *, clock: Clock, max_bytes: int) -> None:
        self._tree = tree
        self._clock = clock
        self._max_bytes = max_bytes

    def add(self, owner: str, key: str, lifetime: int, *, wait: bool) -> None:
        """Note that a key belongs to an owner."""
        try:
            self._add(owner, key, lifetime, wait=wait)
        except StoreUnavailable as error:
            self._check_root(error)
            self._tree.make_way(f"{_path(owner)}/{_note(key)[0]}")
            self._add(owner, key, lifetime, wait=wait)

    def _add(self, owner: str, key: str, lifetime: int, *, wait: bool) -> None:
        with self._tree.locked(_path(owner), make=True, wait=wait) as notes:
            assert notes is not None
            name, text = _note(key)
            self._tree.write(notes, name, text, round((self._clock() + lifetime) * 1e9))
            if not text:
                _ = unlink(notes, _name(key))  # the same note in the old form

    def remove(self, owner: str, keys: Sequence[str], *, wait: bool) -> None:
        """Remove keys from an owner's notes, and the directory if it becomes empty."""
        try:
            with self._tree.locked(_path(owner), wait=wait) as notes:
                if notes is None:
                    return
                removed = [
                    unlink(notes, _note(key)[0]) or unlink(notes, _name(key)) for key in keys
                ]
                if any(removed):
                    self._tree.remove_empty(_path(owner))
        except StoreUnavailable as error:
            self._check_root(error)

    def page(self, owner: str, after: str | None) -> KeyPage:
        """List the next keys noted for an owner, in the order of their names."""
        try:
            with self._tree.at(_path(owner)) as notes:
                names = [] if notes is None else sorted(os.listdir(notes))
                first = 0 if after is None else bisect_right(names, after)
                some = names[first : first + _PAGE]
                found = [] if notes is None else [self._read(notes, name) for name in some]
        except StoreUnavailable as error:
            self._check_root(error)
            return KeyPage((), None)
        # In the order of the records' files, so that a batch of them is in few shards.
        keys = sorted((key for key in found if key is not None), key=_name)
        return KeyPage(keys, some[-1] if len(some) == _PAGE else None)

    def _check_root(self, error: StoreUnavailable) -> None:
        """Raise an error again, unless something blocks an owner's directory."""
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _BLOCKED:
            raise error
        with self._tree.at():
            pass  # or it is the root

    def _read(self, notes: int, name: str) -> str | None:
        """Return a note's key, expired or not; None if it is not ours."""
        if NAME.fullmatch(name) is None:
            return bytes.fromhex(name).decode("utf-8", "replace") if SPELT.fullmatch(name) else None
        try:
            fd = os.open(name, READ, dir_fd=notes)
        except OSError:
            return None
        try:
            key, _ = content(fd, self._max_bytes)
        except (OSError, BadRecord):
            return None
        finally:
            os.close(fd)
        return key.decode("utf-8", "replace")


def _path(owner: str) -> str:
    digest = _name(owner)
    return f"{OWNERS}/{digest[:2]}/{digest}"


def _note(key: str) -> tuple[str, bytes]:
    """Return the name and the content of a key's note."""
    filed = key.encode("utf-8")
    name = spelt(filed)
    return name, b"" if NAME.fullmatch(name) is None else filed


def _name(key: str) -> str:
    return name_of(key.encode("utf-8"))
