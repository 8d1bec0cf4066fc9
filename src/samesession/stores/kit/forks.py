"""Close connections to SQLite files before a process forks.

A child inherits what SQLite noted of the locks of its process, and none of the locks: whatever it
opened would take them for its own, and its writes would be lost once the parent closes what it
thinks is the last connection (sqlite.org/howtocorrupt.html, 2.6). So a process closes all of them
before it forks, and both open anew. Knows no connection: who keeps some closes them.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Keeper(Protocol):
    """What keeps connections open between operations."""

    def hold(self) -> None:
        """Wait, for a bounded time, until none is in use; close all, and open none."""
        ...

    def let_go(self) -> None:
        """Open anew where that is needed."""
        ...


_keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()


def close_before_forks(keeper: Keeper) -> None:
    """Have a keeper hold its connections closed while this process forks."""
    _keepers.add(keeper)


def _hold_all() -> None:
    for keeper in list(_keepers):
        keeper.hold()


def _let_go_all() -> None:
    for keeper in list(_keepers):
        keeper.let_go()


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(before=_hold_all, after_in_parent=_let_go_all, after_in_child=_let_go_all)
