"""Resolve a path that starts at a home directory."""

from __future__ import annotations

import os

from ...errors import ConfigError


def at_home(path: str, setting: str) -> str:
    """Return a path with `~` as the home directory; raise ConfigError if there is none.

    `setting`: the name of the setting that holds the path.
    """
    found = os.path.expanduser(path)
    if found == path and path.startswith("~"):
        user = path[1:].partition("/")[0]
        raise ConfigError(f"{setting} is below a home directory, and no user {user!r} has one")
    return found
