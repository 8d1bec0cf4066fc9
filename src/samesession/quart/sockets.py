"""Save the sessions of WebSockets however they end, and close sockets whose session ends.

Quart itself saves a session only if the handler returns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import quart

from ..app_sessions import AppSessions
from ..core.request_state import state_of
from ..core.session import ServerSession
from ..errors import StoreError
from ..run.aio import arun, finished
from .watcher import Watchers

_PATIENCE = 1.0  # seconds for telling a client that does not read


class Sockets:
    """The open WebSockets of one application."""

    def __init__(self, app_sessions: AppSessions, watchers: Watchers) -> None:
        self._app_sessions = app_sessions
        self._watchers = watchers
        self._closing: set[asyncio.Task[None]] = set()
        # Keyed by the task that Quart cancels when the client leaves, not by the context: a task
        # that a handler starts with a copy of the context may be cancelled long before. When a
        # server stops, only the loop knows the task, and it would not keep it alive until it
        # cancels it.
        self._open: dict[asyncio.Task[Any], ServerSession] = {}
        self._watched: dict[asyncio.Task[Any], Callable[[], None]] = {}  # ends the watch

    def opened(self, session: ServerSession, websocket: quart.Websocket) -> None:
        """Note the session of the current task's WebSocket, and watch it if that is configured."""
        state = state_of(session)
        state.of_socket = True
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = session
        task.add_done_callback(self._end)
        settings = self._app_sessions.config.sockets
        if state.loaded is not None and (settings.close_code or settings.sockets_renew):
            tell = partial(self._close_ended, websocket, task)
            watcher = self._watchers.here()
            self._watched[task] = partial(watcher.remove, watcher.add(session, tell))

    async def close(self, session: ServerSession, response: Any) -> None:  # Any: of either kind
        """Save a WebSocket's session, even if the client leaves in the meantime.

        `response`: a handler's response that refuses the WebSocket.
        """
        _ = self._end(asyncio.current_task())
        await finished(self._save(session, response))

    async def torn_down(self, error: BaseException | None) -> None:
        """Save a WebSocket's session after its client left and its handler was cancelled."""
        session = self._end(asyncio.current_task())
        if session is not None and isinstance(error, asyncio.CancelledError):
            await finished(self._save(session, None))

    def _end(self, task: asyncio.Task[Any] | None) -> ServerSession | None:
        if task is None:
            return None
        unwatch = self._watched.pop(task, None)
        if unwatch is not None:
            unwatch()
        return self._open.pop(task, None)

    def _close_ended(self, websocket: quart.Websocket, task: asyncio.Task[Any], how: str) -> None:
        """Close a WebSocket whose session has ended, if that is configured."""
        code = self._app_sessions.config.sockets.close_code
        if code is not None:
            closing = asyncio.ensure_future(_closed(websocket, task, code, f"the session {how}"))
            self._closing.add(closing)  # the loop alone would not keep it alive
            closing.add_done_callback(self._closing.discard)

    async def _save(self, session: ServerSession, response: Any) -> None:
        """Save a session; a failure can only be logged."""
        try:
            steps = self._app_sessions.close(session, response)
            await arun(steps, timeout=self._app_sessions.store_timeout)
        except StoreError as error:
            _ = self._app_sessions.unsaved(session, error)
        except (Exception, asyncio.CancelledError) as error:
            del session  # error trackers show local variables
            quart.current_app.logger.exception("a session changed in a WebSocket was not saved")
            if isinstance(error, asyncio.CancelledError):  # the event loop ends
                raise


async def _closed(
    websocket: quart.Websocket, task: asyncio.Task[Any], code: int, reason: str
) -> None:
    """Close a WebSocket, and end its handler as Quart does when the client leaves."""
    try:
        # The handler may have closed it already, or the client may be gone.
        with suppress(RuntimeError, OSError):
            async with asyncio.timeout(_PATIENCE):
                await websocket.close(code, reason)
    finally:
        _ = task.cancel()
