"""What becomes of objects of a subclass of what a session keeps, in both formats."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import enum
import pathlib
import traceback
import types
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from freezegun import freeze_time
from freezegun.api import FakeDate, FakeDatetime
from markupsafe import Markup
from werkzeug.local import LocalProxy

from samesession.core import codec
from samesession.core.cookie_only import tagged_json

from .strategies import spelled

# Any: what is kept has no common type.
Format = tuple[Callable[[dict[str, Any]], Any], Callable[[Any], dict[str, Any]]]
FORMATS: dict[str, Format] = {
    "codec": (codec.encode, codec.decode),
    "tagged": (tagged_json.dumps, tagged_json.loads),
}
pytestmark = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)


class _Moment(dt.datetime):
    """Has its own idea of everything, as pendulum's has."""

    def isoformat(self, *_: Any, **__: Any) -> str:
        return "next week"

    def replace(self, *_: Any, **__: Any) -> Any:
        return None

    def astimezone(self, *_: Any, **__: Any) -> Any:
        return None


class _Day(dt.date):
    def isoformat(self) -> str:
        return "Monday"


class _Hour(dt.time):
    pass


class _Span(dt.timedelta):
    pass


class _Id(uuid.UUID):
    __slots__ = ("int",)  # as uuid6 and asyncpg's class have their own


class _Amount(Decimal):
    def __str__(self) -> str:
        return "5 EUR"


class _Raw(bytes):
    pass


class _Texts(set[str]):
    pass


class _Frozen(frozenset[str]):
    pass


class _Couple(tuple[int, int]):
    __slots__ = ()


class _Token(dict[str, int]):
    """Has attributes of its own, as OAuthLib's token has, and is kept as a dict."""

    def __init__(self, **values: int) -> None:
        super().__init__(values)
        self.scope = "all"


class _Name(str):  # noqa: SLOT000  # attributes are the point
    """Has attributes of its own, as what parsers of HTML give."""

    parent: object = None


def _named() -> _Name:
    name = _Name("a")
    name.parent = object()
    return name


_AT = (2026, 3, 1, 2, 3, 4, 5)
_ZONE = dt.timezone(dt.timedelta(hours=5))
KEPT: dict[str, tuple[Any, Any]] = {
    "datetime": (_Moment(*_AT, tzinfo=_ZONE, fold=1), dt.datetime(*_AT, tzinfo=_ZONE, fold=1)),
    "naive datetime": (_Moment(*_AT), dt.datetime(*_AT)),  # noqa: DTZ001
    "date": (_Day(2026, 3, 1), dt.date(2026, 3, 1)),
    "time": (_Hour(1, 2, 3, tzinfo=dt.UTC), dt.time(1, 2, 3, tzinfo=dt.UTC)),
    "timedelta": (_Span(days=-1, seconds=2), dt.timedelta(days=-1, seconds=2)),
    "uuid": (_Id(int=7), uuid.UUID(int=7)),
    "decimal": (_Amount("5.0"), Decimal("5.0")),
    "bytes": (_Raw(b"\xff"), b"\xff"),
    "bytearray": (bytearray(b"\xff"), b"\xff"),
    "memoryview": (memoryview(array.array("B", b"ab")), b"ab"),
    "set": (_Texts({"a", "b"}), {"a", "b"}),
    "frozenset": (_Frozen({"a", "b"}), frozenset({"a", "b"})),
    "tuple": (_Couple((1, 2)), (1, 2)),
    "dict with attributes": (_Token(a=1), {"a": 1}),
    "text with attributes": (_named(), "a"),
    "counter": (collections.Counter("aab"), {"a": 2, "b": 1}),
    "freezegun's datetime": (FakeDatetime(*_AT, tzinfo=_ZONE), dt.datetime(*_AT, tzinfo=_ZONE)),
    "freezegun's date": (FakeDate(2026, 3, 1), dt.date(2026, 3, 1)),
}


@pytest.mark.parametrize("kind", KEPT)
def test_a_subclass_is_kept_as_its_base(form: Format, kind: str) -> None:
    encode, decode = form
    value, kept = KEPT[kind]
    written = encode({"k": value, "in": [(value, {1: value})]})
    assert spelled(decode(written)) == spelled({"k": kept, "in": [(kept, {1: kept})]})
    assert encode(decode(written)) == written


def test_what_freezegun_makes_of_the_clock_is_kept(form: Format) -> None:
    encode, decode = form
    with freeze_time("2026-03-01 12:00:00"):
        written = encode({"at": dt.datetime.now(dt.UTC), "on": dt.date.today()})  # noqa: DTZ011
        assert encode(decode(written)) == written
    again = decode(written)
    assert spelled(again) == spelled(
        {"at": dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), "on": dt.date(2026, 3, 1)}
    )


# --- refusals -------------------------------------------------------------------------


class _Whole(enum.IntEnum):
    ONE = 1


class _Word(enum.StrEnum):
    ONE = "one"


class _Mixed(str, enum.Enum):  # noqa: UP042  # what applications have
    ONE = "one"


class _Pair(tuple[int], enum.Enum):  # noqa: SLOT001  # an Enum has its own
    ONE = (1,)


class _Bits(enum.IntFlag):
    ONE = 1


