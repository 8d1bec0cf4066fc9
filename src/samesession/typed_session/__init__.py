"""A session with types: `typed(Model)(session)`, for editors, mypy and pyright.

    @dataclass
    class Shop:
        user: str | None = None
        cart: list[str] = field(default_factory=list)

    shop = typed(Shop)(session)
    shop.cart.append("tea")  # session["cart"] is ["tea"] from now on

Only plain data is stored, under the model's names. So untyped code, and the other framework,
can use it as well. docs/guides/typed-sessions.md describes what a model may have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import is_dataclass
from typing import Any, TypeVar, cast

from .kinds import is_typed_dict
from .views import Place, View, dataclass_view, keys_view

__all__ = ["typed"]

T = TypeVar("T")


def typed(
    model: type[T], *, defaults: Mapping[str, Any] | None = None
) -> Callable[[MutableMapping[str, Any]], T]:
    """Return a function that shows a session as a dataclass or a TypedDict.

    Call it with `flask.session`, `quart.session` or those of samesession: the view always shows the
    current request's session. Or call it with the session of a block: the view shows that one::

        shop = typed(Shop)(session)

    `defaults`: the values of missing keys of a TypedDict; a dataclass has its own. Reading a
    default stores nothing. Raises TypeError for a model with types that a session does not keep.
    The view raises a TypeError with the key's name for a value of another type, read or written. It
    raises an AttributeError or KeyError for a missing value without a default.

    .. versionadded:: 1.0
    """
    view = _view_of(model, defaults)

    def of(session: MutableMapping[str, Any]) -> T:
        if cast("Any", session) is None:  # by a caller without a type checker
            raise TypeError("there is no session to show: session_by_sid() found none")
        found: T = view(Place(lambda: session, "session"))
        return found

    return of


def _view_of(model: Any, defaults: Mapping[str, Any] | None) -> View:
    if is_typed_dict(model):
        return keys_view(model, defaults or {})
    if not (isinstance(model, type) and is_dataclass(cast("Any", model))):
        name = str(getattr(cast("object", model), "__name__", model))
        raise TypeError(f"typed() takes a dataclass or a TypedDict, but {name} is neither")
    if defaults is not None:
        raise TypeError(f"{model.__name__} is a dataclass: write the defaults in its fields")
    return dataclass_view(model)
