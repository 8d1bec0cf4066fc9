"""Read a pickle of plain data, and run nothing of it.

The pickle module is not used, because it calls the functions that a pickle names. This is an
interpreter of the opcodes that plain data needs, of protocols 0 to 5. The standard library's
`pickletools` splits a pickle into opcodes, and executes none. `plain_names` has the names that
a pickle may contain. Everything else is refused before
anything is done with it:

    GLOBAL, STACK_GLOBAL, REDUCE                   of other names, other arguments
    BUILD, INST, OBJ, NEWOBJ, NEWOBJ_EX            always
    PERSID, BINPERSID, EXT1, EXT2, EXT4            always
    NEXT_BUFFER, READONLY_BUFFER, DUP, POP, ...    always

The work is limited: by the length of the pickle, the number of opcodes, and the size of the
result. A shared value counts each time it is met, so a small pickle cannot become large by
being written out.
"""

from __future__ import annotations

import datetime as dt
import pickletools
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, cast

from ..errors import BadRecord
from .plain_names import MAKERS, OTHER, Args, Maker

DAMAGED = "it is a damaged pickle"
TOO_LARGE = "it is too large"

_OPCODES = 200_000  # of one pickle
_VALUES = 200_000  # in one result, each counted as often as it is met
_DEPTH = 64
# The limit for dict keys and set members. An attacker could choose them so that all hashes are
# equal. A tuple or frozenset among them counts as ten, because comparing it takes long.
_HASHED = 5_000
_COMPOUND = 10
_PROTOCOLS = range(6)

_TEXT_HASHES = (str, bytes)
_PLAIN_HASHES = (int, float, bool, type(None), dt.date, dt.time, dt.datetime, dt.timedelta)


def is_pickle(raw: bytes) -> bool:
    """Return whether bytes start and end like a pickled dict."""
    begins = raw[:1] == b"\x80" and raw[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return raw[-1:] == b"." and (begins or raw[:2] in (b"(d", b"}q", b"}."))


def load_plain(raw: bytes, *, max_bytes: int) -> dict[str, Any]:
    """Return the pickled dict, whose keys must be names.

    Raises BadRecord for anything else, and for data beyond `max_bytes`.
    """
    if len(raw) > max_bytes:
        raise BadRecord(TOO_LARGE)
    machine = _Machine(max_bytes)
    try:
        found = machine.run(raw)
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, Warning) as error:
        # A warning, if warnings are errors: an unknown escape in a text of Python 2.
        raise BadRecord(DAMAGED) from error
    if type(found) is not dict:
        raise BadRecord(OTHER)
    result = cast("dict[Any, Any]", found)
    machine.weigh(result)
    if set(map(type, result)) - {str}:
        raise BadRecord(OTHER)
    return result


class _Machine:
    """The state of one reading: the stack, the stacks below the last marks, and the memo."""

    def __init__(self, max_bytes: int) -> None:
        self.stack: list[Any] = []  # Any: what data may be
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self._values = _VALUES
        self._bytes = 2 * max_bytes  # old protocols store bytes as texts
        self._hashed = _HASHED

    def run(self, raw: bytes) -> Any:  # Any: what data may be
        """Return the value of a pickle."""
        for count, (opcode, argument, position) in enumerate(pickletools.genops(raw)):
            if count >= _OPCODES:
                raise BadRecord(TOO_LARGE)
            if opcode.name == "STOP":
                if position != len(raw) - 1 or self.marked:
                    raise BadRecord(DAMAGED)
                (result,) = self.stack
                return result
            act = _ACTS.get(opcode.name)
            if act is None:
                raise BadRecord(OTHER)
            act(self, argument)
        raise BadRecord(DAMAGED)

    def behind_mark(self) -> list[Any]:
        """Pop the values above the last mark."""
        found, self.stack = self.stack, self.marked.pop()
        return found

    def target(self, kind: type) -> Any:  # Any: of that kind
        """Return the container on the top; raise BadRecord if it has another type."""
        found = self.stack[-1]
        if type(found) is not kind:
            raise BadRecord(DAMAGED)
        return found

    def check_hash(self, keys: Iterable[object]) -> None:
        """Refuse a value that takes too long to hash, or to find by its hash."""
        for key in keys:
            kind = type(key)
            if kind in _TEXT_HASHES:
                continue
            self._hashed -= 1 if kind in _PLAIN_HASHES else _COMPOUND
            if self._hashed < 0:
                raise BadRecord(TOO_LARGE)
            if kind not in _PLAIN_HASHES:
                self.weigh(key)

    def spend(self, values: int, size: int) -> None:
        """Count values and bytes that are made, or met; raise BadRecord beyond the limits."""
        self._values -= values
        self._bytes -= size
        if self._values < 0 or self._bytes < 0:
            raise BadRecord(TOO_LARGE)

    def weigh(self, value: Any) -> None:
        """Refuse a value that is not plain, too deep, or too large when it is written out."""
        open_ = [(value, 0)]
        while open_:
            each, depth = open_.pop()
            inside, size = _looked_into(each)
            self.spend(len(inside), size)
            if depth > _DEPTH:
                raise BadRecord(TOO_LARGE)
            open_ += [(one, depth + 1) for one in inside]


