"""Views of a session: the attributes of a dataclass, or the keys of a TypedDict.

A view holds nothing. Each name is read from the session, or from the dict within it that a nested
dataclass stands for. The value is checked when it is read and when it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import partial
from typing import Any, cast

from ..core.tracebacks import clearing_locals, with_locals_cleared
from .fresh import fresh, is_changing, is_fresh, plain
from .kinds import Kind, hints_of, kind_of

_PLACE = "_samesession_place"

View = Callable[["Place"], Any]  # Any: the model


@dataclass(frozen=True, slots=True)
class Place:
    """The object with a model's names: `find` returns it, and `name` is its name in errors."""

    find: Callable[[], MutableMapping[str, Any]]
    name: str


@with_locals_cleared()
class Field:
    """One name of a model: its allowed values, and its default."""

    def __init__(
        self,
        where: str,
        name: str,
        kind: Kind,
        default: Callable[[], object] | None,
        view: View | None = None,
    ) -> None:
        """`view`: shows the dict of a nested dataclass.

        Raises TypeError for a default of another kind, and for one whose changes would be lost.
        """
        self.name = name
        self._where = where
        self._kind = kind
        self._default = default
        self._view = view
        if default is not None:
            self._check_default(self._plain(default()))

    def read(self, place: Place) -> Any:
        """Return the value; raise LookupError if it is missing, TypeError for a wrong one."""
        value = self._found(place)
        if self._view is None or value is None:
            return value
        return self._view(Place(lambda: self._found(place), self._named(place)))

    def write(self, place: Place, value: object) -> None:
        """Set the value; raise TypeError for a wrong one, and leave the former value."""
        kept = self._plain(value)
        self._check(kept, self._named(place))
        place.find()[self.name] = kept

    def delete(self, place: Place) -> None:
        """Remove the value, so that the default counts; raise LookupError if it is missing."""
        if not self.is_in(place):
            raise LookupError(f"{self._named(place)} is missing")
        del place.find()[self.name]

    def is_in(self, place: Place) -> bool:
        """Return whether there is a value, not only a default."""
        return self.name in place.find()

    def _found(self, place: Place) -> Any:
        holder = place.find()
        if self.name in holder:
            value = holder[self.name]
            self._check(value, self._named(place))
            is_new = is_fresh(holder)
        elif self._default is not None:
            value, is_new = self._plain(self._default()), True
        else:
            raise LookupError(f"{self._named(place)} is missing, and {self._where} has no default")
        return fresh(value, place.find, self.name) if is_new and is_changing(value) else value

    def _plain(self, value: object) -> Any:
        """Return a value's stored form: for a nested dataclass a dict."""
        model = self._kind.model
        return plain(value) if model is None or not isinstance(value, model) else as_dict(value)

    def _check(self, value: object, named: str) -> None:
        misfit = self._kind.misfit(value)
        if misfit is not None:
            raise TypeError(f"{named}{misfit}: see {self._where}")

    def _check_default(self, value: Any) -> None:
        self._check(value, "the default")
        parts = value.values() if hasattr(value, "values") else value
        if self._view is None and is_changing(value) and any(map(is_changing, parts)):
            raise TypeError(
                f"the default of {self._where} contains a list, dict or set, whose changes would "
                "be lost: leave it empty"
            )

    def _named(self, place: Place) -> str:
        return f"{place.name}[{self.name!r}]"


# --- a dataclass --------------------------------------------------------------------------------


def as_dict(value: Any) -> dict[str, Any]:
    """Return a dataclass's stored form: its fields by name, nested ones included."""
    found = {each.name: getattr(value, each.name) for each in fields(value)}
    return {
        name: as_dict(item) if is_dataclass(item) else plain(item) for name, item in found.items()
    }


