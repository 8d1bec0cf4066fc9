"""How single settings are checked, of those that every store needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

from .core.names import checked_prefix
from .errors import ConfigError
from .reading_settings import Setting, number, seconds, text

# A request is given to the predicate; which class it has depends on the framework.
Paths: TypeAlias = "Callable[[Any], bool] | tuple[str, ...]"


def fixed_format(value: object, setting: Setting) -> object:
    """Take the only format that there is."""
    if value != "msgpack":
        raise ConfigError(f'{setting.name} must be "msgpack", or left out')
    return value


def fixed_length(value: object, setting: Setting) -> float:
    """Take how many bytes a peer would draw for a session, which changes nothing."""
    found = number(above=0.0)(value, setting)
    if not 16 <= found <= 48:  # noqa: PLR2004  # as the message says
        raise ConfigError(
            f"{setting.name} must be 16 to 48 bytes, or left out: a token always has 48"
        )
    return found


def whole(*, above: int) -> Callable[[object, Setting], int]:
    """Return a check that takes a number above a limit, and drops a part of one."""
    return lambda value, setting: int(number(above=above)(value, setting))


def key_prefix(value: object, setting: Setting) -> str:
    """Take what keys in a store can begin with."""
    return checked_prefix(text(value, setting))


def interval(value: object, setting: Setting) -> int | None:
    """Take a timedelta or seconds, 0 or None."""
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None if value is None else 0
    return seconds(value, setting)


def paths(*, endpoints: bool) -> Callable[[object, Setting], Paths]:
    """Return a check that takes paths, or a function of the request; or `endpoints` as well."""
    begin = "" if endpoints else "/"

    def check(value: object, setting: Setting) -> Paths:
        if callable(value):
            return cast("Callable[[Any], bool]", value)
        if isinstance(value, list | tuple | set | frozenset):
            prefixes = tuple(cast("Sequence[object]", value))
            if all(isinstance(each, str) and each and each.startswith(begin) for each in prefixes):
                return cast("tuple[str, ...]", prefixes)
        raise ConfigError(
            f"{setting.name} must be a list of paths such as ['/health'], "
            "or a function of the request"
        )

    return check
