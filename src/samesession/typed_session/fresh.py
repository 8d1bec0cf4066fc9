"""A list, dict or set that a session does not hold yet: the default of a missing key.

Reading a default stores nothing, like any reading of a session. Changing it stores it, as a plain
list, dict or set. From then on, changes apply to the session's value, even if other code has
changed that in the meantime.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, cast

Place = Callable[
    [], MutableMapping[str, Any]
]  # the object with the key: a session, or a dict in one

_CHANGING: dict[type, tuple[str, ...]] = {
    list: (
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
        *("__setitem__", "__delitem__", "__iadd__", "__imul__"),
    ),
    dict: (
        *("update", "setdefault", "pop", "popitem", "clear"),
        *("__setitem__", "__delitem__", "__ior__"),
    ),
    set: (
        *("add", "discard", "remove", "pop", "clear", "update"),
        *("difference_update", "intersection_update", "symmetric_difference_update"),
        *("__ior__", "__iand__", "__isub__", "__ixor__"),
    ),
}


def is_changing(value: object) -> bool:
    """Return whether a value can be changed in place."""
    return isinstance(value, list | dict | set)


def is_fresh(holder: object) -> bool:
    """Return whether a dict is a default itself, which no session holds yet."""
    return type(holder) in _BASES


def fresh(value: Any, place: Place, name: str) -> Any:
    """Return a copy of a default, which is stored in a place once it is changed."""
    made: Any = _KINDS[type(value)](value)
    made.place, made.name = place, name
    return made


def plain(value: Any) -> Any:
    """Return a value in the form that a session holds, without defaults that belong elsewhere."""
    base = _BASES.get(cast("Any", type(value)))
    return value if base is None else base(value)


def _stored(kind: type, change: str) -> Callable[..., Any]:
    """Return the method that changes the session's value, and then shows that."""
    method = getattr(kind, change)

    def changed(self: Any, *args: Any, **named: Any) -> Any:
        holder = self.place()
        is_held = self.name in holder and not is_fresh(holder)
        held = holder[self.name] if is_held else kind(holder.get(self.name, self))
        result = method(held, *args, **named)
        if not is_held and held != self:
            holder[self.name] = held
        _show(kind, self, held)
        return result

    changed.__name__ = change
    return changed


def _show(kind: Any, mine: Any, held: Any) -> None:
    kind.clear(mine)
    add: Any = getattr(kind, "__iadd__" if kind is list else "__ior__")
    add(mine, held)


def _copied(value: Any, _: object) -> tuple[Any, ...]:
    base = _BASES[type(value)]
    return base, (base(value),)


def _fresh_kind(kind: type) -> type:
    methods: dict[str, Any] = {name: _stored(kind, name) for name in _CHANGING[kind]}
    methods["__reduce_ex__"] = _copied
    return type(
        f"Fresh{kind.__name__.capitalize()}", (kind,), {"__slots__": ("name", "place"), **methods}
    )


_KINDS = {kind: _fresh_kind(kind) for kind in _CHANGING}
_BASES = {made: kind for kind, made in _KINDS.items()}
