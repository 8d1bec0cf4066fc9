"""One thread for each group of blocking work and each loop: many items share one hop.

A hop to a thread and back costs several times as much as a short piece of work. So all items that
requests give to a group in one turn of the loop wake its thread once, at the end of that turn
(more often in a long turn). The thread wakes the loop once with the results. Items
that come in the meantime wait until the thread has finished the others. Loaded by async code
only.

    turn of the loop:  begin, begin, begin, _flush --wakes--> thread:  all(item, item, item)
    another turn:      _answer sets three futures  <--wakes--          _tell

One item may block the thread, such as a file on a disk that is stuck. So the loop checks the
thread regularly. If it has finished nothing for `alone_after`, the loop gets the results so
far, and items that have not begun go to the threads of `run.threads`, until the thread moves
again.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from ..core.steps import Blocked, Call, Group, Outcome, outcome_of
from ..errors import StoreUnavailable
from .clocks import stopwatch
from .loop_time import Knock, call_at, loop_time
from .places import keep
from .threads import set_outcome, threads

T = TypeVar("T")

_WAKE_AFTER = 0.002  # seconds for which items may wait for the end of the loop's turn
_TELL_AFTER = 0.002  # seconds for which results may wait for the others


class _Task(NamedTuple):
    """One item of the group, and its waiting caller."""

    call: Call[Any]
    future: asyncio.Future[Any]


class GroupThread:
    """The thread of one group for one loop, started when it is needed."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, group: Group[Any, Any], *, idle: float = 30.0
    ) -> None:
        """`idle`: seconds without work after which the thread ends."""
        self._loop = loop
        self._group = group
        self._idle = idle
        self._lock = threading.Lock()
        self._alive = False
        self._awake = False  # if so, it looks for more before it sleeps
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._to_do: deque[_Task] = deque()
        self._done: deque[tuple[_Task, Outcome]] = deque()
        self._flushing = False
        self._asked = 0.0  # when the thread was last woken
        self._finished = 0  # items, so far
        self._seen = 0  # the value of `_finished` at the last check
        self._stuck = False
        self._look_at = 0.0
        self._timer: asyncio.TimerHandle | Knock | None = None

    @property
    def load(self) -> int:
        """How many items are being done or waiting, at least."""
        return len(self._to_do) + len(self._done) + (self._awake and self._alive)

    def begin(self, call: Call[T]) -> asyncio.Future[T]:
        """Start an item; if its caller leaves, an item that has begun continues."""
        future: asyncio.Future[T] = self._loop.create_future()
        if self._stuck:
            _do_alone(_Task(call, future))
            return future
        self._to_do.append(_Task(call, future))
        if not self._flushing:
            self._flushing = True
            self._asked = stopwatch()
            _ = self._loop.call_soon(self._flush)
        elif (now := stopwatch()) - self._asked >= _WAKE_AFTER:
            self._asked = now
            self._wake()
        return future

    def _flush(self) -> None:
        self._flushing = False
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._awake:
                return
            self._awake = True
            if self._alive:
                self._wakes.put(None)
        if not self._alive:
            self._begin_thread()
        patience = self._group.alone_after
        if patience is not None and self._timer is None:
            self._look_again(patience)

    def _begin_thread(self) -> None:
        thread = threading.Thread(target=self._serve, name="samesession-group", daemon=True)
        self._alive = True
        try:
            thread.start()
        except RuntimeError as error:
            self._alive = self._awake = False
            failure = StoreUnavailable("no thread could be started for sessions")
            failure.__cause__ = error
            while self._to_do:
                set_outcome(self._to_do.popleft().future, (None, failure))

    # --- in the thread ---------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            if self._to_do:
                self._do_all()
            with self._lock:
                if self._to_do:
                    continue
                self._awake = False
            try:
                self._wakes.get(timeout=self._idle)
            except Empty:
                with self._lock:
                    if self._awake:
                        continue  # woken at this very moment
                    self._alive = False
                self._call_loop(self._forget)
                return

    def _do_all(self) -> None:
        began: deque[_Task] = deque()
        items = self._taken(began)
        _, failure = outcome_of(partial(self._do, items, began))
        for _ in items:
            pass  # the rest, because it failed before it took them
        if began:
            failure = failure or RuntimeError("a group answered fewer outcomes than it took items")
            self._done.extend((task, (None, failure)) for task in began)
        self._tell()

    def _do(self, items: Iterator[Any], began: deque[_Task]) -> None:
        told = stopwatch()
        for outcome in self._group.all(items):
            self._done.append((began.popleft(), outcome))
            self._finished += 1
            if (now := stopwatch()) - told >= _TELL_AFTER:
                self._tell()
                told = now

    def _taken(self, began: deque[_Task]) -> Iterator[Any]:
        """Start the waiting items one by one, except those whose callers have left."""
        while self._to_do:
            try:
                task = self._to_do.popleft()
            except IndexError:  # the loop was faster
                return
            if not task.future.cancelled():
                began.append(task)
                yield task.call.item

    def _tell(self) -> None:
        if self._done:
            self._call_loop(self._answer)

    def _call_loop(self, func: Callable[[], None]) -> None:
        try:
            _ = self._loop.call_soon_threadsafe(func)
        except RuntimeError:
            self._done.clear()  # the loop is closed, and no caller waits

    # --- in the loop -----------------------------------------------------------------------

    def _answer(self) -> None:
        while self._done:
            task, outcome = self._done.popleft()
            if isinstance(outcome[1], Blocked):
                _do_alone(task)
            else:
                set_outcome(task.future, outcome)

    def _look_again(self, patience: float) -> None:
        self._seen = self._finished
        self._look_at = loop_time(self._loop) + patience
        self._timer = call_at(self._loop, self._look_at, self._look)

    def _look(self) -> None:
        """Check whether the thread is stuck, if it is at work."""
        self._timer = None
        patience = self._group.alone_after
        if not self._awake or patience is None:
            self._stuck = False
            return
        # A late loop may itself have kept the thread from its work.
        on_time = loop_time(self._loop) < self._look_at + patience
        self._stuck = on_time and self._finished == self._seen
        if self._stuck:
            self._answer()
            while self._to_do:
                _do_alone(self._to_do.popleft())
        self._look_again(patience)

    def _forget(self) -> None:
        """Drop all references to a thread that is not needed any more."""
        if not self._alive and not self._to_do:
            _ = _made.pop((self._group, self._loop), None)


def _do_alone(task: _Task) -> None:
    if task.future.cancelled():
        return
    try:
        threads(long=False).take_over(task.call, task.future)
    except StoreUnavailable as error:
        set_outcome(task.future, (None, error))


_made: dict[tuple[Group[Any, Any], asyncio.AbstractEventLoop], GroupThread] = {}


def group_thread(group: Group[Any, Any]) -> GroupThread:
    """Return the running loop's thread for a group."""
    here = group, asyncio.get_running_loop()
    found = _made.get(here)
    return keep(_made, here, GroupThread(here[1], group)) if found is None else found


if hasattr(os, "register_at_fork"):  # a forked process has none of the threads
    os.register_at_fork(after_in_child=_made.clear)
