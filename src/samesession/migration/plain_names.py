"""The names that a pickle of plain data may contain, and the values made of their arguments.

Nothing that a pickle names is ever called. Each function here checks its arguments, and makes a
value with constructors that check them again. Constructors would accept the raw arguments of pickle
unchecked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from ..errors import BadRecord

OTHER = "it is a pickle of more than plain data"

Args: TypeAlias = tuple[Any, ...]  # the arguments of a call in a pickle: anything


@dataclass(frozen=True, slots=True)
class Maker:
    """Stands for a callable that a pickle names."""

    make: Callable[[Args], Any]


def _bytes_of(args: Args) -> bytes:
    """Return the value of a call of `bytes` or `bytearray`, as pickles of old protocols have it."""
    match args:
        case ():
            return b""
        case (bytes() as raw,) if type(raw) is bytes:
            return raw
        case (str() as text, "latin-1" | "latin1"):
            return text.encode("latin-1")
        case _:
            raise BadRecord(OTHER)


def _encoded(args: Args) -> bytes:
    if len(args) != 2:  # noqa: PLR2004  # a text and its encoding
        raise BadRecord(OTHER)
    return _bytes_of(args)


def _state(args: Args, length: int) -> tuple[bytes, dt.timezone | None]:
    """Return the arguments of a datetime or time, from their packed state.

    The state is not passed to the class, which accepts days and hours that do not exist.
    """
    match args:
        case (bytes() as raw,) | (bytes() as raw, None) if len(raw) == length:
            return raw, None
        case (bytes() as raw, dt.timezone() as zone) if len(raw) == length:
            return raw, zone
        case _:
            raise BadRecord(OTHER)


def _datetime(args: Args) -> dt.datetime:
    raw, zone = _state(args, 10)
    year, month = int.from_bytes(raw[:2], "big"), raw[2] & 0x7F
    microsecond = int.from_bytes(raw[7:], "big")
    day, hour, minute, second = raw[3:7]
    fold = raw[2] >> 7
    return dt.datetime(year, month, day, hour, minute, second, microsecond, zone, fold=fold)


def _time(args: Args) -> dt.time:
    raw, zone = _state(args, 6)
    microsecond = int.from_bytes(raw[3:], "big")
    return dt.time(raw[0] & 0x7F, raw[1], raw[2], microsecond, zone, fold=raw[0] >> 7)


def _date(args: Args) -> dt.date:
    raw, zone = _state(args, 4)
    if zone is not None:
        raise BadRecord(OTHER)
    return dt.date(int.from_bytes(raw[:2], "big"), raw[2], raw[3])


def _timedelta(args: Args) -> dt.timedelta:
    if [*map(type, args)] != [int, int, int]:
        raise BadRecord(OTHER)
    return dt.timedelta(*args)


def _timezone(args: Args) -> dt.timezone:
    if [*map(type, args)] not in ([dt.timedelta], [dt.timedelta, str]):
        raise BadRecord(OTHER)
    return dt.timezone(*args)


def _members(args: Args) -> list[Any]:
    if [*map(type, args)] != [list]:
        raise BadRecord(OTHER)
    return cast("list[Any]", args[0])


_BUILTINS: dict[str, Callable[[Args], Any]] = {
    "bytearray": lambda args: bytearray(_bytes_of(args)),
    "bytes": _bytes_of,
    "set": lambda args: set(_members(args)),
    "frozenset": lambda args: frozenset(_members(args)),
}
# The module and name in a pickle; Python 2's are those of protocols 0 to 2.
MAKERS: Mapping[tuple[str, str], Maker] = {
    ("_codecs", "encode"): Maker(_encoded),
    ("datetime", "date"): Maker(_date),
    ("datetime", "datetime"): Maker(_datetime),
    ("datetime", "time"): Maker(_time),
    ("datetime", "timedelta"): Maker(_timedelta),
    ("datetime", "timezone"): Maker(_timezone),
    **{
        (module, name): Maker(make)
        for module in ("builtins", "__builtin__")
        for name, make in _BUILTINS.items()
    },
}
