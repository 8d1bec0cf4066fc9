"""The streamed body of a Flask response, whose changes to the session are saved."""

from __future__ import annotations

from collections.abc import Iterator
from threading import RLock
from typing import Any

import flask

from ..app_sessions import AppSessions
from ..core.session import ServerSession
from ..core.store import Colour
from ..errors import SessionError
from ..framework import Framework
from ..run.sync import run
from ..streamed_bodies import Stream
from .actions import carrier


class SavedBody:
    """Passes on the chunks of another body, and saves before each one."""

    def __init__(self, body: Any, stream: Stream) -> None:  # Any: the chunks of a WSGI body
        self.body = body
        self._stream = stream
        self._chunks: Iterator[Any] | None = None

    def __iter__(self) -> SavedBody:
        return self

    def __next__(self) -> Any:
        if self._chunks is None:
            self._chunks = iter(self.body)
        try:
            chunk = next(self._chunks)
        except StopIteration:
            self._save(ending=True)
            raise
        self._save()
        return chunk

    def close(self) -> None:
        """End the body, which may change the session once more. WSGI servers call it."""
        try:
            close = getattr(self.body, "close", None)
            if close is not None:
                close()
        finally:
            self._save(last=True)
            run(self._stream.end())

    def _save(self, *, ending: bool = False, last: bool = False) -> None:
        steps = self._stream.due(ending=ending, last=last)
        if steps is not None:
            try:
                run(steps)
            except (TypeError, SessionError) as error:
                self._stream.failed(error)


def save_streamed(response: Any, app_sessions: AppSessions, session: ServerSession) -> None:
    """Make a response save the changes that its body makes to the session."""
    body = response.response
    if isinstance(body, SavedBody):  # of another request that got the same response
        body = body.body
    response.response = SavedBody(body, Stream(app_sessions, session))


def _is_kept() -> bool:
    return (
        flask.has_request_context() and "werkzeug.debug.preserve_context" in flask.request.environ
    )


FLASK = Framework(Colour.SYNC, RLock, carrier, save_streamed, _is_kept)
