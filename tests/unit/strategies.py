"""Every kind of value that a session keeps, and what "the same" means for two of them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from markupsafe import Markup

# Python itself reads an offset of less than a second as none: `datetime.fromisoformat`.
OFFSETS = (
    st.timedeltas(
        min_value=dt.timedelta(hours=-23, minutes=-59),
        max_value=dt.timedelta(hours=23, minutes=59),
    )
    .filter(lambda offset: not offset or abs(offset) >= dt.timedelta(seconds=1))
    .map(dt.timezone)
)
FOLDS = st.sampled_from([0, 1])
BIG_INTS = st.integers(min_value=-(2**8192) + 1, max_value=2**8192 - 1)


def _folded(moment: dt.datetime, fold: int) -> dt.datetime:
    return moment.replace(fold=fold)


def _folded_time(moment: dt.time, fold: int) -> dt.time:
    return moment.replace(fold=fold)


HASHABLE_SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    BIG_INTS,
    st.floats(),
    st.text(),
    st.binary(),
    st.text().map(Markup),
    st.uuids(),
    st.builds(_folded, st.datetimes(timezones=st.none() | OFFSETS), FOLDS),
    st.dates(),
    st.builds(_folded_time, st.times(timezones=st.none() | OFFSETS), FOLDS),
    st.timedeltas(),
    st.decimals(allow_nan=False),
)
SCALARS: st.SearchStrategy[Any] = HASHABLE_SCALARS | st.decimals(allow_nan=True)

HASHABLES: st.SearchStrategy[Any] = st.recursive(
    HASHABLE_SCALARS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=8), inner, max_size=4),
        st.dictionaries(HASHABLES, inner, max_size=4),
        st.sets(HASHABLES, max_size=4),
        st.frozensets(HASHABLES, max_size=4),
    ),
    max_leaves=20,
)
DATA = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)

# One of each kind, for tests that do not search.
EACH_KIND: dict[str, Any] = {
    "none": None,
    "true": True,
    "int": 1,
    "big": -(2**200),
    "float": 1.5,
    "minus zero": -0.0,
    "infinite": float("inf"),
    "str": "é\x00\U0001f600",
    "bytes": b"\xff\x00",
    "tuple": (1, (2, ["x"])),
    "list": [1, (2,), {"k": {3}}],
    "dict": {1: "a", (2, 3): "b", None: {"c": True}},
    "str keys": {"a": {"b": []}},
    "set": {1, "a", (2,)},
    "frozenset": frozenset({frozenset(), 1}),
    "markup": Markup("<b>"),
    "uuid": uuid.UUID(int=7),
    "datetime": dt.datetime(2026, 3, 1, 2, 3, 4, 567, tzinfo=dt.timezone(dt.timedelta(hours=5))),
    "naive": dt.datetime(2026, 3, 1, 2, 3, 4, 567, fold=1),  # noqa: DTZ001
    "date": dt.date(2026, 3, 1),
    "time": dt.time(1, 2, 3, 4, tzinfo=dt.UTC),
    "delta": dt.timedelta(days=-1, microseconds=1),
    "decimal": Decimal("-0.10"),
}


def spelled(value: object) -> object:
    """Describe a value so that two descriptions are equal only for equal values and types."""
    name = type(value).__name__
    match value:
        case dict():
            return name, [(spelled(key), spelled(item)) for key, item in value.items()]
        case list() | tuple():
            return name, [spelled(item) for item in value]
        case set() | frozenset():
            return name, _sorted(value)
        case dt.datetime():
            return name, value.replace(tzinfo=None).isoformat(), value.fold, value.utcoffset()
        case dt.time():
            return name, value.replace(tzinfo=None).isoformat(), value.fold, value.utcoffset()
        case _:
            return name, repr(value)


def _sorted(values: Iterable[object]) -> list[str]:
    return sorted(repr(spelled(item)) for item in values)
