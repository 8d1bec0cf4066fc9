"""What a request did to its session, and how to do the same to a newer record.

Changes count by top-level key: a nested value is put as a whole. So they are done to an
image of the data, each name with its value's bytes, and nothing is decoded for it. `Redo` is
the exception: a function that the application wants run on the newer data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, TypeVar

from . import codec, values
from .codec import Image
from .names import plain_key

T = TypeVar("T")

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """A key was set; the value is kept encoded, as it was at that moment.

    `assigned`: by name; a value that was changed within is put without.
    """

    key: str
    value: bytes = field(repr=False)
    assigned: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """A key was deleted."""

    key: str


@dataclass(frozen=True, slots=True)
class Wipe:
    """The session was cleared, whatever it held."""


@dataclass(frozen=True, slots=True)
class Redo:
    """A function was run on the data, and may be run again on newer data."""

    func: Callable[[Data], object]


Change: TypeAlias = Put | Drop | Wipe | Redo


class Applied(NamedTuple):
    """What a function made of data, and images of it before and after."""

    data: Data
    before: Image
    after: Image

    def __repr__(self) -> str:
        return f"Applied({len(self.data)} names)"


def changes(before: Image, after: Image, *, assigned: Collection[str] = ()) -> list[Change]:
    """Return what turns `before` into `after`; keys `assigned` count even when they are equal."""
    dropped: list[Change] = [Drop(key) for key in before if key not in after]
    put = [
        Put(key, value, assigned=key in assigned)
        for key, value in after.items()
        if key in assigned or before.get(key) != value
    ]
    return [*dropped, *put]


def assignments(done: Iterable[Change]) -> list[Change]:
    """Leave out of changes what depends on data that was there before."""
    return [
        change
        for change in done
        if not isinstance(change, Redo) and not (isinstance(change, Put) and not change.assigned)
    ]


def adopted(data: Data, here: Mapping[str, Any]) -> Data:
    """Return data, with the very objects of `here` where these are equal to it.

    A view may hold them, and go on to change them.
    """
    return {
        key: here[key] if key in here and _same(here[key], value) else value
        for key, value in data.items()
    }


def _same(one: object, other: object) -> bool:
    if one is other:
        return True
    spelled = values.encode_if_fit(one)
    return spelled is not None and spelled == values.encode_if_fit(other)


def applied(func: Callable[[Data], object], data: Data) -> Applied:
    """Run a function on data, in place; raises TypeError for what cannot be encoded."""
    before = codec.image(data)
    _ = func(data)
    data = {plain_key(key): value for key, value in data.items()}
    return Applied(data, before, codec.image(data))


def replay(done: Iterable[Change], image: Image) -> dict[str, bytes]:
    """Do the same changes to an image of other data.

    Raises TypeError for what a function makes that cannot be encoded, BadRecord where it
    needs data that cannot be decoded.
    """

    def redo(func: Callable[[Data], object], image: dict[str, bytes]) -> dict[str, bytes]:
        data = codec.decode(codec.join(image))
        _ = func(data)
        return codec.image({plain_key(key): value for key, value in data.items()})

    return _replay(done, dict(image), lambda value: value, redo)


def replay_on(done: Iterable[Change], data: Data) -> Data:
    """Do the same changes to other data, in place, and give it back."""

    def redo(func: Callable[[Data], object], data: Data) -> Data:
        _ = func(data)
        return data

    return _replay(done, data, codec.decode_value, redo)


def _replay(
    done: Iterable[Change],
    onto: dict[str, T],
    taken: Callable[[bytes], T],
    redo: Callable[[Callable[[Data], object], dict[str, T]], dict[str, T]],
) -> dict[str, T]:
    for change in done:
        match change:
            case Put(key=key, value=value):
                onto[key] = taken(value)
            case Drop(key):
                _ = onto.pop(key, None)
            case Wipe():
                onto.clear()
            case Redo(func):
                onto = redo(func, onto)
    return onto
