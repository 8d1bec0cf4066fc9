"""Flask's cookie format for JSON text: itsdangerous writes it, and it is read here.

    payload . stamp . signature

each in base64url: the text (compressed if that is shorter, then with one more dot in front),
the second of writing, and HMAC-SHA1 over both with a key derived from SECRET_KEY.

Reading does the same as `URLSafeTimedSerializer.loads`, but derives the keys once, and limits
how much is inflated.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from itsdangerous import BadData, Signer, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode

from ...errors import BadRecord
from .. import policy
from ..cookie import MAX_BYTES
from ..events import NOT_OURS_OR_OLD
from ..store import Clock

_SALT = b"cookie-session"  # Flask's


class _Signer(TimestampSigner):
    """Flask's signer, with a clock that is passed in."""

    def __init__(self, *args: Any, clock: Clock, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())


class _Text:
    """Passes JSON text through the serializer unchanged."""

    @staticmethod
    def dumps(obj: str) -> str:
        return obj


class Proved(NamedTuple):
    """A valid signature; `stale`: by a fallback key.

    `signed`: the signed bytes. They have one spelling for each cookie, while the signature has
    many. `payload`: the first of their parts; `written`: the second.
    """

    signed: bytes
    payload: bytes
    written: int
    stale: bool


class SignedFormat:
    """Signs JSON text, and reads it."""

    def __init__(self, secret_keys: Sequence[bytes], max_bytes: int, clock: Clock) -> None:
        """Take the keys, newest first; `max_bytes` is how much is inflated at most."""
        self._serializer = URLSafeTimedSerializer(
            secret_keys[0],
            salt=_SALT,
            serializer=_Text,
            signer=_Signer,
            signer_kwargs={
                "key_derivation": "hmac",
                "digest_method": hashlib.sha1,
                "clock": clock,
            },
        )
        # Derived as in Flask, but only once.
        derived = (hmac.digest(key, _SALT, "sha1") for key in secret_keys)
        self._signers = [
            Signer(key, key_derivation="none", digest_method=hashlib.sha1) for key in derived
        ]
        self.mark = self._signers[0].get_signature(b"")  # differs between the newest key and others
        self._max_bytes = max_bytes
        self._clock = clock

    def sign(self, text: str) -> str:
        """Sign JSON text."""
        signed = self._serializer.dumps(text)
        return signed.decode("ascii") if isinstance(signed, bytes) else signed

    def text_of(self, value: str, max_age: int) -> tuple[str, bool]:
        """Return a cookie's JSON text, and whether a fallback key signed it.

        Raises BadRecord for a cookie that is not ours, or too old.
        """
        proved = self.proved(value)
        if proved is None or not policy.is_of_age(proved.written, self._clock(), max_age):
            raise BadRecord(NOT_OURS_OR_OLD)
        return self.text_in(proved.payload), proved.stale

    def proved(self, value: str) -> Proved | None:
        """Check a cookie's signature, however old it is; None for one that is not ours."""
        if len(value) > MAX_BYTES or not value.isascii():
            return None
        signed, _, signature = value.encode("ascii").rpartition(b".")
        payload, _, stamp = signed.rpartition(b".")
        try:
            proofs = (signer.verify_signature(signed, signature) for signer in self._signers)
            key = next((number for number, proved in enumerate(proofs) if proved), None)
            if key is None:
                return None
            return Proved(
                signed, payload, int.from_bytes(base64_decode(stamp), "big"), stale=key > 0
            )
        except (BadData, ValueError):
            return None

    def text_in(self, payload: bytes) -> str:
        """Return the JSON text of a payload; raise BadRecord if it has none."""
        try:
            return self._inflated(payload).decode("utf-8")
        except (BadData, ValueError, zlib.error) as error:
            raise BadRecord(NOT_OURS_OR_OLD) from error

    def _inflated(self, payload: bytes) -> bytes:
        if not payload.startswith(b"."):
            return base64_decode(payload)
        inflater = zlib.decompressobj()
        raw = inflater.decompress(base64_decode(payload[1:]), self._max_bytes)
        if inflater.unconsumed_tail:
            raise BadRecord("the cookie's data inflates beyond SESSION_MAX_BYTES")
        return raw
