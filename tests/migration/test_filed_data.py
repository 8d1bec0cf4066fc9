"""Data that Flask-Session and Quart-Session filed: given back as they do, or no session at all."""

from __future__ import annotations

import datetime as dt
import json
import struct
import tracemalloc
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from flask.json.tag import TaggedJSONSerializer
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from samesession import BadRecord
from samesession.core import codec
from samesession.migration.flask_session import FlaskSessionReader
from samesession.migration.quart_session import QuartSessionReader
from tests.unit.parts import KEYS, record, sealer, signer
from tests.unit.strategies import OFFSETS, spelled

MAX_BYTES = 1024 * 1024
FLASK = FlaskSessionReader(KEYS, prefix="session:", lifetime=60, max_bytes=MAX_BYTES)
QUART = QuartSessionReader(KEYS, prefix="session:", lifetime=60, max_bytes=MAX_BYTES)
READERS = (FLASK, QUART)
TAGGED = TaggedJSONSerializer()

ZONES: Any = st.one_of(st.none(), OFFSETS)  # Hypothesis types either, not both
_WHOLE = st.integers(min_value=-(2**63), max_value=2**64 - 1)
_SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    _WHOLE,
    st.floats(),
    st.text(max_size=10),
    st.binary(max_size=10),
    st.datetimes(timezones=ZONES),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
    st.decimals(allow_nan=False),
)
# No datetime is the key of a dict: see below.
_KEYS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), _WHOLE, st.floats(allow_nan=False), st.text(max_size=5), st.binary()
)
_MSGPACK: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(_KEYS | st.lists(_KEYS, max_size=2).map(tuple), inner, max_size=4),
        st.sets(_KEYS, max_size=4),
    ),
    max_leaves=15,
)
_JSON: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=15,
)
_NAMES = st.text(max_size=8)
_TAGGED: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=10),
        st.binary(max_size=10),
        st.text(max_size=5).map(Markup),
        st.uuids(),
        st.datetimes(timezones=ZONES, min_value=dt.datetime(2, 1, 1)),  # noqa: DTZ001
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(
            st.text(max_size=6).filter(lambda name: not name.startswith(" ")), inner, max_size=3
        ),
        st.sampled_from([" t", " b", " m", " u", " d", " di"]).flatmap(
            lambda tag: inner.map(lambda value: {tag: value})
        ),
    ),
    max_leaves=10,
)


def outcome(reader: FlaskSessionReader | QuartSessionReader, raw: bytes) -> dict[str, Any] | None:
    """Give the data, or None for no session; nothing else may come of any bytes."""
    try:
        data = reader.data(raw)
    except BadRecord:
        return None
    assert type(data) is dict
    assert spelled(codec.decode(codec.encode(data))) == spelled(data), "a session keeps it"
    return data


# --- what the libraries wrote ---------------------------------------------------------------


@given(st.dictionaries(_NAMES, _MSGPACK, max_size=5))
def test_messagepack_comes_back_as_flask_session_gives_it(data: dict[str, Any]) -> None:
    raw = msgspec.msgpack.encode(data)
    assert spelled(FLASK.data(raw)) == spelled(msgspec.msgpack.decode(raw))


@given(st.dictionaries(_NAMES, _JSON, max_size=5))
def test_json_comes_back_as_flask_session_gives_it(data: dict[str, Any]) -> None:
    raw = msgspec.json.encode(data)
    assert spelled(FLASK.data(raw)) == spelled(msgspec.json.decode(raw))


@given(st.dictionaries(_NAMES.filter(lambda name: not name.startswith(" ")), _TAGGED, max_size=5))
def test_tagged_json_comes_back_as_quart_session_gives_it(data: dict[str, Any]) -> None:
    text = TAGGED.dumps(data)
    assert spelled(QUART.data(text.encode())) == spelled(TAGGED.loads(text))


def test_an_address_is_left_out() -> None:
    raw = TAGGED.dumps({"_permanent": True, "_addr": "192.0.2.7", "name": "ann"}).encode()
    assert QUART.data(raw) == {"_permanent": True, "name": "ann"}


@given(seconds=st.integers(-(2**36), 2**38), nanoseconds=st.integers(0, 10**9 - 1))
def test_a_moment_between_two_microseconds_is_the_one_that_flask_session_reads(
    seconds: int, nanoseconds: int
) -> None:
    raw = b"\x81\xa1a\xc7\x0c\xff" + struct.pack(">Iq", nanoseconds, seconds)
    try:
        expected = msgspec.msgpack.decode(raw)
    except (msgspec.DecodeError, OverflowError, ValueError):
        expected = None
    assert outcome(FLASK, raw) == expected


