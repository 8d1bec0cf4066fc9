"""Open one session by its sid, in an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

import quart

from .. import by_sid
from ..app_sessions import AppSessions
from ..core.session import ServerSession
from ..core.steps import Steps
from ..errors import StoreError
from ..misplaced_calls import belonging
from ..run.aio import arun
from .letting_go import letting_go

T = TypeVar("T")


@belonging("quart")
def session_by_sid(app: quart.Quart, sid: str) -> AbstractAsyncContextManager[ServerSession | None]:
    """Read and change one session outside of its user's requests; None for an unknown sid.

    It is for a job, a script or a support page. The changes are saved at the end of the block, and
    merged with those of requests. Nothing is saved if the block raises::

        async with session_by_sid(app, sid) as session:
            if session is not None:
                session["report"] = "ready"

    The user was not there: the idle timeout is not restarted, and the secret stays. `end()` ends
    the session; `regenerate()`, `bind()` and the like raise ReadOnlySession.

    Raises SessionEnded if the session ended, or was bound to another user, before it was saved.
    Raises StoreUnavailable; NotSupported with SESSION_TYPE "cookie", and with "memory" in a process
    that does not serve; InvalidName for a sid that is not a str.

    .. versionadded:: 1.0
    """
    app_sessions = by_sid.checked(app, "quart")
    return _block(app_sessions, by_sid.opened(app_sessions, sid))


@asynccontextmanager
async def _block(
    app_sessions: AppSessions, opening: Steps[ServerSession | None]
) -> AsyncIterator[ServerSession | None]:
    async with letting_go(app_sessions):
        session = await _run(app_sessions, opening)
        try:
            yield session
            if session is not None:
                await _run(app_sessions, by_sid.saved(app_sessions, session))
        except BaseException:
            if session is not None:
                by_sid.left(session)
            raise
        finally:
            del session  # error trackers show local variables


async def _run(app_sessions: AppSessions, steps: Steps[T]) -> T:
    try:
        return await arun(steps, timeout=app_sessions.store_timeout)
    except StoreError as error:
        raise app_sessions.failed(error) from error
