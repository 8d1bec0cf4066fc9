"""SESSION_TYPE "cookie" with SESSION_ENCRYPT: the user cannot read the data in the cookie.

    bytes
    1       version: 1
            encrypted by `Cipher.encrypt`, with the version as associated data:
            8       the time of writing, in seconds since 1970
                    JSON text, as in Flask's cookie

All in base64url, which has no dot; Flask's cookie has two. So neither is ever taken for the
other, and Flask finds no session in it. The data is not compressed: the length of data that
is compressed with a secret reveals something of the secret (RFC 8725, 3.6; RFC 7457, 2.6).
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Protocol

from ...errors import BadRecord
from .. import policy
from ..cookie import MAX_BYTES
from ..encryption import Encryption
from ..events import NOT_OURS_OR_OLD
from ..token import text as base64url

_VERSION = b"\x01"
_STAMP_BYTES = 8


class Format(Protocol):
    """Converts JSON text into the value of a cookie, and back."""

    @property
    def mark(self) -> bytes:
        """A mark that differs between the newest key and others."""
        ...

    def sign(self, text: str) -> str:
        """Return the cookie's value."""
        ...

    def text_of(self, value: str, max_age: int) -> tuple[str, bool]:
        """Return a cookie's JSON text, and whether the cookie must be written again.

        Raises BadRecord for a cookie that is not ours, or too old.
        """
        ...


class EncryptedFormat:
    """The format of encrypted cookies. It also reads plain ones: see `Encryption`."""

    def __init__(self, encryption: Encryption, plain: Format) -> None:
        self.mark = plain.mark
        self._encryption = encryption
        self._plain = plain

    def sign(self, text: str) -> str:
        """Return the cookie's value."""
        encryption = self._encryption
        if not encryption.writes:
            return self._plain.sign(text)
        stamp = int(encryption.clock()).to_bytes(_STAMP_BYTES, "big")
        clear = stamp + text.encode("utf-8")
        return base64url(_VERSION + encryption.cipher.encrypt(clear, _VERSION))

    def text_of(self, value: str, max_age: int) -> tuple[str, bool]:
        """Return a cookie's JSON text, and whether the cookie must be written again.

        Raises BadRecord for a cookie that is not ours, or too old.
        """
        if "." not in value:
            return self._decrypted(value, max_age)
        if not self._encryption.reads_plain():
            raise BadRecord(NOT_OURS_OR_OLD)
        text, stale = self._plain.text_of(value, max_age)
        return text, stale or self._encryption.writes

    def _decrypted(self, value: str, max_age: int) -> tuple[str, bool]:
        encryption = self._encryption
        try:
            clear, stale = encryption.cipher.decrypt(_raw(value), _VERSION)
            text = clear[_STAMP_BYTES:].decode("utf-8")
        except (BadRecord, ValueError) as error:
            raise BadRecord(NOT_OURS_OR_OLD) from error
        written = int.from_bytes(clear[:_STAMP_BYTES], "big")
        if not policy.is_of_age(written, encryption.clock(), max_age):
            raise BadRecord(NOT_OURS_OR_OLD)
        return text, stale


def _raw(value: str) -> bytes:
    """Return the encrypted bytes of a cookie's value; raise ValueError or BadRecord."""
    if len(value) <= MAX_BYTES and value.isascii():
        raw = urlsafe_b64decode(value + "=" * (-len(value) % 4))
        # One cookie has one spelling: the decoder would skip characters outside its alphabet.
        if raw.startswith(_VERSION) and base64url(raw) == value:
            return raw[len(_VERSION) :]
    raise BadRecord(NOT_OURS_OR_OLD)
