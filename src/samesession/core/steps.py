"""Write a wait once, for sync and async callers: a generator that yields where async code awaits.

Yield only through `wait` and `call`, and compose only with `yield from`. Only `samesession.run`
runs the generators. This module does not know frameworks or event loops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from time import sleep
from typing import Any, Generic, NamedTuple, ParamSpec, Protocol, TypeAlias, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)

# `wait` and `call` check the yielded and sent types, not the alias.
Steps: TypeAlias = Generator[Any, Any, T]


# Steps are cancelled with this message when they time out, not when their caller gives up.
LATE = "samesession: the wait took too long"


class Turn(NamedTuple):
    """The queue for blocking work that needs, for example, a lock; limits how much runs at once."""

    name: Hashable
    abreast: int = 1


Outcome: TypeAlias = tuple[Any, BaseException | None]  # the result of work, or its error


class Blocked(Exception):
    """The outcome of an item that would have to wait: do it alone, in its turn."""


class Group(Protocol[Item_contra, T_co]):
    """Blocking work that one thread of an event loop does for many items in one go."""

    @property
    def alone_after(self) -> float | None:
        """Seconds without a finished item after which other threads help.

        They do single items that the thread has not begun. None: items always wait for the thread.
        """
        ...

    def alone(self, item: Item_contra) -> T_co:
        """Do one item."""
        ...

    def all(self, items: Iterator[Item_contra]) -> Iterable[Outcome]:
        """Do all waiting items, perhaps none, and return the outcomes in the same order.

        An item has begun when it is taken from the iterator: it is done even if its caller is
        cancelled after that. An error raised here is the outcome of all items without one.
        """
        ...


class Call(NamedTuple, Generic[T]):
    """Blocking work: a sync driver does it in place, an async one in a thread.

    Work whose `turn` is taken waits without a thread. `long` work has its own threads. With
    `seconds` it only waits that long. A `group` may do its item instead.
    """

    work: Callable[[], T]
    turn: Turn | None = None
    long: bool = False
    seconds: float | None = None
    group: Group[Any, T] | None = None
    item: object = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A moment between two pieces of work; `bounded`: the next piece has a deadline."""

    bounded: bool


def checkpoint(*, bounded: bool = True) -> Steps[None]:
    """Let other work run, and start the operation's deadline again.

    For use between batches of work on many records: each batch is its own operation. Without
    `bounded`, the work up to the next checkpoint has no time limit.
    """
    yield Checkpoint(bounded)


def done(result: T) -> Steps[T]:
    """Return a value that is already known."""
    yield from ()
    return result


def wait(answer: T | Awaitable[T]) -> Steps[T]:
    """Return a mirrored client's answer: a value, or an awaitable of it."""
    result: T = yield answer
    return result


def call(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """Do blocking work without blocking an event loop.

    A cancelled caller leaves the work running: it must be atomic by itself.
    """
    result: T = yield Call(lambda: func(*args, **kwargs))
    return result


def call_in_turn(turn: Turn, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """Do blocking work that may have to wait, without making other work wait."""
    result: T = yield Call(lambda: func(*args, **kwargs), turn=turn)
    return result


def call_long(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
    """Do blocking work that takes long, in its own threads, apart from those for requests."""
    result: T = yield Call(lambda: func(*args, **kwargs), long=True)
    return result


def call_together(group: Group[Item, T], item: Item, *, turn: Turn | None = None) -> Steps[T]:
    """Do blocking work together with other items of its group, in the same turn of the loop.

    `turn`: for items that the group leaves to be done alone.
    """
    result: T = yield Call(partial(group.alone, item), turn=turn, group=group, item=item)
    return result


def outcome_of(work: Callable[[], T]) -> Outcome:
    """Do work, and return its result or error."""
    # In its own frame: an error shows this frame, which has ended by the time it is looked at.
    try:
        return work(), None
    except StopIteration as error:  # which a future does not accept
        return None, RuntimeError(f"blocking work raised {error!r}")
    except BaseException as error:
        return None, error


def pause(seconds: float) -> Steps[None]:
    """Wait for some time, without a thread in an event loop."""
    yield Call(lambda: sleep(seconds), seconds=seconds)