class _Holiday(dt.date, enum.Enum):
    ONE = (2026, 1, 1)


class _Price(Decimal):
    currency = ""


class _Priced(Decimal):
    __slots__ = ("currency",)


class _Nanoseconds(dt.datetime):
    """Has a field more, as pandas.Timestamp has."""

    __slots__ = ("nanosecond",)

    def to_pydatetime(self) -> None:
        """Be known by this."""


class _Years(dt.timedelta):
    """Has attributes, as pendulum.Duration has."""


def _with(value: Any, **attributes: Any) -> Any:
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


@dataclasses.dataclass
class _Data:
    a: int = 1


class _Attrs:
    __attrs_attrs__ = ()


class _Pydantic:
    def model_dump(self) -> None: ...


class _Scalar:
    dtype = "int64"

    def item(self) -> None: ...

    def tolist(self) -> None: ...


class _Mapped:
    __mapper__ = object()


class _Row(collections.abc.Sequence[int]):
    _fields = ("a",)
    _mapping: object = None

    def __getitem__(self, index: Any) -> Any:
        raise IndexError(index)

    def __len__(self) -> int:
        return 0


REFUSED: dict[str, tuple[Any, str]] = {
    "int enum": (_Whole.ONE, "_Whole is an Enum; store its .value"),
    "str enum": (_Word.ONE, "_Word is an Enum; store its .value"),
    "mixed enum": (_Mixed.ONE, "_Mixed is an Enum; store its .value"),
    "tuple enum": (_Pair.ONE, "_Pair is an Enum; store its .value"),
    "flag": (_Bits.ONE, "_Bits is an Enum; store its .value"),
    "date enum": (_Holiday.ONE, "_Holiday is an Enum; store its .value"),
    "attributes": (_with(_Price("1"), currency="EUR"), "_Price is a Decimal with more data"),
    "slots": (_with(_Priced("1"), currency="EUR"), "_Priced is a Decimal with more data"),
    "more precise": (_Nanoseconds(2026, 1, 1), "store its .to_pydatetime()"),
    "more of a span": (_with(_Years(1), years=2), "_Years is a timedelta with more data"),
    "dataclass": (_Data(), "store dataclasses.asdict(...)"),
    "attrs": (_Attrs(), "store attrs.asdict(...)"),
    "pydantic": (_Pydantic(), 'store its .model_dump(mode="json")'),
    "numpy": (_Scalar(), "store its .tolist()"),
    "mapped": (_Mapped(), "store its primary key"),
    "row": (_Row(), "store dict(...) of its ._mapping"),
    "path": (pathlib.PurePosixPath("/a"), "pathlib.PurePosixPath is a path; store str(...)"),
    "deque": (collections.deque([1]), "collections.deque is a sequence; store list(...)"),
    "range": (range(3), "store list(...)"),
    "mapping": (types.MappingProxyType({}), "store dict(...)"),
    "keys": ({1: 2}.keys(), "store set(...)"),
    "generator": ((_ for _ in ()), "store list(...)"),
    "proxy of text": (LocalProxy(lambda: "a"), "store its ._get_current_object()"),
    "exception": (ValueError("a"), "store str(...)"),
    "class": (dict, "store its name"),
    "pieces": (memoryview(b"abcd")[::2], "store bytes(...)"),
    "else": (object(), "object is not a type that a session keeps"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_lose_its_meaning_is_refused_with_advice(form: Format, kind: str) -> None:
    encode, _ = form
    value, said = REFUSED[kind]
    for data, path in (
        ({"k": value}, "session['k'] "),
        ({"k": [(value,), {1: 2}]}, "session['k'][0][0] "),
    ):
        with pytest.raises(TypeError) as caught:
            encode(data)
        assert str(caught.value).startswith(path)
        assert said in str(caught.value)
        if (module := type(value).__module__) != "builtins":
            assert f" {module}.{type(value).__qualname__} is " in str(caught.value)


def test_a_name_that_is_a_member_of_an_enum_is_found_again(form: Format) -> None:
    encode, decode = form
    again = decode(encode({"k": {_Word.ONE: 1, _Mixed.ONE: 2}}))
    assert (spelled(again), again["k"][_Word.ONE]) == (spelled({"k": {"one": 2}}), 2)


@pytest.mark.parametrize("data", [{"k": object()}, {"k": [({1: (object(),)},)]}])
def test_the_error_is_the_only_traceback(form: Format, data: dict[str, Any]) -> None:
    encode, _ = form
    with pytest.raises(TypeError) as caught:
        encode(data)
    assert "".join(traceback.format_exception(caught.value)).count("Traceback") == 1
    assert caught.value.__context__ is None


def test_no_code_of_the_object_is_run_to_refuse_it(form: Format) -> None:
    class _Loud:
        def __getattr__(self, name: str) -> Any:
            if name == "__html__":
                raise AttributeError(name)
            raise AssertionError(f"{name} was asked for")

    encode, _ = form
    with pytest.raises(TypeError, match=r"_Loud is not a type"):
        encode({"k": _Loud()})


def test_what_html_gives_is_kept_as_markup(form: Format) -> None:
    class _Html(Decimal):
        def __html__(self) -> str:
            return "<i>"

    encode, decode = form
    assert decode(encode({"k": _Html(1)})) == {"k": Markup("<i>")}
