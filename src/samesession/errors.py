"""Every error the library raises. Pure: no framework, no client library.

An error says what to do next and carries its evidence, never a secret: messages and attributes
contain no cookie, token, payload or SECRET_KEY.
"""

from __future__ import annotations

from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class SessionError(Exception):
    """The base class of samesession's errors.

    .. versionadded:: 1.0
    """


class ConfigError(SessionError, ValueError):
    """A setting is missing or wrong; the message says what to write instead.

    .. versionadded:: 1.0
    """


class InvalidName(SessionError, TypeError, ValueError):
    """An invalid name of an owner, or the like; the message does not quote it.

    It is both a TypeError and a ValueError, because the caller's mistake decides which one fits.

    .. versionadded:: 1.0
    """


class BadRecord(SessionError):
    """The bytes in a store are damaged, foreign or not authentic.

    `reason` is one of a fixed set of phrases, safe to log.

    .. versionadded:: 1.0
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the stored record is not usable: {reason}")
        self.reason = reason


class StoreError(SessionError):
    """A store could not do its work.

    .. versionadded:: 1.0
    """


class StoreUnavailable(StoreError):
    """The store is down, or too slow; an HTTP request ends with status 503.

    .. versionadded:: 1.0
    """


class SessionTooLarge(SessionError, ValueError):
    """The encoded session is larger than the store or a cookie may hold.

    `size` and `limit` are bytes. The stored session stays as it was.

    .. versionadded:: 1.0
    """

    def __init__(self, size: int, limit: int, what: str, remedy: str) -> None:
        super().__init__(f"{what} is {size} bytes, the limit is {limit}: {remedy}")
        self.size = size
        self.limit = limit


class ReadOnlySession(SessionError, RuntimeError):
    """The session cannot be written here: the path is exempt, or no cookie can be sent any more.

    .. versionadded:: 1.0
    """


class SessionEnded(SessionError, RuntimeError):
    """The session ended, or was bound to another user, before its changes could be saved.

    None of them was saved. `sid` names the session, and is not a secret.

    .. versionadded:: 1.0
    """

    def __init__(self, sid: str, how: str) -> None:
        super().__init__(f"the session {sid} {how}: nothing of it was saved")
        self.sid = sid


class EndedSessionKeyError(SessionEnded, KeyError):
    """A key was read of a session that had ended, or became another user's, during its request.

    .. versionadded:: 1.0
    """

    def __init__(self, sid: str, how: str) -> None:
        RuntimeError.__init__(
            self,
            f"the session {sid} {how}, so it is empty: check the result of samesession's "
            "reload() or save(), or use `in`, before",
        )
        self.sid = sid

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError's own would be a repr


class NotBound(SessionError, RuntimeError):
    """The call needs a session with an owner.

    .. versionadded:: 1.0
    """


class TooManySessions(SessionError):
    """The owner already has SESSION_MAX_PER_OWNER sessions: the login is refused.

    Nothing of its request is saved, and its session stays as it was. `owner` and `limit` are the
    owner and the limit.

    .. versionadded:: 1.0
    """

    def __init__(self, owner: str, limit: int) -> None:
        super().__init__(
            f"the user has {limit} sessions, as many as SESSION_MAX_PER_OWNER allows: end one of "
            "them, or bind with at_most= to end the oldest"
        )
        self.owner = owner
        self.limit = limit


class UnsavedWriteWarning(RuntimeWarning):
    """A write to the session is not saved, because its response is already made.

    .. versionadded:: 1.0
    """


class NotSupported(SessionError):
    """The configured store lacks the ability that the call needs.

    .. versionadded:: 1.0
    """


class StaleLogin(SessionError):
    """The user has not authenticated recently enough, or never; `minutes` is the limit.

    Applications see its HTTP error, `ReauthenticationRequired`.

    .. versionadded:: 1.0
    """

    def __init__(self, minutes: float) -> None:
        super().__init__(minutes)
        self.minutes = minutes

    def __str__(self) -> str:
        return (
            f"the user has not authenticated in the last {self.minutes:g} minutes: show the login "
            "form again, and then call session.bind() or session.confirm()"
        )


def at_place(error: BaseException, place: str) -> None:
    """Note which of several servers an error is about: a host and port, never more."""
    if place_of(error) is None:
        error._samesession_place = place  # type: ignore[attr-defined]  # noqa: SLF001  # others' classes


def place_of(error: BaseException) -> str | None:
    """Return which of several servers an error is about, if that was noted."""
    found: str | None = getattr(error, "_samesession_place", None)
    return found
