"""Every error the library raises. Pure: no framework, no client library.

An error names what to do next and carries its evidence, never a secret: no
cookie, token, payload or SECRET_KEY stands in a message or an attribute.
"""

from __future__ import annotations


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
    """The session cannot be written here: an exempt path, or headers already sent."""


class NotSupported(SessionError):
    """The configured store lacks the ability that was asked for."""


def conceal(error: BaseException) -> None:
    """Empty the local variables of the library's frames, and of those they called.

    A debug page or an error tracker shows them, and they hold what must not be
    shown: a record, a user's data, a password. Frames that still run are left.
    """
    known: set[int] = set()
    told: BaseException | None = error
    while told is not None and id(told) not in known:
        known.add(id(told))
        ours = False
        step = told.__traceback__
        while step is not None:
            ours = ours or str(step.tb_frame.f_globals.get("__name__")).startswith("samesession.")
            if ours:
                try:
                    step.tb_frame.clear()
                except RuntimeError:
                    pass
            step = step.tb_next
        told = told.__cause__ or told.__context__
