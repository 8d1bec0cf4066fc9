"""Ask a store whether it answers, without reading any session's record. Pure."""

from __future__ import annotations

from .batches import peek
from .steps import Steps
from .store import Clock, Pingable, Store

_NO_SID = "ping"  # used in place of a sid: no session has it


def timed_ping(store: Store | None, prefix: str, stopwatch: Clock) -> Steps[float]:
    """Ping, and return the seconds that it took; None if the browser keeps the sessions."""
    began = stopwatch()
    if store is not None:
        yield from ping(store, prefix)
    return stopwatch() - began


def ping(store: Store, prefix: str) -> Steps[None]:
    """Raise StoreUnavailable if a store does not answer; `prefix` is that of its keys.

    A store without the ability is asked for a record that cannot exist.
    """
    if isinstance(store, Pingable):
        yield from store.ping()
    else:
        _ = yield from peek(store, prefix + _NO_SID)
