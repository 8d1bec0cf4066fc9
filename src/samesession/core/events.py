"""Events of sessions, for signals and logs. None carries a secret."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from .record import Record


class Event(enum.Enum):
    """Something that happened to a session; the value is the signal's name."""

    CREATED = "session-created"
    BOUND = "session-bound"
    REGENERATED = "session-regenerated"
    CONFIRMED = "session-confirmed"
    UNBOUND = "session-unbound"
    ENDED = "session-ended"
    REVOKED = "session-revoked"
    EXPIRED = "session-expired"
    REJECTED = "session-rejected"
    CONFLICT = "session-conflict"
    GONE = "session-gone"
    UNSAVED = "session-unsaved"
    MIGRATED = "session-migrated"
    DEVICE_BOUND = "session-device-bound"
    DEVICE_PROVED = "session-device-proved"
    DEVICE_REFUSED = "session-device-refused"
    DEVICE_SKIPPED = "session-device-skipped"


@dataclass(frozen=True, slots=True)
class Notice:
    """One event with a reason in fixed words, and the session's owner if it is known.

    Owner and label are personal data. Receivers of signals get them; log lines and `repr` do not.
    """

    event: Event
    reason: str = ""
    sid: str | None = None
    owner: str | None = field(default=None, repr=False)
    label: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, event: Event, record: Record | None, reason: str = "") -> Notice:
        """Return the notice of an event, with the owner and label of the session's record."""
        if record is None:
            return cls(event, reason)
        return cls(event, reason, record.sid, record.owner, record.label)


Notify: TypeAlias = Callable[[Notice], None]

FASTER = "another request was faster"

# Reasons why a session lost or changed its owner, other than `unbind`.
CLEARED = "it was emptied and written again"
ANOTHERS = "another user logged in"

# Reasons why a session ended.
EMPTIED = "the session was emptied"
EMPTIED_BLINDLY = (
    "the session was emptied, but a WebSocket or a Socket.IO event cannot send a cookie, so the "
    "browser keeps one that opens nothing: do it in an HTTP request"
)
LOGGED_OUT = "the application ended the session"
ENDED_BLINDLY = (
    "the application ended the session, but a WebSocket or a Socket.IO event cannot send a "
    "cookie, so the browser keeps one that opens nothing: do it in an HTTP request"
)

BEYOND_LIMIT = "its owner had more sessions than allowed"

# Reasons why there is no session for one of our cookies.
MISSING = "no such session is stored"
OVER = "it has expired"

# Reasons why a request's changes are not saved.
ENDED_MEANWHILE = "it ended while the request ran"
ENDED_BEFORE = "it ended before this was written"
TAKEN_OVER = "its secret was replaced"

# Reasons why changes made while the response is made are not saved.
STORE_FAILED = "the store failed"
KEPT_NOWHERE = "no session can keep it"

# Reasons that any visitor can cause with the cookies that they send: no cause for a warning.
NOT_OURS = "the cookie is not one of ours"
NOT_OURS_OR_OLD = "the cookie is not one of ours, or too old"
SEVERAL = "the request has two different session cookies"
TOO_MANY = "the request has more than four different session cookies"
OLD_UNREADABLE = "the cookie of another library names no session that can be read"
OLD_MISSING = "no such session of another library is stored"
OLD_USED = "the session of another library was taken over, and its old cookie no longer opens it"
OLD_SEVERAL = "the request has two different session cookies of other libraries"
OLD_TOO_MANY = "the request has more than four different session cookies of other libraries"
_OLD = (OLD_UNREADABLE, OLD_USED, OLD_SEVERAL, OLD_TOO_MANY)
REPLACED = "the secret is not the session's"
BY_VISITORS = frozenset((NOT_OURS, NOT_OURS_OR_OLD, SEVERAL, TOO_MANY, REPLACED, *_OLD))

# Reasons why a bound session was refused, or continued without a proof.
DEVICE_MISSING = "there is no bound cookie"
DEVICE_STALE = "the bound cookie is too old"
DEVICE_FOREIGN = "the bound cookie is not the session's"
DEVICE_DAMAGED = "the binding cannot be read"
DEVICE_BY_HEADER = "the token is in a header"
# Why a registration or a proof was refused.
DEVICE_UNASKED = "no registration is due"
DEVICE_CHALLENGE = "the challenge is unknown, used or too old"
DEVICE_UNREADABLE = "the proof cannot be read"
DEVICE_KEY = "the key is of a kind that is refused"
DEVICE_SIGNATURE = "the signature is not by the key"
# Why a request comes without a proof, in the browser's words; and any other of its words.
DEVICE_UNREACHABLE = "unreachable"
DEVICE_SERVER_ERROR = "server_error"
DEVICE_QUOTA = "quota_exceeded"
DEVICE_OTHER = "another word of the browser's"
