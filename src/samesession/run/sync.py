"""Run steps to their end in this thread, and then the work that they deferred."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar, cast

from ..core.steps import Call, Checkpoint, Steps
from ..core.tracebacks import clear_locals

T = TypeVar("T")

Afterwards: TypeAlias = Callable[[], Steps[None]]

CALL: Any = Call  # Any: pyright would narrow to what it then calls unknown

# The steps deferred in this context. None if there are none, as almost always: then the check is
# the only cost.
LEFT: ContextVar[list[Afterwards] | None] = ContextVar("samesession_left", default=None)


def afterwards(work: Afterwards) -> None:
    """Defer steps until the ones that run now have ended, with or without an error, in order.

    It is for work that must neither change their outcome nor count against their timeout. It may be
    called inside of steps only. The work handles its own errors. A checkpoint counts as an end:
    that of one operation among many.
    """
    left = LEFT.get()
    if left is None:
        _ = LEFT.set([work])
    else:
        left.append(work)


def run(steps: Steps[T]) -> T:
    """Run steps to their end in this thread."""
    outer = LEFT.get()
    _ = None if outer is None else LEFT.set(None)  # these steps may run inside of others
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
        answer = result = None  # this frame stays, and awaited objects may contain what was sent
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
