"""Whether a user has authenticated lately enough for what a view is about to do. Pure.

    session                           a check of `minutes`
    no owner, or one who never        raises
      authenticated with it
    bound, or confirmed, by this      passes
      very request
    last authentication               passes where that is at most so many minutes ago

An authentication is noted in whole seconds, rounded down, so that none passes for fresher than
it is. Clocks of nodes may differ by a minute (`policy.SKEW`), and the check by as much.
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
    "nobody can be known on a path that is exempt from sessions, so no login is fresh there: take "
    "it out of SESSION_EXEMPT, or off no_session"
)
_BROKEN = "the session store failed, so how long ago the login was is unknown"


@dataclass(frozen=True, slots=True)
class Freshness:
    """What judges logins: the time, and what makes the error of one that is too long ago."""

    clock: Clock
    refusal: Callable[[float], StaleLogin]


def check(
    state: SessionState, minutes: float, freshness: Freshness | None, *, bindable: bool
) -> None:
    """Raise the error unless the session's user has authenticated in so many minutes.

    `freshness`: None for a session that no application opened. Raises NotSupported where no
    session ever can be fresh, StoreUnavailable where the store failed: to log in again would
    help in neither case.
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
    """Return when the user of a session authenticated last, None for never."""
    if state.bound is not None or state.account is Kept.CONFIRMED:
        return now
    if state.loaded is None or state.cleared or state.owner is None:
        return None
    return state.loaded.record.auth_time or None


def checked_minutes(value: object) -> float:
    """Return a number of minutes; raise TypeError for none, ValueError for one out of bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"minutes is a number, not {type(value).__name__}: write minutes=10")
    if not 0 < value < math.inf:
        raise ValueError("minutes must be above 0, and finite: write minutes=10")
    return value
