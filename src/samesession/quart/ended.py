"""The result of `async with watching()`: whether the session has ended, and how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..core.request_state import state_of
from ..core.session import ServerSession
from ..errors import SessionEnded
from .watcher import Watcher


class Ended:
    """Whether a session has ended since the watch began; works like an `asyncio.Event`.

    `how` is the way it ended, in words, and None until then.
    """

    def __init__(self) -> None:
        self.how: str | None = None
        self._event = asyncio.Event()

    def is_set(self) -> bool:
        """Return whether the session has ended."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Wait until it ends."""
        _ = await self._event.wait()

    def tell(self, how: str) -> None:
        """Internal: the session has ended."""
        self.how = how
        self._event.set()


class _Interruption(Ended):
    """Cancels the watching task, as `asyncio.timeout` does."""

    def __init__(self) -> None:
        super().__init__()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()

    def tell(self, how: str) -> None:
        """Internal: the session has ended, and its block must be cancelled."""
        super().tell(how)
        _ = self._task.cancel()

    def is_mine(self) -> bool:
        """Take the cancellation back; return whether no other code has cancelled the task."""
        return self.is_set() and self._task.uncancel() <= self._cancelling


@asynccontextmanager
async def ended_of(
    session: ServerSession, watcher: Watcher, *, interrupts: bool
) -> AsyncIterator[Ended]:
    """Watch a session for a block; see `samesession.quart.watching`."""
    ended = _Interruption() if interrupts else Ended()
    lost = state_of(session).lost
    if lost is not None:  # before the block
        if interrupts:
            raise SessionEnded(lost.sid, lost.how)
        ended.tell(lost.how)
        yield ended
        return
    watch = watcher.add(session, ended.tell)
    try:
        yield ended
        if isinstance(ended, _Interruption) and ended.is_set():
            await _taken_back(ended)
    except asyncio.CancelledError as error:
        if isinstance(ended, _Interruption) and ended.is_mine():
            raise SessionEnded(str(watch.sid), str(ended.how)) from error
        raise
    finally:
        watcher.remove(watch)


async def _taken_back(ended: _Interruption) -> None:
    """Receive the cancellation of a block that ended before it came."""
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        if not ended.is_mine():
            raise
