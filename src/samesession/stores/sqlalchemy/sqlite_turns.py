"""Make an engine's statements take turns at an SQLite file: see kit.writers_turns.

SQLite has one writer at a time. A writer that finds it busy checks again after pauses that grow to
100 ms (`sqliteDefaultBusyCallback` in its main.c). So a process that writes again at once holds the
file at almost each check: a threaded Flask application starved a Quart application beside it. So
the writers of a process take turns, and one that waits for another process checks again after a
millisecond.

A write that returns rows commits when they are read, out of our reach: there SQLite waits by
itself.

Turns are only a courtesy: a writer that waits too long for its turn continues without it. This
module handles any statements, not only the store's.
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

_LOOK = 1  # millisecond that SQLite waits for a lock before it reports it
# Seconds for which a file is left to other processes: the time of its use, within these limits.
_LEAST, _MOST = 0.002, 0.02
_LEASE = 0.1  # seconds after which an unreturned turn ends
_PRIMARY = 0xFF  # the part of an extended result code with the kind
_TAKE = "samesession_take_turn"
_WAIT = "samesession_busy_timeout"  # the last setting of a connection


def take_turns(engine: sa.Engine, timeout: float) -> None:
    """Make an engine's statements take turns, and wait this many seconds each for locks."""
    turns = Turns(lease=_LEASE, least=_LEAST, most=_MOST)
    statements = _Statements(turns, timeout, engine)
    if not engine.dialect.is_async:  # whose connections only a loop can close
        close_before_forks(statements)
    event.listen(engine, "connect", statements.begin)
    event.listen(engine, "do_execute", statements.execute)
    event.listen(engine, "do_execute_no_params", statements.execute_alone)


class _Statements:
    """An engine's statements, which take turns; SQLAlchemy calls the methods."""

    def __init__(self, turns: Turns, timeout: float, engine: sa.Engine) -> None:
        self._engine = engine
        self._turns = turns
        self._timeout = timeout
        self._whole = math.ceil(timeout * 1000)

    def hold(self) -> None:
        """Close the idle connections."""
        self._engine.dispose()

    def let_go(self) -> None:
        """Do nothing: the pool opens new ones."""

    def begin(self, connection: Any, _: object) -> None:  # Any: a driver's, as below
        # A statement calls it, so it waits where the driver does: never in an event loop.
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
            self._wait_for_turn(cursor, due)
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

    def _wait_for_turn(self, cursor: Any, due: float) -> None:
        """Wait until it is this writer's turn, or until there is no time left.

        On a new connection SQLite 3.53 reads the schema first, and may find the file busy.
        """
        while (left := due - stopwatch()) > 0:
            if _is_done(cursor, f"SELECT {_TAKE}(?)", (left,), is_last=False):
                return

    def execute_alone(self, cursor: Any, statement: str, context: Any) -> bool:
        return self.execute(cursor, statement, (), context)


def _answers_rows(context: Any) -> bool:
    """Return whether a write ends, and may find the file busy, only when its rows are read."""
    return bool(context.compiled is not None and context.compiled.effective_returning)


def _set_wait(cursor: Any, context: Any, milliseconds: int) -> None:
    info = context.root_connection.info
    if info.get(_WAIT, _LOOK) != milliseconds:
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
        info[_WAIT] = milliseconds


def _is_done(cursor: Any, statement: str, parameters: Any, *, is_last: bool) -> bool:
    """Try a statement; return whether it was done; otherwise the file is busy."""
    try:
        cursor.execute(statement, parameters)
    except sqlite3.OperationalError as error:
        if is_last or error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