# --- what they cannot have written ----------------------------------------------------------

DEEP = 100_000
BAD_FOR_FLASK = {
    "nothing": b"",
    "nothing of a map": b"\x81",
    "no map": b"\x93\x01\x02\x03",
    "a number": b"\x01",
    "two maps": b"\x80\x80",
    "a pickle": b"\x80\x04}\x94.",
    "an older pickle": b"(dp0\nVa\np1\nI1\ns.",
    "a pickle that does something": b"\x80\x04cos\nsystem\n(S'touch /tmp/x'\ntR.",
    "an int as a name": b"\x81\x01\x01",
    "bytes as a name": b"\x81\xc4\x01a\x01",
    "a map as a key": b"\x81\xa1a\x81\x80\x01",
    "a datetime as a key": b"\x81\xa1a\x81\xd6\xff\x00\x00\x00\x01\x01",
    "half a surrogate pair": b"\x81\xa1a\xa3\xed\xa0\x80",
    "no UTF-8": b"\x81\xa1a\xa1\xff",
    "what is never used": b"\x81\xa1a\xc1",
    "an unknown extension": b"\x81\xa1a\xd4\x05\x00",
    "an extension of ours": codec.encode({"a": (1,)}),
    "a moment of five bytes": b"\x81\xa1a\xc7\x05\xff" + bytes(5),
    "a moment of none": b"\x81\xa1a\xc7\x00\xff",
    "too many nanoseconds": b"\x81\xa1a\xd7\xff" + b"\xff" * 8,
    "a moment past the calendar": b"\x81\xa1a\xc7\x0c\xff" + struct.pack(">Iq", 0, 2**62),
    "nested lists": b"\x81\xa1a" + b"\x91" * DEEP,
    "nested maps": b"\x81\xa1a" * DEEP,
    "nested extensions": b"\x81\xa1a" + b"\xc7\xff\xff" * DEEP,
    "as many items as there are numbers": b"\x81\xa1a\xdd\xff\xff\xff\xff",
    "as many names as there are numbers": b"\xdf\xff\xff\xff\xff",
    "as many bytes as there are numbers": b"\x81\xa1a\xc6\xff\xff\xff\xff",
    "an extension of that size": b"\x81\xa1a\xc9\xff\xff\xff\xff\xff",
    "too large": b"\x81\xa1a\xc6" + struct.pack(">I", MAX_BYTES) + bytes(MAX_BYTES),
    "not a number, in JSON": b'{"a":NaN}',
    "an infinite number, in JSON": b'{"a":-Infinity}',
    "a number that becomes infinite": b'{"a":1e400}',
    "half a surrogate pair, in JSON": b'{"a":"\\ud800"}',
    "half a surrogate pair in a name": b'{"\\ud800":1}',
    "no UTF-8, in JSON": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16-le"),
    "a mark of UTF-8 in front": b"\xef\xbb\xbf{}",
    "nested lists, in JSON": b'{"a":' + b"[" * DEEP,
    "nested lists, in JSON, all closed": b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "nested objects, in JSON": b'{"a":' * DEEP,
    "a huge int": b'{"a":' + b"9" * 100_000 + b"}",
    "an int of more than 8,192 bits": b'{"a":' + b"9" * 3000 + b"}",
    "JSON that goes on": b"{}{}",
    "JSON cut off": b'{"a":[1,',
}
BAD_FOR_QUART = {
    **{
        name: raw
        for name, raw in BAD_FOR_FLASK.items()
        # Flask's serializer reads these, and a session holds them.
        if name
        not in {
            "not a number, in JSON",
            "an infinite number, in JSON",
            "a number that becomes infinite",
        }
    },
    "a list": b'[["a",1]]',
    "text": b'"a"',
    "null": b"null",
    "no base64": b'{"a":{" b":"!"}}',
    "no UUID": b'{"a":{" u":"1"}}',
    "no date": b'{"a":{" d":"now"}}',
    "a date that is no text": b'{"a":{" d":[]}}',
    "a tuple of a number": b'{"a":{" t":1}}',
    "an escape of a list": b'{"a":{" di":[]}}',
    "the application's own tag": b'{"a":{" od":[["x",1]]}}',
    "a tag of ours": b'{"a":{" ss.set":[1]}}',
    "nested tags": b'{"a":' + b'{" t":[' * 150 + b"]}" * 150 + b"}",
}


