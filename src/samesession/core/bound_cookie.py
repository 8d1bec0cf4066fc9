"""The short-lived cookie by which a request shows that its session's device was proved. Pure.

Its value is a moment in seconds and a MAC, `1800000000.` and 43 characters of base64url: of one
moment it has exactly one spelling. The MAC is HMAC-SHA256, under a key of its own, over the sid,
the hash of the secret, the thumbprint of the device's key and the moment: each of a fixed length.
So it is worth nothing with another session, after the secret was replaced, or for another device.
It says nothing by itself either: the session's own cookie has to come with it.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Sequence

from .keys import Purpose, derive
from .record import Record
from .token import text

_VALUE = re.compile(r"(0|[1-9][0-9]{0,11})\.[A-Za-z0-9_-]{43}", re.ASCII)
MOST_VALUES = 4  # of one request that are looked at
SUFFIX = "_bound"  # of the cookie's name, after the session cookie's


class BoundCookies:
    """Makes and reads the values; the newest key makes them, any reads."""

    __slots__ = ("_macs",)

    def __init__(self, secret_keys: Sequence[bytes], prefix: str, cookie_name: str) -> None:
        """`secret_keys`: the newest first."""
        # Each is copied for every value: the key's share of the work is done once.
        self._macs = tuple(
            hmac.new(derive(secret, Purpose.DEVICE, prefix, cookie_name), digestmod="sha256")
            for secret in secret_keys
        )

    def value(self, record: Record, thumbprint: bytes, proved_at: int) -> str:
        """Return the cookie's value for a session that was proved at a moment."""
        return _value(self._macs[0], record, thumbprint, proved_at)

    def proved_at(self, values: Iterable[str], record: Record, thumbprint: bytes) -> int | None:
        """Return the latest moment that values of a request show a proof at, None for none."""
        found: int | None = None
        for count, value in enumerate(values):
            moment = self._read(value, record, thumbprint) if count < MOST_VALUES else None
            if moment is not None and (found is None or moment > found):
                found = moment
        return found

    def _read(self, value: str, record: Record, thumbprint: bytes) -> int | None:
        match = _VALUE.fullmatch(value)
        if match is None:
            return None
        moment = int(match[1])
        for mac in self._macs:
            expected = _value(mac, record, thumbprint, moment)
            if hmac.compare_digest(expected, value):
                return moment
        return None


def _value(mac: hmac.HMAC, record: Record, thumbprint: bytes, moment: int) -> str:
    begun = mac.copy()
    sid = record.sid.encode("ascii")
    begun.update(b"".join((sid, record.secret_hash, thumbprint, moment.to_bytes(8, "big"))))
    return f"{moment}.{text(begun.digest())}"
