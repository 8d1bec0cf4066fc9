"""Every error the library raises. Pure: no framework, no client library.

An error names what to do next and carries its evidence, never a secret: no
cookie, token, payload or SECRET_KEY stands in a message or an attribute.
"""

from __future__ import annotations

from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class SessionError(Exception):
    """Anything that went wrong in samesession."""


class ConfigError(SessionError, ValueError):
    """A setting is missing or wrong; the message says what to write instead."""


class InvalidName(SessionError, TypeError, ValueError):
    """A name of an owner, or the like, that cannot be one; the message does not quote it.

    Both a TypeError and a ValueError, as which of them it is depends on no more than
    how the caller got it wrong.
    """


class BadRecord(SessionError):
    """What a store returned is damaged, foreign or not authentic.

    `reason` is one of a fixed set of phrases, safe to log.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the stored record is not usable: {reason}")
        self.reason = reason


class StoreError(SessionError):
    """A store could not do what it was asked."""


class StoreUnavailable(StoreError):
    """The store is down, or too slow; an HTTP request ends with status 503."""


class SessionTooLarge(SessionError, ValueError):
    """The session, encoded, is larger than the store or a cookie may hold.

    `size` and `limit` are bytes. What was stored before is untouched.
    """

    def __init__(self, size: int, limit: int, what: str, remedy: str) -> None:
        super().__init__(f"{what} is {size} bytes, the limit is {limit}: {remedy}")
        self.size = size
        self.limit = limit


class ReadOnlySession(SessionError, RuntimeError):
    """The session cannot be written here: an exempt path, or no cookie can be sent any more."""


class SessionEnded(SessionError, RuntimeError):
    """The session ended, or became another user's, before what was done to it could be saved.

    Nothing of it was saved. `sid`: of which session, which is no secret.
    """

    def __init__(self, sid: str, how: str) -> None:
        super().__init__(f"the session {sid} {how}: nothing of it was saved")
        self.sid = sid


class EndedSessionKeyError(SessionEnded, KeyError):
    """A key was read of a session that ended, or became another user's, while its request ran."""

    def __init__(self, sid: str, how: str) -> None:
        RuntimeError.__init__(
            self,
            f"the session {sid} {how}, so it is empty: what samesession's reload() or save() "
            "returned, or `in`, tells that beforehand",
        )
        self.sid = sid

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError's would be a repr


class NotBound(SessionError, RuntimeError):
    """What needs an owner was asked of a session that has none."""


class TooManySessions(SessionError):
    """The owner has as many sessions as SESSION_MAX_PER_OWNER allows: the login is not made.

    Nothing of its request is saved, and its session is what it was before. `owner` and
    `limit`: whose sessions, and how many those may be.
    """

    def __init__(self, owner: str, limit: int) -> None:
        super().__init__(
            f"the user has {limit} sessions, as many as SESSION_MAX_PER_OWNER allows: end one of "
            "them, or bind with at_most= to end the oldest"
        )
        self.owner = owner
        self.limit = limit


class UnsavedWriteWarning(RuntimeWarning):
    """What is written to a session here is not saved, as its response is made."""


class NotSupported(SessionError):
    """The configured store lacks the ability that was asked for."""


class StaleLogin(SessionError):
    """The user has not authenticated lately enough, or never; `minutes`: what was asked for.

    Applications see its HTTP error, `ReauthenticationRequired`.
    """

    def __init__(self, minutes: float) -> None:
        super().__init__(minutes)
        self.minutes = minutes

    def __str__(self) -> str:
        return (
            f"the user has not authenticated in the last {self.minutes:g} minutes: have the "
            "password shown again, and then call session.bind() or session.confirm()"
        )


def at_place(error: BaseException, place: str) -> None:
    """Note which of several servers an error is about: a host and port, never more."""
    if place_of(error) is None:
        error._samesession_place = place  # type: ignore[attr-defined]  # noqa: SLF001  # others' classes


def place_of(error: BaseException) -> str | None:
    """Return which of several servers an error is about, where that was noted."""
    found: str | None = getattr(error, "_samesession_place", None)
    return found
