"""Convert a session's data to the types of JSON: for people, not to be read back. Pure.

text, whole numbers, booleans, None     as they are
a number that JSON does not have        "inf", "-inf", "nan"
dates and times                         in ISO 8601
a timedelta                             its seconds
Decimal, UUID, Markup                   their text
bytes                                   base64
a list, a tuple, a set                  a list; of a set in a fixed order
a mapping                               an object; with keys other than text, a list of pairs
"""

from __future__ import annotations

import datetime as dt
import math
from base64 import b64encode
from typing import Any, cast


def plain(value: object) -> Any:  # one for each line of the table; Any: of JSON
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