def dataclass_view(model: Any, within: tuple[object, ...] = ()) -> View:
    """Return a function that makes views of places with the fields of a dataclass.

    A view is an instance of the dataclass, and has its methods and properties.
    """
    if model in within:
        raise TypeError(f"{model.__name__} is a part of itself, which is not supported")
    hints = hints_of(model)
    attributes: dict[str, Any] = {}
    for each in fields(model):
        where = f"{model.__name__}.{each.name}"
        kind = kind_of(hints[each.name], where)
        inner = None if kind.model is None else dataclass_view(kind.model, (*within, model))
        field = Field(where, each.name, kind, _default_of(each), inner)
        attributes[each.name] = _attribute(field)

    @clearing_locals
    def set_known(self: Any, name: str, value: object) -> None:
        if not hasattr(model, name) and name not in attributes:
            raise AttributeError(f"{model.__name__} has no field {name!r}")
        model.__setattr__(self, name, value)

    rest = {"__slots__": (_PLACE,), "__init__": _not_made_so, "__repr__": _shown}
    names = {name: getattr(model, name) for name in ("__module__", "__qualname__", "__doc__")}
    parts = {**attributes, **rest, **names, "__setattr__": set_known}
    made: Any = type(model)(model.__name__, (model,), parts)

    def view(place: Place) -> Any:
        found = object.__new__(made)
        object.__setattr__(found, _PLACE, place)
        return found

    return view


def _default_of(field: Any) -> Callable[[], object] | None:
    if field.default_factory is not MISSING:
        return cast("Callable[[], object]", field.default_factory)
    return None if field.default is MISSING else lambda: field.default


def _attribute(field: Field) -> property:
    def read(view: Any) -> Any:
        try:
            return field.read(getattr(view, _PLACE))
        except LookupError as error:
            raise AttributeError(*error.args) from None

    @clearing_locals
    def write(view: Any, value: object) -> None:
        field.write(getattr(view, _PLACE), value)

    def delete(view: Any) -> None:
        try:
            field.delete(getattr(view, _PLACE))
        except LookupError as error:
            raise AttributeError(*error.args) from None

    return property(read, write, delete)


def _not_made_so(view: Any, *_: object, **__: object) -> None:
    raise TypeError(f"write typed({type(view).__name__})(session) to make a view of a session")


def _shown(view: Any) -> str:
    return f"<{type(view).__name__} of a session>"  # no data: it is logged


# --- a TypedDict ----------------------------------------------------------------------------------


@with_locals_cleared()
class KeysView(MutableMapping[str, Any]):
    """A session in the form of a TypedDict; its other keys are hidden."""

    __slots__ = ("_fields", "_model", "_place")

    def __init__(self, model: str, fields: Mapping[str, Field], place: Place) -> None:
        self._model = model
        self._fields = fields
        self._place = place

    def __getitem__(self, key: str) -> Any:
        try:
            return self._field(key).read(self._place)
        except LookupError as error:
            raise KeyError(*error.args) from None

    def __setitem__(self, key: str, value: object) -> None:
        self._field(key).write(self._place, value)

    def __delitem__(self, key: str) -> None:
        try:
            self._field(key).delete(self._place)
        except LookupError as error:
            raise KeyError(*error.args) from None

    def __contains__(self, key: object) -> bool:
        field = self._fields.get(cast("str", key))
        return field is not None and field.is_in(self._place)

    def __iter__(self) -> Iterator[str]:
        return (name for name, field in self._fields.items() if field.is_in(self._place))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{self._model} of a session>"  # no data: it is logged

    def copy(self) -> dict[str, Any]:
        """Return the values as a separate dict."""
        return dict(self)

    def _field(self, key: str) -> Field:
        if key not in self._fields:
            raise KeyError(f"{self._model} has no key {key!r}")
        return self._fields[key]


def keys_view(model: Any, defaults: Mapping[str, Any]) -> View:
    """Return a function that makes views of places with the keys of a TypedDict."""
    hints = hints_of(model)
    for name in defaults:
        if name not in hints:
            raise TypeError(f"{model.__name__} has no key {name!r}, so it has no default")
    found: dict[str, Field] = {}
    for name, hint in hints.items():
        where = f"{model.__name__}[{name!r}]"
        kind = kind_of(hint, where)
        if kind.model is not None:
            raise TypeError(f"{where}: a TypedDict cannot contain a dataclass: write a TypedDict")
        default = partial(deepcopy, defaults[name]) if name in defaults else None
        found[name] = Field(where, name, kind, default)
    return partial(KeysView, model.__name__, found)
