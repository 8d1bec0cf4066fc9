"""The device endpoints of a Flask application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .. import headers
from ..app_sessions import AppSessions
from ..core.session import ServerSession
from ..device_requests import is_for_us
from ..errors import SessionError
from ..run.sync import run
from .actions import current, current_request

if TYPE_CHECKING:
    from flask import Flask


def serve(app: Flask, app_sessions: AppSessions) -> None:
    """Serve the device endpoints before any `before_request` function of the application.

    So a required login or a CSRF check does not get in the way, and they need no URL rule that
    fits the application's hosts and subdomains.
    """
    if app_sessions.config.device.is_on:
        from ..device import endpoints

        _ = endpoints  # loaded here, since it would delay a request

    def answered() -> Any:  # a response of the application's own class, or None
        if app_sessions.device_requests is None or not is_for_us(current()):
            return None
        from ..device import endpoints

        session, request = cast("ServerSession", current()), current_request()
        try:
            said = run(endpoints.answer(app_sessions, session, request))
        except SessionError as error:
            said = endpoints.unanswered(app_sessions, session, error)
        return cast("Any", app).response_class(said.body, said.status, dict(said.headers))

    headers.check_first(app.before_request_funcs, answered)
