"""Have an engine's statements take turns at an SQLite file: see kit.writers_turns.

SQLite has one writer at a time. A writer that finds it busy looks again after pauses that grow
to 100 ms (`sqliteDefaultBusyCallback` in its main.c), so that a process which writes
again at once holds the file at nearly each of these looks: a threaded Flask application
starved a Quart application beside it. So the writers of a process take turns, and one that waits
for another process looks again after a millisecond.

A write that answers rows commits when these are read, out of our reach: there SQLite
waits by itself.

All of it is courtesy: a writer that waits too long for its turn goes on without. Knows
statements as such, and none of the store's.
"""

from __future__ import annotations

import math
import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from ...run.clocks import stopwatch
from ..kit.forks import close_before_forks
from ..kit.writers_turns import Turns

_LOOK = 1  # millisecond that SQLite waits for a lock before it says that there is one
# Seconds for which a file is left to other processes: as long as it was used, within these.
_LEAST, _MOST = 0.002, 0.02
_LEASE = 0.1  # seconds after which a turn is over that was not given back
_PRIMARY = 0xFF  # what of an extended result code says the kind
_TAKE = "samesession_take_turn"
_WAIT = "samesession_busy_timeout"  # a connection's, as it was set last


def take_turns(engine: sa.Engine, timeout: float) -> None:
    """Have an engine's statements take turns, and wait for locks so many seconds each."""
    turns = Turns(lease=_LEASE, least=_LEAST, most=_MOST)
    statements = _Statements(turns, timeout, engine)
    if not engine.dialect.is_async:  # whose connections only a loop can close
        close_before_forks(statements)
    event.listen(engine, "connect", statements.begin)
    event.listen(engine, "do_execute", statements.execute)
    event.listen(engine, "do_execute_no_params", statements.execute_alone)


class _Statements:
    """An engine's statements, which take turns; methods are what SQLAlchemy calls."""

    def __init__(self, turns: Turns, timeout: float, engine: sa.Engine) -> None:
        self._engine = engine
        self._turns = turns
        self._timeout = timeout
        self._whole = math.ceil(timeout * 1000)

    def hold(self) -> None:
        """Close the connections that are idle."""
        self._engine.dispose()

    def let_go(self) -> None:
        """Do nothing: the pool opens anew."""

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
