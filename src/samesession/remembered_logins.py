"""What login libraries' "remember me" becomes: sessions that live longer, in place of cookies.

Their own cookie is a user's id, signed: nothing can end it but a new key. Here a session is told
to outlive the browser, and to lie idle for as long; it is listed and ended as any other. Never
knows a login library.
"""

from __future__ import annotations

from datetime import timedelta

from .app_sessions import AppSessions
from .core.session import ServerSession
from .errors import ConfigError, NotSupported


def remember(session: ServerSession, duration: object, setting: str) -> None:
    """Have a session outlive the browser, and lie idle for so long.

    `duration`: a timedelta or seconds, as `setting` says. Raises ConfigError where sessions
    may have no timeouts of their own, and for what is no duration.
    """
    lifetime = duration if isinstance(duration, timedelta) else _seconds(duration, setting)
    try:
        session.lifetime = lifetime
    except NotSupported as error:
        raise ConfigError(
            "to remember a login, its session needs an idle timeout of its own: write "
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
    """Have a session that an earlier login was remembered by end as any other."""
    if session.lifetime is not None:
        session.lifetime = None
        _ = session.pop("_permanent", None)


def honours_cookies(app_sessions: AppSessions) -> bool:
    """Return whether a library's own cookie, sent before, still logs in: SESSION_MIGRATE_UNTIL."""
    until = app_sessions.config.migration.until
    return until is not None and app_sessions.current_time() < until
