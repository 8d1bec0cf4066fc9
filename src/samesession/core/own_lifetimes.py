"""Idle timeouts of single sessions: by role, or because a user chose "remember me". Pure.

    SESSION_OWN_LIFETIMES   session.lifetime = ...   a record with its own timeout
    False                   an error                 is renewed for the settings' timeout
    True                    kept in the record       is renewed for its own timeout

A session without its own timeout follows the settings, from its next request on even if they
changed. The cookie's life follows the session's own timeout, too, if it outlives the browser
at all (`permanent`). SESSION_ABSOLUTE_LIFETIME ends the session in any case.
"""

from __future__ import annotations

import math
from datetime import timedelta

from .record import Record
from .store import Lifetimes

_LIMIT = 2**31  # seconds, as for the settings

REFUSED = (
    "this application's sessions cannot have their own idle timeouts, so session.lifetime cannot "
    "be set: write SESSION_OWN_LIFETIMES = True, in every process that shares the store"
)
REFUSED_COOKIE = (
    "with SESSION_TYPE 'cookie' the browser keeps the session, so it cannot have its own idle "
    "timeout: choose a server-side store, such as 'filesystem'"
)


def checked_lifetime(value: object) -> int:
    """Return an idle timeout in whole seconds, rounded up; 0 for None.

    Raises TypeError if it is not a timedelta, and ValueError if it is out of bounds.
    """
    if value is None:
        return 0
    if not isinstance(value, timedelta):
        raise TypeError(
            f"session.lifetime must be a timedelta or None, not {type(value).__name__}: write "
            "timedelta(days=30)"
        )
    seconds = math.ceil(value.total_seconds())
    if not 0 < seconds < _LIMIT:
        raise ValueError(
            "session.lifetime must be above 0 and below 2**31 seconds: write None for the "
            "settings' timeout, or session.clear() to end the session"
        )
    return seconds


def idle_timeout(record: Record, lifetimes: Lifetimes) -> int:
    """Return a session's idle timeout in seconds, as `record.lifetime_of` does for bytes."""
    of_settings = lifetimes.permanent if record.permanent else lifetimes.browser
    return (lifetimes.own and record.lifetime) or of_settings


def permanent_lifetime(record: Record, lifetimes: Lifetimes) -> int:
    """Return the life in seconds of the cookie of a permanent session."""
    return (lifetimes.own and record.lifetime) or lifetimes.permanent
