"""Write a wait once, for sync and async callers: a generator that yields where async code awaits.

Yield only through `wait` and `call`, compose only with `yield from`; only
`samesession.run` runs the generators. Never knows a framework or a loop.
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

# What is yielded and sent is checked by `wait` and `call`, not by the alias.
Steps: TypeAlias = Generator[Any, Any, T]


# What steps are cancelled with when their time is over, and not their caller's patience.
LATE = "samesession: the wait took too long"


class Turn(NamedTuple):
    """What blocking work waits for, such as a lock, and how much of it may be under way."""

    name: Hashable
    abreast: int = 1


Outcome: TypeAlias = tuple[Any, BaseException | None]  # what work returned, or what it raised


class Blocked(Exception):
    """The outcome of an item that would have to wait: it is to be done alone, in its turn."""


class Group(Protocol[Item_contra, T_co]):
    """Blocking work that one thread of an event loop does, many items of it in one go."""

    @property
    def alone_after(self) -> float | None:
        """Seconds in which the thread finishes nothing, after which other threads help out.

        They do alone what it has not begun. None: that waits for the thread.
        """
        ...

    def alone(self, item: Item_contra) -> T_co:
        """Do one item."""
        ...

    def all(self, items: Iterator[Item_contra]) -> Iterable[Outcome]:
        """Do all that waits, perhaps nothing, and answer the outcomes in the same order.

        An item is begun when it is taken from the iterator: if its caller is cancelled after
        that it is done all the same. What this raises is the outcome of all that has none.
        """
        ...


class Call(NamedTuple, Generic[T]):
    """Blocking work: done in place by a sync driver, in a thread by an async one.

    Work whose `turn` is taken waits without a thread; `long` work has threads of its own;
    `seconds` says that it does nothing but wait so long; a `group` may do its item instead.
    """

    work: Callable[[], T]
    turn: Turn | None = None
    long: bool = False
    seconds: float | None = None
    group: Group[Any, T] | None = None
    item: object = None


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


def done(result: T) -> Steps[T]:
    """Return what is known already."""
    yield from ()
    return result


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


def call_together(group: Group[Item, T], item: Item, *, turn: Turn | None = None) -> Steps[T]:
    """Do blocking work together with what others ask of its group in the same turn of the loop.

    `turn`: for what the group leaves to be done alone.
    """
    result: T = yield Call(partial(group.alone, item), turn=turn, group=group, item=item)
    return result


def outcome_of(work: Callable[[], T]) -> Outcome:
    """Do work, and return what came of it."""
    # A frame of its own: an error shows it, and it is over when that is looked at.
    try:
        return work(), None
    except StopIteration as error:  # which no future takes
        return None, RuntimeError(f"blocking work raised {error!r}")
    except BaseException as error:
        return None, error


def pause(seconds: float) -> Steps[None]:
    """Let time pass, without a thread in an event loop."""
    yield Call(lambda: sleep(seconds), seconds=seconds)
