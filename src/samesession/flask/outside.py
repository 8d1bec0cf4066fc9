"""Open one session by its sid, in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import flask

from .. import by_sid
from ..app_sessions import AppSessions
from ..core.session import ServerSession
from ..core.steps import Steps
from ..errors import StoreError
from ..misplaced_calls import belonging
from ..run.sync import run

T = TypeVar("T")


@belonging("flask")
def session_by_sid(app: flask.Flask, sid: str) -> AbstractContextManager[ServerSession | None]:
    """Read and change one session outside of its user's requests; None for an unknown sid.

    It is for a job, a script or a support page. The changes are saved at the end of the block, and
    merged with those of requests. Nothing is saved if the block raises::

        with session_by_sid(app, sid) as session:
            if session is not None:
                session["report"] = "ready"

    The user was not there: the idle timeout is not restarted, and the secret stays. `end()` ends
    the session; `regenerate()`, `bind()` and the like raise ReadOnlySession.

    Raises SessionEnded if the session ended, or was bound to another user, before it was saved.
    Raises StoreUnavailable; NotSupported with SESSION_TYPE "cookie", and with "memory" in a process
    that does not serve; InvalidName for a sid that is not a str.

    .. versionadded:: 1.0
    """
    app_sessions = by_sid.checked(app, "flask")
    return _block(app_sessions, by_sid.opened(app_sessions, sid))


@contextmanager
def _block(
    app_sessions: AppSessions, opening: Steps[ServerSession | None]
) -> Iterator[ServerSession | None]:
    session = _run(app_sessions, opening)
    try:
        yield session
        if session is not None:
            _run(app_sessions, by_sid.saved(app_sessions, session))
    except BaseException:
        if session is not None:
            by_sid.left(session)
        raise
    finally:
        del session  # error trackers show local variables


def _run(app_sessions: AppSessions, steps: Steps[T]) -> T:
    try:
        return run(steps)
    except StoreError as error:
        raise app_sessions.failed(error) from error
