"""Implement "remember me" of login libraries with sessions that live longer.

The libraries' own cookie is a signed user id, which only a new key can end. Here, a session
outlives the browser and has a longer idle timeout. It is listed and ended like any other. This
module does not know login libraries.
"""

from __future__ import annotations

from datetime import timedelta

from .app_sessions import AppSessions
from .core.session import ServerSession
from .errors import ConfigError, NotSupported


def remember(session: ServerSession, duration: object, setting: str) -> None:
    """Make a session outlive the browser, and stay alive unused for this long.

    `duration`: a timedelta or seconds, from the setting named `setting`. Raises ConfigError if
    sessions cannot have their own timeouts, and if it is not a duration.
    """
    lifetime = duration if isinstance(duration, timedelta) else _seconds(duration, setting)
    try:
        session.lifetime = lifetime
    except NotSupported as error:
        raise ConfigError(
            "to remember a login, its session needs its own idle timeout: write "
            "SESSION_OWN_LIFETIMES = True, in every process that shares the store"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{setting} must be above 0 and below 2**31 seconds") from error
    session.permanent = True


def _seconds(duration: object, setting: str) -> timedelta:
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        raise ConfigError(f"{setting} must be a timedelta or a number of seconds")
    try:
        return timedelta(seconds=duration)
    except (OverflowError, ValueError) as error:
        raise ConfigError(f"{setting} must be above 0 and below 2**31 seconds") from error


def forget(session: ServerSession) -> None:
    """Restore the usual timeouts of a session that an earlier login had remembered."""
    if session.lifetime is not None:
        session.lifetime = None
        _ = session.pop("_permanent", None)


def honours_cookies(app_sessions: AppSessions) -> bool:
    """Return whether a library's old cookie still logs in: until SESSION_MIGRATE_UNTIL."""
    until = app_sessions.config.migration.until
    return until is not None and app_sessions.current_time() < until
