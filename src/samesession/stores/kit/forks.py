"""Close connections to SQLite files before a process forks.

A child inherits SQLite's notes about the locks of its process, but not the locks. Files that it
opens would seem locked to it, and its writes would be lost once the parent closes what seems to be
the last connection (sqlite.org/howtocorrupt.html, 2.6). So a process closes all connections before
it forks, and both processes open new ones. This module does not know connections: their keepers
close them.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Keeper(Protocol):
    """Keeps connections open between operations."""

    def hold(self) -> None:
        """Wait, for a limited time, until none is in use; close all, and open none."""
        ...

    def let_go(self) -> None:
        """Open new ones when they are needed."""
        ...


_keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()


def close_before_forks(keeper: Keeper) -> None:
    """Make a keeper close its connections while this process forks."""
    _keepers.add(keeper)


def _hold_all() -> None:
    for keeper in list(_keepers):
        keeper.hold()


def _let_go_all() -> None:
    for keeper in list(_keepers):
        keeper.let_go()


if hasattr(os, "register_at_fork"):  # on systems where processes fork
    os.register_at_fork(before=_hold_all, after_in_parent=_let_go_all, after_in_child=_let_go_all)
