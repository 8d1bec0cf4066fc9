"""Flask's tagged JSON, written and read without Flask, and extended so that nothing is lost.

Source: `flask.json.tag`. Types that Flask tags get the same tags here, so that plain Flask and
plain Quart read them. Types without a tag in Flask get our own tags, which Flask passes through as
small dicts. A datetime carries its exact value behind the HTTP date that Flask reads, where Flask's
parser ignores it.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from email.utils import format_datetime, parsedate_to_datetime
from operator import itemgetter
from typing import Any, TypeAlias, cast

from markupsafe import Markup

from ...errors import BadRecord
from ..subclasses import (
    base_of,
    is_member,
    plain_datetime,
    spell_date,
    spell_datetime,
    spell_decimal,
    spell_time,
)
from ..unfit_values import culprit

Json = Any  # JSON has no better type
Reader: TypeAlias = Callable[[Any], object]
ReaderOf: TypeAlias = Callable[[str], "Reader | None"]

MAX_DEPTH = 100
_HUGE_INT_BITS = 8192


class _UnfitError(Exception):
    """A part of the data cannot be encoded; the path is not known yet."""


def dumps(data: dict[str, Any]) -> str:
    """Encode a session's data as Flask does, in the order of the data.

    Raises TypeError with the path of a value that cannot be encoded.
    """
    try:
        return _dump(data)
    except _UnfitError:
        pass
    # Raised outside of the handler, because the original error adds nothing to this one.
    raise TypeError(culprit(data, "session", _fits))


def loads(text: str) -> dict[str, Any]:
    """Decode the result of `dumps`, or of Flask.

    Raises BadRecord for anything else.
    """
    return _loaded(text, _READERS.get)


def loads_foreign(text: str, *, tags_of_ours: bool) -> dict[str, Any]:
    """Decode text from Flask's serializer of an application, as that would read it.

    A tag of the application stands for a value that only the application can make: it raises
    BadRecord, like anything unknown. `tags_of_ours`: `dumps` may have written the text, too.
    """
    return _loaded(text, _foreign_reader if tags_of_ours else _flasks_reader)


def _loaded(text: str, reader_of: ReaderOf) -> dict[str, Any]:
    try:
        data = json.loads(text)
        if _may_be_tagged(text):
            data = _untag(data, 0, reader_of)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise BadRecord("the cookie's data cannot be decoded") from error
    if type(data) is not dict or not all(type(key) is str for key in cast("dict[Any, Any]", data)):
        raise BadRecord("the cookie's data is not a mapping of names")
    return cast("dict[str, Any]", data)


def _may_be_tagged(text: str) -> bool:
    """Return whether JSON may hold a tag, or is nested too deep to search.

    Each tag is a key that starts with a space, which can only be spelled otherwise with JSON's
    escapes.
    """
    return '" ' in text or "\\" in text or text.count("{") + text.count("[") > MAX_DEPTH


def _dump(value: object) -> str:
    return json.dumps(_tag(value, 0), separators=(",", ":"))


def _fits(value: object) -> bool:
    try:
        _ = _dump(value)
    except _UnfitError:
        return False
    return True


def _tag(value: object, depth: int) -> Json:
    if value is None or type(value) in (str, bool, float):
        return value
    if depth > MAX_DEPTH:
        raise _UnfitError
    writer = _WRITERS.get(type(value))
    if writer is not None:
        name, write = writer
        return {name: write(value, depth + 1)}
    if type(value) not in _PLAIN and is_member(value):
        raise _UnfitError
    if isinstance(value, dict):
        return _tag_dict(cast("dict[Any, Any]", value), depth)
    if isinstance(value, list):
        return _items(cast("list[Any]", value), depth + 1)
    return _as_base(value, depth)


def _as_base(value: object, depth: int) -> Json:
    """Return how Flask's JSON would write a subclass; refuse everything else."""
    for kind in (tuple, set, frozenset, bytes, bytearray):
        if isinstance(value, kind):
            return _write_as(kind, cast("object", value), depth)
    if callable(html := getattr(value, "__html__", None)):
        return {" m": str(html())}
    if isinstance(value, int) and value.bit_length() <= _HUGE_INT_BITS:
        return int(value)
    if issubclass(type(value), str):  # a proxy of a text is not a text
        return str.__str__(cast("str", value))
    if isinstance(value, float):
        return float(value)
    exact = base_of(value, _WRITERS)
    if exact is None:
        raise _UnfitError
    return _write_as(exact, value, depth)


def _write_as(kind: type, value: object, depth: int) -> Json:
    name, write = _WRITERS[kind]
    return {name: write(value, depth + 1)}


def _tag_dict(value: dict[Any, Any], depth: int) -> Json:
    if not all(isinstance(key, str) and not hasattr(key, "__html__") for key in value):
        # Two levels: the tag and its list, and the list of a pair.
        pairs = [[_tag(key, depth + 2), _tag(item, depth + 2)] for key, item in value.items()]
        return {" ss.pairs": pairs}
    if len(value) == 1:
        ((key, item),) = value.items()
        if key in _READERS:
            return {" di": {f"{key}__": _tag(item, depth + 1)}}
    return {str.__str__(key): _tag(item, depth + 1) for key, item in value.items()}


def _items(values: Any, depth: int) -> list[Json]:
    return [_tag(value, depth) for value in values]


