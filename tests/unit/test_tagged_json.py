"""Flask's tagged JSON: theirs and ours read one another, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from functools import reduce
from typing import Any

import pytest
from flask.json.tag import TaggedJSONSerializer
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from samesession import BadRecord
from samesession.core.cookie_only import tagged_json

from .strategies import DATA, EACH_KIND, HASHABLES, spelled

FLASKS = TaggedJSONSerializer()
FLASK_DATA = st.dictionaries(
    st.text(max_size=6),
    st.recursive(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False),
            st.text(),
            st.binary(),
            st.text().map(Markup),
            st.uuids(),
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.lists(inner, max_size=3).map(tuple),
            st.dictionaries(st.text(max_size=6), inner, max_size=3),
        ),
        max_leaves=10,
    ),
    max_size=4,
)


@given(DATA)
def test_data_comes_back_in_value_and_type(data: dict[str, Any]) -> None:
    assert spelled(tagged_json.loads(tagged_json.dumps(data))) == spelled(data)


@pytest.mark.parametrize("kind", EACH_KIND)
def test_each_kind_comes_back_in_value_and_type(kind: str) -> None:
    data = {kind: EACH_KIND[kind]}
    assert spelled(tagged_json.loads(tagged_json.dumps(data))) == spelled(data)


@given(DATA)
def test_what_was_read_is_written_alike(data: dict[str, Any]) -> None:
    text = tagged_json.dumps(data)
    assert tagged_json.dumps(tagged_json.loads(text)) == text


@given(FLASK_DATA)
def test_flask_and_we_write_the_same_text(data: dict[str, Any]) -> None:
    text = tagged_json.dumps(data)
    assert json.loads(text) == json.loads(FLASKS.dumps(data))
    assert spelled(FLASKS.loads(text)) == spelled(data)
    assert spelled(tagged_json.loads(FLASKS.dumps(data))) == spelled(data)


@given(st.datetimes(timezones=st.just(dt.UTC), min_value=dt.datetime(1000, 1, 1)))  # noqa: DTZ001
def test_flask_reads_our_moments_to_the_second(moment: dt.datetime) -> None:
    again = FLASKS.loads(tagged_json.dumps({"at": moment}))["at"]
    assert again == moment.replace(microsecond=0)
    assert tagged_json.loads(FLASKS.dumps({"at": moment}))["at"] == moment.replace(microsecond=0)


def test_flask_reads_around_the_types_it_does_not_know() -> None:
    data = {"name": "x", "price": EACH_KIND["decimal"], "tags": {1, 2}}
    assert FLASKS.loads(tagged_json.dumps(data))["name"] == "x"


@given(st.lists(HASHABLES, unique=True, max_size=6), st.randoms(use_true_random=False))
def test_a_set_has_one_spelling_whatever_the_order_of_insertion(
    members: list[Any], random: Any
) -> None:
    shuffled = list(members)
    random.shuffle(shuffled)
    assert tagged_json.dumps({"s": set(members)}) == tagged_json.dumps({"s": set(shuffled)})


@pytest.mark.parametrize("tag", [" t", " b", " m", " u", " d", " di", " ss.set", " ss.pairs"])
def test_data_that_looks_like_a_tag_stays_data(tag: str) -> None:
    for data in ({tag: "x"}, {"k": {tag: [1]}}, {"k": {tag + "__": 1}}, {"k": {" di": {tag: 1}}}):
        assert tagged_json.loads(tagged_json.dumps(data)) == data


# --- subclasses -----------------------------------------------------------------------


class _Text(str):
    __slots__ = ()


class _Whole(int):
    pass


class _Real(float):
    pass


class _Html:
    def __html__(self) -> str:
        return "<i>"


@pytest.mark.parametrize(
    ("value", "kept"),
    [(_Text("a"), "a"), (_Whole(1), 1), (_Real(0.5), 0.5), (_Html(), Markup("<i>"))],
)
def test_a_subclass_is_kept_as_its_base(value: Any, kept: Any) -> None:
    assert spelled(tagged_json.loads(tagged_json.dumps({"k": value}))) == spelled({"k": kept})


# --- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"a": object()}, "session['a'] "),
        ({"cart": [1, 2, {"owner": print}]}, "session['cart'][2]['owner'] "),
        ({"s": {1, print}}, "session['s']{...} "),
        ({"p": {1: print}}, "session['p'][1] "),
        ({"n": 2**8193}, "session['n'] "),
        ({"n": (_Whole(2**8193),)}, "session['n'][0] "),
    ],
)
def test_what_cannot_be_kept_is_named_by_its_path(data: dict[str, Any], path: str) -> None:
    with pytest.raises(TypeError) as caught:
        tagged_json.dumps(data)
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: [inner],
        lambda inner: {"a": inner},
        lambda inner: (inner,),
        lambda inner: {1: inner},
        lambda inner: frozenset([inner]),
        lambda inner: {" t": inner},
        lambda inner: [(inner,)],
        lambda inner: {"a": [{2: inner}]},
    ],
)
def test_what_is_not_too_deep_to_write_is_not_too_deep_to_read(wrap: Any) -> None:
    for depth in range(20, 300):
        data = {"k": reduce(lambda inner, _: wrap(inner), range(depth), 0)}
        try:
            text = tagged_json.dumps(data)
        except TypeError:
            return
        assert tagged_json.dumps(tagged_json.loads(text)) == text
    pytest.fail("depth is not bounded")


# --- reading --------------------------------------------------------------------------


@given(st.text(max_size=100))
def test_any_text_is_data_or_a_bad_record(text: str) -> None:
    try:
        assert type(tagged_json.loads(text)) is dict
    except BadRecord:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=3), inner, max_size=2),
        *(
            st.fixed_dictionaries({tag: inner})
            for tag in (
                " di", " t", " b", " m", " u", " d", " ss.date", " ss.time", " ss.delta",
                " ss.decimal", " ss.set", " ss.frozenset", " ss.pairs",
            )
        ),
    ),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_any_json_is_data_or_a_bad_record(value: Any) -> None:
    try:
        assert type(tagged_json.loads(json.dumps({"k": value}))) is dict
    except BadRecord:
        pass


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "[1]",
        '"x"',
        "null",
        "NaN",
        "{",
        '{" t":[]}',
        '{" ss.pairs":[[1,2]]}',
        '{"k":{" d":""}}',
        '{"k":{" d":"not a date"}}',
        '{"k":{" d":"Thu, 01 Jan 1970 00:00:00 GMT ("}}',
        '{"k":{" d":5}}',
        '{"k":{" u":"x"}}',
        '{"k":{" b":"*"}}',
        '{"k":{" ss.decimal":"1.1.1"}}',
        '{"k":{" ss.delta":[]}}',
        '{"k":{" ss.delta":[1e99,0,0]}}',
        '{"k":{" ss.set":[[1]]}}',
        '{"k":{" ss.pairs":[[1]]}}',
        '{"k":{" ss.pairs":5}}',
        '{"k":{" di":[]}}',
        '{"k":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"k":' + "9" * 100_000 + "}",
    ],
)
def test_what_is_no_session_is_a_bad_record(text: str) -> None:
    with pytest.raises(BadRecord):
        tagged_json.loads(text)


def test_a_uuid_is_spelled_as_flask_does() -> None:
    assert tagged_json.dumps({"u": uuid.UUID(int=1)}) == FLASKS.dumps({"u": uuid.UUID(int=1)})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from([" t", " b", " di", " m"]), inner)
    ),
    max_leaves=10,
)


@given(data=st.dictionaries(st.text(max_size=3), _JSON, max_size=3), ascii_only=st.booleans())
def test_text_without_tags_is_read_as_if_it_were_walked_through(
    data: dict[str, Any], ascii_only: bool
) -> None:
    text = json.dumps(data, ensure_ascii=ascii_only, separators=(",", ":"))
    try:
        walked: object = tagged_json._untag(json.loads(text), 0)
    except (AttributeError, LookupError, TypeError, ValueError):
        walked = None
    if not isinstance(walked, dict):
        with pytest.raises(BadRecord):
            tagged_json.loads(text)
    else:
        assert tagged_json.loads(text) == walked


def test_a_tag_in_any_spelling_is_seen() -> None:
    assert tagged_json.loads('{"a":{" t":[1]}}') == {"a": (1,)}
    assert tagged_json.loads('{"a":{"\\u0020t":[1]}}') == {"a": (1,)}
    assert tagged_json.loads('{"a" : { " t" : [1] } }') == {"a": (1,)}