@pytest.mark.parametrize("name", BAD_FOR_FLASK)
def test_what_flask_session_cannot_have_written_is_no_session(name: str) -> None:
    assert outcome(FLASK, BAD_FOR_FLASK[name]) is None


@pytest.mark.parametrize("name", BAD_FOR_QUART)
def test_what_quart_session_cannot_have_written_is_no_session(name: str) -> None:
    assert outcome(QUART, BAD_FOR_QUART[name]) is None


def test_of_two_equal_names_the_last_counts_as_for_the_libraries() -> None:
    assert FLASK.data(b"\x82\xa1a\x01\xa1a\x02") == {"a": 2}
    for reader in READERS:
        assert reader.data(b'{"a":1,"a":2}') == {"a": 2}


def test_a_record_of_ours_under_an_id_of_theirs_is_no_session() -> None:
    """Both begin their keys with "session:" unless they are told otherwise."""
    token = signer().mint().token
    made = record(token, payload=codec.encode({"a": 1}))
    for revision in (0, 1, 2**31, 2**62):
        raw = sealer().seal("session:" + token.sid, made._replace(revision=revision))
        for reader in READERS:
            assert outcome(reader, raw) is None


@pytest.mark.parametrize("reader", READERS)
def test_cut_off_at_each_byte_it_is_no_session(
    reader: FlaskSessionReader | QuartSessionReader,
) -> None:
    data = {"a": [1, {"b": "é" * 20}], "c": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "d": b"x" * 40}
    for raw in (
        [msgspec.msgpack.encode(data), msgspec.json.encode(data)]
        if reader is FLASK
        else [TAGGED.dumps(data).encode()]
    ):
        assert outcome(reader, raw) is not None
        for end in range(len(raw)):
            assert outcome(reader, raw[:end]) is None


@given(data=st.data())
@settings(max_examples=300)
def test_whatever_is_changed_it_is_what_flask_session_reads_or_no_session(
    data: st.DataObject,
) -> None:
    packed = msgspec.msgpack.encode(data.draw(st.dictionaries(_NAMES, _MSGPACK, max_size=3)))
    raw = bytearray(packed)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if not raw:
            raw = bytearray(b"\x80")
    found = outcome(FLASK, bytes(raw))
    if found is not None and not raw.startswith(b"{"):
        assert spelled(found) == spelled(msgspec.msgpack.decode(bytes(raw)))


@given(st.binary(max_size=200))
def test_no_bytes_are_anything_else(raw: bytes) -> None:
    for reader in READERS:
        for front in (b"", b"\x81\xa1a", b'{"a":', b'{"a":{" d":"'):
            _ = outcome(reader, front + raw)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "raw",
    [
        b"\x81\xa1a\xdc\xff\xf0" + b"\x80" * 0xFFF0,
        b"\x81\xa1a\xdd\x00\x0f\x00\x00" + b"\x80" * 0xF0000,
        b"\x81\xa1a\xdd\xff\xff\xff\xff" + b"\x90" * 0xF0000,
        b"\x81\xa1a" + b"\xdd\xff\xff\xff\xff" * 1000,
        b"\x81\xa1a\xc6\x7f\xff\xff\xff" + bytes(1000),
        b'{"a":[' + b"{}," * 300_000 + b"{}]}",
        b'{"a":[' + b"[]," * 300_000 + b"[]]}",
        b'{"a":' + b'{" t":[' * 100_000,
        b'{"a":' + b"9" * 1_000_000 + b"}",
        b"[" * 1_000_000,
    ],
    ids=range(10),
)
def test_memory_is_bounded(reader: FlaskSessionReader | QuartSessionReader, raw: bytes) -> None:
    assert len(raw) <= MAX_BYTES
    tracemalloc.start()
    try:
        with suppress(BadRecord):
            _ = reader.data(raw)
        assert tracemalloc.get_traced_memory()[1] < 100 * MAX_BYTES
    finally:
        tracemalloc.stop()


def test_it_is_json_as_python_reads_it() -> None:
    text = json.dumps({"a": [1, -0.0, 1e-7, "\u2028\U0001f600"], "b": None})
    assert spelled(FLASK.data(text.encode())) == spelled(json.loads(text))
