"""Check whether a user has authenticated recently enough for a view's action. Pure.

    session                           a check of `minutes`
    no owner, or one that never       raises
      authenticated with it
    bound, or confirmed, by this      passes
      very request
    last authentication               passes if it is at most this many minutes ago

The time is noted in whole seconds, rounded down, so that no login counts as fresher than it
is. The clocks of nodes may differ by a minute (`policy.SKEW`), and so may the check.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import NotSupported, StaleLogin, StoreUnavailable
from .account_changes import UNBINDABLE, Kept
from .request_state import Mode, SessionState
from .store import Clock

_EXEMPT = (
    "no user is known on a path that is exempt from sessions, so no login is fresh there: take "
    "the path out of SESSION_EXEMPT, or the view from under no_session"
)
_BROKEN = "the session store failed, so the time of the login is unknown"


@dataclass(frozen=True, slots=True)
class Freshness:
    """Judges logins; holds the time, and makes the error for a login that is too old."""

    clock: Clock
    refusal: Callable[[float], StaleLogin]


def check(
    state: SessionState, minutes: float, freshness: Freshness | None, *, bindable: bool
) -> None:
    """Raise the error unless the session's user has authenticated in the last minutes.

    `freshness`: None for a session that no application opened. Raises NotSupported if no session
    can ever be fresh, and StoreUnavailable if the store failed: another login would help in neither
    case.
    """
    if state.mode is Mode.EXEMPT:
        raise NotSupported(_EXEMPT)
    if state.mode is Mode.BROKEN:
        raise StoreUnavailable(_BROKEN)
    if not bindable:
        raise NotSupported(UNBINDABLE)
    if freshness is None:
        raise StaleLogin(minutes)
    if not is_fresh(state, minutes, freshness.clock()):
        raise freshness.refusal(minutes)


def is_fresh(state: SessionState, minutes: float, now: float) -> bool:
    """Return whether a session's user has authenticated in the last minutes."""
    at = _authenticated_at(state, now)
    return at is not None and now - at <= minutes * 60


def _authenticated_at(state: SessionState, now: float) -> float | None:
    """Return when the session's user last authenticated, None for never."""
    if state.bound is not None or state.account is Kept.CONFIRMED:
        return now
    if state.loaded is None or state.cleared or state.owner is None:
        return None
    return state.loaded.record.auth_time or None


def checked_minutes(value: object) -> float:
    """Return a number of minutes; raise TypeError for other types, ValueError if out of bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"minutes must be a number, not {type(value).__name__}: write minutes=10")
    if not 0 < value < math.inf:
        raise ValueError("minutes must be above 0 and finite: write minutes=10")
    return value
