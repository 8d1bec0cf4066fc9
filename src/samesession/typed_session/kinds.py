"""The annotations that a model may have, of types that a session can keep.

They are read once, when the model is passed. A kind describes what is wrong with a value without
quoting it: a session's data belongs in no message.
"""

from __future__ import annotations

import datetime as dt
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, Literal, NewType, cast
from uuid import UUID

from markupsafe import Markup

# A misfit of a value, to be read after its name: " is int, not str". None: nothing is.
Misfit = Callable[[object], str | None]

# Types that stand for themselves, and types that Python's typing allows in their place.
_PLAIN: dict[type, tuple[type, ...]] = {
    str: (str,),
    bytes: (bytes,),
    bool: (bool,),
    int: (int,),
    float: (float, int),
    dt.datetime: (dt.datetime,),
    dt.date: (dt.date,),
    dt.time: (dt.time,),
    dt.timedelta: (dt.timedelta,),
    Decimal: (Decimal,),
    UUID: (UUID,),
    Markup: (Markup,),
}
_HOLDING = (list, dict, set, frozenset, tuple)
_WRAPPERS = ("NotRequired", "Required", "ReadOnly", "Final", "Annotated")
_HELP = (
    "write str, int, float, bool, bytes, None, datetime, date, time, timedelta, Decimal, UUID, or "
    "list[...], dict[...], set[...], tuple[...], Literal[...], X | None of these, a TypedDict, or "
    "as the whole of a field another dataclass"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """The values that one annotation allows; `model`: the dataclass that a dict is shown as."""

    name: str
    misfit: Misfit
    model: type | None = None


def kind_of(annotation: Any, where: str, *, within: tuple[object, ...] = ()) -> Kind:
    """Return the values that an annotation allows; raise TypeError with `where` if it is invalid.

    `within`: the models that contain it.
    """
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if (inner := _inside(annotation, origin, args)) is not None:
        return kind_of(inner[0], where, within=within)
    if annotation is Any or annotation is object:
        return Kind("Any", lambda _: None)
    if annotation is None or annotation is type(None):
        return Kind("None", partial(_not_one_of, "None", (type(None),)))
    if origin is Literal:
        return _literal(args)
    if origin in (typing.Union, types.UnionType):
        return _union(args, where, within)
    base: object = origin or annotation
    if isinstance(base, type):
        return _of_class(base, args, where, within)
    raise TypeError(_refusal(annotation, where))


def _of_class(base: type, args: tuple[Any, ...], where: str, within: tuple[object, ...]) -> Kind:
    name = base.__name__
    if base in _PLAIN:
        return Kind(name, partial(_not_one_of, name, _PLAIN[base]))
    if base in _HOLDING:
        return _holding(base, args, where, within)
    if is_typed_dict(base):
        return _typed_dict(base, where, within)
    if is_dataclass(base) and not args:
        return Kind(name, partial(_not_one_of, "dict", (dict,)), base)
    raise TypeError(_refusal(base, where))


def is_typed_dict(annotation: object) -> bool:
    """Return whether a class is a TypedDict, of typing or of typing_extensions."""
    return (
        isinstance(annotation, type)
        and dict in annotation.__mro__
        and hasattr(annotation, "__required_keys__")
    )


def hints_of(model: type) -> dict[str, Any]:
    """Return a model's annotations; raise TypeError if one uses an undefined name."""
    try:
        return typing.get_type_hints(model, include_extras=True)
    except NameError as error:
        raise TypeError(
            f"{model.__name__}: {error.name!r} in an annotation is not a name of the module: "
            "define or import it there, outside of functions and of `if TYPE_CHECKING`"
        ) from error


def _inside(annotation: Any, origin: Any, args: tuple[Any, ...]) -> tuple[Any] | None:
    """Return the annotation inside a wrapper, or behind an alias."""
    if getattr(origin, "_name", None) in _WRAPPERS or hasattr(annotation, "__metadata__"):
        return (args[0],)
    if isinstance(annotation, NewType):
        return (annotation.__supertype__,)
    if type(annotation).__name__ == "TypeAliasType":  # Python 3.12's `type X = ...`
        return (annotation.__value__,)
    return None


def _refusal(annotation: Any, where: str) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return (
            f"{where}: a session cannot keep a member of an Enum such as {annotation.__name__}: "
            "keep its value, as Literal[...] or str"
        )
    shown = annotation.__name__ if isinstance(annotation, type) else annotation
    return f"{where}: a session cannot keep a {shown}: {_HELP}"


def _not_one_of(name: str, types: tuple[type, ...], value: object) -> str | None:
    return None if isinstance(value, types) else f" is {type(value).__name__}, not {name}"


def _literal(choices: tuple[object, ...]) -> Kind:
    named = ", ".join(map(repr, choices))

    def misfit(value: object) -> str | None:
        # 1 == True, which is another choice.
        fits = any(type(value) is type(each) and value == each for each in choices)
        return None if fits else f" is none of {named}"

    return Kind(f"Literal[{named}]", misfit)


def _union(args: tuple[Any, ...], where: str, within: tuple[object, ...]) -> Kind:
    kinds = [kind_of(each, where, within=within) for each in args]
    models = [kind.model for kind in kinds if kind.model is not None]
    name = " | ".join(kind.name for kind in kinds)
    if models and sorted(kind.name == "None" for kind in kinds) != [False, True]:
        raise TypeError(f"{where}: a dataclass must be alone or beside None, not in {name}")

    def misfit(value: object) -> str | None:
        told = [kind.misfit(value) for kind in kinds]
        if None in told:
            return None
        # If one item of a list is wrong, the error is about the item, not the list.
        within = [each for each in told if each is not None and each.startswith("[")]
        return within[0] if within else f" is {type(value).__name__}, not {name}"

    return Kind(name, misfit, models[0] if models else None)


def _holding(kind: type, args: tuple[Any, ...], where: str, within: tuple[object, ...]) -> Kind:
    variadic = kind is not tuple or (len(args) == 2 and args[1] is Ellipsis)  # noqa: PLR2004
    parts = [kind_of(each, where, within=within) for each in args if each is not Ellipsis]
    if any(part.model is not None for part in parts):
        raise TypeError(
            f"{where}: a dataclass within {kind.__name__} would be copied, so that its changes "
            "would be lost: write a TypedDict, which is a dict"
        )
    dots = ", ..." if kind is tuple and variadic and args else ""
    name = kind.__name__ + (f"[{', '.join(part.name for part in parts)}{dots}]" if args else "")
    each: Misfit | None = None
    if parts and kind is dict:
        each = partial(_in_pairs, parts[0].misfit, parts[1].misfit)
    elif parts and variadic:
        each = partial(_in_items, parts[0].misfit, ordered=kind in (list, tuple))
    elif args:
        each = partial(_in_places, [part.misfit for part in parts])

    def misfit(value: object) -> str | None:
        if not isinstance(value, kind):
            return f" is {type(value).__name__}, not {name}"
        return None if each is None else each(value)

    return Kind(name, misfit)


def _in_items(misfit: Misfit, value: Any, *, ordered: bool) -> str | None:
    for number, item in enumerate(cast("Iterable[object]", value)):
        if (told := misfit(item)) is not None:
            return f"[{number}]{told}" if ordered else f": an item{told}"
    return None


def _in_places(misfits: list[Misfit], value: Any) -> str | None:
    if len(value) != len(misfits):
        return f" has {len(value)} items, not {len(misfits)}"
    for number, (misfit, item) in enumerate(zip(misfits, value, strict=True)):
        if (told := misfit(item)) is not None:
            return f"[{number}]{told}"
    return None


def _in_pairs(key_misfit: Misfit, value_misfit: Misfit, value: Any) -> str | None:
    for key, item in value.items():
        if (told := key_misfit(key)) is not None:
            return f": a key{told}"
        if (told := value_misfit(item)) is not None:
            return f"[{key!r}]{told}"
    return None


def _typed_dict(model: Any, where: str, within: tuple[object, ...]) -> Kind:
    if model in within:
        raise TypeError(f"{where}: {model.__name__} is a part of itself, which is not supported")
    hints = hints_of(model)
    kinds = {
        name: kind_of(hint, f"{model.__name__}.{name}", within=(*within, model))
        for name, hint in hints.items()
    }
    if any(kind.model is not None for kind in kinds.values()):
        raise TypeError(
            f"{where}: a TypedDict is a dict, and cannot contain a dataclass: write a TypedDict"
        )
    required = [name for name in hints if _is_required(model, name, hints[name])]

    def misfit(value: object) -> str | None:
        if not isinstance(value, dict):
            return f" is {type(value).__name__}, not {model.__name__}"
        found = cast("dict[object, object]", value)
        for name, kind in kinds.items():
            if name not in found:
                if name in required:
                    return f" has no {name!r}"
            elif (told := kind.misfit(found[name])) is not None:
                return f"[{name!r}]{told}"
        return None

    return Kind(model.__name__, misfit)


def _is_required(model: Any, name: str, hint: Any) -> bool:
    """Return whether a TypedDict needs a key; Python 3.11 knows only if no hint is text."""
    word = getattr(typing.get_origin(hint), "_name", None)
    return (
        name in model.__required_keys__
        if word not in ("Required", "NotRequired")
        else word == "Required"
    )
