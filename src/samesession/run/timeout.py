"""Deadlines of everything that waits in one event loop, kept by one timer.

`asyncio.timeout` makes a timer for each wait, and forgets it again: most of what
a short wait costs. All waits of a watch have the same length, so the one that
began first ends first, and one timer for it serves all.

A loop that is late sees a deadline pass before it sees the answers that lie in its
sockets, or that its threads have found. So a wait that is over is not given up at
once: see `Grace`. Loaded by async code only.
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

# In the first turn of the loop its sockets are read, in the second the tasks that
# waited for them run, and some need one more. A long answer is read in many.
_FEW_TURNS, _MANY_TURNS = 3, 20
_PAUSE = 0.01  # seconds between looks at what threads and servers do meanwhile
# Without any answer for so long a store is silent: a share of a wait's length, and the
# seconds that a server may wait for its turn on a busy machine.
_PATIENCE, _LEAST_PATIENCE = 0.15, 0.1
_BUSY = 0.2  # of the time: a process that computes less is one that waits


class Grace:
    """How long those whose time is over may go on, as it is we who are late.

    - The loop first takes turns until one brings nothing: all that has arrived is read.
    - After that, only a process that is busy may be what is slow; and only while
      answers still come, to those who are late, is the store not.
    """

    __slots__ = ("_busy", "_measured", "_moved", "_patience", "_still", "_used")

    def __init__(self, seconds: float, now: float) -> None:
        """`seconds`: the length of a wait."""
        self._patience = max(seconds * _PATIENCE, _LEAST_PATIENCE)
        self._moved: float | None = None  # when an answer came last; None: nobody is late
        self._still = 0  # turns since then
        self._busy = False
        self._measured, self._used = now, time.process_time()

    def rest(self, now: float) -> None:
        """Note that nobody is late."""
        self._moved = None
        self._measure(now)

    def until(self, now: float, *, moved: bool) -> float | None:
        """Return the moment at which to look again; None: those who are late have had their time.

        `moved`: whether one of them got an answer since the last look.
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
    """One task's wait; identity is all that tells it from others."""

    __slots__ = ("_cancelling", "_watch", "due", "expired", "late", "moved", "task")

    def __init__(self, task: asyncio.Task[Any], due: float, watch: Watch) -> None:
        self.task = task
        self.due = due
        self.expired = False
        self.late = math.inf  # since when it is seen to be over
        self.moved = False  # whether it has asked anew since the last look
        self._cancelling = task.cancelling()
        self._watch = watch
        watch.waits[self] = None

    def end(self, error: BaseException | None = None) -> bool:
        """End the wait; say whether its error is the deadline's cancellation, and nobody else's."""
        if not self.expired:
            _ = self._watch.waits.pop(self, None)  # one cut short between two may end twice
            if self.late < math.inf and error is None:
                self._watch.moved = True
            return False
        # As asyncio.timeout does: who was cancelled by others, too, stays cancelled.
        mine = self.task.uncancel() <= self._cancelling
        return mine and isinstance(error, asyncio.CancelledError)


class Watch:
    """Cancels tasks that wait for longer than so many seconds."""

    __slots__ = ("_grace", "_loop", "_seconds", "_timer", "moved", "waits")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.waits: dict[Wait, None] = {}  # in the order in which they began
        self.moved = False  # whether one that was late has ended well since the last look
        self._loop = loop
        self._seconds = seconds
        self._grace = Grace(seconds, loop_time(loop))
        self._timer: asyncio.TimerHandle | Knock | None = None

    def begin(self) -> Wait:
        """Begin the current task's wait."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a session is opened and saved inside of a task")
        now = loop_time(self._loop)
        wait = Wait(task, now + self._seconds, self)
        if self._timer is None:
            self._grace.rest(now)
            self._timer = call_at(self._loop, wait.due, self._look)
        return wait

    def _look(self) -> None:
        """Cancel who is overdue, if the loop is not what is late, and look again."""
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
    """Return the running loop's watch of so many seconds."""
    here = seconds, asyncio.get_running_loop()
    found = _watches.get(here)
    return keep(_watches, here, Watch(here[1], seconds)) if found is None else found
