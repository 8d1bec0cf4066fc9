"""The payload's encoding: exact, canonical, and closed against everything else."""

from __future__ import annotations

import datetime as dt
import enum
import os
import subprocess
import sys
import zoneinfo
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from samesession import BadRecord
from samesession.core import codec
from samesession.core.values import MAX_DEPTH

from .strategies import DATA, EACH_KIND, HASHABLES, VALUES, spelled


def encode(data: dict[str, Any]) -> bytes:
    """Encode data to bytes of which nothing is known, as a store returns them."""
    return bytes(codec.encode(data))


@given(DATA)
def test_data_comes_back_in_value_and_type(data: dict[str, Any]) -> None:
    assert spelled(codec.decode(encode(data))) == spelled(data)


@pytest.mark.parametrize("kind", EACH_KIND)
def test_each_kind_comes_back_in_value_and_type(kind: str) -> None:
    data = {kind: EACH_KIND[kind]}
    assert spelled(codec.decode(encode(data))) == spelled(data)


@given(VALUES)
def test_what_was_decoded_encodes_to_the_same_bytes(value: object) -> None:
    payload = codec.encode_value(value, root="session")
    assert codec.encode_value(codec.decode_value(payload), root="session") == payload


@given(st.lists(HASHABLES, unique=True, max_size=8), st.randoms(use_true_random=False))
def test_a_set_has_one_encoding_whatever_the_order_of_insertion(
    members: list[Any], random: Any
) -> None:
    shuffled = list(members)
    random.shuffle(shuffled)
    for kind in (set, frozenset):
        first = codec.encode_value(kind(members), root="session")
        assert codec.encode_value(kind(shuffled), root="session") == first


def test_a_set_has_one_encoding_in_every_process() -> None:
    program = (
        "from samesession.core import codec\n"
        "print(codec.encode({'s': {str(n) for n in range(50)}, 'f': frozenset('abcdef')}).hex())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


def test_the_order_of_a_dict_is_kept() -> None:
    data = {"b": {2: 0, 1: 0}, "a": {"z": 0, "y": 0}}
    again = codec.decode(encode(data))
    assert (list(again), list(again["b"]), list(again["a"])) == (["b", "a"], [2, 1], ["z", "y"])


def test_a_zone_keeps_its_offset() -> None:
    berlin = dt.datetime(2026, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    again = codec.decode(encode({"at": berlin}))["at"]
    assert (again, again.utcoffset()) == (berlin, dt.timedelta(hours=2))


# --- subclasses, as in Flask's tagged JSON --------------------------------------------


class _Text(str):
    __slots__ = ()


class _Whole(int):
    pass


class _Real(float):
    pass


class _Items(list[Any]):
    pass


class _Html:
    def __html__(self) -> str:
        return "<i>"


class _Moment(dt.datetime):
    pass


_Point = namedtuple("_Point", "x y")  # noqa: PYI024


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (_Text("a"), "a"),
        (_Whole(1), 1),
        (_Real(0.5), 0.5),
        (_Items([(1,)]), [(1,)]),
        (_Point(1, 2), (1, 2)),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(int, {1: 2}), {1: 2}),
        (_Html(), Markup("<i>")),
        (_Moment(2026, 1, 1), dt.datetime(2026, 1, 1)),  # noqa: DTZ001
        ({_Text("a"): {_Text("b"): 1}}, {"a": {"b": 1}}),
        ([{Markup("m"): 1}], [{Markup("m"): 1}]),
    ],
)
def test_a_subclass_is_kept_as_its_base_and_reads_as_unchanged(value: Any, kept: Any) -> None:
    payload = encode({"k": value})
    again = codec.decode(payload)
    assert spelled(again) == spelled({"k": kept})
    assert encode(again) == payload


# --- refusals -------------------------------------------------------------------------


class _Color(enum.Enum):
    RED = 1


@dataclass
class _Plain:
    owner: str = "canary-value"


def _nested(depth: int, wrap: Any) -> Any:
    return reduce(lambda inner, _: wrap(inner), range(depth), 0)


