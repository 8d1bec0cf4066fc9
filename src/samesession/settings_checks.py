"""Checks of single settings that every store needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

from .core.names import checked_prefix
from .errors import ConfigError
from .reading_settings import Setting, number, seconds, text

# The predicate gets a request; its class depends on the framework.
Paths: TypeAlias = "Callable[[Any], bool] | tuple[str, ...]"


def fixed_format(value: object, setting: Setting) -> object:
    """Accept the only format that exists."""
    if value != "msgpack":
        raise ConfigError(f'{setting.name} must be "msgpack", or left out')
    return value


def fixed_length(value: object, setting: Setting) -> float:
    """Accept the number of bytes that a peer would use for an id, which changes nothing."""
    found = number(above=0.0)(value, setting)
    if not 16 <= found <= 48:  # noqa: PLR2004  # as the message says
        raise ConfigError(
            f"{setting.name} must be 16 to 48 bytes, or left out: a token always has 48"
        )
    return found


def whole(*, above: int) -> Callable[[object, Setting], int]:
    """Return a check that accepts a number above a limit, rounded down."""
    return lambda value, setting: int(number(above=above)(value, setting))


def key_prefix(value: object, setting: Setting) -> str:
    """Accept a prefix for keys in a store."""
    return checked_prefix(text(value, setting))


def interval(value: object, setting: Setting) -> int | None:
    """Accept a timedelta or seconds, 0 or None."""
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None if value is None else 0
    return seconds(value, setting)


def paths(*, endpoints: bool) -> Callable[[object, Setting], Paths]:
    """Return a check that accepts paths, or a function of the request; or `endpoints` as well."""
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
