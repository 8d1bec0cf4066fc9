"""Run steps to their end in an event loop, awaiting each wait, within one deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from contextvars import Context, copy_context
from typing import Any, TypeVar, cast

from ..core.steps import Call, Checkpoint, Steps
from ..core.tracebacks import clear_locals
from ..errors import StoreUnavailable
from .groups import group_thread
from .sync import CALL, LEFT, Afterwards
from .threads import threads
from .timeout import Wait, watch

T = TypeVar("T")

# How the names of the frameworks' context variables begin, which hold an application.
_OF_FRAMEWORKS = ("flask.", "quart.")

_at_work: set[asyncio.Future[Any]] = set()


async def arun(steps: Steps[T], *, timeout: float | None = None) -> T:  # noqa: C901, PLR0912  # as it says
    """Run steps to their end in the running event loop.

    Raises StoreUnavailable if that takes longer than `timeout` seconds in total, or from one
    checkpoint to the next.
    """
    # One coroutine for everything: each further one would cost time at every wait.
    outer = LEFT.get()
    _ = None if outer is None else LEFT.set(None)  # these steps may run inside of others
    mine: Wait | None = None
    answer: Any = None
    result: Any = None
    try:
        answer = next(steps)
        mine = None if timeout is None else watch(timeout).begin()
        while True:
            if mine is not None:
                mine.moved = True
            try:
                if type(answer) is CALL:
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
        answer = result = None  # this frame stays, and awaited objects may contain what was sent
        clear_locals(error)
        late = mine is not None and mine.end(error)
        await _do_left(outer, error)
        if late:
            raise StoreUnavailable(
                f"the session store did not answer within {timeout} s"
            ) from error
        raise
    if LEFT.get() is not outer:
        await _do_left(outer)
    return cast("T", result)


async def _do_left(outer: list[Afterwards] | None, error: BaseException | None = None) -> None:
    left = LEFT.get()
    # Steps that are dropped unfinished are closed in the context of the caller that drops them.
    if left is outer or isinstance(error, GeneratorExit):
        return
    _ = LEFT.set(outer)
    await to_its_end(_in_turn(left or ()))


async def _in_turn(works: Iterable[Afterwards]) -> None:
    for work in works:
        await arun(work())


async def _pass(
    checkpoint: Checkpoint,
    mine: Wait | None,
    timeout: float | None,
    outer: list[Afterwards] | None,
) -> Wait | None:
    """Let other tasks run, and run deferred work; return the wait for the next part."""
    await asyncio.sleep(0)  # within the old deadline, so that its cancellation is not lost
    if mine is not None:
        _ = mine.end()
    if LEFT.get() is not outer:
        await _do_left(outer)
        _ = None if outer is None else LEFT.set(None)
    return watch(timeout).begin() if checkpoint.bounded and timeout is not None else None


def _elsewhere(blocking: Call[Any]) -> Awaitable[Any]:
    """Do blocking work in a place where it does not block the event loop."""
    if blocking.seconds is not None:
        return asyncio.sleep(blocking.seconds)
    if blocking.group is not None:
        return group_thread(blocking.group).begin(blocking)
    return threads(long=blocking.long).begin(blocking)


async def to_its_end(answer: Awaitable[T]) -> T:
    """Await work that continues to its end even if the caller is cancelled.

    It is for a client that loses a connection if it is cancelled while it opens one. As with
    `call`, the work must be atomic by itself, and limited in time.
    """
    return await _shielded(asyncio.ensure_future(answer))


async def apart(answer: Awaitable[T]) -> T:
    """Await to its end what may open something that outlives the request, such as a connection.

    Work of a task has a copy of the task's context, and an event loop that watches a socket
    has one, too. As long as it is open it would hold the request, and so the application.
    """
    return await _shielded(_begun_apart(answer))


async def opened_apart(answer: Awaitable[T]) -> T:
    """Await in the same way what opens a connection; a caller that is cancelled breaks it off."""
    return await _begun_apart(answer)


def _begun_apart(answer: Awaitable[T]) -> asyncio.Task[T]:
    async def awaited() -> T:
        return await answer

    return asyncio.get_running_loop().create_task(awaited(), context=_without_request())


def _without_request() -> Context:
    """Return the context without what the frameworks have in it of a request or application."""
    made = Context()
    for variable, value in copy_context().items():
        if not variable.name.startswith(_OF_FRAMEWORKS):
            _ = made.run(variable.set, value)
    return made


async def _shielded(work: asyncio.Future[T]) -> T:
    # The loop alone would not keep it alive.
    _at_work.add(work)
    work.add_done_callback(_at_work.discard)
    return await asyncio.shield(work)


async def finished(answer: Awaitable[T]) -> T:
    """Await work that must finish even if the caller is cancelled, and raise that afterwards.

    The work must be limited in time.
    """
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
