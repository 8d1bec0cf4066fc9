"""What tests compare of what is known of sessions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from samesession import SessionInfo


class Known(NamedTuple):
    """What a list and the session itself say alike, whenever they are asked."""

    sid: str | None
    owner: str | None
    label: str | None
    created: datetime | None
    authenticated: datetime | None


def known_of(info: SessionInfo) -> Known:
    """Return what of a session does not change with each request."""
    return Known(info.sid, info.owner, info.label, info.created, info.authenticated)


def moment(seconds: float) -> datetime:
    """Return a moment as what is known of a session has it: to the second, in UTC."""
    return datetime.fromtimestamp(int(seconds), UTC)
