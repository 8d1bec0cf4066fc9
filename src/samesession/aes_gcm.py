"""Encrypt by AES-256-GCM of the package `cryptography`, under a key for each record.

What is encrypted, and the tag of GCM after it:

    bytes
    16      salt   } random, for each encryption
    12      nonce  }
            ciphertext
    16      tag

The record's key is HKDF-Expand of HMAC-SHA256 (RFC 5869, 2.3) from the application's key, and
the salt. So a nonce repeats under one key only where 28 random bytes do: of 2^96 encryptions
with a chance of 2^-32, which is what NIST SP 800-38D, 8 allows, and where random nonces under
one key have it after 2^32. It is never drawn from a revision: whoever loses a conflict, and a
restored backup, would use one again.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from typing import Protocol

from .errors import BadRecord, ConfigError

Entropy = Callable[[int], bytes]

_SALT_BYTES = 16
_NONCE_BYTES = 12
_DRAWN = _SALT_BYTES + _NONCE_BYTES
_TAG_BYTES = 16


class _Aead(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes: ...


class AesGcm:
    """The cipher of an application: see the module, and `core.encryption.Cipher`."""

    __slots__ = ("_aead", "_entropy", "_invalid", "_keys")

    def __init__(self, keys: Sequence[bytes], entropy: Entropy) -> None:
        """`keys`: of 32 bytes, the newest first. Raises ConfigError without the package."""
        self._aead, self._invalid = _loaded()
        self._keys = tuple(keys)
        self._entropy = entropy

    def encrypt(self, clear: bytes, associated: bytes) -> bytes:
        """Encrypt under the newest key."""
        drawn = self._entropy(_DRAWN)
        return drawn + self._of(self._keys[0], drawn).encrypt(
            drawn[_SALT_BYTES:], clear, associated
        )

    def decrypt(self, encrypted: bytes, associated: bytes) -> tuple[bytes, bool]:
        """Return what was encrypted, and whether that was under an older key.

        Raises BadRecord for what no key opens with this associated data.
        """
        if len(encrypted) >= _DRAWN + _TAG_BYTES:
            nonce, sealed = encrypted[_SALT_BYTES:_DRAWN], encrypted[_DRAWN:]
            for age, key in enumerate(self._keys):
                try:
                    return self._of(key, encrypted).decrypt(nonce, sealed, associated), age > 0
                except self._invalid:
                    continue
        raise BadRecord("it is encrypted under another key")

    def _of(self, key: bytes, salted: bytes) -> _Aead:
        # One block of HKDF-Expand is all that a key needs.
        return self._aead(hmac.digest(key, salted[:_SALT_BYTES] + b"\x01", "sha256"))


def _loaded() -> tuple[Callable[[bytes], _Aead], type[Exception]]:
    """Load the package, which applications that encrypt nothing need not have."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise ConfigError(
            "SESSION_ENCRYPT needs a package that is not installed: "
            "pip install 'samesession[encryption]'"
        ) from error
    return AESGCM, InvalidTag
