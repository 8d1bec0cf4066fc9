"""The short-lived cookie that shows a recent proof of the session's device. Pure.

Its value is a time in seconds and a MAC, `1800000000.` and 43 characters of base64url: each time
has exactly one spelling. The MAC is HMAC-SHA256, with its own key, over the sid, the hash of the
secret, the thumbprint of the device's key and the time, each of a fixed length. So the cookie is
worthless with another session, after the secret was replaced, or for another device. It is also
worthless alone: the session's own cookie has to come with it.

Proved values are remembered, each under its digest and with all that it is proved for. So the MAC
of one cookie is computed once, and not in each request that has it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from .keys import Purpose, derive
from .memo import Memo
from .record import Record
from .token import text

_VALUE = re.compile(r"(0|[1-9][0-9]{0,11})\.[A-Za-z0-9_-]{43}", re.ASCII)
_MOST_CHARACTERS = 12 + 1 + 43
MOST_VALUES = 4  # values of one request that are checked
SUFFIX = "_bound"  # suffix of the cookie's name, after the session cookie's
_PROOF_BYTES = 550  # bytes that an entry takes, approximately


# The sid, the hash of the secret and the device's thumbprint.
_Session: TypeAlias = tuple[str, bytes, bytes]


class BoundProof(NamedTuple):
    """The session that a value proves, and the time of the proof."""

    of: _Session
    at: int


BoundProofs: TypeAlias = Memo[bytes, BoundProof]


class BoundCookies:
    """Creates and reads the values; the newest key creates them, any key reads."""

    __slots__ = ("_digest", "_macs", "_proofs")

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
        salt = hashlib.sha256(of_keys).digest()[: hashlib.blake2b.SALT_SIZE]
        self._digest = hashlib.blake2b(digest_size=32, salt=salt)  # copied for every value

    def value(self, record: Record, thumbprint: bytes, proved_at: int) -> str:
        """Return the cookie's value for a session that was proved at a moment."""
        return _value(self._macs[0], (record.sid, record.secret_hash, thumbprint), proved_at)

    def proved_at(self, values: Sequence[str], record: Record, thumbprint: bytes) -> int | None:
        """Return the time of the latest proof in a request's values, None for none."""
        latest: int | None = None
        of = (record.sid, record.secret_hash, thumbprint)
        for value in values[:MOST_VALUES]:
            if len(value) > _MOST_CHARACTERS or not value.isascii():
                continue
            digest = self._digest.copy()
            digest.update(value.encode("ascii"))
            key = digest.digest()
            proof = self._proofs.get(key) or self._prove(key, value, of)
            if proof is not None and proof.of == of and (latest is None or latest < proof.at):
                latest = proof.at
        return latest

    def _prove(self, key: bytes, value: str, of: _Session) -> BoundProof | None:
        match = _VALUE.fullmatch(value)
        if match is None:
            return None
        moment = int(match[1])
        for mac in self._macs:
            if hmac.compare_digest(_value(mac, of, moment), value):
                proof = BoundProof(of, moment)
                self._proofs.put(key, proof, _PROOF_BYTES)
                return proof
        return None


def _value(mac: hmac.HMAC, of: _Session, moment: int) -> str:
    (sid, secret_hash, thumbprint), at = of, moment.to_bytes(8, "big")
    begun = mac.copy()
    begun.update(b"".join((sid.encode("ascii"), secret_hash, thumbprint, at)))  # fixed lengths
    return f"{moment}.{text(begun.digest())}"
