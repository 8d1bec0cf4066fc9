"""Make the writers of one SQLite file take turns, in all processes.

SQLite has one writer at a time, and no queue. Writers of other processes check at intervals whether
the file is free, so a process that writes again at once would hold it at almost each check. So a
process has only one writer at a time. Once it has met another process at the file, it leaves the
file alone for as long as it has used it, whenever that is longer than the pause between two checks.
This module knows neither SQLite nor the data.
"""

from __future__ import annotations

import threading

from ...core.store import Clock
from ...run.clocks import stopwatch

_MEMORY = 1.0  # seconds after which another process counts as gone if it was not met again


class Turns:
    """The turns of one process's writers."""

    def __init__(
        self, clock: Clock = stopwatch, *, lease: float, least: float, most: float
    ) -> None:
        """All values are in seconds.

        `lease`: the time after which an unreturned turn ends. `least`: the time of use after which
        the file is left to other processes for as long. `most`: the limit of that.
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
        """Take the turn if it is free and no writer waits for it; return whether that succeeded."""
        with self._changed:
            return self._waiting == 0 and self._taken(self._clock())

    def take(self, patience: float) -> bool:
        """Wait at most this many seconds for the turn; return whether it was taken."""
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
        """End the turn, which wrote to the file for this many seconds."""
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
