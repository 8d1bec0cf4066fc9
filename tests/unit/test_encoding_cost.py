"""What encoding costs grows with the data, however that is nested; counted, not timed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from samesession.core import codec
from samesession.core.cookie_only import tagged_json

from .strategies import spelled

FORMATS: dict[str, Callable[[dict[str, Any]], str | bytes]] = {
    "codec": codec.encode,
    "tagged": tagged_json.dumps,
}
# Each wraps a value that may be of any type.
WRAPS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda inner: (inner,),
    "list": lambda inner: [inner],
    "number as key": lambda inner: {1: inner},
    "number as last key": lambda inner: {"a": inner, 1: 1},
    "number as key beside a tuple": lambda inner: [(inner,), {1: 1}],
    "number as key behind a tuple": lambda inner: ({"a": inner}, {1: 1}),
    "all of them": lambda inner: {"a": [(inner,), {2: set()}], 1: ({"b": ()},)},
    # These need hashable values, and make such.
    "frozenset": lambda inner: frozenset([inner]),
    "tuple in a frozenset": lambda inner: (frozenset([(inner, ())]), 1),
    # These, too, but make others.
    "tuple as key": lambda inner: {(inner,): 1},
    "frozenset as key": lambda inner: {"a": 1, frozenset([inner]): 2},
    "number as key behind a frozenset": lambda inner: (frozenset([inner]), {None: 1}),
}
WITHIN = dict.fromkeys(
    ("tuple as key", "frozenset as key", "number as key behind a frozenset"), "tuple in a frozenset"
)
DEPTH = 10  # levels: 2**10 is far from the few times that are allowed


class _Counted:
    """A value that counts how often it is encoded."""

    def __init__(self) -> None:
        self.times = 0

    def __html__(self) -> str:
        self.times += 1
        return "x"


def _nested(wrap: str, innermost: object, depth: int = DEPTH) -> Any:
    inside = WRAPS[WITHIN.get(wrap, wrap)]
    return WRAPS[wrap](reduce(lambda inner, _: inside(inner), range(depth - 1), innermost))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("wrap", WRAPS)
def test_each_value_is_encoded_twice_at_most_however_deep_it_is(name: str, wrap: str) -> None:
    value = _Counted()
    _ = FORMATS[name]({"k": _nested(wrap, value)})
    assert 1 <= value.times <= 2


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("wrap", WRAPS)
def test_what_does_not_fit_is_found_by_asking_once_of_each_value(name: str, wrap: str) -> None:
    value = _Counted()
    with pytest.raises(TypeError, match="object is not a type"):
        FORMATS[name]({"k": _nested(wrap, (value, object()))})
    assert value.times <= 3


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("wrap", WRAPS)
def test_what_is_too_deep_is_found_in_a_few_steps(name: str, wrap: str) -> None:
    value = _Counted()
    with pytest.raises(TypeError, match="nested too deeply"):
        FORMATS[name]({"k": _nested(wrap, value, 300)})
    assert value.times <= 12


def test_the_members_of_nested_sets_are_spelled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spelled_characters = 0

    def dumps(value: object, **options: Any) -> str:
        nonlocal spelled_characters
        text = json.dumps(value, **options)
        spelled_characters += len(text)
        return text

    monkeypatch.setattr(tagged_json, "json", SimpleNamespace(dumps=dumps, loads=json.loads))
    members: Any = frozenset(range(1000))
    text = tagged_json.dumps({"k": reduce(lambda inner, _: frozenset([inner]), range(40), members)})
    assert spelled_characters < 3 * len(text)


def test_sets_in_sets_are_ordered_by_their_text() -> None:
    inner = [frozenset([("b", frozenset([2, 10]))]), frozenset([("b", frozenset([2, 1]))]), "é\n"]
    text = tagged_json.dumps({"s": {*inner}})
    assert text == (
        '{"s":{" ss.set":["\\u00e9\\n",'
        '{" ss.frozenset":[{" t":["b",{" ss.frozenset":[1,2]}]}]},'
        '{" ss.frozenset":[{" t":["b",{" ss.frozenset":[10,2]}]}]}]}}'
    )


def test_the_bytes_are_those_that_earlier_releases_stored() -> None:
    data = {
        "a": [({"b": {3: None}},), {1: {"c": (2,)}}],
        "d": {(1, frozenset([2])): {"e": {4: {5: {6}}}}},
        "f": {"g": 1, 7: {"h": (8, {9: 10})}},
    }
    stored = bytes.fromhex(
        "000a83a1611aa16420a166159392c70a019181a162c703049203c0c70904920181a163d5019102c7"
        "1d0492d7019201d60391c4010281a165c70c049204d7049205d60291c40106c7120494a167010781"
        "a168d7019208c7030492090a"
    )
    assert codec.encode(data) == stored
    assert spelled(codec.decode(stored)) == spelled(data)


@pytest.mark.parametrize("beside", [{"a": 1}, {1: 1}], ids=["names", "numbers as keys"])
def test_a_multidict_is_stored_alike_whatever_stands_beside_it(beside: object) -> None:
    many = MultiDict([("a", "1"), ("a", "2"), ("b", "3")])
    again = codec.decode(codec.encode({"many": many, "beside": beside}))
    assert again["many"] == {"a": "1", "b": "3"}
