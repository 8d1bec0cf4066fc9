"""The short-lived cookie that shows a recent proof of the session's device. Pure.

Its value is a time in seconds and a MAC, `1800000000.` and 43 characters of base64url: each time
has exactly one spelling. The MAC is HMAC-SHA256, with its own key, over the sid, the hash of the
secret, the thumbprint of the device's key and the time, each of a fixed length. So the cookie is
worthless with another session, after the secret was replaced, or for another device. It is also
worthless alone: the session's own cookie has to come with it.

Proved values are remembered, under a digest of the value and of what it is proved for. So the MAC
of one cookie is computed once, and not in each request that has it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import TypeAlias

from .keys import Purpose, derive
from .memo import Memo
from .record import Record
from .token import text

_VALUE = re.compile(r"(0|[1-9][0-9]{0,11})\.[A-Za-z0-9_-]{43}", re.ASCII)
_MOST_CHARACTERS = 12 + 1 + 43
MOST_VALUES = 4  # values of one request that are checked
SUFFIX = "_bound"  # suffix of the cookie's name, after the session cookie's
_PROOF_BYTES = 250  # bytes that an entry takes, approximately

BoundProofs: TypeAlias = Memo[bytes, int]


class BoundCookies:
    """Creates and reads the values; the newest key creates them, any key reads."""

    __slots__ = ("_macs", "_proofs", "_salt")

    def __init__(
        self,
        secret_keys: Sequence[bytes],
        prefix: str,
        cookie_name: str,
        *,
        proofs: BoundProofs | None = None,
    ) -> None:
        """Take the keys, newest first; `proofs`: where to remember proved values."""
        # Each is copied for every value: the work that depends on the key only is done once.
        self._macs = tuple(
            hmac.new(derive(secret, Purpose.DEVICE, prefix, cookie_name), digestmod="sha256")
            for secret in secret_keys
        )
        self._proofs: BoundProofs = Memo(0) if proofs is None else proofs
        # Another key's proof does not count.
        of_keys = b"".join(mac.digest() for mac in self._macs)
        self._salt = hashlib.sha256(of_keys).digest()[: hashlib.blake2b.SALT_SIZE]

    def value(self, record: Record, thumbprint: bytes, proved_at: int) -> str:
        """Return the cookie's value for a session that was proved at a moment."""
        return _value(self._macs[0], record, thumbprint, proved_at)

    def proved_at(self, values: Sequence[str], record: Record, thumbprint: bytes) -> int | None:
        """Return the time of the latest proof in a request's values, None for none."""
        if len(values) == 1:  # the usual case
            return self._read(values[0], record, thumbprint)
        moments = (self._read(value, record, thumbprint) for value in values[:MOST_VALUES])
        return max((moment for moment in moments if moment is not None), default=None)

    def _read(self, value: str, record: Record, thumbprint: bytes) -> int | None:
        if len(value) > _MOST_CHARACTERS or not value.isascii():
            return None
        # The part of variable length is between those of fixed length.
        shown = f"{record.sid}{value}".encode("ascii") + record.secret_hash + thumbprint
        digest = hashlib.blake2b(shown, digest_size=32, salt=self._salt).digest()
        proved = self._proofs.get(digest)
        if proved is None:
            proved = self._prove(value, record, thumbprint)
            if proved is not None:
                self._proofs.put(digest, proved, _PROOF_BYTES)
        return proved

    def _prove(self, value: str, record: Record, thumbprint: bytes) -> int | None:
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
    begun.update(_told(record, thumbprint) + moment.to_bytes(8, "big"))
    return f"{moment}.{text(begun.digest())}"


def _told(record: Record, thumbprint: bytes) -> bytes:
    """Return the text that a value proves, each part of a fixed length."""
    return b"".join((record.sid.encode("ascii"), record.secret_hash, thumbprint))
