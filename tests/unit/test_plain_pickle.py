"""A pickle is read as plain data, or refused; nothing that it names is ever called."""

from __future__ import annotations

import copyreg
import datetime as dt
import os
import pickle
import random
import struct
import time
import tracemalloc
from collections import OrderedDict, deque
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samesession.errors import BadRecord
from samesession.migration.plain_names import OTHER
from samesession.migration.plain_pickle import DAMAGED, TOO_LARGE, is_pickle, load_plain

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
ZONE = dt.timezone(dt.timedelta(hours=2), "there")
DATA: dict[str, Any] = {
    "_permanent": True,
    "nothing": None,
    "numbers": [0, 1, -1, 255, 256, 65536, 2**31, -(2**40), 2**200, 1.5, float("inf")],
    "text": "gr\u00fc\u00df dich \U0001f600\n",
    "bytes": [b"", b"x", bytes(range(256)) * 2],
    "bytearray": [bytearray(), bytearray(b"\xff\x00")],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, [4])],
    "sets": [set(), {1, "a", (1, 2)}, frozenset(), frozenset({1, frozenset({2})})],
    "nested": {"a": {"b": {}}, 5: "int", (1, 2): "tuple"},
    "datetime": dt.datetime(2026, 2, 28, 23, 59, 59, 999999),  # noqa: DTZ001  # naive ones, too
    "fold": dt.datetime(2026, 10, 25, 2, 30, fold=1),  # noqa: DTZ001
    "aware": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    "there": dt.datetime(1, 1, 1, tzinfo=ZONE),
    "date": dt.date(9999, 12, 31),
    "time": [dt.time(), dt.time(23, 59, 59, 1, fold=1), dt.time(1, tzinfo=ZONE)],
    "timedelta": [dt.timedelta(), dt.timedelta(-5, 3, 7), dt.timedelta.max],
    "timezone": [dt.UTC, ZONE],
    "again": [ZONE, ZONE],
}


def load(raw: bytes, max_bytes: int = 1024 * 1024) -> dict[str, Any]:
    return load_plain(raw, max_bytes=max_bytes)


def reason(raw: bytes) -> str:
    with pytest.raises(BadRecord) as refused:
        _ = load(raw)
    return refused.value.reason


def outcome(raw: bytes) -> object:
    """Give the type of what is read, or why it is refused."""
    try:
        return type(load(raw))
    except BadRecord as error:
        return error.reason


def in_a_dict(value: bytes) -> bytes:
    """Give a pickle of {"a": ...} where what is there is the given opcodes."""
    return b"}X\x01\x00\x00\x00a" + value + b"s."


