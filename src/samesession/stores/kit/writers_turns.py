"""Have the writers of one SQLite file take turns, in whichever process they are.

SQLite has one writer at a time, and no queue. Writers of other processes look now and then
whether the file is free, so that a process which writes again at once would hold it at nearly
each of these looks. So a process has one writer at the file at a time. Once another process has
been met there, it leaves the file alone for as long as it has used it, whenever that has become
longer than the pause between two looks. Knows neither SQLite nor what is written.
"""

from __future__ import annotations

import threading

from ...core.store import Clock
from ...run.clocks import stopwatch

_MEMORY = 1.0  # seconds after which another process is gone that was not met again


class Turns:
    """The turns of one process's writers."""

    def __init__(
        self, clock: Clock = stopwatch, *, lease: float, least: float, most: float
    ) -> None:
        """All in seconds.

        `lease`: after which a turn is over that was not given back. `least`: of use, after which
        the file is left to other processes for as long; `most`: of that.
        """
        self._clock = clock
        self._lease = lease
        self._least = least
        self._most = most
        self._changed = threading.Condition()
        self._waiting = 0
        self._taken_until = 0.0
        self._free_from = 0.0
        self._met_until = 0.0
        self._used = 0.0  # since the file was left to others

    def take_now(self) -> bool:
        """Take the turn if it is free and nobody waits for it; return whether it was."""
        with self._changed:
            return self._waiting == 0 and self._taken(self._clock())

    def take(self, patience: float) -> bool:
        """Wait for the turn so many seconds at most; return whether it was taken."""
        due = self._clock() + patience
        with self._changed:
            self._waiting += 1
            try:
                while not self._taken(now := self._clock()):
                    if now >= due:
                        return False
                    free = max(self._taken_until, self._free_from)
                    _ = self._changed.wait(min(free, due) - now)
            finally:
                self._waiting -= 1
        return True

    def _taken(self, now: float) -> bool:
        if now < self._taken_until or now < self._free_from:
            return False
        self._taken_until = now + self._lease
        return True

    def give_back(self, used: float) -> None:
        """End the turn, in which the file was written to for so many seconds."""
        with self._changed:
            now = self._clock()
            self._taken_until = 0.0
            self._free_from = now
            self._used += used
            if now >= self._met_until:
                self._used = 0.0
            elif self._used >= self._least:
                self._free_from += min(self._used, self._most)
                self._used = 0.0
            self._changed.notify()

    def meet(self) -> None:
        """Note that another process uses the file, too."""
        self._met_until = self._clock() + _MEMORY
