"""Name the process and the event loop that a thing belongs to, such as a connection."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


def place(*, loop: bool) -> Hashable:
    """Name the place where connections may be used: this process and, with `loop`, this loop."""
    if not loop:
        return os.getpid()
    import asyncio  # which an application without loops need not load

    return os.getpid(), asyncio.get_running_loop()


def keep(kept: dict[K, T], where: K, made: T) -> T:
    """Keep what was made for a place, or return one that was faster; forget closed loops."""
    for each in list(kept):
        if is_closed(each):
            _ = kept.pop(each, None)
    return kept.setdefault(where, made)


def is_closed(where: Hashable) -> bool:
    """Return whether a place, which names the loop second, is in a closed loop."""
    return isinstance(where, tuple) and bool(cast("Any", where)[1].is_closed())
