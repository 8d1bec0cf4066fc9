"""What the applications keep in sessions, and how they say what they find there.

Loaded in the environments of other libraries, too: the standard library and MarkupSafe alone.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

from markupsafe import Markup

_EAST = dt.timezone(dt.timedelta(hours=2))

# By name, so that a request can say which.
SAMPLES: dict[str, Any] = {
    "text": "Grüße, 世界 🎈",
    "empty": "",
    "integer": 42,
    "negative": -7,
    "large": 2**40,
    "huge": 2**70,
    "real": 1.5,
    "yes": True,
    "nothing": None,
    "data": b"\x00\xff raw",
    "pair": (1, "two"),
    "items": [1, [2.0, None], {"deep": ["er"]}],
    "table": {"cart": {"apples": 3, "pears": [1, 2]}, "b": 1, "a": 2},
    "numbered": {1: "one", 2: "two"},
    "moment": dt.datetime(2026, 3, 1, 12, 30, 1, tzinfo=dt.UTC),
    "fraction": dt.datetime(2026, 3, 1, 12, 30, 1, 500000, tzinfo=dt.UTC),
    "eastern": dt.datetime(2026, 3, 1, 12, 30, tzinfo=_EAST),
    "naive": dt.datetime(2026, 3, 1, 12, 30),  # noqa: DTZ001  # as some keep it
    "day": dt.date(2026, 3, 1),
    "clock": dt.time(12, 30),
    "span": dt.timedelta(days=1, seconds=30),
    "price": decimal.Decimal("1.50"),
    "id": uuid.UUID("12345678123456781234567812345678"),
    "colours": {"red", "green"},
    "fixed": frozenset({1, 2}),
    "markup": Markup("<b>bold</b>"),
}

Description = list[Any]  # a type's name, and what is in it


def described(value: Any) -> Description:
    """Return a value's type and content, down to its last part, as JSON can carry it."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, dict):
        return [kind, [[described(name), described(each)] for name, each in value.items()]]
    if isinstance(value, list | tuple):
        return [kind, [described(each) for each in value]]
    if isinstance(value, set | frozenset):
        return [kind, sorted((described(each) for each in value), key=repr)]
    return [kind, repr(value)]
