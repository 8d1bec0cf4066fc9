"""Run steps: the only code that waits. Never knows a framework or a store."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Hashable, Iterable
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from ..core.steps import Call, Checkpoint, Steps
from ..errors import StoreUnavailable, clear_locals

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from .threads import Threads
    from .timeout import Wait, Watch

T = TypeVar("T")

Afterwards: TypeAlias = Callable[[], Steps[None]]

_at_work: set[Any] = set()  # Any: futures, of a module that is loaded late
_CALL: Any = Call  # Any: pyright would narrow to what it then calls unknown

# What the steps that run in this context left to be done after them. None where they
# left nothing, as almost always: then a look at it is all that is paid.
_left: ContextVar[list[Afterwards] | None] = ContextVar("samesession_left", default=None)


def afterwards(work: Afterwards) -> None:
    """Run more steps when those that run now have ended, well or not, and in that order.

    For what must neither change their outcome nor count against their timeout. To be
    called inside of steps only. The work handles its own errors. A checkpoint is an end
    too: that of one operation among many.
    """
    left = _left.get()
    if left is None:
        _ = _left.set([work])
    else:
        left.append(work)


def run(steps: Steps[T]) -> T:
    """Run steps to their end in this thread."""
    outer = _left.get()
    _ = None if outer is None else _left.set(None)  # these steps may run in the midst of others
    try:
        return _run(steps, outer)
    except BaseException as error:
        clear_locals(error)
        raise
    finally:
        _do_left_here(outer)


def _do_left_here(outer: list[Afterwards] | None) -> None:
    left = _left.get()
    if left is not outer:
        _ = _left.set(outer)
        for work in left or ():
            run(work())


def _run(steps: Steps[T], outer: list[Afterwards] | None) -> T:
    try:
        answer = next(steps)
        while True:
            if type(answer) is _CALL:
                try:
                    result = answer.work()
                except BaseException as error:
                    answer = steps.throw(error)
                    continue
            else:
                if type(answer) is Checkpoint:
                    _do_left_here(outer)
                    _ = None if outer is None else _left.set(None)
                result = answer
            answer = steps.send(result)
    except StopIteration as end:
        return cast("T", end.value)


async def arun(steps: Steps[T], *, timeout: float | None = None) -> T:  # noqa: C901, PLR0912  # as it says
    """Run steps to their end in the running event loop.

    Raises StoreUnavailable when that takes longer than `timeout` seconds in all, or
    from one checkpoint to the next.
    """
    # One coroutine for all of it: each further one is paid for at every wait.
    outer = _left.get()
    _ = None if outer is None else _left.set(None)  # these steps may run in the midst of others
    mine: Wait | None = None
    answer: Any = None
    result: Any = None
    try:
        answer = next(steps)
        mine = None if timeout is None else _watch()(timeout).begin()
        while True:
            if mine is not None:
                mine.moved = True
            try:
                if type(answer) is _CALL:
                    answer = _elsewhere(answer)
                if hasattr(answer, "__await__"):
                    result = await answer
                elif type(answer) is Checkpoint:
                    result = None
                    mine = await _pass(answer, mine, timeout, outer)
                else:
                    result = answer
            except BaseException as error:
                answer = steps.throw(error)
            else:
                answer = steps.send(result)
    except StopIteration as end:
        if mine is not None:
            _ = mine.end()
        result = end.value
    except BaseException as error:
        answer = result = None  # this frame stays, and what was waited for may quote what was sent
        clear_locals(error)
        late = mine is not None and mine.end(error)
        await _do_left(outer, error)
        if late:
            raise StoreUnavailable(
                f"the session store did not answer within {timeout} s"
            ) from error
        raise
    if _left.get() is not outer:
        await _do_left(outer)
    return result  # type: ignore[no-any-return]  # a cast would be paid for on each request


async def _do_left(outer: list[Afterwards] | None, error: BaseException | None = None) -> None:
    left = _left.get()
    # What is thrown away unfinished is so in the context of whoever does it.
    if left is outer or isinstance(error, GeneratorExit):
        return
    _ = _left.set(outer)
    await to_its_end(_in_turn(left or ()))


async def _in_turn(works: Iterable[Afterwards]) -> None:
    for work in works:
        await arun(work())


# An import statement costs as much as what it names, at every request; and only
# whoever runs a loop loads asyncio, not `import samesession`.
@cache
def _running() -> Callable[[], AbstractEventLoop]:
    from asyncio import get_running_loop

    return get_running_loop


@cache
def _watch() -> Callable[[float], Watch]:
    from .timeout import watch

    return watch


async def _pass(
    checkpoint: Checkpoint,
    mine: Wait | None,
    timeout: float | None,
    outer: list[Afterwards] | None,
) -> Wait | None:
    """Let other tasks run, and do what was left; give the wait of what comes after."""
    from asyncio import sleep

    await sleep(0)  # within the old deadline, so that its cancellation is not lost
    if mine is not None:
        _ = mine.end()
    if _left.get() is not outer:
        await _do_left(outer)
        _ = None if outer is None else _left.set(None)
    return _watch()(timeout).begin() if checkpoint.bounded and timeout is not None else None


def _elsewhere(blocking: Call[T]) -> Awaitable[T]:
    """Have blocking work done where it does not block the event loop."""
    sleep, threads = _helpers()
    if blocking.seconds is not None:
        return sleep(blocking.seconds)
    return threads(long=blocking.long).begin(blocking)


@cache
def _helpers() -> tuple[Callable[[float], Awaitable[Any]], Callable[..., Threads]]:
    from asyncio import sleep

    from .threads import threads

    return sleep, threads


async def to_its_end(answer: Awaitable[T]) -> T:
    """Await what goes on to its end by itself when whoever waits is cancelled.

    For a client that loses a connection which it is cancelled in the midst of making;
    as with `call`, the work must be atomic by itself, and bounded in time.
    """
    import asyncio

    work = asyncio.ensure_future(answer)
    # The loop alone would not keep it alive.
    _at_work.add(work)
    work.add_done_callback(_at_work.discard)
    return await asyncio.shield(work)


async def finished(answer: Awaitable[T]) -> T:
    """Await work that must finish even if the caller is cancelled, and raise that afterwards.

    The work must be bounded in time.
    """
    import asyncio

    work = asyncio.ensure_future(answer)
    cancelled: BaseException | None = None
    while not work.done():
        try:
            _ = await asyncio.wait((work,))
        except asyncio.CancelledError as error:
            cancelled = error
    result = work.result()
    if cancelled is not None:
        raise cancelled
    return result


def place(*, loop: bool) -> Hashable:
    """Name where connections may be used: this process and, with `loop`, this event loop."""
    if not loop:
        return os.getpid()
    return os.getpid(), _running()()


class PerLoop(Generic[T]):
    """What is opened once in each process and, with `loop`, in each event loop."""

    def __init__(self, *, loop: bool) -> None:
        self._loop = loop
        self._opened: dict[Hashable, T] = {}

    def here(self) -> T | None:
        """Give what is open in this place."""
        return self._opened.get(place(loop=self._loop))

    def keep(self, opened: T) -> T:
        """Keep what was opened here, or give what another was faster to; forget closed loops."""
        kept = self._opened.setdefault(place(loop=self._loop), opened)
        for where in list(self._opened):
            if is_over(where):
                _ = self._opened.pop(where, None)
        return kept

    def take(self) -> T | None:
        """Give what is open in this place, and keep it no longer."""
        return self._opened.pop(place(loop=self._loop), None)


def is_over(where: Hashable) -> bool:
    """Say whether a place was an event loop that is closed by now."""
    return isinstance(where, tuple) and bool(cast("Any", where)[1].is_closed())
