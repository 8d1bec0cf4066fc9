"""Notes on values that a view was given after the response was made."""

from __future__ import annotations

from typing import Any, NamedTuple


class Place(NamedTuple):
    """A line of the application, as `warnings` identifies it."""

    filename: str
    line: int
    module: str
    registry: dict[Any, Any]  # Any: the type that `warnings` keeps there


class Loan(NamedTuple):
    """The session's data when a mutable value was read, and the place where that happened."""

    image: bytes | None
    place: Place
