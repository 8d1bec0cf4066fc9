"""What is noted of a value that a view was given when the response was made."""

from __future__ import annotations

from typing import Any, NamedTuple


class Place(NamedTuple):
    """A line of the application's, as `warnings` names it."""

    filename: str
    line: int
    module: str
    registry: dict[Any, Any]  # Any: what `warnings` keeps there


class Loan(NamedTuple):
    """What a session held when a value that can change was read, and where that was."""

    image: bytes | None
    place: Place
