"""Judge the place on a disk where a store of files keeps sessions."""

from __future__ import annotations

import os
import shutil
import tempfile

from ...core.findings import Finding, Level

_LEAST = 0.05  # of a disk, below which a full one is near


def disk_findings(directory: str) -> list[Finding]:
    """Return whether a directory is on a disk that is full, or is cleaned by the system.

    It need not be there yet: then the nearest one above it is judged.
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
    what = f"{left:.0%} of the disk are left: a full one refuses each new session"
    return Finding("disk.room", Level.WARNING, what, f"make room below {there}")


def _cleaning(directory: str) -> Finding:
    temporary = os.path.realpath(tempfile.gettempdir())
    place = os.path.realpath(directory)
    if os.path.commonpath([temporary, place]) != temporary:
        return Finding("disk.place", Level.OK, "no system cleans the directory up")
    what = f"{directory} is below {temporary}, which systems clean up: that logs users out"
    write = "name another directory, such as one below /var/lib"
    return Finding("disk.place", Level.WARNING, what, write)
