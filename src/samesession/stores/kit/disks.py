"""Judge the place on a disk where a store of files keeps sessions."""

from __future__ import annotations

import os
import shutil
import tempfile

from ...core.findings import Finding, Level

_LEAST = 0.05  # of a disk: with less room left it is almost full


def disk_findings(directory: str) -> list[Finding]:
    """Return whether a directory is on a full disk, or is cleaned up by the system.

    If it does not exist yet, the nearest existing directory above it is judged.
    """
    there = directory
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    return [_room(there), _cleaning(directory)]


def _room(there: str) -> Finding:
    usage = shutil.disk_usage(there)
    left = usage.free / max(usage.total, 1)
    if left >= _LEAST:
        return Finding("disk.room", Level.OK, "the disk has room left")
    what = f"{left:.0%} of the disk are left: when it is full, new sessions cannot be stored"
    return Finding("disk.room", Level.WARNING, what, f"make room below {there}")


def _cleaning(directory: str) -> Finding:
    temporary = os.path.realpath(tempfile.gettempdir())
    place = os.path.realpath(directory)
    if os.path.commonpath([temporary, place]) != temporary:
        return Finding("disk.place", Level.OK, "the system does not clean up the directory")
    what = f"{directory} is below {temporary}, which systems clean up: that logs users out"
    write = "name another directory, such as one below /var/lib"
    return Finding("disk.place", Level.WARNING, what, write)
