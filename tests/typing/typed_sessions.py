"""What type checkers make of `typed(Model)`; nothing here is ever run."""

# pyright: reportUnusedCallResult=false, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NotRequired, TypedDict, assert_type

import flask
import quart

from samesession import ServerSession
from samesession import flask as in_flask
from samesession import quart as in_quart
from samesession.typed_session import typed


@dataclass
class Address:
    city: str = "Rome"


@dataclass
class Shop:
    user: str | None = None
    cart: list[str] = field(default_factory=list[str])
    theme: Literal["dark", "light"] = "light"
    since: datetime | None = None
    address: Address = field(default_factory=Address)

    def total(self) -> int:
        return len(self.cart)


class Prefs(TypedDict):
    theme: str
    zoom: NotRequired[float]


def attributes(session: ServerSession) -> None:
    shop = typed(Shop)(session)
    assert_type(shop, Shop)
    assert_type(shop.user, str | None)
    assert_type(shop.cart, list[str])
    assert_type(shop.theme, Literal["dark", "light"])
    assert_type(shop.since, datetime | None)
    assert_type(shop.address.city, str)
    assert_type(shop.total(), int)
    shop.user = "ann"
    shop.address = Address("Bern")
    shop.cart.append("tea")


def keys(session: ServerSession) -> None:
    prefs = typed(Prefs, defaults={"theme": "light"})(session)
    assert_type(prefs, Prefs)
    assert_type(prefs["theme"], str)
    assert_type(prefs.get("zoom"), float | None)
    prefs["zoom"] = 1.5


def every_session() -> None:
    for session in (flask.session, quart.session, in_flask.session, in_quart.session, {"user": 1}):
        assert_type(typed(Shop)(session), Shop)


def wrong(session: ServerSession) -> None:
    shop = typed(Shop)(session)
    shop.user = 7  # type: ignore[assignment]
    shop.theme = "blue"  # type: ignore[assignment]
    shop.crat = []  # type: ignore[attr-defined]
    shop.cart.append(5)  # type: ignore[arg-type]
    typed(Prefs)(session)["theme"] = 1  # type: ignore[typeddict-item]
    typed(Prefs)(session)["other"]  # type: ignore[typeddict-item]
    typed(Shop)(None)  # type: ignore[arg-type]
    typed("Shop")  # type: ignore[arg-type]
