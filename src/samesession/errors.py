"""Every error the library raises. Pure: no framework, no client library.

An error names what to do next and carries its evidence, never a secret: no
cookie, token, payload or SECRET_KEY stands in a message or an attribute.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
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


class UnsavedWriteWarning(RuntimeWarning):
    """What is written to a session here is not saved, as its response is made."""


class NotSupported(SessionError):
    """The configured store lacks the ability that was asked for."""


def at_place(error: BaseException, place: str) -> None:
    """Note which of several servers an error is about: a host and port, never more."""
    if place_of(error) is None:
        error._samesession_place = place  # type: ignore[attr-defined]  # noqa: SLF001  # others' classes


def place_of(error: BaseException) -> str | None:
    """Return which of several servers an error is about, where that was noted."""
    found: str | None = getattr(error, "_samesession_place", None)
    return found


def clearing_locals(func: Callable[P, T]) -> Callable[P, T]:
    """Have the frames of a function, and of those it calls, show nothing when it raises.

    An error tracker looks at the local variables of each frame that an error has
    passed, and at what a mapping holds, whatever its repr says.
    """

    @wraps(func)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return func(*args, **kwargs)
        except BaseException as error:
            del args, kwargs  # of the one frame that still runs, and cannot be cleared
            clear_locals(error)
            raise

    return call


def with_locals_cleared(*but: str) -> Callable[[type[T]], type[T]]:
    """Have what a class offers be `clearing_locals`; `but`: names that see to it themselves."""

    def decorate(cls: type[T]) -> type[T]:
        for name, member in list(vars(cls).items()):
            private = name.startswith("_") and not name.endswith("__")
            if private or name in but:
                continue
            if isinstance(member, FunctionType):
                setattr(cls, name, clearing_locals(member))
            elif isinstance(member, property):
                setattr(cls, name, _clearing_property(member))
        return cls

    return decorate


def _clearing_property(member: property) -> property:
    getter = None if member.fget is None else clearing_locals(member.fget)
    setter = None if member.fset is None else clearing_locals(member.fset)
    return property(getter, setter, doc=member.__doc__)


def clear_called_locals(error: BaseException) -> None:
    """Do what `clear_locals` does where a frame called another one; costs little where none did."""
    if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
        clear_locals(error)


def clear_locals(error: BaseException) -> None:
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
