"""Run steps: the only code that waits. Never knows a framework or a store."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Any, TypeVar, cast

from .core.steps import Call, Steps
from .errors import StoreUnavailable, conceal

T = TypeVar("T")


def run(steps: Steps[T]) -> T:
    """Run steps to their end in this thread."""
    try:
        return _run(steps)
    except BaseException as error:
        conceal(error)
        raise


def _run(steps: Steps[T]) -> T:
    try:
        answer = next(steps)
        while True:
            if type(answer) is Call:
                try:
                    result = cast("Call[object]", answer).work()
                except BaseException as error:
                    answer = steps.throw(error)
                    continue
            else:
                result = answer
            answer = steps.send(result)
    except StopIteration as end:
        return cast("T", end.value)


async def arun(steps: Steps[T], *, timeout: float | None = None) -> T:
    """Run steps to their end in the running event loop.

    Raises StoreUnavailable when that takes longer than `timeout` seconds in all.
    """
    try:
        return await _arun(steps, timeout)
    except BaseException as error:
        conceal(error)
        raise


async def _arun(steps: Steps[T], timeout: float | None) -> T:
    try:
        answer = next(steps)
    except StopIteration as end:
        return cast("T", end.value)
    import asyncio  # loaded by whoever runs a loop, never by `import samesession`

    deadline = asyncio.timeout(timeout)
    try:
        async with deadline:
            return await _await_each(steps, answer)
    except TimeoutError as error:
        if not deadline.expired():
            raise
        raise StoreUnavailable(f"the session store did not answer within {timeout} s") from error


async def _await_each(steps: Steps[T], answer: Any) -> T:  # Any: see Steps
    try:
        while True:
            try:
                if type(answer) is Call:
                    answer = _in_thread(cast("Call[object]", answer))
                result = await answer if hasattr(answer, "__await__") else answer
            except BaseException as error:
                answer = steps.throw(error)
            else:
                answer = steps.send(result)
    except StopIteration as end:
        return cast("T", end.value)


async def _in_thread(blocking: Call[T]) -> T:
    import asyncio

    return await asyncio.to_thread(blocking.work)


def place(*, loop: bool) -> Hashable:
    """Name where connections may be used: this process and, with `loop`, this event loop."""
    if not loop:
        return os.getpid()
    import asyncio

    return os.getpid(), asyncio.get_running_loop()


def is_over(where: Hashable) -> bool:
    """Say whether a place was an event loop that is closed by now."""
    return isinstance(where, tuple) and bool(cast("Any", where)[1].is_closed())