@pytest.mark.parametrize(
    ("data", "path", "advice"),
    [
        ({"a": object()}, "session['a'] ", "object is not a type"),
        ({"cart": [1, 2, {"owner": _Plain()}]}, "session['cart'][2]['owner'] ", "asdict"),
        ({"t": (1, _Color.RED)}, "session['t'][1] ", ".value"),
        ({"s": {1, _Color.RED}}, "session['s']{...} ", ".value"),
        ({"d": {1: {2: print}}}, "session['d'][1][2] ", "not a type"),
        ({"k": {_Color.RED: 1}}, "session['k'][<key of type _Color>] ", ".value"),
        ({"k": {(1,): print}}, "session['k'][<tuple>] ", "not a type"),
        ({"n": 2**8193}, "session['n'] ", "8,192 bits"),
        ({"u": "\ud800"}, "session['u'] ", "surrogate"),
        ({"f": len}, "session['f'] ", "not a type"),
        ({"c": 1j}, "session['c'] ", "complex"),
    ],
)
def test_what_cannot_be_kept_is_named_by_its_path(
    data: dict[str, Any], path: str, advice: str
) -> None:
    with pytest.raises(TypeError) as caught:
        encode(data)
    assert str(caught.value).startswith(path)
    assert advice in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_top_level_value_that_cannot_be_kept_is_named_by_its_root() -> None:
    with pytest.raises(TypeError, match=r"^session\['cart'\] cannot be kept"):
        codec.encode_value(print, root="session['cart']")


def test_data_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    knot: dict[Any, Any] = {}
    knot[1] = (knot,)
    for value in (loop, knot):
        with pytest.raises(TypeError, match="holds itself"):
            encode({"k": value})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: [inner],
        lambda inner: {"a": inner},
        lambda inner: (inner,),
        lambda inner: {1: inner},
        lambda inner: frozenset([inner]),
        lambda inner: [(inner,)],
        lambda inner: {"a": [{2: inner}]},
    ],
)
def test_what_is_not_too_deep_to_encode_is_not_too_deep_to_decode(wrap: Any) -> None:
    for depth in range(MAX_DEPTH - 3, 300):
        data = {"k": _nested(depth, wrap)}
        try:
            payload = encode(data)
        except TypeError:
            return
        assert encode(codec.decode(payload)) == payload
    pytest.fail("depth is not bounded")


def test_the_deepest_data_does_not_exhaust_the_stack() -> None:
    # A child process, as the failure is a crash.
    program = (
        "from samesession.core import codec\n"
        "from samesession.core.values import MAX_DEPTH\n"
        "for lists in (100, 200, 240, 250):\n"
        "    for tuples in (MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 100):\n"
        "        value = 0\n"
        "        for _ in range(tuples):\n"
        "            for _ in range(lists): value = [value]\n"
        "            value = (value,)\n"
        "        try: codec.decode_value(codec.encode_value(value, root='session'))\n"
        "        except TypeError: pass\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b"")


# --- decoding -------------------------------------------------------------------------


def _is_typed(payload: bytes) -> None:
    try:
        data = codec.decode(payload)
    except BadRecord:
        return
    assert type(data) is dict


@given(st.binary(max_size=200))
def test_any_bytes_are_data_or_a_bad_record(payload: bytes) -> None:
    _is_typed(payload)


@given(DATA, st.data())
def test_mutated_bytes_are_data_or_a_bad_record(data: dict[str, Any], draw: st.DataObject) -> None:
    payload = bytearray(encode(data))
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(payload) - 1))
        payload[at] = draw.draw(st.integers(0, 255))
    _is_typed(bytes(payload))


def test_every_flipped_byte_and_truncation_is_data_or_a_bad_record() -> None:
    payload = encode(EACH_KIND)
    for at in range(len(payload)):
        with pytest.raises(BadRecord):
            codec.decode(payload[:at])
        for mask in (0x01, 0x80, 0xFF):
            _is_typed(payload[:at] + bytes([payload[at] ^ mask]) + payload[at + 1 :])


@given(st.integers(0, 127), st.binary(max_size=40))
def test_any_extension_is_data_or_a_bad_record(tag: int, content: bytes) -> None:
    _is_typed(_holding(ormsgpack.Ext(tag, content)))


def _holding(value: object) -> bytes:
    """Give a payload of one value, as no session could hold it."""
    return codec.join({"k": ormsgpack.packb(value)})


def _ext(tag: int, content: object) -> bytes:
    return _holding(ormsgpack.Ext(tag, ormsgpack.packb(content)))


