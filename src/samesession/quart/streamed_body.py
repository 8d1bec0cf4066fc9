"""The streamed body of a Quart response, whose changes to the session are saved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import quart
from quart.wrappers.response import ResponseBody

from ..app_sessions import AppSessions
from ..core.request_state import state_of
from ..core.session import ServerSession
from ..core.steps import Steps
from ..core.store import Colour
from ..errors import SessionError
from ..framework import Framework
from ..run.aio import arun, finished
from ..streamed_bodies import Stream

_TICKS = 2  # turns of an event loop until it starts to close a generator


class SavedBody(ResponseBody):
    """Passes on the chunks of another body, and saves before each one."""

    def __init__(self, body: ResponseBody, stream: Stream, timeout: float) -> None:
        self.body = body
        self._stream = stream
        self._timeout = timeout
        self._chunks: AsyncIterator[Any] | None = None  # Any: bytes or text

    async def __aenter__(self) -> SavedBody:
        body: Any = self.body  # Any: Quart does not declare its type
        self._chunks = aiter(await body.__aenter__())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        before = None if exc_value is None else asyncio.all_tasks()
        try:
            body: Any = self.body  # Any: Quart declares that there always is an error
            await body.__aexit__(exc_type, exc_value, tb)
        finally:
            # The client may have left, which cancels this task.
            await finished(self._ended(before))

    def __aiter__(self) -> SavedBody:
        return self

    async def __anext__(self) -> Any:
        assert self._chunks is not None
        chunk = await anext(self._chunks)
        steps = self._stream.due()
        if steps is not None:
            await finished(self._saved(steps))
        return chunk

    async def _ended(self, before: set[asyncio.Task[Any]] | None) -> None:
        if before is not None:
            await _closed_by_loop(before, self._timeout)
        steps = self._stream.due(last=True)
        if steps is not None:
            await self._saved(steps)
        await arun(self._stream.end())

    async def _saved(self, steps: Steps[None]) -> None:
        try:
            await arun(steps, timeout=self._timeout)
        except (TypeError, SessionError) as error:
            self._stream.failed(error)


async def _closed_by_loop(before: set[asyncio.Task[Any]], timeout: float) -> None:
    """Wait until the loop has closed inner generators of closed ones; `before`: older tasks.

    A generator that iterates over another one, such as that of `stream_with_context`, does not
    close it. The loop does, in its own task.
    """
    for _ in range(_TICKS):
        await asyncio.sleep(0)
    closing = [
        task
        for task in asyncio.all_tasks() - before
        if type(task.get_coro()).__name__ == "async_generator_athrow"
    ]
    if closing:
        _ = await asyncio.wait(closing, timeout=timeout)


def save_streamed(response: Any, app_sessions: AppSessions, session: ServerSession) -> None:
    """Make a response save the changes that its body makes to the session.

    Quart sends Werkzeug's own responses without awaiting: their bodies save nothing.
    """
    body = response.response
    if isinstance(body, SavedBody):  # of another request that got the same response
        body = body.body
    if isinstance(body, ResponseBody):
        stream = Stream(app_sessions, session)
        response.response = SavedBody(body, stream, app_sessions.store_timeout)
    else:
        state_of(session).streaming = False


def _carrier(response: Any, session: ServerSession) -> Any:
    """Return the response if it carries a cookie to its session's browser."""
    return None if state_of(session).of_socket else response


def _is_kept() -> bool:
    if not quart.has_request_context():
        return False
    scope: Any = quart.request.scope  # its type lacks what Quart adds
    return bool(scope.get("_quart._preserve_context"))


QUART = Framework(Colour.ASYNC, asyncio.Lock, _carrier, save_streamed, _is_kept)
