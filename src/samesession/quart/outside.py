"""One session by its sid, in an event loop."""

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

    For a job, a script or a support page. What was done is saved at the end of the block,
    merged with what requests changed meanwhile; nothing is, if the block raises. The user
    was not there: the idle timeout runs on, and no secret is replaced. `end()` ends the session;
    `regenerate()`, `bind()` and the like raise ReadOnlySession.

    Raises SessionEnded if the session ended, or became another user's, before it was saved,
    and StoreUnavailable. NotSupported with SESSION_TYPE "cookie", and with "memory" in a
    process that does not serve; InvalidName for a sid that is no str.
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
            del session  # a local that an error tracker would show


async def _run(app_sessions: AppSessions, steps: Steps[T]) -> T:
    try:
        return await arun(steps, timeout=app_sessions.store_timeout)
    except StoreError as error:
        raise app_sessions.failed(error) from error
