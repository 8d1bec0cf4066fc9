"""The data of a session, name by name, as its record holds it."""

from __future__ import annotations

from typing import NamedTuple

from . import codec
from .record import Record


class Entry(NamedTuple):
    """A name, its value, and the number of bytes that the store holds for it."""

    name: str
    value: object
    size: int

    @property
    def kind(self) -> str:
        """The name of the value's type."""
        return type(self.value).__name__

    def __repr__(self) -> str:
        return f"Entry(name={self.name!r}, kind={self.kind!r}, size={self.size})"


def entries(record: Record) -> list[Entry]:
    """Return a record's names in their order; raise BadRecord if it holds no data."""
    data, image = codec.decode(record.payload), codec.split(record.payload)
    return [Entry(name, value, len(image[name])) for name, value in data.items()]
