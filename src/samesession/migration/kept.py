"""Check that our sessions can hold another library's data. Pure."""

from __future__ import annotations

from typing import Any, cast

from ..core import codec
from ..errors import BadRecord


def checked_size(raw: bytes, max_bytes: int) -> bytes:
    """Return bytes to decode; raise BadRecord if there are more than a record may have."""
    if len(raw) > max_bytes:
        raise BadRecord("it is larger than SESSION_MAX_BYTES")
    return raw


def kept(data: object) -> dict[str, Any]:
    """Return a session's data; raise BadRecord if it is not a mapping, or ours cannot hold it.

    All or nothing: half of a session would be worse than none.
    """
    if type(data) is not dict:
        raise BadRecord("it is not a mapping")
    named = cast("dict[Any, Any]", data)
    if not all(type(name) is str for name in named):
        raise BadRecord("its names are not all text")
    if codec.encode_if_fit(named) is None:
        raise BadRecord("it holds a value that a session cannot keep here")
    return named
