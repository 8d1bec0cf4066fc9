"""Run steps to their end in this thread, and what they left to be done afterwards."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar, cast

from ..core.steps import Call, Checkpoint, Steps
from ..core.tracebacks import clear_locals

T = TypeVar("T")

Afterwards: TypeAlias = Callable[[], Steps[None]]

CALL: Any = Call  # Any: pyright would narrow to what it then calls unknown

# What the steps that run in this context left to be done after them. None where they
# left nothing, as almost always: then a look at it is all that is paid.
LEFT: ContextVar[list[Afterwards] | None] = ContextVar("samesession_left", default=None)


def afterwards(work: Afterwards) -> None:
    """Run more steps when those that run now have ended, well or not, and in that order.

    For what must neither change their outcome nor count against their timeout. To be
    called inside of steps only. The work handles its own errors. A checkpoint is an end
    too: that of one operation among many.
    """
    left = LEFT.get()
    if left is None:
        _ = LEFT.set([work])
    else:
        left.append(work)


def run(steps: Steps[T]) -> T:
    """Run steps to their end in this thread."""
    outer = LEFT.get()
    _ = None if outer is None else LEFT.set(None)  # these steps may run in the midst of others
    answer: Any = None
    result: Any = None
    try:
        answer = next(steps)
        while True:
            if type(answer) is CALL:
                try:
                    result = answer.work()
                except BaseException as error:
                    answer = steps.throw(error)
                    continue
            else:
                if type(answer) is Checkpoint:
                    _do_left(outer)
                    _ = None if outer is None else LEFT.set(None)
                result = answer
            answer = steps.send(result)
    except StopIteration as end:
        result = end.value
    except BaseException as error:
        answer = result = None  # this frame stays, and what was waited for may quote what was sent
        clear_locals(error)
        _do_left(outer)
        raise
    if LEFT.get() is not outer:
        _do_left(outer)
    return cast("T", result)


def _do_left(outer: list[Afterwards] | None) -> None:
    left = LEFT.get()
    if left is not outer:
        _ = LEFT.set(outer)
        for work in left or ():
            run(work())
