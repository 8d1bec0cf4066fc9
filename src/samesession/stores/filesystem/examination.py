"""Examine the directory of session files: permissions, durability, and purging."""

from __future__ import annotations

import os
import stat
from itertools import islice

from ...core.findings import Finding, Level
from ...core.store import Clock
from ..kit.disks import disk_findings
from ..kit.unpurged import PATIENCE, purge_finding
from .locked_directories import NAME, Tree

_LOOKED_AT = 1000  # files of one directory: with regular purges, none is expired for days
_SHARDS = tuple(f"{number:02x}" for number in range(256))


def findings(tree: Tree, clock: Clock, *, mode: int, fsync: bool) -> list[Finding]:
    """Examine the directory; `mode` is that of its files."""
    return [
        _permissions(tree, mode),
        _durability(fsync=fsync),
        purge_finding(is_due=_is_due(tree, clock)),
        *disk_findings(tree.root),
    ]


def _permissions(tree: Tree, mode: int) -> Finding:
    """Judge who may read; if others may write, the store itself refuses to work."""
    if mode & 0o077:
        what = f"files of sessions have the mode {mode:04o}, so other users can read them"
        return Finding("files.mode", Level.WARNING, what, "SESSION_FILE_MODE = 0o600")
    with tree.at() as root:
        there = None if root is None else stat.S_IMODE(os.fstat(root).st_mode)
    if there is None:
        return Finding(
            "files.mode", Level.OK, "the first write creates the directory, with mode 0700"
        )
    if there & 0o077:
        what = (
            f"the directory has the mode {there:04o}: other users can see how many sessions "
            "there are"
        )
        return Finding("files.mode", Level.NOTICE, what, f"chmod 700 {tree.root}")
    return Finding("files.mode", Level.OK, "only this user can read the directory and its files")


def _durability(*, fsync: bool) -> Finding:
    if fsync:
        return Finding("files.fsync", Level.OK, "saved sessions survive a power cut")
    what = "a power cut may undo a logout of the last seconds, and bring the session back"
    return Finding("files.fsync", Level.NOTICE, what, "SESSION_FILE_FSYNC = True")


def _is_due(tree: Tree, clock: Clock) -> bool:
    """Return whether one of the 256 directories holds files that expired long ago."""
    long_ago = clock() - PATIENCE
    for path in _SHARDS:
        with tree.at(path) as shard:
            if shard is None:
                continue
            with os.scandir(shard) as entries:
                ours = (
                    entry for entry in islice(entries, _LOOKED_AT) if NAME.fullmatch(entry.name)
                )
                return any(entry.stat(follow_symlinks=False).st_mtime < long_ago for entry in ours)
    return False
