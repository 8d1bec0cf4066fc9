"""Find, in data that cannot be encoded, the innermost value at fault and name it.

Used on the error path only. The message names the path and the type, never the
value: that may be a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass
from enum import Enum
from typing import cast

_MAX_STEPS = 300


def culprit(value: object, root: str, fits: Callable[[object], bool]) -> str:
    """Say which part of `value` does not fit, and what to store instead."""
    path = named = root
    for _ in range(_MAX_STEPS):
        for step, inner in _parts(value):
            if not fits(inner):
                path, value = path + step, inner
                named = path if named == root else named
                break
        else:
            return f"{path} cannot be kept in a session: {_reason(value)}"
    return f"{named} cannot be kept in a session: it is nested too deeply, or holds itself"


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in cast("dict[object, object]", value).items():
            yield f"[{key!r}]" if isinstance(key, str | int) else f"[<{type(key).__name__}>]", item
            yield f"[<key of type {type(key).__name__}>]", key
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast("Iterable[object]", value)):
            yield f"[{index}]", item
    elif isinstance(value, set | frozenset):
        for item in cast("Iterable[object]", value):
            yield "{...}", item


def _reason(value: object) -> str:
    name = type(value).__name__
    if isinstance(value, str):
        return "its text has a lone surrogate; store its bytes"
    if isinstance(value, int):
        return "the number has more than 8,192 bits; store it as text"
    if isinstance(value, Enum):
        return f"{name} is an Enum; store its .value"
    if is_dataclass(value):
        return f"{name} is a dataclass; store dataclasses.asdict(...) of it"
    if isinstance(value, dict | list | tuple | set | frozenset):
        return "it is nested too deeply, or holds itself"
    return f"{name} is no type that a session keeps; store plain data made from it"
