"""Deadlines of everything that waits in one event loop, kept by one timer.

`asyncio.timeout` makes a timer for each wait, and forgets it again: most of what
a short wait costs. All waits of a watch have the same length, so the one that
began first ends first, and one timer for it serves all. Loaded by async code only.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Wait:
    """One task's wait; identity is all that tells it from others."""

    __slots__ = ("_cancelling", "_waits", "due", "expired", "task")

    def __init__(self, task: asyncio.Task[Any], due: float, waits: dict[Wait, None]) -> None:
        self.task = task
        self.due = due
        self.expired = False
        self._cancelling = task.cancelling()
        self._waits = waits
        waits[self] = None

    def end(self, error: BaseException | None = None) -> bool:
        """End the wait; say whether its error is the deadline's cancellation, and nobody else's."""
        if not self.expired:
            _ = self._waits.pop(self, None)  # a wait that was cut short between two may end twice
            return False
        # As asyncio.timeout does: who was cancelled by others, too, stays cancelled.
        mine = self.task.uncancel() <= self._cancelling
        return mine and isinstance(error, asyncio.CancelledError)


class Watch:
    """Cancels tasks that wait for longer than so many seconds."""

    __slots__ = ("_loop", "_seconds", "_timer", "_waits")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._waits: dict[Wait, None] = {}  # in the order in which they began
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Wait:
        """Begin the current task's wait."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a session is opened and saved inside of a task")
        wait = Wait(task, self._loop.time() + self._seconds, self._waits)
        if self._timer is None:
            self._timer = self._loop.call_at(wait.due, self._look)
        return wait

    def _look(self) -> None:
        """Cancel who is overdue, and look again when the next one is."""
        self._timer = None
        now = self._loop.time()
        for wait in list(self._waits):
            if wait.due > now:
                self._timer = self._loop.call_at(wait.due, self._look)
                return
            del self._waits[wait]
            wait.expired = True
            _ = wait.task.cancel()


_watches: dict[tuple[asyncio.AbstractEventLoop, float], Watch] = {}


def watch(seconds: float) -> Watch:
    """Give the running loop's watch of so many seconds."""
    here = asyncio.get_running_loop(), seconds
    found = _watches.get(here)
    if found is None:
        for where in list(_watches):
            if where[0].is_closed():
                _ = _watches.pop(where, None)
        found = _watches.setdefault(here, Watch(*here))
    return found
