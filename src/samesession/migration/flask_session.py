"""Read the sessions of Flask-Session, from 0.5 to 0.8. Pure.

    since 0.7         MessagePack, or JSON with SESSION_SERIALIZATION_FORMAT "json"
    before            pickle, which this module never loads: see `flask sessions migrate`

An application may have changed its format. The other format is still read, as by the library,
and the first byte distinguishes them. msgspec wrote both. The reader returns the same types as
msgspec: an aware datetime comes back in UTC from MessagePack, and as text from JSON; a tuple
is a list in both. A value that only msgspec can make, an extension of the application's own,
or a datetime as the key of a dict, is not accepted here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any, cast

import ormsgpack

from ..core.old_sessions import Presented
from ..errors import BadRecord
from .kept import checked_size, kept
from .old_ids import OldIds

# secrets.token_urlsafe of SESSION_ID_LENGTH bytes, 8 to 96 of them; before 0.6 a UUID.
_ID = "[A-Za-z0-9_-]{11,128}"

_PICKLED = "it is pickled: only `sessions migrate --unsafe-pickle` reads pickles"
_PICKLES = (*(b"\x80" + bytes([protocol]) for protocol in range(2, 6)), b"(d", b"}q", b"(i", b"c")
_NO_DATA = "its data cannot be decoded"
_ERRORS = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)

# From the MessagePack specification: an array of two, a byte string of this length.
_PAIR = b"\x92"
_DIGEST = b"\xc4\x20"
_TIMESTAMP = -1
_SECONDS_BITS = 34
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class FlaskSessionReader:
    """Implements `core.old_sessions`."""

    library = "flask-session"

    def __init__(
        self,
        secret_keys: Sequence[bytes],
        *,
        prefix: str,
        lifetime: int,
        max_bytes: int,
        signed: bool = False,
    ) -> None:
        """`signed`: the library was told to sign ids, so a bare id is refused."""
        del lifetime  # a store expires its sessions itself
        self._ids = OldIds(_ID, secret_keys, salt=self.library, prefix=prefix, signed=signed)
        self._max_bytes = max_bytes

    def presented(self, value: str, now: float) -> Presented | None:
        """Return the session that a cookie's value names."""
        del now
        key = self._ids.key_in(value)
        return None if key is None else Presented(key)

    def data(self, raw: bytes) -> dict[str, Any]:
        """Return a session's data; raise BadRecord."""
        raw = checked_size(raw, self._max_bytes)
        if raw.startswith(_PICKLES) and len(raw) > 1:
            raise BadRecord(_PICKLED)
        try:
            data = _from_json(raw) if raw.startswith(b"{") else _from_msgpack(raw)
        except _ERRORS as error:
            raise BadRecord(_NO_DATA) from error
        return kept(data)


def _from_msgpack(raw: bytes) -> object:
    """Decode one value, with nothing after it.

    ormsgpack ignores bytes after a value, so it would take a pickle for an empty session. Here the
    value is followed by its digest, and no value can contain its own digest.
    """
    digest = hashlib.sha256(raw).digest()
    pair: Any = ormsgpack.unpackb(
        b"".join((_PAIR, raw, _DIGEST, digest)),
        ext_hook=_timestamp,
        option=ormsgpack.OPT_NON_STR_KEYS,
    )
    if pair[1] != digest:
        raise ValueError("something follows")
    return cast("object", pair[0])


def _timestamp(kind: int, raw: bytes) -> dt.datetime:
    """Read a datetime; see "Timestamp extension type" in the MessagePack specification."""
    if kind != _TIMESTAMP:
        raise ValueError("an unknown extension")
    number = int.from_bytes(raw, "big")
    match len(raw):
        case 4:
            nanoseconds, seconds = 0, number
        case 8:
            nanoseconds, seconds = number >> _SECONDS_BITS, number & (2**_SECONDS_BITS - 1)
        case 12:
            nanoseconds, seconds = number >> 64, int.from_bytes(raw[4:], "big", signed=True)
        case _:
            raise ValueError("no timestamp")
    if nanoseconds >= 10**9:
        raise ValueError("no timestamp")
    # To the nearest microsecond, as in msgspec.
    return _EPOCH + dt.timedelta(seconds=seconds, microseconds=(nanoseconds + 500) // 1000)


def _from_json(raw: bytes) -> object:
    text = raw.decode("utf-8")
    found: object = json.loads(text, parse_constant=_refused, parse_float=_finite)
    return found


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number out of range")
    return number
