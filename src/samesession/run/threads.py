"""Threads for blocking work of event loops: our own, so that no other work can starve it.

asyncio's own threads are few by default, and also run an application's sync views: as many slow
views as threads would block every session. Our threads end by themselves when they are idle, and do
not delay the end of a process, because their work is atomic. Loaded by async code only.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from ..core.steps import Call, Outcome, Turn, outcome_of
from ..errors import StoreUnavailable

T = TypeVar("T")


class _Task(NamedTuple):
    """One piece of work, and its waiting caller."""

    work: Callable[[], Any]
    turn: Turn | None
    context: Context
    future: asyncio.Future[Any]


class _Line:
    """The work of one turn: how much is running, and what comes next."""

    __slots__ = ("under_way", "waiting")

    def __init__(self) -> None:
        self.under_way = 0
        self.waiting: deque[_Task] = deque()


class Threads:
    """A limited number of threads, started when they are needed; serves any event loop."""

    def __init__(self, most: int, *, name: str, idle: float = 30.0) -> None:
        """`idle`: seconds without work after which a thread ends."""
        self._most = most
        self._name = name
        self._idle = idle
        self._lock = threading.Lock()
        self._tasks: SimpleQueue[_Task] = SimpleQueue()
        self._lines: dict[Turn, _Line] = {}  # of running work
        self._alive = 0
        self._load = 0  # tasks that a thread has, or will take

    @property
    def load(self) -> int:
        """How much work is running, or waits for a thread."""
        return self._load

    def begin(self, call: Call[T]) -> asyncio.Future[T]:
        """Start work; if its caller leaves, work that has begun continues.

        Raises StoreUnavailable if the system provides no thread at all.
        """
        future = asyncio.get_running_loop().create_future()
        self.take_over(call, future)
        return future

    def take_over(self, call: Call[T], future: asyncio.Future[T]) -> None:
        """Start work that has a waiting caller already; raises as `begin` does."""
        task = _Task(call.work, call.turn, copy_context(), future)
        with self._lock:
            if not self._may_go(task):
                return
            if self._load >= self._alive and self._alive < self._most:
                self._begin_thread(task.turn)
            self._load += 1
            self._tasks.put(task)

    def _may_go(self, task: _Task) -> bool:
        if task.turn is None:
            return True
        line = self._lines.setdefault(task.turn, _Line())
        if line.under_way >= task.turn.abreast:
            line.waiting.append(task)
            return False
        line.under_way += 1
        return True

    def _begin_thread(self, turn: Turn | None) -> None:
        try:
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        except RuntimeError as error:
            if self._alive == 0:
                self._leave(turn)
                raise StoreUnavailable("no thread could be started for sessions") from error
        else:
            self._alive += 1

    def _serve(self) -> None:
        while True:
            try:
                task: _Task | None = self._tasks.get(timeout=self._idle)
            except Empty:
                with self._lock:
                    if self._load < self._alive:
                        self._alive -= 1
                        return
                continue
            while task is not None:
                turn, future, outcome = task.turn, task.future, _outcome_of(task)
                task = None  # before the result is set: an idle thread keeps nothing alive
                _tell(future, outcome)
                del future, outcome
                task = self._next(turn)
                turn = None

    def _next(self, turn: Turn | None) -> _Task | None:
        """Return what the thread does next, given that its last work was of this turn."""
        with self._lock:
            if turn is not None and self._lines[turn].waiting:
                return self._lines[turn].waiting.popleft()
            self._leave(turn)
            self._load -= 1
            return None

    def _leave(self, turn: Turn | None) -> None:
        if turn is not None:
            self._lines[turn].under_way -= 1
            if not self._lines[turn].under_way:
                del self._lines[turn]


def _outcome_of(task: _Task) -> Outcome | None:
    """Do a task, and return its outcome; None if it has no waiting caller."""
    return None if task.future.cancelled() else task.context.run(outcome_of, task.work)


def _tell(future: asyncio.Future[Any], outcome: Outcome | None) -> None:
    if outcome is None:
        return
    try:
        _ = future.get_loop().call_soon_threadsafe(set_outcome, future, outcome)
    except RuntimeError:
        pass  # the loop is closed, and no caller waits


def set_outcome(future: asyncio.Future[Any], outcome: Outcome) -> None:
    """Set the outcome of work in the loop of its caller, if that still waits."""
    if future.done():
        return
    result, error = outcome
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


# By whether the work is long. Long work never gets the threads that requests need.
_MOST = {False: 32, True: 2}
_made: dict[bool, Threads] = {}


def threads(*, long: bool) -> Threads:
    """Return this process's threads for short or for long work."""
    found = _made.get(long)
    if found is None:
        name = "samesession-long" if long else "samesession"
        found = _made.setdefault(long, Threads(_MOST[long], name=name))
    return found


# A forked process has none of the threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_made.clear)