def typed(value: Any) -> Any:
    """Give a value with the types of all that is in it."""
    if isinstance(value, dict):
        return [(typed(key), typed(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [typed(each) for each in value]
    if isinstance(value, dt.datetime | dt.time):
        return type(value), value, value.tzinfo, value.fold
    return type(value), value


# --- what is read --------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_and_datetime_types_are_read_as_pickle_reads_them(protocol: int) -> None:
    raw = pickle.dumps(DATA, protocol)
    assert is_pickle(raw)
    assert typed(load(raw)) == typed(pickle.loads(raw))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_value_is_read_by_itself(protocol: int) -> None:
    for name, value in DATA.items():
        raw = pickle.dumps({name: value}, protocol)  # before 4 without a moment's `fold`
        assert typed(load(raw)) == typed(pickle.loads(raw))


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.frozensets(st.integers() | st.text(), max_size=4)
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.text(), PLAIN, max_size=5), st.sampled_from([*PROTOCOLS]))
def test_any_plain_data_comes_back(data: dict[str, Any], protocol: int) -> None:
    raw = pickle.dumps(data, protocol)
    assert typed(load(raw)) == typed(pickle.loads(raw))


def test_a_pickle_of_python_2_is_read_as_far_as_its_text_is_ascii() -> None:
    assert load(b"(dp0\nS'user'\np1\nI5\ns.") == {"user": 5}
    assert load(b"\x80\x02}q\x00U\x04userq\x01U\x03annq\x02s.") == {"user": "ann"}
    assert reason(b"\x80\x02}q\x00U\x04us\xe9rq\x01K\x01s.") == OTHER


def test_json_and_messagepack_are_no_pickles() -> None:
    for raw in (b"", b"{}", b'{"a": 1}', b"\x80", b"\x81\xa1a\x01", b"\x80\x04", b"text."):
        assert not is_pickle(raw)


# --- what is not plain ---------------------------------------------------------------------


class Meant:
    """What calls a function when it is unpickled."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


class Plain:
    def __init__(self) -> None:
        self.a = 1


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        Plain(),
        Text("a"),
        OrderedDict(a=1),
        deque([1]),
        Decimal(1),
        UUID(int=1),
        PurePosixPath("/"),
        1j,
        len,
        dt.datetime,
        dt.datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Paris")),
        range(3),
        slice(3),
        Ellipsis,
        NotImplemented,
        BadRecord("x"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_other_types_are_refused(value: object, protocol: int) -> None:
    assert reason(pickle.dumps({"a": value}, protocol)) == OTHER


@pytest.mark.parametrize("value", [1, "text", [1], (1,), None, {1}, {1: 2}, {("a",): 1}, dt.UTC])
def test_what_is_no_session_is_refused(value: object) -> None:
    assert reason(pickle.dumps(value)) == OTHER


CALLS: list[tuple[Any, ...]] = [
    (os.system, "false"),
    (eval, "1"),
    (exec, ""),
    (getattr, "text", "upper"),
    (__import__, "os"),
    (print,),
    (bytearray, 10),
    (bytearray, [1, 2]),
    (bytes, 10**12),
    (bytes, [1, 2]),
    (set, "text"),
    (set, {1: 2}),
    (frozenset, (1, 2)),
    (copyreg._reconstructor, Plain, object, None),  # type: ignore[attr-defined]
    (dt.datetime, 2026, 1, 1),
    (dt.datetime.now,),
    (dt.datetime.fromisoformat, "2026-01-01"),
    (dt.date, 2026, 1, 1),
    (dt.date.today,),
    (dt.time, 1, 2),
    (dt.timedelta, 1),
    (dt.timedelta, True, 1, 1),
    (dt.timedelta, 1.5, 1, 1),
    (dt.timezone, dt.timedelta(), b"x"),
    (dt.timezone,),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: getattr(call[0], "__qualname__", ""))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_calls_of_anything_else_or_with_anything_else_are_refused(
    call: tuple[Any, ...], protocol: int
) -> None:
    assert reason(pickle.dumps({"a": Meant(*call)}, protocol)) == OTHER


NAMES = [
    (b"posix", b"system"),
    (b"os", b"system"),
    (b"subprocess", b"Popen"),
    (b"builtins", b"eval"),
    (b"builtins", b"getattr"),
    (b"builtins", b"dict"),
    (b"builtins", b"type"),
    (b"builtins", b"set.__class__"),
    (b"__builtin__", b"eval"),
    (b"__main__", b"x"),
    (b"copyreg", b"_reconstructor"),
    (b"copy_reg", b"_reconstructor"),
    (b"copyreg", b"__newobj__"),
    (b"copyreg", b"add_extension"),
    (b"datetime", b"sys"),
    (b"datetime", b"sys.modules"),
    (b"datetime", b"datetime.__class__"),
    (b"datetime", b"datetime.fromisoformat"),
    (b"datetime", b"tzinfo"),
    (b"datetime", b"__builtins__"),
    (b"datetime.sys", b"modules"),
    (b"_datetime", b"datetime"),
    (b"_codecs", b"decode"),
    (b"_codecs", b"lookup"),
    (b"codecs", b"encode"),
    (b"samesession.migration.plain_names", b"MAKERS"),
    (b"", b""),
    (b"datetime datetime", b""),
    (b"builtins", b"SET"),
]


@pytest.mark.parametrize(("module", "name"), NAMES, ids=str)
def test_no_other_name_is_looked_up(module: bytes, name: bytes) -> None:
    def short(value: bytes) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value

    old = b"c" + module + b"\n" + name + b"\n"
    new = short(module) + short(name) + b"\x93"
    for named in (old, new):
        assert reason(in_a_dict(named)) == OTHER
        assert reason(in_a_dict(named + b")R")) == OTHER
        assert reason(in_a_dict(named + b"X\x04\x00\x00\x00true\x85R")) == OTHER


def test_a_name_is_made_of_texts() -> None:
    for module in (b"N", b"K\x01", b"]", b"C\x08datetime", b"cdatetime\ndatetime\n"):
        assert reason(in_a_dict(module + b"\x8c\x08datetime\x93")) == DAMAGED
        assert reason(in_a_dict(b"\x8c\x08datetime" + module + b"\x93")) == DAMAGED


DATE = b"cdatetime\ndate\n"
OPCODES = {
    "a named thing as a value": DATE,
    "BUILD on a dict": b"}}b",
    "BUILD on a named thing": DATE + b"}b",
    "BUILD on what a name made": DATE + b"C\x04\x07\xea\x01\x01\x85R}b",
    "INST": b"(idatetime\ndate\n",
    "INST of os.system": b"(X\x04\x00\x00\x00trueios\nsystem\n",
    "OBJ": b"(" + DATE + b"o",
    "NEWOBJ": DATE + b"C\x04\x07\xea\x01\x01\x85\x81",
    "NEWOBJ_EX": DATE + b"C\x04\x07\xea\x01\x01\x85}\x92",
    "PERSID": b"P0\n",
    "BINPERSID": b"NQ",
    "EXT1": b"\x82\x01",
    "EXT2": b"\x83\x01\x00",
    "EXT4": b"\x84\x01\x00\x00\x00",
    "NEXT_BUFFER": b"\x97",
    "READONLY_BUFFER": b"C\x01x\x98",
    "DUP": b"N2",
    "POP": b"NN0",
    "POP_MARK": b"N(N1",
    "REDUCE of a text": b"X\x01\x00\x00\x00a)R",
    "REDUCE of what a name made": b"c__builtin__\nset\n]\x85R)R",
    "REDUCE with a list of arguments": b"c__builtin__\nset\n]R",
    "REDUCE with a name as an argument": b"c__builtin__\nset\nc__builtin__\nset\n\x85R",
    "a set in a list that changes": b"c__builtin__\nset\n](Ne\x85R" + DATE + b"\x85R",
    "another codec": b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R",
    "a codec without a name": b"c_codecs\nencode\nX\x01\x00\x00\x00a\x85R",
    "a protocol of later": b"\x80\x06N",
}


@pytest.mark.parametrize("opcodes", OPCODES.values(), ids=OPCODES.keys())
def test_opcodes_that_make_or_change_objects_are_refused(opcodes: bytes) -> None:
    assert reason(in_a_dict(opcodes)) in (OTHER, DAMAGED)


def test_the_extension_registry_is_not_asked() -> None:
    copyreg.add_extension("os", "system", 0x7F)
    try:
        assert reason(in_a_dict(b"\x82\x7fX\x04\x00\x00\x00true\x85R")) == OTHER
    finally:
        copyreg.remove_extension("os", "system", 0x7F)


# --- datetimes that there are not -----------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        b"\x07\xea\x01\x00\x00\x00\x00\x00\x00\x00",  # day 0: datetime itself takes this
        b"\x07\xea\x02\x1e\x00\x00\x00\x00\x00\x00",
        b"\x07\xea\x01\x01\xff\x00\x00\x00\x00\x00",
        b"\x07\xea\x01\x01\x00\x3c\x00\x00\x00\x00",
        b"\x07\xea\x01\x01\x00\x00\x00\xff\xff\xff",
        b"\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00",
        b"\x27\x10\x01\x01\x00\x00\x00\x00\x00\x00",
        b"\x07\xea\x0d\x01\x00\x00\x00\x00\x00\x00",
    ],
    ids=bytes.hex,
)
def test_a_moment_that_there_is_not_is_refused(state: bytes) -> None:
    named = b"cdatetime\ndatetime\nC\x0a" + state + b"\x85R"
    assert reason(in_a_dict(named)) == DAMAGED


@pytest.mark.parametrize(
    "opcodes",
    [
        b"cdatetime\ndatetime\nC\x09\x07\xea\x01\x01\x00\x00\x00\x00\x00\x85R",
        b"cdatetime\ndatetime\nC\x0a\x07\xea\x01\x01\x00\x00\x00\x00\x00\x00}\x86R",
        b"cdatetime\ndate\nC\x04\x07\xea\x00\x01\x85R",
        b"cdatetime\ndate\nC\x04\x07\xea\x02\x1d\x85R",
        b"cdatetime\ntime\nC\x06\x18\x00\x00\x00\x00\x00\x85R",
        b"cdatetime\ntime\nC\x06\x00\x00\x00\x00\x00\x00N\x86R",  # this one is as it should be
        b"cdatetime\ntimedelta\nI999999999999\nK\x00K\x00\x87R",
        b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x02K\x00K\x00\x87R\x85R",
    ],
)
def test_states_of_other_lengths_and_values_are_refused(opcodes: bytes) -> None:
    raw = in_a_dict(opcodes)
    if b"N\x86R" in opcodes:
        assert load(raw) == {"a": dt.time()}
    else:
        assert reason(raw) in (OTHER, DAMAGED)


# --- bombs ---------------------------------------------------------------------------------


def laughs(new: bytes, join: bytes) -> bytes:
    """Give a value that is small by sharing, and of 2**60 values where it is written down."""
    return new + b"".join(b"\x94h" + bytes([n]) + join for n in range(60))


def text(value: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value


def equal_hash(number: int) -> bytes:
    """Give an int of which all have the hash 0."""
    return b"\x8a\x0a" + (number * (2**61 - 1)).to_bytes(10, "little", signed=True)


ENCODE = b"c_codecs\nencode\n\x94" + text(b"x" * 10_000) + b"\x94" + text(b"latin1") + b"\x94"
SET = b"c__builtin__\nset\n\x94(" + text(b"a") * 5_000 + b"l\x94"
BOMBS = {
    "a list of lists": laughs(b"]", b"\x86"),
    "a list of lists as a key": b"}" + laughs(b"K\x01", b"\x86") + b"Ns",
    "a deep list": b"]" * 5_000 + b"a" * 4_999,
    "a deep tuple": b"N" + b"\x85" * 100_000,
    "a deep key": b"}N" + b"\x85" * 100_000 + b"Ns",
    "a list in itself": b"]\x94h\x00a",
    "too many opcodes": b"(" + b"N" * 300_000 + b"l",
    "empty sets": b"(" + b"\x8f" * 300_000 + b"l",
    "the same text many times": b"(" + text(b"x" * 9_999) + b"\x94" + b"h\x00" * 1_000 + b"l",
    "equal hashes": b"\x8f(" + b"".join(map(equal_hash, range(1, 20_000))) + b"\x90",
    "bytes of the same text": b"(" + ENCODE + b"h\x00h\x01h\x02\x86R" * 10_000 + b"l",
    "sets of the same list": b"(" + SET + b"h\x00h\x01\x85R" * 10_000 + b"l",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_what_is_small_does_not_become_large_or_take_long(bomb: bytes) -> None:
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    begun = time.process_time()
    try:
        assert reason(in_a_dict(bomb)) in (TOO_LARGE, DAMAGED)
        assert time.process_time() - begun < 30  # 2 on an idle machine, for ever if it is wrong
        assert tracemalloc.get_traced_memory()[1] < 120_000_000
    finally:
        tracemalloc.stop()


def test_lengths_that_lie_reserve_no_memory() -> None:
    tracemalloc.start()
    try:
        for raw in (
            b"\x8d" + struct.pack("<Q", 2**62) + b"x",
            b"\x8e" + struct.pack("<Q", 2**40) + b"x",
            b"\x96" + struct.pack("<Q", 2**40) + b"x",
            b"X" + struct.pack("<I", 2**32 - 1) + b"x",
            b"\x8b" + struct.pack("<i", 2**31 - 1) + b"x",
            b"\x8b" + struct.pack("<i", -1) + b"x",
            b"\x95" + struct.pack("<Q", 2**63) + b"N",
            b"I" + b"9" * 10_000 + b"\n",
        ):
            assert reason(b"}" + raw) == DAMAGED
        # What is remembered has whatever number it likes.
        assert load(b"}r\xff\xff\xff\x7f.") == {}
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_whole_pickle_is_bounded() -> None:
    raw = pickle.dumps({"a": "x" * 500})
    assert load(raw, max_bytes=len(raw))
    with pytest.raises(BadRecord) as refused:
        _ = load(raw, max_bytes=len(raw) - 1)
    assert refused.value.reason == TOO_LARGE


# --- damage --------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_cut_off_or_goes_on_is_refused(protocol: int) -> None:
    raw = pickle.dumps({"a": [1, "b", dt.date(2026, 1, 1)], "c": {1}}, protocol)
    for end in range(len(raw)):
        with pytest.raises(BadRecord):
            _ = load(raw[:end])
    for more in (b".", b"x", raw):
        assert reason(raw + more) == DAMAGED


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_changed_bytes_give_plain_data_or_are_refused(protocol: int) -> None:
    raw, chance = pickle.dumps(DATA, protocol), random.Random(protocol)
    for _ in range(1_000):
        changed = bytearray(raw)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        assert outcome(bytes(changed)) in (dict, OTHER, DAMAGED, TOO_LARGE)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([bytes([code]) for code in range(256)]), max_size=40))
def test_any_opcodes_give_plain_data_or_are_refused(opcodes: list[bytes]) -> None:
    for raw in (b"".join(opcodes) + b".", in_a_dict(b"".join(opcodes))):
        assert outcome(raw) in (dict, OTHER, DAMAGED, TOO_LARGE)
