"""What happens to sessions, for signals and logs; none carries a secret."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TypeAlias


class Event(enum.Enum):
    """One thing that happened; the value is the signal's name."""

    CREATED = "session-created"
    BOUND = "session-bound"
    REGENERATED = "session-regenerated"
    DELETED = "session-deleted"
    REVOKED = "session-revoked"
    EXPIRED = "session-expired"
    REJECTED = "session-rejected"
    CONFLICT = "session-conflict"
    GONE = "session-gone"
    UNSAVED = "session-unsaved"


# The event, the sid if there is one that may be named, and a reason in fixed words.
Notify: TypeAlias = Callable[[Event, str | None, str], None]

EMPTIED = "the session was emptied"
EMPTIED_BLINDLY = (
    "the session was emptied, but no cookie can be sent by a WebSocket or a Socket.IO event, so "
    "the browser keeps one that opens nothing: do it in an HTTP request"
)

# Why what was done when the response was made is not saved.
STORE_FAILED = "the store failed"
KEPT_NOWHERE = "no session can keep it"

# Reasons that any visitor can cause, by what their browser sends: no cause for a warning.
NOT_OURS = "the cookie is not one of ours"
NOT_OURS_OR_OLD = "the cookie is not one of ours, or too old"
SEVERAL = "the request has two different session cookies"
TOO_MANY = "the request has more than four different session cookies"
REPLACED = "the secret is not the session's"
BY_VISITORS = frozenset((NOT_OURS, NOT_OURS_OR_OLD, SEVERAL, TOO_MANY, REPLACED))
