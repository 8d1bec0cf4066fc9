"""The changes of a request to its session, and how to apply them to a newer record.

Changes are recorded by top-level key: a nested value is put as a whole. So they apply to an image
of the data (each name with its value's bytes), and nothing has to be decoded. `Redo` is the
exception: a function that the application wants to run on the newer data.
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

    `assigned`: the key itself was assigned. It is False if only the value changed inside.
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
    """A function was run on the data, and may run again on newer data."""

    func: Callable[[Data], object]


Change: TypeAlias = Put | Drop | Wipe | Redo


class Applied(NamedTuple):
    """The result of a function, and images of the data before and after it."""

    data: Data
    before: Image
    after: Image

    def __repr__(self) -> str:
        return f"Applied({len(self.data)} names)"


def changes(before: Image, after: Image, *, assigned: Collection[str] = ()) -> list[Change]:
    """Return the changes from `before` to `after`; `assigned` keys count even if they are equal."""
    dropped: list[Change] = [Drop(key) for key in before if key not in after]
    put = [
        Put(key, value, assigned=key in assigned)
        for key, value in after.items()
        if key in assigned or before.get(key) != value
    ]
    return [*dropped, *put]


def assignments(done: Iterable[Change]) -> list[Change]:
    """Remove changes that depend on data that existed before."""
    return [
        change
        for change in done
        if not isinstance(change, Redo) and not (isinstance(change, Put) and not change.assigned)
    ]


def adopted(data: Data, here: Mapping[str, Any]) -> Data:
    """Return data that reuses the objects of `here` where they are equal.

    A view may hold these objects, and change them later.
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
    """Run a function on data, in place; raise TypeError for a result that cannot be encoded."""
    before = codec.image(data)
    _ = func(data)
    data = {plain_key(key): value for key, value in data.items()}
    return Applied(data, before, codec.image(data))


def replay(done: Iterable[Change], image: Image) -> dict[str, bytes]:
    """Apply the same changes to an image of other data.

    Raises TypeError if a function returns something that cannot be encoded, and BadRecord if it
    needs data that cannot be decoded.
    """

    def redo(func: Callable[[Data], object], image: dict[str, bytes]) -> dict[str, bytes]:
        data = codec.decode(codec.join(image))
        _ = func(data)
        return codec.image({plain_key(key): value for key, value in data.items()})

    return _replay(done, dict(image), lambda value: value, redo)


def replay_on(done: Iterable[Change], data: Data) -> Data:
    """Apply the same changes to other data, in place, and return it."""

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