class _Members(list[Json]):
    """A set's members in the order of their JSON text, and that text.

    The members of an outer set are sorted by their text, too. Spelling the inner set again for each
    of them would multiply the work by the depth.
    """

    __slots__ = ("spelled",)
    spelled: str


def _sorted_items(values: Any, depth: int) -> list[Json]:
    """Sort a set's members in the same order in every process."""
    spelled = [(_spelled(item), item) for item in _items(values, depth)]
    spelled.sort(key=itemgetter(0))
    members = _Members(item for _, item in spelled)
    members.spelled = f"[{', '.join(text for text, _ in spelled)}]"
    return members


def _spelled(value: Json) -> str:
    """Return the same text as `json.dumps(value)`."""
    if type(value) is _Members:
        return value.spelled
    if type(value) is list:
        return f"[{', '.join(map(_spelled, cast('list[Json]', value)))}]"
    if type(value) is dict:
        pairs = cast("dict[str, Json]", value).items()
        return f"{{{', '.join(f'{json.dumps(name)}: {_spelled(item)}' for name, item in pairs)}}}"
    return json.dumps(value)


def _write_memory(value: memoryview, _: int) -> str:
    # MessagePack refuses it, too.
    if not value.c_contiguous:
        raise _UnfitError
    return b64encode(value).decode("ascii")


def _write_datetime(value: dt.datetime, _: int) -> str:
    """Return the HTTP date that Flask writes, and behind it the exact value."""
    moment = plain_datetime(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    try:
        date = format_datetime(moment.astimezone(dt.UTC).replace(microsecond=0), usegmt=True)
    except OverflowError:  # an offset at the edge of the calendar
        date = format_datetime(moment.replace(tzinfo=dt.UTC, microsecond=0), usegmt=True)
    return f"{date} ({spell_datetime(value)})"


def _read_datetime(value: str) -> dt.datetime:
    date, behind, exact = value.partition(" (")
    if not behind:
        return parsedate_to_datetime(date)
    spelled = exact.removesuffix(")")
    return dt.datetime.fromisoformat(spelled.removesuffix("f")).replace(fold=spelled[-1:] == "f")


def _read_time(value: str) -> dt.time:
    return dt.time.fromisoformat(value.removesuffix("f")).replace(fold=value[-1:] == "f")


def _read_decimal(value: str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise ValueError("no decimal") from error


_PLAIN = frozenset((dict, list, int))
_WRITERS: dict[type, tuple[str, Callable[[Any, int], Json]]] = {
    tuple: (" t", _items),
    bytes: (" b", lambda value, _: b64encode(value).decode("ascii")),
    bytearray: (" b", lambda value, _: b64encode(value).decode("ascii")),
    memoryview: (" b", _write_memory),
    Markup: (" m", lambda value, _: str.__str__(value)),
    uuid.UUID: (" u", lambda value, _: value.hex),
    dt.datetime: (" d", _write_datetime),
    dt.date: (" ss.date", lambda value, _: spell_date(value)),
    dt.time: (" ss.time", lambda value, _: spell_time(value)),
    dt.timedelta: (
        " ss.delta",
        lambda value, _: [value.days, value.seconds, value.microseconds],
    ),
    Decimal: (" ss.decimal", lambda value, _: spell_decimal(value)),
    set: (" ss.set", _sorted_items),
    frozenset: (" ss.frozenset", _sorted_items),
}

_READERS: dict[str, Reader] = {
    " di": lambda value: {key[:-2]: item for key, item in value.items()},
    " t": tuple,
    " b": lambda value: b64decode(value, validate=True),
    " m": Markup,
    " u": uuid.UUID,
    " d": _read_datetime,
    " ss.date": dt.date.fromisoformat,
    " ss.time": _read_time,
    " ss.delta": lambda value: dt.timedelta(value[0], value[1], value[2]),
    " ss.decimal": _read_decimal,
    " ss.set": set,
    " ss.frozenset": frozenset,
    " ss.pairs": dict,
}


_FLASKS = {name: read for name, read in _READERS.items() if not name.startswith(" ss.")}
_FLASKS[" d"] = parsedate_to_datetime


def _untag(value: Json, depth: int, reader_of: ReaderOf = _READERS.get) -> Any:
    # Each level of data may be a tag and the list in it: two levels of JSON.
    if depth > 2 * MAX_DEPTH + 8:
        raise ValueError("nested too deep")
    if type(value) is list:
        return [_untag(item, depth + 1, reader_of) for item in cast("list[Any]", value)]
    if type(value) is not dict:
        return value
    named = cast("dict[str, Any]", value).items()
    data = {key: _untag(item, depth + 1, reader_of) for key, item in named}
    if len(data) == 1:
        ((name, content),) = data.items()
        reader = reader_of(name)
        if reader is not None:
            return reader(content)
    return data


def _flasks_reader(name: str) -> Reader | None:
    return _known(name, _FLASKS)


def _foreign_reader(name: str) -> Reader | None:
    return _known(name, _READERS)


def _known(name: str, readers: Mapping[str, Reader]) -> Reader | None:
    """Return the reader of a tag, None for other keys; raise BadRecord for an unknown tag."""
    reader = readers.get(name)
    # A dict with one key that looks like a tag is written with two more characters.
    if reader is None and name.startswith(" ") and name[:-2] not in readers:
        raise BadRecord("it holds the application's own tag")
    return reader
