"""Keep what belongs to one process and one event loop, such as connections."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


def place(*, loop: bool) -> Hashable:
    """Name where connections may be used: this process and, with `loop`, this event loop."""
    if not loop:
        return os.getpid()
    import asyncio  # which an application without loops need not load

    return os.getpid(), asyncio.get_running_loop()


class PerLoop(Generic[T]):
    """What is opened once in each process and, with `loop`, in each event loop."""

    def __init__(self, *, loop: bool) -> None:
        self._loop = loop
        self._opened: dict[Hashable, T] = {}

    def here(self) -> T | None:
        """Return what is open in this place."""
        return self._opened.get(place(loop=self._loop))

    def keep(self, opened: T) -> T:
        """Keep what was opened here, or give what another was faster to; forget closed loops."""
        return keep(self._opened, place(loop=self._loop), opened)

    def take(self) -> T | None:
        """Return what is open in this place, and keep it no longer."""
        return self._opened.pop(place(loop=self._loop), None)


def keep(kept: dict[K, T], where: K, made: T) -> T:
    """Keep what was made for a place, or return what another was faster to; forget closed loops."""
    for each in list(kept):
        if is_closed(each):
            _ = kept.pop(each, None)
    return kept.setdefault(where, made)


def is_closed(where: Hashable) -> bool:
    """Return whether a place, of which the loop stands second, is in one that is closed by now."""
    return isinstance(where, tuple) and bool(cast("Any", where)[1].is_closed())
