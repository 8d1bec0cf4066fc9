"""Write to the file: one writer for each process, with several requests' writes per transaction.

Each write has its own outcome. A write that fails is undone alone, and the others continue. If
SQLite gives up the whole transaction, as on a full disk, each write is repeated in its own
transaction.

A commit that must survive a power cut waits for the disk, and so do all commits before it in the
log. A write may find out only when it sees the record that it replaces that it must wait. Then it
is done in a second transaction, which waits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from ...core.steps import Outcome, Steps
from ...errors import StoreUnavailable
from ...run.clocks import stopwatch
from ...run.per_loop import PerLoop
from ..kit.forks import close_before_forks
from ..kit.writers_turns import Turns
from .connection import (
    LOOK,
    Opened,
    as_store_error,
    is_busy,
    open_to_write,
    patiently,
    shorten_log,
)
from .private_file import Place

T = TypeVar("T")

# Seconds of use after which the file is left to other processes for as long, and the limit.
_LEAST, _MOST = 4 * LOOK, 0.02
# The least number of seconds that a write counts for: about its time in its own transaction. Many
# writes in one transaction take less each, and would put a process at a disadvantage that does one
# at a time.
_WORTH = 0.0001
_NEVER = float("inf")


class _NotDurable(Exception):
    """A write must be in a transaction that waits for the disk, and is not."""


class Transaction(NamedTuple):
    """The transaction of a write."""

    connection: sqlite3.Connection
    is_durable: bool

    def must_last(self) -> None:
        """Continue only if the commit will wait for the disk; call it before any change."""
        if not self.is_durable:
            raise _NotDurable


class Write(NamedTuple, Generic[T]):
    """Work in a transaction, and its result if there is no file.

    `makes`: it creates the file. `lasts`: it must survive a power cut, as is known beforehand.
    """

    do: Callable[[Transaction], T]
    absent: T
    makes: bool = False
    lasts: bool = False


@dataclass(slots=True)
class _Process:
    """The parts that belong to one process."""

    turns: Turns = field(default_factory=lambda: Turns(lease=_NEVER, least=_LEAST, most=_MOST))
    opened: Opened | None = None
    is_held: bool = False


class Writer:
    """The writing connection of each process, used by turns; a group of one connection's writes."""

    alone_after: float | None = None  # SQLite has one writer at a time

    def __init__(self, place: Place, timeout: float) -> None:
        self._place = place
        self._timeout = timeout
        self._processes: PerLoop[_Process] = PerLoop(_closed, loop=False)
        close_before_forks(self)

    def alone(self, item: Write[Any]) -> Any:  # Any: each has its own type
        """Do one write, in this thread."""
        result, error = self._do([item])[0]
        if error is not None:
            raise error
        return result

    def all(self, items: Iterator[Write[Any]]) -> Sequence[Outcome]:
        """Do all waiting writes in one transaction; return the outcome of each."""
        writes = [*items]
        return self._do(writes) if writes else ()

    def _do(self, writes: Sequence[Write[Any]]) -> Sequence[Outcome]:
        due = stopwatch() + self._timeout
        process = self._process()
        if not process.turns.take_now() and not process.turns.take(self._timeout):
            raise StoreUnavailable(f"the session file was locked for more than {self._timeout} s")
        batch = _Batch(writes, due, process.turns.meet)
        try:
            opened = self._opened(process, writes, due)
            if opened is None:
                return [(write.absent, None) for write in writes]
            outcomes = batch.do(opened)
            shorten_log(opened, self._place)
            return self._told(process, outcomes)
        except BaseException as error:
            _close(process)
            if isinstance(error, sqlite3.Error | OSError):
                raise as_store_error(error, self._timeout) from error
            raise
        finally:
            process.turns.give_back(batch.used)

    def close(self) -> None:
        """Close this process's connection; a later write opens it again."""
        self.hold()
        self.let_go()

    def hold(self) -> None:
        """Take the turn and close this process's connection; writes wait until `let_go`."""
        process = self._processes.here()
        if process is not None and process.turns.take(self._timeout):
            process.is_held = True
            _close(process)

    def let_go(self) -> None:
        """Return the turn; in a child process it belongs to the parent."""
        process = self._processes.here()
        if process is not None and process.is_held:
            process.is_held = False
            process.turns.give_back(0.0)

    def _process(self) -> _Process:
        found = self._processes.here()
        return self._processes.keep(_Process()) if found is None else found

    def _opened(self, process: _Process, writes: Sequence[Write[Any]], due: float) -> Opened | None:
        """Return a connection to the present file."""
        opened = process.opened
        if opened is not None and opened.identity == self._place.identity():
            return opened
        _close(process)
        make = any(write.makes for write in writes)
        process.opened = open_to_write(self._place, due, make=make)
        return process.opened

    def _told(self, process: _Process, outcomes: list[Outcome]) -> list[Outcome]:
        """Return outcomes with our errors; abandon a connection that fails."""
        for number, (_, error) in enumerate(outcomes):
            if isinstance(error, sqlite3.Error):
                told = as_store_error(error, self._timeout)
                told.__cause__ = error
                outcomes[number] = (None, told)
                if not is_busy(error):
                    _close(process)
        return outcomes


