"""Ask a store whether it answers, without any session's record. Pure."""

from __future__ import annotations

from .batches import peek
from .steps import Steps
from .store import Clock, Pingable, Store

_NO_SID = "ping"  # in a key's place for the sid: no session has it


def timed_ping(store: Store | None, prefix: str, stopwatch: Clock) -> Steps[float]:
    """Do as `ping`, and return the seconds that it took; None: the browser keeps the sessions."""
    began = stopwatch()
    if store is not None:
        yield from ping(store, prefix)
    return stopwatch() - began


def ping(store: Store, prefix: str) -> Steps[None]:
    """Raise StoreUnavailable where a store does not answer; `prefix`: what its keys begin with.

    A store without the ability is asked for a record that cannot be there.
    """
    if isinstance(store, Pingable):
        yield from store.ping()
    else:
        _ = yield from peek(store, prefix + _NO_SID)
