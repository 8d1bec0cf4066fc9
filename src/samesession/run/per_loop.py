"""Keep what is opened once in each process, or in each event loop, such as connections.

What nobody closes is closed at the end of its loop, or when what keeps it is freed, as with
an application that a test has made: left to the garbage collector, Python would warn of it.
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

# Seconds for saying goodbye to a server at the end of a loop, where nobody else bounds them.
_GOODBYE = 2.0


class PerLoop(Generic[T]):
    """What is open, one in each process and, with `loop`, in each event loop."""

    def __init__(self, close: Callable[[T], Steps[None]] | None = None, *, loop: bool) -> None:
        """`close`: what closes one, where it needs that; it must not hold this object's owner."""
        self._loop = loop
        self._close = close
        self._kept: dict[Hashable, _Kept[T]] = {}
        if close is not None:
            # Not when the process ends, which closes all: other threads may be at work then.
            finalize(self, _leave, self._kept).atexit = False

    def here(self) -> T | None:
        """Return what is open in this place."""
        kept = self._kept.get(place(loop=True) if self._loop else os.getpid())
        return None if kept is None else kept.opened

    def keep(self, opened: T) -> T:
        """Keep what was opened here, or give what another was faster to; forget closed loops."""
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
        """Return what is open in this place, and keep it no longer: the caller closes it."""
        kept = self._kept.pop(place(loop=self._loop), None)
        if kept is None:
            return None
        kept.forget()
        return kept.opened

    def close(self) -> Steps[None]:
        """Close what is open in this place."""
        kept = self._kept.pop(place(loop=self._loop), None)
        if kept is not None:
            yield from kept.close()


class _Kept(Generic[T]):
    """Something that is open, and what closes it."""

    def __init__(self, opened: T, close: Callable[[T], Steps[None]]) -> None:
        self.opened = opened
        self._close = close
        self._process = os.getpid()

    def begin(self) -> None:
        """See to it that it will be closed."""

    def forget(self) -> None:
        """See to it no longer."""

    def close(self) -> Steps[None]:
        """Close it."""
        self.forget()
        return self._close(self.opened)

    def leave(self) -> None:
        """Close it, as nobody has it any more, unless it is another process's."""
        if self._process == os.getpid():
            run(self.close())


class _KeptInLoop(_Kept[T]):
    """What must be closed in the event loop in which it was opened."""

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


def _leave(kept: dict[Hashable, Any]) -> None:  # Any: whatever it is that is kept
    for each in kept.values():
        cast("_Kept[object]", each).leave()
