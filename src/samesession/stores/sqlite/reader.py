"""Read from the file: with a connection for each thread that reads at a time, and no lock.

A reader waits for no writer, so that one thread serves a whole event loop.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from ...core.steps import Outcome, outcome_of
from ...run.clocks import stopwatch
from ...run.per_loop import PerLoop
from .connection import Opened, as_store_error, open_to_read, patiently
from .place import Place

T = TypeVar("T")

_MOST_IDLE = 4  # connections that are kept for the next reads


class Read(NamedTuple, Generic[T]):
    """What to do with a connection, and what comes of it where there is no file."""

    do: Callable[[sqlite3.Connection], T]
    absent: T


class Reader:
    """The reading connections of each process; a group of what one thread does."""

    alone_after: float | None = None  # what holds up one read holds up each

    def __init__(self, place: Place, timeout: float) -> None:
        self._place = place
        self._timeout = timeout
        self._idle: PerLoop[deque[Opened]] = PerLoop(loop=False)

    def alone(self, item: Read[Any]) -> Any:  # Any: each has a type of its own
        """Do one read, in this thread."""
        try:
            return self._do(item)
        except (sqlite3.Error, OSError) as error:
            raise as_store_error(error, self._timeout) from error

    def all(self, items: Iterator[Read[Any]]) -> Iterable[Outcome]:
        """Do several reads; return the outcome of each."""
        for read in items:
            yield outcome_of(partial(self.alone, read))

    def close(self) -> None:
        """Close what is idle; a later read opens anew."""
        idle = self._idle.take() or deque()
        while idle:
            idle.pop().connection.close()

    def _do(self, read: Read[Any]) -> Any:
        due = stopwatch() + self._timeout
        idle = self._idle.here()
        if idle is None:
            idle = self._idle.keep(deque())
        opened = self._take(idle, due)
        if opened is None:
            return read.absent
        try:
            result = patiently(partial(read.do, opened.connection), due)
        except sqlite3.Error:
            opened.connection.close()
            raise
        except BaseException:
            idle.append(opened)
            raise
        if len(idle) < _MOST_IDLE:
            idle.append(opened)
        else:
            opened.connection.close()
        return result

    def _take(self, idle: deque[Opened], due: float) -> Opened | None:
        """Take a connection to the file that is there now, or open one."""
        identity = self._place.identity()
        while idle:
            try:
                opened = idle.pop()
            except IndexError:  # another thread was faster
                break
            if opened.identity == identity:
                return opened
            opened.connection.close()
        return None if identity is None else open_to_read(self._place, due)