def _looked_into(value: object) -> tuple[list[Any], int]:
    """Return the contents of a plain value, and its own size in bytes."""
    kind = type(value)
    if kind is dict:
        named = cast("dict[Any, Any]", value)
        return [*named, *named.values()], 0
    if kind in (list, tuple, set, frozenset):
        return [*cast("Iterable[Any]", value)], 0
    if kind in (str, bytes, bytearray):
        return [], len(cast("bytes", value))
    if kind is int:
        return [], cast("int", value).bit_length() // 8
    if kind in _PLAIN_HASHES or kind is dt.timezone:
        return [], 0
    raise BadRecord(OTHER)


# --- the opcodes -------------------------------------------------------------------------

_Act: TypeAlias = Callable[[_Machine, Any], None]


def _push(machine: _Machine, argument: Any) -> None:
    machine.stack.append(argument)


def _push_text(machine: _Machine, argument: Any) -> None:
    if not argument.isascii():  # Python 2's str, whose encoding is unknown
        raise BadRecord(OTHER)
    machine.stack.append(argument)


def _new(make: Callable[[], Any]) -> _Act:
    return lambda machine, _: machine.stack.append(make())


def _mark(machine: _Machine, _: Any) -> None:
    machine.marked.append(machine.stack)
    machine.stack = []


def _collect(make: Callable[[list[Any]], Any]) -> _Act:
    def act(machine: _Machine, _: Any) -> None:
        items = machine.behind_mark()
        machine.stack.append(make(items))

    return act


def _tuple_of(count: int) -> _Act:
    def act(machine: _Machine, _: Any) -> None:
        if len(machine.stack) < count:
            raise BadRecord(DAMAGED)
        machine.stack[-count:] = [tuple(machine.stack[-count:])]

    return act


def _append(machine: _Machine, _: Any) -> None:
    value = machine.stack.pop()
    machine.target(list).append(value)


def _appends(machine: _Machine, _: Any) -> None:
    values = machine.behind_mark()
    machine.target(list).extend(values)


def _set_items(machine: _Machine, into: Any, flat: list[Any]) -> None:
    machine.check_hash(flat[::2])
    into.update(zip(flat[::2], flat[1::2], strict=True))


def _set_item(machine: _Machine, _: Any) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _set_items(machine, machine.target(dict), [key, value])


def _set_all(machine: _Machine, _: Any) -> None:
    flat = machine.behind_mark()
    _set_items(machine, machine.target(dict), flat)


def _dict(machine: _Machine, _: Any) -> None:
    flat = machine.behind_mark()
    machine.stack.append({})
    _set_items(machine, machine.stack[-1], flat)


def _add_all(machine: _Machine, _: Any) -> None:
    members = machine.behind_mark()
    machine.check_hash(members)
    machine.target(set).update(members)


def _frozenset(machine: _Machine, _: Any) -> None:
    members = machine.behind_mark()
    machine.check_hash(members)
    machine.stack.append(frozenset(members))


def _put(machine: _Machine, argument: Any) -> None:
    machine.memo[argument] = machine.stack[-1]


def _memoize(machine: _Machine, _: Any) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _get(machine: _Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[argument])


def _global(machine: _Machine, argument: Any) -> None:
    module, _, name = argument.partition(" ")
    _push_named(machine, module, name)


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    _push_named(machine, module, name)


def _push_named(machine: _Machine, module: object, name: object) -> None:
    if type(module) is not str or type(name) is not str:
        raise BadRecord(DAMAGED)
    found = MAKERS.get((module, name))
    if found is None:
        raise BadRecord(OTHER)
    machine.stack.append(found)


def _reduce(machine: _Machine, _: Any) -> None:
    args, named = machine.stack.pop(), machine.stack.pop()
    if type(named) is not Maker or type(args) is not tuple:
        raise BadRecord(OTHER)
    items = cast("Args", args)
    for each in items:  # types that are made again each time, from the same values
        if type(each) is list:
            members = cast("list[Any]", each)
            machine.spend(len(members), 0)
            machine.check_hash(members)
        elif isinstance(each, str | bytes):
            machine.spend(0, len(each))
    machine.stack.append(named.make(items))


def _protocol(_: _Machine, argument: Any) -> None:
    if argument not in _PROTOCOLS:
        raise BadRecord(OTHER)


def _nothing(_: _Machine, __: Any) -> None:
    """Skip an opcode that only marks frames."""


_PUSHED = (
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT UNICODE BINUNICODE "
    "SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
)
_ACTS: dict[str, _Act] = {
    **dict.fromkeys(_PUSHED.split(), _push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _push_text),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    "NONE": _new(lambda: None),
    "NEWTRUE": _new(lambda: True),
    "NEWFALSE": _new(lambda: False),
    "EMPTY_LIST": _new(list),
    "EMPTY_TUPLE": _new(tuple),
    "EMPTY_DICT": _new(dict),
    "EMPTY_SET": _new(set),
    "MARK": _mark,
    "LIST": _collect(list),
    "TUPLE": _collect(tuple),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "DICT": _dict,
    "FROZENSET": _frozenset,
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_all,
    "ADDITEMS": _add_all,
    "MEMOIZE": _memoize,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "PROTO": _protocol,
    "FRAME": _nothing,
}
