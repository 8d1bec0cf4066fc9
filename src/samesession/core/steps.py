"""Write a wait once, for sync and async callers: a generator that yields where async code awaits.

Yield only through `wait` and `call`, compose only with `yield from`; only
`samesession.run` runs the generators. Never knows a framework or a loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Hashable
from dataclasses import dataclass
from time import sleep
from typing import Any, Generic, NamedTuple, ParamSpec, TypeAlias, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

# What is yielded and sent is checked by `wait` and `call`, not by the alias.
Steps: TypeAlias = Generator[Any, Any, T]


class Turn(NamedTuple):
    """What blocking work waits for, such as a lock, and how much of it may be under way."""

    name: Hashable
    abreast: int = 1


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """Blocking work: done in place by a sync driver, in a thread by an async one.

    Work whose `turn` is taken waits without a thread; `long` work has threads of its own;
    `seconds` says that it does nothing but wait so long.
    """

    work: Callable[[], T]
    turn: Turn | None = None
    long: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A moment between two pieces of work; `bounded`: the next one has a deadline."""

    bounded: bool


def checkpoint(*, bounded: bool = True) -> Steps[None]:
    """Let other work run, and begin the operation's deadline anew.

    Between the batches of work on many records: each is an operation of its own. Without
    `bounded` what follows, up to the next checkpoint, may take as long as it takes.
    """
    yield Checkpoint(bounded)


def wait(answer: T | Awaitable[T]) -> Steps[T]:
    """Return what a mirrored client answered: a value, or an awaitable of it."""
    result: T = yield answer
    return result


def call(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """Do blocking work without blocking an event loop.

    A cancelled caller leaves the work running: it must be atomic by itself.
    """
    result: T = yield Call(lambda: func(*args, **kwargs))
    return result


def call_in_turn(turn: Turn, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """Do blocking work that may wait for something, and have no other work wait with it."""
    result: T = yield Call(lambda: func(*args, **kwargs), turn=turn)
    return result


def call_long(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """Do blocking work that takes long, in none of the threads that requests need."""
    result: T = yield Call(lambda: func(*args, **kwargs), long=True)
    return result


def pause(seconds: float) -> Steps[None]:
    """Let time pass, without a thread in an event loop."""
    yield Call(lambda: sleep(seconds), seconds=seconds)
