"""Encode one value as canonical bytes and back: MessagePack with our extension types.

Equal values give equal bytes in every process, so comparing bytes finds a nested change. A type
that is not listed here is refused, with the path of the value. Nothing is ever pickled, and nothing
is decoded beyond the depth that can be encoded.

As in Flask's tagged JSON, subclasses are kept as their base type, and objects with `__html__` as
Markup. `subclasses` refuses those that would lose their meaning.
"""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import ormsgpack
from markupsafe import Markup

from ..errors import BadRecord
from .subclasses import (
    base_of,
    is_member,
    spell_date,
    spell_datetime,
    spell_decimal,
    spell_time,
)
from .unfit_values import culprit

# How deep extensions may be nested. Between two of them MessagePack itself may go 255 lists deep,
# on the C stack: 32 times that fits in the 8 MB that a thread has.
MAX_DEPTH = 32

_OPTIONS = (
    ormsgpack.OPT_PASSTHROUGH_BIG_INT
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_TUPLE
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
_HUGE_INT_BITS = 8192
_OTHER_KEYS = "Dict key must be str"  # the wording of MessagePack
# The types that MessagePack packs itself, almost always.
_PLAIN = frozenset((str, int, float, bool, bytes, type(None)))


class _Tag(enum.IntEnum):
    """Extension types; a number is never reused."""

    TUPLE = 1
    SET = 2
    FROZENSET = 3
    PAIRS = 4
    MARKUP = 5
    UUID = 6
    DATETIME = 7
    DATE = 8
    TIME = 9
    TIMEDELTA = 10
    DECIMAL = 11
    INT = 12


def encode_value(value: object, *, root: str) -> bytes:
    """Encode one value; `root` is its name in errors, such as `session['cart']`.

    Raises TypeError with the path of a value that cannot be encoded.
    """
    encoded = encode_if_fit(value)
    if encoded is not None:
        return encoded
    # Only an error justifies walking the data in Python. It is raised outside of any handler: the
    # errors of packing, level by level, would fill a page with tracebacks.
    raise TypeError(culprit(value, root, fits))


def encode_if_fit(value: object) -> bytes | None:
    """Encode one value; None if another format held a value that this one cannot."""
    if type(value) in _PLAIN:
        try:
            return ormsgpack.packb(value)
        except TypeError:
            pass  # a big number, or half of a surrogate pair
    try:
        return _pack(value)
    except _UnfitError:
        return None


def fits(value: object) -> bool:
    """Return whether a value can be encoded."""
    return encode_if_fit(value) is not None


def decode_value(payload: bytes) -> Any:
    """Decode the result of `encode_value`; raise BadRecord for anything else."""
    try:
        return _Unpacker().unpack(payload)
    except (ValueError, TypeError, OverflowError, ArithmeticError, RecursionError) as error:
        raise BadRecord("its payload cannot be decoded") from error


class _UnfitError(Exception):
    """A part of the data cannot be encoded; the path is not known yet."""


class _OtherKeysError(Exception):
    """A dict has keys that are not strings, which MessagePack's own maps cannot hold."""


class _Packer:
    """Packs one value; `_default` is called for each object that MessagePack does not know.

    Few sessions hold a dict whose keys are not strings, so no code searches for one. The first that
    MessagePack meets stops the packing of the whole value, and `_pack` starts again with `careful`.
    Packing again right there would double the work with each level of nesting.
    """

    __slots__ = ("_careful", "_depth", "_rewrote", "_stopped")

    def __init__(self, *, careful: bool = False) -> None:
        self._depth = 0
        self._careful = careful
        self._rewrote = False
        self._stopped = False

    def pack(self, value: object) -> bytes:
        """Pack a value.

        Raises _UnfitError, or unless `careful` _OtherKeysError.
        """
        try:
            return ormsgpack.packb(
                self._rewritten(value) if self._careful else value,
                default=self._default,
                option=_OPTIONS,
            )
        except (TypeError, RecursionError) as error:
            # If it was met within an extension, MessagePack has replaced our error.
            self._stopped = self._stopped or str(error) == _OTHER_KEYS
            if self._stopped and not self._careful:
                raise _OtherKeysError from error
            raise _UnfitError from error

    def _rewritten(self, value: object) -> object:
        """Return a value that MessagePack can pack; the value itself if possible."""
        around, self._rewrote = self._rewrote, False
        try:
            paired = self._paired(value)
            return paired if self._rewrote else value
        except RecursionError:
            return value
        finally:
            self._rewrote = around

    def _paired(self, value: object) -> object:
        """Rewrite dicts that MessagePack would not keep exactly as lists of pairs."""
        if is_member(value):
            return value
        if isinstance(value, dict):
            # A MultiDict's own `items` can be iterated only once.
            plain = dict(cast("dict[object, object]", value))
            if all(type(key) is str for key in plain):
                return {key: self._paired(item) for key, item in plain.items()}
            self._rewrote = True
            if all(map(_is_text, plain)):
                named = cast("dict[str, object]", plain)
                return {str.__str__(key): self._paired(item) for key, item in named.items()}
            return self._ext(_Tag.PAIRS, [part for pair in plain.items() for part in pair])
        if isinstance(value, list) and not hasattr(cast("object", value), "__html__"):
            return [self._paired(item) for item in cast("list[object]", value)]
        return cast("object", value)

    def _ext(self, tag: _Tag, value: object) -> ormsgpack.Ext:
        if self._depth >= MAX_DEPTH:
            raise _UnfitError
        self._depth += 1
        try:
            return ormsgpack.Ext(tag, self.pack(value))
        finally:
            self._depth -= 1

    def _default(self, value: object) -> object:
        known = _SCALARS.get(type(value))
        if known is not None:
            tag, spell = known
            return ormsgpack.Ext(tag, spell(value))
        if is_member(value):
            raise _UnfitError
        match value:
            case tuple():
                return self._ext(_Tag.TUPLE, list(cast("tuple[object, ...]", value)))
            case set() | frozenset():
                tag = _Tag.SET if isinstance(value, set) else _Tag.FROZENSET
                return self._members(tag, cast("Iterable[object]", value))
            case dict():
                return dict(cast("dict[object, object]", value))
            case _:
                return _as_base(value)

    def _members(self, tag: _Tag, members: Iterable[object]) -> ormsgpack.Ext:
        """Encode a set in an order that does not depend on the process's hash seed."""
        if self._depth >= MAX_DEPTH:
            raise _UnfitError
        self._depth += 1
        try:
            packed = sorted(self.pack(member) for member in members)
        finally:
            self._depth -= 1
        return ormsgpack.Ext(tag, ormsgpack.packb(packed))


def _pack(value: object) -> bytes:
    try:
        return _Packer().pack(value)
    except _OtherKeysError:
        return _Packer(careful=True).pack(value)


def _is_text(key: object) -> bool:
    return type(key) is str or (isinstance(key, str) and not hasattr(key, "__html__"))


def _as_base(value: object) -> object:
    """Return the plain value of a subclass; refuse everything else."""
    html = getattr(value, "__html__", None)
    if callable(html):
        return Markup(str(html()))
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list):
        return list(cast("list[object]", value))
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    kind = base_of(value, _SCALARS)
    if kind is None:
        raise _UnfitError
    tag, spell = _SCALARS[kind]
    return ormsgpack.Ext(tag, spell(value))


