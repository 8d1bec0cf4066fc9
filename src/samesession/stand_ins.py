"""The store that a test puts in the place of every application's own: see pytest_plugin.

An application is often made when a module is imported, long before the test that uses it. So
each can be found here, as long as it is there. Nothing else than tests puts a store here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakSet

from .core.store import Openable, Store


class Application(Protocol):
    """The sessions of an application, which read its settings and open its store."""

    def begin_anew(self) -> None:
        """Do so again when they are needed next."""
        ...


_applications: WeakSet[Application] = WeakSet()
_standing_in: list[Store | Openable] = []


def join(application: Application) -> None:
    """Let an application be found."""
    _applications.add(application)


def store() -> Store | Openable | None:
    """Return the store that applications use in place of their own; None, but in a test."""
    return _standing_in[-1] if _standing_in else None


@contextmanager
def everywhere(store: Store | Openable) -> Iterator[None]:
    """Have all applications keep their sessions in a store within the block.

    Those that keep them in the cookie go on so.
    """
    before = [(each, dict(vars(each))) for each in _applications]
    _standing_in.append(store)
    for each, _ in before:
        each.begin_anew()
    try:
        yield
    finally:
        _standing_in.remove(store)
        for each in _applications:  # those that were made meanwhile, too
            each.begin_anew()
        for each, state in before:
            vars(each).update(state)
