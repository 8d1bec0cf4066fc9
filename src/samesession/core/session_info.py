"""What users and administrators may see of sessions besides their data."""

from __future__ import annotations

from dataclasses import dataclass

from .record import Record


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a session. Times are seconds since 1970; 0 means never or none."""

    sid: str | None
    owner: str | None
    created: int
    auth_time: int
    deadline: int


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Some of an owner's sessions; `after`: what to ask for the next ones with, None at the end."""

    sessions: tuple[About, ...]
    after: str | None


def about(record: Record) -> About:
    """Return what the user and an administrator may see of a record."""
    return About(record.sid, record.owner, record.created, record.auth_time, record.deadline)


NO_SESSION = About(None, None, 0, 0, 0)
