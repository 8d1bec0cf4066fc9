"""Find and name the innermost value that makes data impossible to encode.

Used on the error path only. The message names the path and the type, never the value, which may be
secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from .advice import advice
from .subclasses import is_member

# A longer path helps no one.
_MAX_STEPS = 300
# How far to narrow down nesting that is too deep; each step costs an encoding.
_MAX_NARROWED = 8
_ALWAYS_FIT = frozenset((type(None), bool, float, bytes))


def culprit(value: object, root: str, fits: Callable[[object], bool]) -> str:
    """Return which part of `value` cannot be encoded, and what to store instead.

    Checks the parts that hold no others first, each once. Checking their containers at each level
    would encode deep data as often as it is deep.
    """
    found = _first_unfit(value, fits)
    if found is None:
        return _too_deep(value, root, fits)
    steps, part = found
    if len(steps) > _MAX_STEPS:
        return f"{root}{steps[0]} cannot be kept in a session: {_reason(part)}"
    return f"{root}{''.join(steps)} cannot be kept in a session: {_reason(part)}"


def _first_unfit(value: object, fits: Callable[[object], bool]) -> tuple[list[str], object] | None:
    """Find the first part that holds no others and cannot be encoded, and the path to it."""
    if not _holds_others(value):
        return None if fits(value) else ([], value)
    # The objects themselves are kept: an id may be reused.
    seen = {id(value): value}
    steps: list[str] = []
    walks = [_parts(value)]
    while walks:
        for step, part in walks[-1]:
            if not _holds_others(part):
                if type(part) not in _ALWAYS_FIT and not fits(part):
                    return [*steps, step], part
            elif id(part) not in seen:
                seen[id(part)] = part
                steps.append(step)
                walks.append(_parts(part))
                break
        else:
            _ = walks.pop()
            del steps[-1:]
    return None


def _too_deep(value: object, root: str, fits: Callable[[object], bool]) -> str:
    """Return where the nesting is too deep; beyond a few steps, only the first of them."""
    path = named = root
    for _ in range(_MAX_NARROWED):
        unfit = next((each for each in _parts(value) if not fits(each[1])), None)
        if unfit is None:
            named = path
            break
        path, value = path + unfit[0], unfit[1]
        named = path if named == root else named
    return f"{named} cannot be kept in a session: it is nested too deeply, or holds itself"


def _holds_others(value: object) -> bool:
    return not is_member(value) and isinstance(value, dict | list | tuple | set | frozenset)


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
    # By the class: a proxy claims to be an instance of the object behind it.
    kind = type(value)
    if is_member(value):
        return advice(value)
    if issubclass(kind, str):
        return "its text has a lone surrogate; store its bytes"
    if issubclass(kind, int):
        return "the number has more than 8,192 bits; store it as text"
    return advice(value)
