"""The store that a test uses in place of every application's own: see pytest_plugin.

An application is often created when a module is imported, long before the test that uses it. So
each application can be found here, as long as it exists. Only tests put a store here.
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
        """Read the settings and open the store again when they are next needed."""
        ...


_applications: WeakSet[Application] = WeakSet()
_standing_in: list[Store | Openable] = []


def join(application: Application) -> None:
    """Make an application findable."""
    _applications.add(application)


def store() -> Store | Openable | None:
    """Return the store that applications use for now; None outside of tests."""
    return _standing_in[-1] if _standing_in else None


@contextmanager
def everywhere(store: Store | Openable) -> Iterator[None]:
    """Make all applications keep their sessions in a store within the block.

    Applications that keep them in the cookie continue to do so.
    """
    before = [(each, dict(vars(each))) for each in _applications]
    _standing_in.append(store)
    for each, _ in before:
        each.begin_anew()
    try:
        yield
    finally:
        _standing_in.remove(store)
        for each in _applications:  # also those that were created in the meantime
            each.begin_anew()
        for each, state in before:
            vars(each).update(state)
