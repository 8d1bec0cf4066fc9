"""The differences between Flask and Quart in opening and saving sessions. Imports neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .core.session import ServerSession
from .core.store import Colour, Openable, Store
from .errors import ConfigError


@dataclass(frozen=True, slots=True)
class Framework:
    """How a framework waits, and sends bodies.

    `lock` makes the lock for which the saves of one session wait. `carrier` returns the response if
    it carries a cookie to the session's browser. `save_streamed` makes a response save the changes
    that its body makes. `is_kept` returns whether a test client keeps the context of the running
    request, for a test to look into.
    """

    colour: Colour
    lock: Callable[[], Any]  # Any: a lock of threads, or one whose `acquire` is awaited
    carrier: Callable[[Any, ServerSession], Any]  # Any: a response, None for a WebSocket
    save_streamed: Callable[[Any, Any, ServerSession], None]  # Any: a response, and AppSessions
    is_kept: Callable[[], bool]

    def usable(self, store: Store | Openable) -> Store:
        """Return a store with the needed colour; raise ConfigError if it is not a store."""
        if isinstance(store, Openable):
            store = store.open_for(self.colour)
        if isinstance(store, str):
            raise ConfigError(f'store is text: write SESSION_TYPE = "{store}" among the settings')
        if isinstance(store, type):
            kind = store.__name__
            raise ConfigError(f"store is the class {kind}, not an object of it: write {kind}()")
        if not isinstance(getattr(store, "colours", None), Colour):
            raise ConfigError(
                f"{type(store).__name__} is not a store: wrap one whose methods are plain "
                "functions or coroutines in FromSync or FromAsync of samesession.stores.base"
            )
        if not self.colour & store.colours:
            here, there = (
                ("Quart", "an async") if self.colour is Colour.ASYNC else ("Flask", "a sync")
            )
            raise ConfigError(
                f"{type(store).__name__} was given a client that {here} cannot use: "
                f"give it {there} one, or a URL"
            )
        return store
