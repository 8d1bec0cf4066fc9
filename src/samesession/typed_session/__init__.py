"""A session with types: `typed(Model)(session)`, for editors, mypy and pyright.

    @dataclass
    class Shop:
        user: str | None = None
        cart: list[str] = field(default_factory=list)

    shop = typed(Shop)(session)
    shop.cart.append("tea")  # what session["cart"] holds from now on

Nothing is stored but plain data under the model's names, so that untyped code, and the other
framework's, share it. docs/guides/typed-sessions.md says what a model may have.
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
    """Return what shows a session as a dataclass or a TypedDict: call it with the session.

    That is `flask.session`, `quart.session` or those of samesession, of which the view always
    shows the current request's, or a session that a block gave: the view of that one.

    `defaults`: what the keys of a TypedDict are where the session has none; a dataclass has its
    own. Reading one stores nothing. Raises TypeError for a model with anything that a session
    does not keep. Of the view: TypeError that names the key for a value of another type, read or
    written; AttributeError, or KeyError, for one that is missing and has no default.
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
        raise TypeError(f"typed() takes a dataclass or a TypedDict, which {name} is not")
    if defaults is not None:
        raise TypeError(f"{model.__name__} is a dataclass: write the defaults in its fields")
    return dataclass_view(model)
