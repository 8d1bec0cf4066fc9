"""Close everything that is still open when an event loop ends.

A server ends an application before it ends the loop. A test client does not end the application,
and a script may forget it. Every runner of a loop (asyncio.Runner, pytest-asyncio, anyio,
Hypercorn, Uvicorn) runs the `finally` of each asynchronous generator that started in the loop. So
this module starts one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable

from .places import keep

Close = Callable[[], Awaitable[None]]


class LoopEnd:
    """The things to close when one event loop ends."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._left: dict[Hashable, Close] = {}
        self._closing: set[asyncio.Future[None]] = set()
        self._generator = self._until_the_end()
        try:
            self._generator.asend(None).send(None)  # up to its `yield`, without a task
        except StopIteration:
            pass

    def add(self, what: Hashable, close: Close) -> None:
        """Add something to close at the end."""
        self._left[what] = close

    def discard(self, what: Hashable) -> None:
        """Forget something that is closed, or is being closed by other code."""
        _ = self._left.pop(what, None)

    def close_soon(self, what: Hashable) -> None:
        """Close something the next time the loop runs, from any thread."""
        try:
            _ = self._loop.call_soon_threadsafe(self._begin, what)
        except RuntimeError:
            pass  # the loop is closed, and so is everything in it

    def _begin(self, what: Hashable) -> None:
        closing = asyncio.ensure_future(self._close(what))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _close(self, what: Hashable) -> None:
        close = self._left.get(what)
        if close is not None:
            await close()
            self.discard(what)  # now, because the end of a loop cancels running work

    async def _until_the_end(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            # What cannot be closed goes with the loop.
            _ = await asyncio.gather(*self._closing, return_exceptions=True)
            _ = await asyncio.gather(*map(self._close, self._left), return_exceptions=True)
            await asyncio.sleep(0)  # in which transports close their sockets


_ends: dict[tuple[None, asyncio.AbstractEventLoop], LoopEnd] = {}


def loop_end() -> LoopEnd:
    """Return the end of the running loop."""
    here = None, asyncio.get_running_loop()
    found = _ends.get(here)
    return keep(_ends, here, LoopEnd()) if found is None else found
