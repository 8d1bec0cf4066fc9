"""Keep things that are opened once in each process, or in each event loop, such as connections.

If no one closes them, they are closed at the end of their loop, or when their owner is freed, such
as an application that a test has created. Left to the garbage collector, they would cause warnings.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar, cast
from weakref import finalize

from ..core.steps import Steps
from .places import keep, place
from .sync import run

T = TypeVar("T")

# Seconds for closing connections at the end of a loop, if no other limit applies.
_GOODBYE = 2.0


class PerLoop(Generic[T]):
    """Open things, one in each process and, with `loop`, in each event loop."""

    def __init__(self, close: Callable[[T], Steps[None]] | None = None, *, loop: bool) -> None:
        """`close`: closes one, if that is needed; it must not reference this object's owner."""
        self._loop = loop
        self._close = close
        self._kept: dict[Hashable, _Kept[T]] = {}
        if close is not None:
            # Not at the end of the process, which closes everything: other threads may be at work
            # then.
            finalize(self, _leave, self._kept).atexit = False

    def here(self) -> T | None:
        """Return the thing that is open in this place."""
        kept = self._kept.get(place(loop=True) if self._loop else os.getpid())
        return None if kept is None else kept.opened

    def keep(self, opened: T) -> T:
        """Keep what was opened here, or return one that was faster; forget closed loops."""
        where, close = place(loop=self._loop), self._close
        if close is None:
            mine = _Kept(opened, _nothing)
        else:
            mine = (_KeptInLoop if self._loop else _Kept)(opened, close)
        kept = keep(self._kept, where, mine)
        if kept is mine:
            mine.begin()
        return kept.opened

    def take(self) -> T | None:
        """Return the thing that is open in this place and stop keeping it: the caller closes it."""
        kept = self._kept.pop(place(loop=self._loop), None)
        if kept is None:
            return None
        kept.forget()
        return kept.opened

    def close(self) -> Steps[None]:
        """Close the thing that is open in this place."""
        kept = self._kept.pop(place(loop=self._loop), None)
        if kept is not None:
            yield from kept.close()


class _Kept(Generic[T]):
    """An open thing, with the function that closes it."""

    def __init__(self, opened: T, close: Callable[[T], Steps[None]]) -> None:
        self.opened = opened
        self._close = close
        self._process = os.getpid()

    def begin(self) -> None:
        """Make sure that it will be closed."""

    def forget(self) -> None:
        """Stop taking care of it."""

    def close(self) -> Steps[None]:
        """Close it."""
        self.forget()
        return self._close(self.opened)

    def leave(self) -> None:
        """Close it because its owner is gone, unless it belongs to another process."""
        if self._process == os.getpid():
            run(self.close())


class _KeptInLoop(_Kept[T]):
    """A thing that must be closed in the event loop in which it was opened."""

    def begin(self) -> None:
        from .aio import arun
        from .loop_end import loop_end

        self._end = loop_end()
        self._end.add(self, lambda: arun(self._close(self.opened), timeout=_GOODBYE))

    def forget(self) -> None:
        self._end.discard(self)

    def leave(self) -> None:
        if self._process == os.getpid():
            self._end.close_soon(self)


def _nothing(_: object) -> Steps[None]:
    yield from ()


def _leave(kept: dict[Hashable, Any]) -> None:  # Any: any kept thing
    for each in kept.values():
        cast("_Kept[object]", each).leave()
