"""Deadlines of all waits in one event loop, with a single timer.

`asyncio.timeout` creates a timer for each wait, and removes it again. That is most of the cost of a
short wait. All waits of a watch have the same length, so the first to begin is the first to end,
and one timer serves all.

A late loop sees a deadline pass before it sees the answers in its sockets, or from its threads. So
an overdue wait is not given up at once: see `Grace`. Loaded by async code only.
"""

from __future__ import annotations

import asyncio
import math
import time
from itertools import takewhile
from typing import Any

from ..core.steps import LATE
from .clocks import LONGEST
from .loop_time import Knock, call_at, loop_time
from .places import keep

# In the first turn of the loop its sockets are read, in the second the waiting tasks run, and some
# need one more. A long answer takes many turns.
_FEW_TURNS, _MANY_TURNS = 3, 20
_PAUSE = 0.01  # seconds between checks of threads and servers
# A store without any answer for this long is silent: a share of a wait's length, and the seconds
# that a server may wait for its turn on a busy machine.
_PATIENCE, _LEAST_PATIENCE = 0.15, 0.1
_BUSY = 0.2  # of the time: a process that computes less is waiting


class Grace:
    """How long overdue waits may continue when this process is late, not the store.

    - The loop first runs until a turn brings nothing: then everything that has arrived is read.
    - After that, only a busy process may be the slow part. The store is not slow only as
      long as late tasks still get answers.
    """

    __slots__ = ("_busy", "_measured", "_moved", "_patience", "_still", "_used")

    def __init__(self, seconds: float, now: float) -> None:
        """`seconds`: the length of a wait."""
        self._patience = max(seconds * _PATIENCE, _LEAST_PATIENCE)
        self._moved: float | None = None  # when the last answer came; None: no wait is overdue
        self._still = 0  # turns since then
        self._busy = False
        self._measured, self._used = now, time.process_time()

    def rest(self, now: float) -> None:
        """Note that no wait is overdue."""
        self._moved = None
        self._measure(now)

    def until(self, now: float, *, moved: bool) -> float | None:
        """Return when to check again; None: the overdue waits have had their time.

        `moved`: whether one of them got an answer since the last check.
        """
        self._measure(now)
        if moved or self._moved is None:
            self._moved, self._still = now, 0
            return now
        self._still += 1
        if self._still < _FEW_TURNS:
            return now
        if now - self._moved >= self._patience:
            return None
        if self._still < _MANY_TURNS:
            return now
        return now + _PAUSE if self._busy else None

    def _measure(self, now: float) -> None:
        passed = now - self._measured
        if passed >= self._patience:
            used = time.process_time()
            self._busy = used - self._used >= passed * _BUSY
            self._measured, self._used = now, used


class Wait:
    """One task's wait, recognised by identity."""

    __slots__ = ("_cancelling", "_watch", "due", "expired", "late", "moved", "task")

    def __init__(self, task: asyncio.Task[Any], due: float, watch: Watch) -> None:
        self.task = task
        self.due = due
        self.expired = False
        self.late = math.inf  # since when it is overdue, as far as seen
        self.moved = False  # whether it has started another question since the last check
        self._cancelling = task.cancelling()
        self._watch = watch
        watch.waits[self] = None

    def end(self, error: BaseException | None = None) -> bool:
        """End the wait; return whether its error is the deadline's cancellation, and no other."""
        if not self.expired:
            _ = self._watch.waits.pop(self, None)  # interrupted between two, it ends twice
            if self.late < math.inf and error is None:
                self._watch.moved = True
            return False
        # As in asyncio.timeout: a task that was also cancelled by other code stays cancelled.
        mine = self.task.uncancel() <= self._cancelling
        return mine and isinstance(error, asyncio.CancelledError)


class Watch:
    """Cancels tasks that wait for longer than a number of seconds."""

    __slots__ = ("_grace", "_loop", "_seconds", "_timer", "moved", "waits")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.waits: dict[Wait, None] = {}  # in the order in which they began
        self.moved = False  # whether an overdue wait has ended well since the last check
        self._loop = loop
        self._seconds = seconds
        self._grace = Grace(seconds, loop_time(loop))
        self._timer: asyncio.TimerHandle | Knock | None = None

    def begin(self) -> Wait:
        """Begin the current task's wait."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a session must be opened and saved inside of a task")
        now = loop_time(self._loop)
        wait = Wait(task, now + self._seconds, self)
        if self._timer is None:
            self._grace.rest(now)
            self._timer = call_at(self._loop, wait.due, self._look)
        return wait

    def _look(self) -> None:
        """Cancel overdue waits, unless the loop itself is late, and check again."""
        self._timer = None
        now = loop_time(self._loop)
        late = list(takewhile(lambda wait: wait.due <= now, self.waits))
        again = self._grace.until(now, moved=self._have_moved(late, now)) if late else None
        last = now - (LONGEST - 1) * self._seconds
        for wait in late:
            if again is None or wait.late <= last:
                del self.waits[wait]
                wait.expired = True
                _ = wait.task.cancel(LATE)
        if again is None:
            self._grace.rest(now)
            again = next((wait.due for wait in self.waits), None)
        if again is not None:
            self._timer = call_at(self._loop, again, self._look)

    def _have_moved(self, late: list[Wait], now: float) -> bool:
        moved, self.moved = self.moved, False
        for wait in late:
            moved = moved or (wait.moved and wait.late < math.inf)
            wait.moved, wait.late = False, min(wait.late, now)
        return moved


_watches: dict[tuple[float, asyncio.AbstractEventLoop], Watch] = {}


def watch(seconds: float) -> Watch:
    """Return the running loop's watch with this number of seconds."""
    here = seconds, asyncio.get_running_loop()
    found = _watches.get(here)
    return keep(_watches, here, Watch(here[1], seconds)) if found is None else found
