"""A store around another one that has somebody told when each operation begins, and how it ends.

It has the abilities of the store inside, no more and no fewer. Knows nothing of who is told,
and tells no key, owner or record.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any, Protocol, cast

from . import store as protocols
from .steps import Steps
from .store import Capabilities, Located, Notifies, Store, capabilities_of


class Observation(Protocol):
    """What becomes of one operation; one of the two is called, once."""

    def returned(self, answer: Any) -> None:  # Any: each operation has an answer of its own
        """Take what the store answered."""
        ...

    def failed(self, error: BaseException) -> None:
        """Take what the store raised, or what the operation was broken off with."""
        ...


class Observer(Protocol):
    """Who is told."""

    def begin(self, operation: str, keys: int | None) -> Observation:
        """Begin an operation, by its method's name; `keys`: of how many, where it takes many."""
        ...


_OF_MANY = ("load_many", "load_dated", "remove_many", "delist_many")
# Those are no operations: where a store is, which callers it serves, and what it lets go of.
_APART = ("location", "colours", "open_for", "close", "listen", "stop_listening")


def _operations() -> tuple[str, ...]:
    """Return the methods that a store has or may have, as core.store declares them."""
    declared: list[type[object]] = [
        each for each in vars(protocols).values() if getattr(each, "_is_protocol", False)
    ]
    names = {name for each in declared for name in vars(each) if not name.startswith("_")}
    return tuple(sorted(names - {*_APART}))


OPERATIONS = _operations()


class _ObservedStore:
    """Has the methods of the store inside as attributes, so that `isinstance` is true to it."""

    def __init__(self, store: Store, observer: Observer) -> None:
        self._store = store
        self.colours = store.colours
        self.close = store.close
        if isinstance(store, Notifies):  # which is to wait, for as long as it takes
            self.listen, self.stop_listening = store.listen, store.stop_listening
        for name in OPERATIONS:
            method = getattr(store, name, None)
            if method is not None:
                setattr(self, name, _observed(name, method, observer))

    @property
    def capabilities(self) -> Capabilities:
        """What the store inside promises."""
        return capabilities_of(self._store)


class _LocatedStore(_ObservedStore):
    @property
    def location(self) -> str:
        """Where the store inside says that its records are."""
        return cast("Located", self._store).location


def observed(store: Store, observer: Observer) -> Store:
    """Return a store, opened already, with an observer of all that it is asked."""
    kind = _LocatedStore if isinstance(store, Located) else _ObservedStore
    return cast("Store", kind(store, observer))


def _observed(
    name: str, method: Callable[..., Steps[Any]], observer: Observer
) -> Callable[..., Steps[Any]]:
    takes_many = name in _OF_MANY

    def steps(*args: Any, **named: Any) -> Steps[Any]:
        observation = observer.begin(name, _count(args) if takes_many else None)
        try:
            answer = yield from method(*args, **named)
        except BaseException as error:
            observation.failed(error)
            raise
        observation.returned(answer)
        return answer

    return steps


def _count(args: tuple[Any, ...]) -> int | None:
    """Return how many keys there are: they come last, and no library's call names them."""
    last = args[-1] if args else None
    return len(last) if isinstance(last, Sized) and not isinstance(last, str) else None
