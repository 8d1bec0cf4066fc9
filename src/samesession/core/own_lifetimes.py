"""Idle timeouts of single sessions' own: by role, or because a user said "remember me". Pure.

    SESSION_OWN_LIFETIMES   session.lifetime = ...   a record that has one of its own
    False                   an error                 is renewed for what the settings say
    True                    kept in the record       is renewed for its own

A session without one follows the settings, at its next request also where they were changed
since. How long the cookie lives follows the session's own, too, where it outlives the browser
at all (`permanent`), and SESSION_ABSOLUTE_LIFETIME ends the session all the same.
"""

from __future__ import annotations

import math
from datetime import timedelta

from .record import Record
from .store import Lifetimes

_LIMIT = 2**31  # seconds, as for the settings

REFUSED = (
    "this application's sessions have no idle timeouts of their own, so session.lifetime cannot be "
    "set: write SESSION_OWN_LIFETIMES = True, in every process that shares the store"
)
REFUSED_COOKIE = (
    "with SESSION_TYPE 'cookie' the browser keeps the session, so it can have no idle timeout of "
    "its own: choose a server-side store, such as 'filesystem'"
)


def checked_lifetime(value: object) -> int:
    """Return an idle timeout in whole seconds, 0 for None; a part of a second counts as one.

    Raises TypeError for what is no timedelta, ValueError for one that is out of bounds.
    """
    if value is None:
        return 0
    if not isinstance(value, timedelta):
        raise TypeError(
            f"session.lifetime is a timedelta or None, not {type(value).__name__}: "
            "write timedelta(days=30)"
        )
    seconds = math.ceil(value.total_seconds())
    if not 0 < seconds < _LIMIT:
        raise ValueError(
            "session.lifetime must be above 0 and below 2**31 seconds: write None for what the "
            "settings say, or session.clear() to end the session"
        )
    return seconds


def idle_timeout(record: Record, lifetimes: Lifetimes) -> int:
    """Return the idle timeout of a session in seconds, as `record.lifetime_of` does of bytes."""
    of_settings = lifetimes.permanent if record.permanent else lifetimes.browser
    return (lifetimes.own and record.lifetime) or of_settings


def permanent_lifetime(record: Record, lifetimes: Lifetimes) -> int:
    """Return for how many seconds the cookie of a session lives that outlives the browser."""
    return (lifetimes.own and record.lifetime) or lifetimes.permanent