def _closed(process: _Process) -> Steps[None]:
    yield from ()
    _close(process)


def _close(process: _Process) -> None:
    opened, process.opened = process.opened, None
    if opened is not None:
        opened.connection.close()


class _Batch:
    """Writes that are done together, and their outcomes."""

    def __init__(
        self, writes: Sequence[Write[Any]], due: float, meet: Callable[[], object]
    ) -> None:
        self.used = 0.0  # seconds for which we held the file
        self._writes = writes
        self._due = due
        self._meet = meet
        self._outcomes: list[Outcome] = [(None, None)] * len(writes)

    def do(self, opened: Opened) -> list[Outcome]:
        """Do the writes; return the outcome of each, with SQLite's own errors."""
        durable = any(write.lasts for write in self._writes)
        waiting = self._do_or_each(opened, range(len(self._writes)), durable=durable)
        if waiting:
            _ = self._do_or_each(opened, waiting, durable=True)
        return self._outcomes

    def _do_or_each(self, opened: Opened, some: Sequence[int], *, durable: bool) -> list[int]:
        """Do some writes together or, if that fails as a whole, each alone."""
        waiting: list[int] = []
        try:
            waiting = self._do(opened, some, durable=durable)
        except sqlite3.Error as error:
            # Without time left, or for one alone, that is the outcome.
            self._outcomes = [
                (None, error) if number in some else outcome
                for number, outcome in enumerate(self._outcomes)
            ]
            if len(some) > 1 and stopwatch() < self._due:
                for number in some:
                    waiting += self._do_or_each(opened, [number], durable=durable)
        return waiting

    def _do(self, opened: Opened, some: Sequence[int], *, durable: bool) -> list[int]:
        """Do writes in one transaction; return those that must be in one that lasts."""
        connection, waiting = opened.connection, list[int]()
        opened.be_durable(durable=durable)
        _ = patiently(partial(connection.execute, "BEGIN IMMEDIATE"), self._due, self._meet)
        began = stopwatch()
        try:
            transaction = Transaction(connection, durable)
            for number in some:
                if not self._is_done(number, transaction):
                    waiting.append(number)
            _ = connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                _ = connection.execute("ROLLBACK")
            raise
        finally:
            self.used += max(stopwatch() - began, _WORTH * len(some))
        return waiting

    def _is_done(self, number: int, transaction: Transaction) -> bool:
        """Do one write; return whether it is complete. Raise if it ended the transaction."""
        try:
            self._outcomes[number] = (self._writes[number].do(transaction), None)
        except _NotDurable:
            return False
        except Exception as error:
            if not transaction.connection.in_transaction:
                raise
            self._outcomes[number] = (None, error)
        return True
