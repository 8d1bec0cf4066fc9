"""Save the sessions of WebSockets, however these end: Quart does so only if the handler returns."""

from __future__ import annotations

import asyncio
from typing import Any

import quart

from ..app_sessions import AppSessions
from ..core.request_state import state_of
from ..core.session import ServerSession
from ..errors import StoreError
from ..run.aio import arun, finished


class Sockets:
    """The WebSockets that are open in one application."""

    def __init__(self, app_sessions: AppSessions) -> None:
        self._app_sessions = app_sessions
        # By the task that Quart cancels when the client leaves, not by the context: a
        # task that a handler begins with a copy of that may be cancelled long before.
        # A server that ends leaves the task to nobody but the loop, which would not keep
        # it alive until it cancels it.
        self._open: dict[asyncio.Task[Any], ServerSession] = {}

    def opened(self, session: ServerSession) -> None:
        """Note the session of a WebSocket that the current task handles."""
        state_of(session).of_socket = True
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = session
        task.add_done_callback(self._end)

    async def close(self, session: ServerSession, response: Any) -> None:  # Any: of either kind
        """Save a WebSocket's session, though the client leaves meanwhile.

        `response`: what a handler returned that refuses the WebSocket.
        """
        _ = self._end(asyncio.current_task())
        await finished(self._save(session, response))

    async def torn_down(self, error: BaseException | None) -> None:
        """Save the session of a WebSocket whose handler was cancelled as its client left."""
        session = self._end(asyncio.current_task())
        if session is not None and isinstance(error, asyncio.CancelledError):
            await finished(self._save(session, None))

    def _end(self, task: asyncio.Task[Any] | None) -> ServerSession | None:
        return None if task is None else self._open.pop(task, None)

    async def _save(self, session: ServerSession, response: Any) -> None:
        """Save a session; nobody but the log is left to tell of a failure."""
        try:
            steps = self._app_sessions.close(session, response)
            await arun(steps, timeout=self._app_sessions.store_timeout)
        except StoreError as error:
            _ = self._app_sessions.unsaved(session, error)
        except (Exception, asyncio.CancelledError) as error:
            del session  # a local that an error tracker would show
            quart.current_app.logger.exception("a session changed in a WebSocket was not saved")
            if isinstance(error, asyncio.CancelledError):  # the event loop ends
                raise
