"""Notify the event loops of this process at once of sessions that have ended in it.

The request that ends a session and the open sockets may be in different event loops, or in two
applications side by side. So each listener hears all sids. A notice is a suspicion only: the
listener checks the session itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

Hear = Callable[[str], object]


class _Listener(NamedTuple):
    process: int
    loop: AbstractEventLoop
    hear: Hear


_listeners: dict[object, _Listener] = {}


@contextmanager
def heard(loop: AbstractEventLoop, hear: Hear) -> Iterator[None]:
    """Make a loop call a function with the sid of each session that ends, within a block."""
    mark = object()
    _listeners[mark] = _Listener(os.getpid(), loop, hear)
    try:
        yield
    finally:
        del _listeners[mark]


def tell(sid: str) -> None:
    """Notify all listeners that a session may have ended; from any thread."""
    for each in tuple(_listeners.values()):
        if each.process == os.getpid():  # a forked process has its parent's loops, which do not run
            try:
                _ = each.loop.call_soon_threadsafe(each.hear, sid)
            except RuntimeError:
                pass  # the loop is closed