def _assembled(index: object, body: bytes) -> bytes:
    packed = ormsgpack.packb(index, option=ormsgpack.OPT_NON_STR_KEYS)
    return len(packed).to_bytes(2, "big") + packed + body


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00",
        b"\xff\xff\xff\xff\xff\xff",
        *(_assembled(index, b"\x90") for index in (1, [], [1], "x", None, True, 1.5)),
        _assembled({1: 1}, b"\x91\x01"),
        _assembled({(1,): 1}, b"\x91\x01"),
        _assembled({"a": 1}, b"\x90"),
        _assembled({}, b"\x91\x01"),
        _assembled({"a": 2}, b"\x91\x01"),
        _assembled({"a": 1}, b"\x91\x01\x01"),
        _assembled({"a": 1}, b"\x81\x01"),  # no array
        _assembled({"a": "1"}, b"\x91\x01"),
        _assembled({"a": None}, b"\x91\x01"),
        _assembled({"a": 1, "b": 2}, b"\x92\xcc"),  # values that end too early
        b"\x00\x04\x81\xa1\xff\x01\x91\x01",
        b"\x00\x06\x81\xa3\xed\xa0\x80\x01\x91\x01",  # a lone surrogate
        b"\x00\x07\x82\xa1a\x01\xa1a\x01\x92\x01\x01",  # a name twice
        codec.join({"k": b"\x91" * 100_000 + b"\x01"}),
        codec.join({"k": b"\xa1\xff"}),
        codec.join({"k": b"\xa3\xed\xa0\x80"}),
        codec.join({"k": b"\xdd\xff\xff\xff\xff"}),  # 2**32 - 1 items, none of which is there
        codec.join({"k": b"\xdf\xff\xff\xff\xff"}),
        codec.join({"k": b"\xc6\xff\xff\xff\xff"}),
        _ext(1, 5),  # no list in a tuple
        _ext(4, [1]),  # half a pair
        _ext(4, [[1], 2]),  # an unhashable key
        _ext(2, [b"\x91\x01"]),  # an unhashable member
        _ext(2, [5]),
        _ext(99, [1]),
        _holding(ormsgpack.Ext(6, b"short")),
        _holding(ormsgpack.Ext(7, b"")),
        _holding(ormsgpack.Ext(9, b"")),
        _holding(ormsgpack.Ext(10, b"999999999999,0,0")),
        _holding(ormsgpack.Ext(10, b"9" * 5000 + b",0,0")),
        _holding(ormsgpack.Ext(11, b"1.1.1")),
        _holding(ormsgpack.Ext(12, b"\x01" * 5000)),
    ],
)
def test_what_encode_never_gives_is_a_bad_record(payload: bytes) -> None:
    with pytest.raises(BadRecord):
        codec.decode(payload)


@pytest.mark.parametrize("index", [{"a": 1.0}, {"a": True}, {"a": -1, "b": 2}, {"a": 0, "b": 1}])
def test_lengths_that_no_value_has_are_no_image(index: dict[str, Any]) -> None:
    body = bytes([0x90 | len(index)]) + b"\x01" * int(sum(index.values()))
    with pytest.raises(BadRecord):
        codec.split(_assembled(index, body))


@given(DATA)
def test_an_image_of_data_is_that_of_its_payload(data: dict[str, Any]) -> None:
    payload = encode(data)
    assert codec.split(payload) == codec.image(data)
    assert codec.join(codec.split(payload)) == payload
    for name, value in codec.split(payload).items():
        assert value == codec.encode_value(data[name], root="session")


@given(DATA)
def test_what_is_known_of_a_payload_that_was_made_is_what_it_says(data: dict[str, Any]) -> None:
    made, read = codec.encode(data), codec.Payload(encode(data))
    assert spelled(codec.decode(read)) == spelled(codec.decode(made))
    assert codec.split(read) == codec.split(made)
    assert (read.divided, read.image) == (made.divided, made.image)


@pytest.mark.parametrize("count", [0, 15, 16, 300, 70_000])
def test_any_number_of_names_is_kept(count: int) -> None:
    data = {f"name {number}": number for number in range(count)}
    payload = encode(data)
    assert codec.decode(payload) == data
    assert codec.join(codec.split(payload)) == payload


def test_extensions_in_one_another_are_decoded_no_deeper_than_they_encode() -> None:
    payload = ormsgpack.packb([1])
    for _ in range(MAX_DEPTH + 2):
        payload = ormsgpack.packb([ormsgpack.Ext(1, payload)])
    with pytest.raises(BadRecord):
        codec.decode_value(payload)


def test_a_decimal_that_no_context_can_read_is_a_bad_record() -> None:
    with pytest.raises(BadRecord):
        codec.decode(_holding(ormsgpack.Ext(11, b"1E+99999999999999999999")))
    assert codec.decode(encode({"k": Decimal("1E+999999")})) == {"k": Decimal("1E+999999")}


def test_the_encoding_of_today_is_read_for_ever() -> None:
    """A change here breaks every stored session."""
    data = {
        "t": (1,),
        "s": {2, 1},
        "p": {1: 2},
        "d": dt.date(2026, 1, 2),
        "m": Markup("x"),
        "n": 2**64,
    }
    stored = bytes.fromhex(
        "001386a17404a1730aa17006a1640da16d03a16e0c96d5019101c7070292c40101c40102"
        "c70304920102c70a08323032362d30312d3032d40578c7090c010000000000000000"
    )
    assert encode(data) == stored
    assert spelled(codec.decode(stored)) == spelled(data)
