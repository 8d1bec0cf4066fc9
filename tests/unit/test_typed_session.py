"""A session as a dataclass or a TypedDict has it, over a plain dict."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import enum
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NewType,
    NotRequired,
    Required,
    TypedDict,
    cast,
)

import pytest

from samesession.typed_session import typed
from tests.support.tracker import held_by_frames

Name = NewType("Name", str)


class Item(TypedDict):
    name: str
    count: NotRequired[int]


@dataclass
class Address:
    city: str = "Rome"
    lines: list[str] = field(default_factory=list)


@dataclass
class Shop:
    most: ClassVar[int] = 3

    owner: str
    user: str | None = None
    cart: list[str] = field(default_factory=list)
    prices: dict[str, float] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    theme: Literal["dark", "light"] = "light"
    since: dt.datetime | None = None
    items: list[Item] = field(default_factory=list)
    address: Address = field(default_factory=Address)
    other: Address | None = None
    pair: tuple[int, str] | None = None

    def is_full(self) -> bool:
        return len(self.cart) >= self.most

    @property
    def first(self) -> str:
        return self.cart[0]

    @first.setter
    def first(self, value: str) -> None:
        self.cart = [value, *self.cart[1:]]


class Prefs(TypedDict, total=False):
    theme: Required[str]
    cart: list[str]
    zoom: NotRequired[float]


Data = dict[str, Any]


@pytest.fixture
def data() -> Data:
    return {}


@pytest.fixture
def shop(data: Data) -> Shop:
    return typed(Shop)(data)


# --- a dataclass --------------------------------------------------------------------------------


def test_what_is_missing_is_the_default_and_stores_nothing(shop: Shop, data: Data) -> None:
    assert (shop.user, shop.cart, shop.prices, shop.seen) == (None, [], {}, set())
    assert (shop.theme, shop.since, shop.address.city, shop.other) == ("light", None, "Rome", None)
    assert not shop.is_full()
    assert [*shop.cart, *shop.address.lines] == []
    assert json.dumps([shop.cart, shop.prices]) == "[[], {}]"
    assert data == {}


def test_what_has_no_default_is_missing_by_name(shop: Shop, data: Data) -> None:
    with pytest.raises(
        AttributeError, match=r"^session\['owner'\] is missing, and Shop\.owner has"
    ):
        _ = shop.owner
    assert not hasattr(shop, "owner")
    data["owner"] = "ann"
    assert shop.owner == "ann"


def test_what_is_set_is_plain_data(shop: Shop, data: Data) -> None:
    now = dt.datetime.now(dt.UTC)
    shop.user, shop.theme, shop.since, shop.pair = "ann", "dark", now, (1, "a")
    assert data == {"user": "ann", "theme": "dark", "since": now, "pair": (1, "a")}
    del shop.user
    assert "user" not in data
    assert shop.user is None
    with pytest.raises(AttributeError, match=r"session\['user'\] is missing"):
        del shop.user


CHANGES: list[tuple[str, Callable[[Shop], object], object]] = [
    ("cart", lambda shop: shop.cart.append("tea"), ["tea"]),
    ("cart", lambda shop: shop.cart.extend(["tea", "jam"]), ["tea", "jam"]),
    ("cart", lambda shop: shop.cart.insert(0, "tea"), ["tea"]),
    ("prices", lambda shop: shop.prices.update(tea=1.5), {"tea": 1.5}),
    ("prices", lambda shop: shop.prices.setdefault("tea", 2), {"tea": 2}),
    ("prices", lambda shop: cast("Data", shop.prices).__setitem__("tea", 2), {"tea": 2}),
    ("seen", lambda shop: shop.seen.add(1), {1}),
    ("seen", lambda shop: shop.seen.update((1, 2)), {1, 2}),
    ("address", lambda shop: setattr(shop.address, "city", "Bern"), {"city": "Bern", "lines": []}),
    ("address", lambda shop: shop.address.lines.append("a"), {"city": "Rome", "lines": ["a"]}),
]


@pytest.mark.parametrize(("name", "change", "stored"), CHANGES)
def test_a_default_that_is_changed_is_stored(
    shop: Shop, data: Data, name: str, change: Callable[[Shop], object], stored: object
) -> None:
    change(shop)
    assert data == {name: stored}
    assert type(data[name]) is type(stored)


def test_an_operator_in_place_stores(shop: Shop, data: Data) -> None:
    shop.cart += ["tea"]
    shop.seen |= {1}
    shop.prices |= {"tea": 1}
    assert data == {"cart": ["tea"], "seen": {1}, "prices": {"tea": 1}}
    assert [type(each) for each in data.values()] == [list, set, dict]


def test_a_default_that_no_change_has_changed_stores_nothing(shop: Shop, data: Data) -> None:
    shop.cart.clear()
    shop.seen.discard(1)
    shop.prices.pop("tea", None)
    with pytest.raises(IndexError):
        shop.cart.pop()
    assert data == {}


def test_two_who_have_the_default_change_one_list(shop: Shop, data: Data) -> None:
    first, second = shop.cart, shop.cart
    first.append("tea")
    second.append("jam")
    first.append("milk")
    assert data == {"cart": ["tea", "jam", "milk"]}
    assert first == shop.cart == ["tea", "jam", "milk"]
    assert shop.cart is data["cart"]


def test_copies_of_a_default_are_plain(shop: Shop, data: Data) -> None:
    for each in (copy.copy(shop.cart), copy.deepcopy(shop.cart), shop.cart.copy()):
        assert type(each) is list
        each.append("tea")
    shop.address = Address(lines=shop.cart)
    data["address"]["lines"].append("a")
    assert data == {"address": {"city": "Rome", "lines": ["a"]}}


def test_what_is_there_is_the_sessions_own(shop: Shop, data: Data) -> None:
    data["cart"] = cart = ["tea"]
    assert shop.cart is cart
    shop.first = "jam"
    assert (shop.first, data) == ("jam", {"cart": ["jam"]})


def test_a_nested_dataclass_is_a_dict_in_the_session(shop: Shop, data: Data) -> None:
    shop.other = Address("Bern", ["a"])
    assert data == {"other": {"city": "Bern", "lines": ["a"]}}
    assert isinstance(shop.other, Address)
    shop.other.lines.append("b")
    shop.other.city = "Oslo"
    assert data == {"other": {"city": "Oslo", "lines": ["a", "b"]}}
    shop.address = shop.other
    shop.other = None
    assert data == {"address": {"city": "Oslo", "lines": ["a", "b"]}, "other": None}
    del data["address"]["city"]
    assert shop.address.city == "Rome"
    data["address"]["city"] = 1
    with pytest.raises(
        TypeError, match=r"session\['address'\]\['city'\] is int, not str: see Addr"
    ):
        _ = shop.address.city
    assert dataclasses.asdict(typed(Address)({"city": "Bern"})) == {"city": "Bern", "lines": []}


WRONG: list[tuple[str, object, str]] = [
    ("user", 1, r"session\['user'\] is int, not str \| None: see Shop\.user"),
    ("owner", None, r"session\['owner'\] is NoneType, not str"),
    ("cart", "tea", r"session\['cart'\] is str, not list\[str\]"),
    ("cart", ["tea", 5], r"session\['cart'\]\[1\] is int, not str"),
    ("cart", ("tea",), r"session\['cart'\] is tuple, not list\[str\]"),
    ("prices", {"tea": "1"}, r"session\['prices'\]\['tea'\] is str, not float"),
    ("prices", {1: 1.0}, r"session\['prices'\]: a key is int, not str"),
    ("seen", {"a"}, r"session\['seen'\]: an item is str, not int"),
    ("theme", "blue", r"session\['theme'\] is none of 'dark', 'light'"),
    ("since", "2030", r"session\['since'\] is str, not datetime \| None"),
    ("items", [{"name": "a"}, {}], r"session\['items'\]\[1\] has no 'name'"),
    ("items", [{"name": 1}], r"session\['items'\]\[0\]\['name'\] is int, not str"),
    ("address", [], r"session\['address'\] is list, not dict"),
    ("pair", (1,), r"session\['pair'\] is tuple, not tuple\[int, str\] \| None"),
]


@pytest.mark.parametrize(("name", "value", "told"), WRONG)
def test_what_is_of_another_type_is_an_error_that_names_the_key(
    shop: Shop, data: Data, name: str, value: Any, told: str
) -> None:
    with pytest.raises(TypeError, match=told):
        setattr(shop, name, value)
    assert data == {}
    data[name] = value
    with pytest.raises(TypeError, match=told):
        getattr(shop, name)


def test_no_error_and_no_repr_quotes_what_is_stored(shop: Shop, data: Data) -> None:
    data["user"] = shop.cart = ["a secret"]
    with pytest.raises(TypeError) as caught:
        _ = shop.user
    assert "secret" not in str(caught.value) + repr(shop) + repr(shop.address)
    assert repr(shop) == "<Shop of a session>"


CANARY = "canary-in-the-data"
HARMFUL: list[Callable[[Any, Any], object]] = [
    lambda shop, _: shop.user,
    lambda shop, _: shop.cart,
    lambda shop, _: shop.address.city,
    lambda shop, _: setattr(shop, "theme", CANARY),
    lambda _, prefs: prefs["cart"],
    lambda _, prefs: prefs.__setitem__("theme", [CANARY]),
    lambda _, prefs: dict(prefs),
]


@pytest.mark.parametrize("act", HARMFUL)
def test_no_frame_of_an_error_holds_what_is_stored(act: Callable[[Any, Any], object]) -> None:
    data = {"user": [CANARY], "cart": [CANARY, 5], "address": {"city": [CANARY]}}
    with pytest.raises(TypeError) as caught:
        act(typed(Shop)(data), typed(Prefs)(data))
    held = held_by_frames(caught.value, "samesession")
    assert "typed_session" in "".join(step.frame.f_globals["__name__"] for step in caught.traceback)
    assert CANARY not in held


def test_a_number_may_be_whole(shop: Shop) -> None:
    shop.prices = {"tea": 2}
    assert shop.prices == {"tea": 2}


def test_a_misspelt_field_is_an_error(shop: Shop) -> None:
    with pytest.raises(AttributeError, match="Shop has no field 'crat'"):
        shop.crat = []  # type: ignore[attr-defined]


def test_a_view_is_made_of_a_session_alone(shop: Shop) -> None:
    assert isinstance(shop, Shop)
    with pytest.raises(TypeError, match=r"write typed\(Shop\)\(session\)"):
        type(shop)("ann")
    with pytest.raises(TypeError, match="there is no session"):
        typed(Shop)(None)  # type: ignore[arg-type]


def test_a_frozen_dataclass_is_read_only(data: Data) -> None:
    made: Any = type("Frozen", (), {"__annotations__": {"user": str}})
    data["user"] = "ann"
    view: Any = typed(dataclass(frozen=True)(made))(data)
    assert view.user == "ann"
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.user = "ben"
    assert data == {"user": "ann"}


def test_a_dataclass_may_have_slots(data: Data) -> None:
    view: Any = typed(dataclass(slots=True)(type("Slots", (), {"__annotations__": {"a": int}})))(
        data
    )
    view.a = 1
    assert (view.a, data) == (1, {"a": 1})


# --- a TypedDict ----------------------------------------------------------------------------------


def test_a_typed_dict_has_the_keys_of_the_session(data: Data) -> None:
    prefs = typed(Prefs)(data)
    with pytest.raises(
        KeyError, match=r"session\['theme'\] is missing, and Prefs\['theme'\] has no"
    ):
        _ = prefs["theme"]
    prefs["theme"], prefs["cart"] = "dark", ["tea"]
    assert prefs.get("zoom", 1.0) == 1.0
    data["other"] = 1
    assert (dict(prefs), len(prefs), "other" in prefs) == (
        {"theme": "dark", "cart": ["tea"]},
        2,
        False,
    )
    prefs["cart"].append("jam")
    assert prefs == {"theme": "dark", "cart": ["tea", "jam"]}
    assert cast("Any", prefs).copy() == {"theme": "dark", "cart": ["tea", "jam"]}
    cast("Any", prefs).update(zoom=2)
    del prefs["cart"]
    assert data == {"theme": "dark", "zoom": 2, "other": 1}
    assert prefs.pop("zoom") == 2
    assert repr(prefs) == "<Prefs of a session>"


def test_a_typed_dict_may_be_given_defaults(data: Data) -> None:
    given: Data = {"theme": "light", "cart": []}
    prefs = typed(Prefs, defaults=given)(data)
    assert (prefs["theme"], prefs["cart"], len(prefs), data) == ("light", [], 0, {})
    prefs["cart"].append("tea")
    assert (data, given) == ({"cart": ["tea"]}, {"theme": "light", "cart": []})


def test_a_typed_dict_refuses_what_is_wrong(data: Data) -> None:
    prefs: Any = typed(Prefs)(data)
    with pytest.raises(
        TypeError, match=r"session\['theme'\] is int, not str: see Prefs\['theme'\]"
    ):
        prefs["theme"] = 1
    acts: list[Callable[[], object]] = [
        lambda: prefs["other"],
        lambda: prefs.update(other=1),
        lambda: prefs.pop("other"),
    ]
    for act in acts:
        with pytest.raises(KeyError, match="Prefs has no key 'other'"):
            act()
    with pytest.raises(KeyError, match=r"session\['cart'\] is missing"):
        del prefs["cart"]


# --- what a model may have ------------------------------------------------------------------------

KEPT: list[tuple[Any, object]] = [
    (str, "a"),
    (int, 2**80),
    (float, 1),
    (bool, True),
    (bytes, b""),
    (None, None),
    (Any, [object]),
    (object, 1),
    (dt.date, dt.date(2030, 1, 1)),
    (dt.time, dt.time(1)),
    (dt.timedelta, dt.timedelta(1)),
    (Decimal, Decimal(1)),
    (uuid.UUID, uuid.UUID(int=1)),
    (list, [1]),
    (dict[int, str], {1: "a"}),
    (frozenset[str], frozenset("a")),
    (tuple[int, ...], (1, 2, 3)),
    (tuple, (1, "a")),
    (Name, "ann"),
    (Annotated[int, "seconds"], 1),
    (Literal[1, "a"] | None, None),
    (int | str | None, "a"),
    (list[int] | dict[str, int], {"a": 1}),
    (list[Item], [{"name": "a", "more": 1}]),
    (dict[str, list[Item]], {"a": [{"name": "a", "count": 1}]}),
    ("list[Item]", [{"name": "a"}]),
]


def one(annotation: Any, default: Any = dataclasses.MISSING) -> Any:
    """Make a dataclass of one field."""
    fields: list[Any] = [("value", annotation)]
    if default is not dataclasses.MISSING:
        fields = [("value", annotation, default)]
    made = dataclasses.make_dataclass("One", fields)
    made.__module__ = __name__
    return made


@pytest.mark.parametrize(("annotation", "value"), KEPT, ids=str)
def test_what_a_session_keeps_may_be_in_a_model(annotation: Any, value: object) -> None:
    view: Any = typed(one(annotation))({})
    view.value = value
    assert view.value == value


class Colour(enum.Enum):
    RED = 1


@dataclass
class Loop:
    again: Loop | None = None


class LoopKeys(TypedDict):
    again: list[LoopKeys]


REFUSED: list[tuple[Any, str]] = [
    (complex, "One.value: a session cannot keep a complex: write str, int"),
    (Colour, "One.value: a session cannot keep a member of an Enum such as Colour: keep its value"),
    (list[Colour], "member of an Enum"),
    (Sequence[str], "a session cannot keep a Sequence: write"),
    (Callable[[], None], "a session cannot keep a Callable: write"),
    (list[Address], "a dataclass within list would be copied"),
    (Address | str, "a dataclass must be alone or beside None"),
    (Loop, "Loop is a part of itself"),
    (LoopKeys, "LoopKeys is a part of itself"),
    ("Nowhere", "'Nowhere' in an annotation is not a name of the module"),
]


@pytest.mark.parametrize(("annotation", "told"), REFUSED, ids=str)
def test_what_no_session_keeps_is_refused_where_the_model_is_given(
    annotation: Any, told: str
) -> None:
    with pytest.raises(TypeError, match=told):
        typed(one(annotation))


def test_a_default_is_checked_where_the_model_is_given() -> None:
    with pytest.raises(TypeError, match=r"the default is NoneType, not str: see One\.value"):
        typed(one(str, None))
    with pytest.raises(TypeError, match="whose changes would be lost: leave it empty"):
        typed(one(dict[str, list[int]], field(default_factory=lambda: {"a": []})))
    with pytest.raises(TypeError, match=r"the default\[0\] is str, not int"):
        typed(one(list[int], field(default_factory=lambda: ["a"])))
    with pytest.raises(TypeError, match="Prefs has no key 'other', so it has no default"):
        typed(Prefs, defaults={"other": 1})
    with pytest.raises(TypeError, match="the default is int, not str"):
        typed(Prefs, defaults={"theme": 1})
    with pytest.raises(TypeError, match="Shop is a dataclass: write the defaults in its fields"):
        typed(Shop, defaults={"owner": "ann"})


@pytest.mark.parametrize("model", [dict, str, None, 5, Address(), "Shop"])
def test_what_is_no_model_is_refused(model: Any) -> None:
    with pytest.raises(TypeError, match=r"typed\(\) takes a dataclass or a TypedDict"):
        typed(model)
