"""Encode a session's data as a payload and back: each name with its own value's bytes.

    length    u16, of the index; 65,535 means that the u32 behind it has the length
    index     a MessagePack map: for each name, the number of bytes of its value
    body      a MessagePack array of the values, in the order of the index

So everything is decoded in one go, and yet a value can be compared with its old bytes, or
copied into another payload, without decoding the others. An image of the data is each name
with its value's bytes: `image` makes it of data, `split` of a payload. `join` is the reverse.

Equal data gives equal payloads in every process: see `values`, and the order of the names
is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import ormsgpack

from ..errors import BadRecord
from . import values
from .names import plain_key
from .unfit_values import culprit
from .values import decode_value, encode_value

__all__ = ["Image", "decode", "decode_value", "encode", "encode_if_fit", "encode_value"]

Image: TypeAlias = Mapping[str, bytes]

_LONG = 0xFFFF  # the highest number that two bytes hold
# The first bytes of arrays in the MessagePack specification, by the number of values.
_SHORT_ARRAYS = tuple(bytes([0x90 | count]) for count in range(16))
_TEXT, _WHOLE = {str}, {int}
_NO_NAMES = "its payload is not a mapping of names"


class Payload(bytes):
    """A payload that is used often: it is parsed once.

    `divided`: the size of each name's value, and the offset of the values. It is set once known, as
    is `image`. Not a `cached_property`, whose lock would cost as much as the parsing.
    """

    divided: tuple[dict[str, int], int] | None = None
    image: Image | None = None


def encode(data: Mapping[str, Any]) -> Payload:
    """Encode a session's data.

    Raises TypeError with the path of a value that cannot be encoded.
    """
    return join(image(data))


def encode_if_fit(data: Mapping[str, Any]) -> bytes | None:
    """Encode a session's data; None if another format held values that this one cannot."""
    try:
        return encode(data)
    except TypeError:
        return None


def decode(payload: bytes) -> dict[str, Any]:
    """Decode the result of `encode`.

    Raises BadRecord for anything else.
    """
    index, start = _divided(payload)
    return dict(zip(index, decode_value(payload[start:]), strict=True))


def image(data: Mapping[str, Any]) -> dict[str, bytes]:
    """Encode each value by itself.

    Raises TypeError with the path of a value that cannot be encoded.
    """
    return {name: encode_named(name, value) for name, value in data.items()}


def encode_named(name: str, value: object) -> bytes:
    """Encode the value of a name; raise TypeError with the path of a part that cannot be."""
    encoded = values.encode_if_fit(value)
    return encode_value(value, root=f"session[{name!r}]") if encoded is None else encoded


def join(image: Image) -> Payload:
    """Make a payload from each name's bytes; raise TypeError for invalid names."""
    lengths = dict(zip(image, map(len, image.values()), strict=True))
    try:
        index = ormsgpack.packb(lengths)
    except TypeError:
        plain = {plain_key(name): value for name, value in image.items()}
        if set(map(type, image)) != _TEXT:
            return join(plain)
        # A name contains half of a surrogate pair. The values are fine, or they would have no
        # bytes.
        raise TypeError(culprit(dict.fromkeys(image), "session", values.fits)) from None
    size = len(index)
    length = size.to_bytes(2, "big") if size < _LONG else b"\xff\xff" + size.to_bytes(4, "big")
    made = Payload(b"".join((length, index, _array(len(image)), *image.values())))
    made.divided, made.image = (lengths, len(length) + size), image
    return made


def split(payload: bytes) -> Image:
    """Return each name's bytes of a payload, undecoded.

    Raises BadRecord if it is not a payload. The bytes of the values are not examined.
    """
    if type(payload) is not Payload:
        return _split(payload)
    if payload.image is None:
        payload.image = _split(payload)
    return payload.image


def _divided(payload: bytes) -> tuple[dict[str, int], int]:
    if type(payload) is not Payload:
        return _index(payload)
    if payload.divided is None:
        payload.divided = _index(payload)
    return payload.divided


def _split(payload: bytes) -> Image:
    index, start = _divided(payload)
    lengths = index.values()
    if index and (set(map(type, lengths)) != _WHOLE or min(lengths) <= 0):
        raise BadRecord(_NO_NAMES)
    end = start + len(_array(len(index)))
    found: dict[str, bytes] = {}
    for name, length in index.items():
        start, end = end, end + length
        found[name] = payload[start:end]
    return found


def _index(payload: bytes) -> tuple[dict[str, int], int]:
    """Read a payload's index and the offset of its body; check that they fit together."""
    start = 2
    size = int.from_bytes(payload[:2], "big")
    if size == _LONG:
        start, size = 6, int.from_bytes(payload[2:6], "big")
    body = start + size
    try:
        # The names are text; other MessagePack maps are read without this restriction.
        index: Any = ormsgpack.unpackb(payload[start:body])
        array = _array(len(index))
        fits = payload.startswith(array, body)
        if fits and body + len(array) + sum(index.values()) == len(payload):
            return index, body
    except (ValueError, TypeError, AttributeError) as error:
        raise BadRecord("its payload cannot be decoded") from error
    raise BadRecord(_NO_NAMES)


def _array(count: int) -> bytes:
    if count < len(_SHORT_ARRAYS):
        return _SHORT_ARRAYS[count]
    if count <= _LONG:
        return b"\xdc" + count.to_bytes(2, "big")
    return b"\xdd" + count.to_bytes(4, "big")
