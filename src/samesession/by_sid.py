"""Open and save one session of an application by its sid, inside and outside of requests."""

from __future__ import annotations

from typing import cast

from .app_sessions import AppSessions, app_sessions_of
from .core import outside
from .core.flow import Flow
from .core.outside import left
from .core.session import ServerSession
from .core.steps import Steps
from .given_application import given_to

__all__ = ["checked", "left", "opened", "saved"]


def checked(app: object, framework: str) -> AppSessions:
    """Return the sessions of the application that `session_by_sid` was called with.

    Raises TypeError if it is not an application of this framework, ConfigError if it has no
    sessions, and NotSupported if its sessions are kept in the browser or in another process.
    """
    app_sessions = app_sessions_of(given_to("session_by_sid()", app, framework))
    app_sessions.check_in_reach()
    _ = _flow(app_sessions)
    return app_sessions


def opened(app_sessions: AppSessions, sid: str) -> Steps[ServerSession | None]:
    """Open a session with the current settings; return None if there is none."""
    return outside.opened(_flow(app_sessions), sid)


def saved(app_sessions: AppSessions, session: ServerSession) -> Steps[None]:
    """Save a session with the current settings."""
    return outside.saved(_flow(app_sessions), session)


def _flow(app_sessions: AppSessions) -> Flow:
    _ = app_sessions.administration  # raises if there is no store
    return cast("Flow", app_sessions.flow)
