"""A store that wraps another one, and reports the start and end of each operation.

It has exactly the abilities of the store inside. It does not know the observer, and reports no key,
owner or record.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any, Protocol, cast

from . import store as protocols
from .steps import Steps
from .store import Capabilities, Located, Notifies, Store, capabilities_of


class Observation(Protocol):
    """The outcome of one operation; exactly one of the two methods is called, once."""

    def returned(self, answer: Any) -> None:  # Any: each operation has its own kind of answer
        """Take the store's answer."""
        ...

    def failed(self, error: BaseException) -> None:
        """Take the store's error, or the reason why the operation was interrupted."""
        ...


class Observer(Protocol):
    """Receives the reports."""

    def begin(self, operation: str, keys: int | None) -> Observation:
        """Begin an operation, given its method's name; `keys`: their number, if it takes many."""
        ...


_OF_MANY = ("load_many", "load_dated", "remove_many", "delist_many")
# These are not operations: where a store is, which callers it serves, and what it closes.
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
    """Has the inner store's methods as attributes, so that `isinstance` works for its abilities."""

    def __init__(self, store: Store, observer: Observer) -> None:
        self._store = store
        self.colours = store.colours
        self.close = store.close
        if isinstance(store, Notifies):  # which waits as long as it takes
            self.listen, self.stop_listening = store.listen, store.stop_listening
        for name in OPERATIONS:
            method = getattr(store, name, None)
            if method is not None:
                setattr(self, name, _observed(name, method, observer))

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities of the store inside."""
        return capabilities_of(self._store)


class _LocatedStore(_ObservedStore):
    @property
    def location(self) -> str:
        """Where the inner store keeps its records."""
        return cast("Located", self._store).location


def observed(store: Store, observer: Observer) -> Store:
    """Return an open store, with an observer of all its operations."""
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
    """Return how many keys there are: they come last, and are never passed by keyword."""
    last = args[-1] if args else None
    return len(last) if isinstance(last, Sized) and not isinstance(last, str) else None
