"""Convert a session's data to the types of JSON, for people to read. Pure.

- Text, whole numbers, booleans and None stay as they are.
- A number that JSON does not have becomes "inf", "-inf" or "nan".
- Dates and times become text in ISO 8601, and a timedelta its number of seconds.
- Decimal, UUID and Markup become text.
- Bytes become text in base64.
- A list, a tuple or a set becomes a list. The order of a set's items is fixed.
- A mapping becomes an object. If not all keys are text, it becomes a list of pairs.
"""

from __future__ import annotations

import datetime as dt
import math
from base64 import b64encode
from typing import Any, cast


def plain(value: object) -> Any:  # a case for each kind of value; Any: of JSON
    """Return a session's value in a form that `json.dumps` takes."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return str.__str__(value)  # Markup is one, too
        case float():
            return value if math.isfinite(value) else repr(value)
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case bytes():
            return b64encode(value).decode("ascii")
        case list() | tuple():
            return [plain(each) for each in cast("list[object]", value)]
        case set() | frozenset():
            return sorted((plain(each) for each in cast("set[object]", value)), key=repr)
        case dict():
            return _mapping(cast("dict[object, object]", value))
        case _:
            return str(value)


def _mapping(value: dict[object, object]) -> Any:  # Any: of JSON
    if all(type(key) is str for key in value):
        return {key: plain(each) for key, each in value.items()}
    return [[plain(key), plain(each)] for key, each in value.items()]
