"""Keep session data out of the local variables that an error exposes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def clearing_locals(func: Callable[P, T]) -> Callable[P, T]:
    """Return the function in a form whose frames show nothing when it raises.

    An error tracker shows the local variables of each frame that an error has passed, and the
    contents of mappings, whatever their repr says. The frames of called functions are cleared, too.
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
    """Apply `clearing_locals` to the methods of a class; `but`: names that do it themselves."""

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
    """Do the same as `clear_locals` if a frame called another one; costs little otherwise."""
    if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
        clear_locals(error)


def clear_locals(error: BaseException) -> None:
    """Empty the local variables of the library's frames, and of the frames that they called.

    A debug page or an error tracker shows them, and they hold private values: a record, a user's
    data, a password. Frames that still run are left alone.
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
