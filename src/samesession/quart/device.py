"""The device endpoints of a Quart application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..app_sessions import AppSessions
from ..core.session import ServerSession
from ..errors import SessionError
from ..run.aio import arun
from .actions import current_request

if TYPE_CHECKING:
    from quart import Quart


def load(app_sessions: AppSessions) -> None:
    """Load the device endpoints if they are served, since that would delay a request."""
    if app_sessions.config.device.is_on:
        from ..device import endpoints

        _ = endpoints


async def answered(app: Quart, app_sessions: AppSessions, session: ServerSession) -> Any:
    """Serve the device endpoints before any `before_request` function of the application.

    So a required login or a CSRF check does not get in the way, and they need no URL rule that
    fits the application's hosts and subdomains. The response is of the application's own class.
    """
    from ..device import endpoints

    try:
        steps = endpoints.answer(app_sessions, session, current_request())
        said = await arun(steps, timeout=app_sessions.store_timeout)
    except SessionError as error:
        said = endpoints.unanswered(app_sessions, session, error)
    return cast("Any", app).response_class(said.body, said.status, dict(said.headers))