def _spell_int(value: int) -> bytes:
    if value.bit_length() > _HUGE_INT_BITS:
        raise _UnfitError
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _spell_timedelta(value: dt.timedelta) -> bytes:
    return f"{value.days},{value.seconds},{value.microseconds}".encode("ascii")


_SCALARS: dict[type, tuple[_Tag, Callable[[Any], bytes]]] = {
    Markup: (_Tag.MARKUP, lambda value: str.encode(value, "utf-8")),
    uuid.UUID: (_Tag.UUID, lambda value: value.bytes),
    dt.datetime: (_Tag.DATETIME, lambda value: spell_datetime(value).encode("ascii")),
    dt.date: (_Tag.DATE, lambda value: spell_date(value).encode("ascii")),
    dt.time: (_Tag.TIME, lambda value: spell_time(value).encode("ascii")),
    dt.timedelta: (_Tag.TIMEDELTA, _spell_timedelta),
    Decimal: (_Tag.DECIMAL, lambda value: spell_decimal(value).encode("ascii")),
    int: (_Tag.INT, _spell_int),
}


class _Unpacker:
    """Unpacks one payload; `_hook` is called for each extension."""

    __slots__ = ("_depth",)

    def __init__(self) -> None:
        self._depth = 0

    def unpack(self, raw: bytes) -> Any:
        return ormsgpack.unpackb(raw, ext_hook=self._hook)

    def _hook(self, tag: int, raw: bytes) -> object:
        read = _READERS.get(tag)
        if read is not None:
            return read(raw)
        if self._depth > MAX_DEPTH:
            raise ValueError("nested too deep")
        self._depth += 1
        try:
            return self._nested(tag, self.unpack(raw))
        finally:
            self._depth -= 1

    def _nested(self, tag: int, items: Any) -> object:
        if type(items) is not list:
            raise ValueError("an extension does not hold a list")
        values = cast("list[Any]", items)
        match tag:
            case _Tag.TUPLE:
                return tuple(values)
            case _Tag.SET:
                return {self.unpack(item) for item in values}
            case _Tag.FROZENSET:
                return frozenset(self.unpack(item) for item in values)
            case _Tag.PAIRS:
                return dict(zip(values[::2], values[1::2], strict=True))
            case _:
                raise ValueError("an unknown extension")


def _read_datetime(raw: bytes) -> dt.datetime:
    spelled = raw.decode("ascii")
    return dt.datetime.fromisoformat(spelled.removesuffix("f")).replace(fold=spelled[-1] == "f")


def _read_time(raw: bytes) -> dt.time:
    spelled = raw.decode("ascii")
    return dt.time.fromisoformat(spelled.removesuffix("f")).replace(fold=spelled[-1] == "f")


def _read_timedelta(raw: bytes) -> dt.timedelta:
    days, seconds, microseconds = raw.decode("ascii").split(",")
    return dt.timedelta(int(days), int(seconds), int(microseconds))


def _read_decimal(raw: bytes) -> Decimal:
    try:
        return Decimal(raw.decode("ascii"))
    except InvalidOperation as error:
        raise ValueError("no decimal") from error


def _read_int(raw: bytes) -> int:
    if len(raw) > _HUGE_INT_BITS // 8 + 1:
        raise ValueError("an int too large")
    return int.from_bytes(raw, "big", signed=True)


_READERS: dict[int, Callable[[bytes], object]] = {
    _Tag.MARKUP: lambda raw: Markup(raw.decode("utf-8")),
    _Tag.UUID: lambda raw: uuid.UUID(bytes=raw),
    _Tag.DATETIME: _read_datetime,
    _Tag.DATE: lambda raw: dt.date.fromisoformat(raw.decode("ascii")),
    _Tag.TIME: _read_time,
    _Tag.TIMEDELTA: _read_timedelta,
    _Tag.DECIMAL: _read_decimal,
    _Tag.INT: _read_int,
}
