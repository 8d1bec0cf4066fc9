"""Tell the event loops of this process, at once, of sessions that have ended in it.

An application whose requests end a session may have its open sockets in another event loop,
or be another application beside it: whoever watches sessions hears of all sids. What is told
is a suspicion: the listener looks for itself.
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
    """Have a loop call a function with the sid of each session that ends, for a block."""
    mark = object()
    _listeners[mark] = _Listener(os.getpid(), loop, hear)
    try:
        yield
    finally:
        del _listeners[mark]


def tell(sid: str) -> None:
    """Tell all who listen that a session may have ended; from any thread."""
    for each in tuple(_listeners.values()):
        if each.process == os.getpid():  # a fork has the loops of its parent, which do not run
            try:
                _ = each.loop.call_soon_threadsafe(each.hear, sid)
            except RuntimeError:
                pass  # the loop is closed
