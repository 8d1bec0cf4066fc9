"""Write a wait once, for sync and async callers: a generator that yields where async code awaits.

Yield only through `wait` and `call`, compose only with `yield from`; only
`samesession.drive` runs the generators. Never knows a framework or a loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

# What is yielded and sent is checked by `wait` and `call`, not by the alias.
Steps: TypeAlias = Generator[Any, Any, T]


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """Blocking work: done in place by a sync driver, in a thread by an async one."""

    work: Callable[[], T]


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
    """Give what a mirrored client answered: a value, or an awaitable of it."""
    result: T = yield answer
    return result


def call(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """Do blocking work without blocking an event loop.

    A cancelled caller leaves the work running: it must be atomic by itself.
    """
    result: T = yield Call(lambda: func(*args, **kwargs))
    return result
