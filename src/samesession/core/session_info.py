"""The description of sessions, for users and administrators, without their data. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from .device_binding import is_bound
from .own_lifetimes import idle_timeout
from .record import Record
from .request_state import SessionState


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """The description of a session. Unknown values are None. Times are in UTC.

    `created`: when the session began; `authenticated`: when its owner logged in. `last_seen`: when
    its idle timeout was last restarted, with the precision of the store. `expires`: when it expires
    if it is not used, at its absolute timeout at the latest. `current`: whether it is the session
    of the request that asks. `device_bound`: whether it is bound to its device, so that a copied
    cookie is worthless soon.

    .. versionadded:: 1.0
    """

    sid: str | None
    owner: str | None
    label: str | None
    created: datetime | None
    authenticated: datetime | None
    last_seen: datetime | None
    expires: datetime | None
    current: bool
    device_bound: bool = False


@dataclass(frozen=True, slots=True)
class SessionPage:
    """A page of sessions; pass `after` to get the next page; None at the end.

    .. versionadded:: 1.0
    """

    sessions: tuple[SessionInfo, ...]
    after: str | None


def info_of(
    record: Record, *, seen: float | None, idle_end: float | None, current: bool
) -> SessionInfo:
    """Return the description of a record; `idle_end`: when it expires if it is not used."""
    ends = [end for end in (idle_end, record.deadline) if end]
    return SessionInfo(
        record.sid,
        record.owner,
        record.label,
        _moment(record.created),
        _moment(record.auth_time),
        _moment(seen),
        _moment(min(ends, default=None)),
        current,
        device_bound=is_bound(record),
    )


def info_of_request(state: SessionState) -> SessionInfo:
    """Return the description of a request's own session."""
    loaded, terms, seen = state.loaded, state.terms, state.seen
    if loaded is None:
        return SessionInfo(None, None, None, None, None, None, None, state.is_current)
    idle_end = None
    if seen is not None and terms is not None:
        idle_end = int(seen) + idle_timeout(loaded.record, terms.lifetimes)
    return info_of(loaded.record, seen=seen, idle_end=idle_end, current=state.is_current)


def _moment(seconds: float | None) -> datetime | None:
    """Return a moment to the second; None if there is none, or the calendar has no such date."""
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, OSError, ValueError):
        return None  # from the store, where others may have written it
