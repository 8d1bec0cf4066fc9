"""Read from the file, with a connection for each reading thread, and no lock.

A reader waits for no writer, so one thread serves a whole event loop.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from ...core.steps import Outcome, Steps, outcome_of
from ...errors import StoreUnavailable
from ...run.clocks import stopwatch
from ...run.per_loop import PerLoop
from ..kit.forks import close_before_forks
from .connection import (
    LOOK,
    Opened,
    as_store_error,
    open_to_read,
    patiently,
)
from .private_file import Identity, Place

T = TypeVar("T")

_MOST_IDLE = 4  # connections that are kept for the next reads


class Read(NamedTuple, Generic[T]):
    """Work on a connection, and its result if there is no file."""

    do: Callable[[sqlite3.Connection], T]
    absent: T


class Reader:
    """The reading connections of each process; a group of one thread's reads."""

    alone_after: float | None = None  # a problem that delays one read delays each

    def __init__(self, place: Place, timeout: float) -> None:
        self._place = place
        self._timeout = timeout
        self._pools: PerLoop[_Pool] = PerLoop(_Pool.close, loop=False)
        close_before_forks(self)

    def alone(self, item: Read[Any]) -> Any:  # Any: each has its own type
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
        """Close this process's connections; a later read opens them again."""
        self.hold()
        self.let_go()

    def hold(self) -> None:
        """Close this process's connections, and make reads wait until `let_go`."""
        pool = self._pools.here()
        if pool is not None:
            pool.hold(stopwatch() + self._timeout)

    def let_go(self) -> None:
        """Allow reads again."""
        pool = self._pools.here()
        if pool is not None:
            pool.is_held = False

    def _do(self, read: Read[Any]) -> Any:
        due = stopwatch() + self._timeout
        pool = self._pools.here()
        if pool is None:
            pool = self._pools.keep(_Pool())
        user = pool.enter(due)
        try:
            opened = self._take(pool, due)
            if opened is None:
                return read.absent
            try:
                result = patiently(partial(read.do, opened.connection), due)
            except sqlite3.Error:
                opened.connection.close()
                raise
            except BaseException:
                pool.give_back(opened)
                raise
            pool.give_back(opened)
            return result
        finally:
            pool.users.discard(user)

    def _take(self, pool: _Pool, due: float) -> Opened | None:
        """Take a connection to the present file, or open one."""
        identity = self._place.identity()
        if identity is None:
            return None
        return pool.take(identity) or open_to_read(self._place, due)


class _Pool:
    """One process's idle connections, and the number of users."""

    __slots__ = ("_idle", "is_held", "users")

    def __init__(self) -> None:
        self._idle: deque[Opened] = deque()
        self.users: set[object] = set()
        self.is_held = False

    def enter(self, due: float) -> object:
        """Note a new user, as soon as the pool is not held."""
        user = object()
        self.users.add(user)
        while self.is_held:  # checked after that: a holder has seen this user, or waits
            self.users.discard(user)
            if stopwatch() >= due:
                raise StoreUnavailable("a fork of this process took too long")
            time.sleep(LOOK)
            self.users.add(user)
        return user

    def take(self, identity: Identity) -> Opened | None:
        """Take a connection to that file; close those to other files."""
        while self._idle:
            try:
                opened = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if opened.identity == identity:
                return opened
            opened.connection.close()
        return None

    def give_back(self, opened: Opened) -> None:
        """Keep a connection, if there are not too many."""
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(opened)
        else:
            opened.connection.close()

    def hold(self, due: float) -> None:
        """Admit no user, wait for the present ones, and close their connections."""
        self.is_held = True
        while self.users and stopwatch() < due:
            time.sleep(LOOK)
        self._close_idle()

    def close(self) -> Steps[None]:
        """Close the connections, because the pool has no user any more."""
        yield from ()
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().connection.close()
