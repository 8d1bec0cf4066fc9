"""Suggest what to store in place of an object that a session cannot keep.

Objects are recognised by the attributes of their class, not by its module: no library is imported,
and no code of the object is run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from enum import Enum
from typing import Final

from .subclasses import EXACT


def _has(*names: str) -> Callable[[type], bool]:
    return lambda kind: all(hasattr(kind, name) for name in names)


def _is(*kinds: type) -> Callable[[type], bool]:
    return lambda kind: issubclass(kind, kinds)


# The first match counts.
_ADVICE: Final[tuple[tuple[Callable[[type], bool], str], ...]] = (
    (_is(type), "a class; store its name"),
    (_is(memoryview), "memory that is not in one piece; store bytes(...) of it"),
    (_is(Enum), "an Enum; store its .value"),
    (is_dataclass, "a dataclass; store dataclasses.asdict(...) of it"),
    (_has("__attrs_attrs__"), "an attrs class; store attrs.asdict(...) of it"),
    (_has("_get_current_object"), "a proxy; store its ._get_current_object()"),
    (_has("__mapper__"), "a row of a database; store its primary key, and load it when needed"),
    (_has("_mapping", "_fields"), "a row of a database; store dict(...) of its ._mapping"),
    (_has("model_dump"), 'a pydantic model; store its .model_dump(mode="json")'),
    (_has("get_secret_value"), "a secret, which does not belong in a session"),
    (_has("to_pydatetime"), "more than a datetime; store its .to_pydatetime()"),
    (_has("to_pytimedelta"), "more than a timedelta; store its .to_pytimedelta()"),
    (_has("dtype", "item", "tolist"), "an array or one of its numbers; store its .tolist()"),
    (_has("to_dict"), "a lazy view of data; store its .to_dict()"),
    (_has("__fspath__"), "a path; store str(...) of it"),
    (_is(Awaitable), "an awaitable; store the result of `await`"),
    (_is(Iterator), "an iterator; store list(...) of it"),
    (_is(Mapping), "a mapping; store dict(...) of it"),
    (_is(AbstractSet), "its own kind of set; store set(...) of it"),
    (_is(Sequence), "a sequence; store list(...) of it"),
    (_is(BaseException), "an exception; store str(...) of it"),
    (_is(Iterable), "an iterable; store list(...) of it"),
)


def advice(value: object) -> str:
    """Return what an object is, with its class's module, and what to store in its place."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else _full_name(kind)
    for fits, said in _ADVICE:
        if fits(kind):
            return f"{name} is {said}"
    base = next((base.__name__ for base in EXACT if issubclass(kind, base)), None)
    if base is not None:
        return f"{name} is a {base} with more data; store a plain {base}, and the rest beside it"
    return f"{name} is not a type that a session keeps; store plain data made from it"


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
