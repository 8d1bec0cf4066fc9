"""Have the writers of one SQLite file take turns, in whichever process they are.

SQLite has one writer at a time. A writer that finds it busy looks again after pauses that grow
to 100 ms (`sqliteDefaultBusyCallback` in its main.c), so that a process which writes
again at once holds the file at nearly each of these looks: a threaded Flask application
starved a Quart application beside it. Two things mend that:

- A writer that waits looks again after a millisecond.
- A process has one writer at the file at a time. Once another process has been met
  there, it leaves the file alone after each write, for as long as that took and for
  longer than such a pause.

A write that answers rows commits when these are read, out of our reach: there SQLite
waits by itself.

All of it is courtesy: a writer that waits too long for its turn goes on without. Knows
statements as such, and none of the store's.
"""

from __future__ import annotations

import math
import sqlite3
import threading
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from ...core.store import Clock
from ...run.clocks import stopwatch

_LOOK = 1  # millisecond that SQLite waits for a lock before it says that there is one
# Seconds for which a file is left to other processes: as long as it was used, within these.
_LEAST, _MOST = 0.002, 0.02
_MEMORY = 1.0  # seconds after which another process is gone that was not met again
_LEASE = 0.1  # seconds after which a turn is over that was not given back
_PRIMARY = 0xFF  # what of an extended result code says the kind
_TAKE = "samesession_take_turn"
_WAIT = "samesession_busy_timeout"  # a connection's, as it was set last


class Turns:
    """The turns of one process's writers."""

    def __init__(self, clock: Clock = stopwatch) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting = 0
        self._taken_until = 0.0
        self._free_from = 0.0
        self._met_until = 0.0

    def take_now(self) -> bool:
        """Take the turn if it is free and nobody waits for it; return whether it was."""
        with self._changed:
            return self._waiting == 0 and self._taken(self._clock())

    def take(self, patience: float) -> None:
        """Wait for the turn, and take it; after so many seconds go on without."""
        due = self._clock() + patience
        with self._changed:
            self._waiting += 1
            try:
                while not self._taken(now := self._clock()) and now < due:
                    free = max(self._taken_until, self._free_from)
                    _ = self._changed.wait(min(free, due) - now)
            finally:
                self._waiting -= 1

    def _taken(self, now: float) -> bool:
        if now < self._taken_until or now < self._free_from:
            return False
        self._taken_until = now + _LEASE
        return True

    def give_back(self, used: float) -> None:
        """End the turn, in which the file was written to for so many seconds."""
        with self._changed:
            now = self._clock()
            self._taken_until = 0.0
            self._free_from = now
            if now < self._met_until:
                self._free_from += min(max(used, _LEAST), _MOST)
            self._changed.notify()

    def meet(self) -> None:
        """Note that another process uses the file, too."""
        self._met_until = self._clock() + _MEMORY


def take_turns(engine: sa.Engine, timeout: float) -> None:
    """Have an engine's statements take turns, and wait for locks so many seconds each."""
    statements = _Statements(Turns(), timeout)
    event.listen(engine, "connect", statements.begin)
    event.listen(engine, "do_execute", statements.execute)
    event.listen(engine, "do_execute_no_params", statements.execute_alone)


class _Statements:
    """An engine's statements, which take turns; methods are what SQLAlchemy calls."""

    def __init__(self, turns: Turns, timeout: float) -> None:
        self._turns = turns
        self._timeout = timeout
        self._whole = math.ceil(timeout * 1000)

    def begin(self, connection: Any, _: object) -> None:  # Any: a driver's, as below
        # Called by a statement, it waits where the driver does: never in an event loop.
        connection.create_function(_TAKE, 1, self._turns.take)
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout = {_LOOK}")
        finally:
            cursor.close()

    def execute(self, cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        turns, due = self._turns, stopwatch() + self._timeout
        writes = bool(context.isinsert or context.isupdate or context.isdelete)
        _set_wait(cursor, context, self._whole if writes and _answers_rows(context) else _LOOK)
        if writes and not turns.take_now():
            cursor.execute(f"SELECT {_TAKE}(?)", (self._timeout,))
        began = stopwatch()
        try:
            while not _is_done(cursor, statement, parameters, is_last=began >= due):
                began = stopwatch()
                if writes:
                    turns.meet()
        finally:
            if writes:
                turns.give_back(stopwatch() - began)
        return True

    def execute_alone(self, cursor: Any, statement: str, context: Any) -> bool:
        return self.execute(cursor, statement, (), context)


def _answers_rows(context: Any) -> bool:
    """Return whether a write is over, and may find the file busy, only when its rows are read."""
    return bool(context.compiled is not None and context.compiled.effective_returning)


def _set_wait(cursor: Any, context: Any, milliseconds: int) -> None:
    info = context.root_connection.info
    if info.get(_WAIT, _LOOK) != milliseconds:
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
        info[_WAIT] = milliseconds


def _is_done(cursor: Any, statement: str, parameters: Any, *, is_last: bool) -> bool:
    """Try a statement; return whether it was done, or else the file is busy."""
    try:
        cursor.execute(statement, parameters)
    except sqlite3.OperationalError as error:
        if is_last or error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
