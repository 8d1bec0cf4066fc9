"""Encrypt by AES-256-GCM of the package `cryptography`, under a key for each record.

The layout of the encrypted bytes, with GCM's tag at the end:

    bytes
    16      salt   } random, for each encryption
    12      nonce  }
            ciphertext
    16      tag

The record's key is HKDF-Expand with HMAC-SHA256 (RFC 5869, 2.3) of the application's key and
the salt. So a nonce repeats under one key only if 28 random bytes repeat: in 2^96 encryptions
the chance is 2^-32, the limit of NIST SP 800-38D, 8. Random nonces under a single key reach
that limit after 2^32. A nonce is never derived from a revision: a request that loses a
conflict, or a restored backup, would use one twice.
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
        """Take keys of 32 bytes, newest first; raise ConfigError without the package."""
        self._aead, self._invalid = _loaded()
        self._keys = tuple(keys)
        self._entropy = entropy

    def encrypt(self, clear: bytes, associated: bytes) -> bytes:
        """Encrypt with the newest key."""
        drawn = self._entropy(_DRAWN)
        return drawn + self._of(self._keys[0], drawn).encrypt(
            drawn[_SALT_BYTES:], clear, associated
        )

    def decrypt(self, encrypted: bytes, associated: bytes) -> tuple[bytes, bool]:
        """Return the decrypted bytes, and whether an older key was needed.

        Raises BadRecord if no key opens the bytes with this associated data.
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
        # One block of HKDF-Expand is enough for one key.
        return self._aead(hmac.digest(key, salted[:_SALT_BYTES] + b"\x01", "sha256"))


def _loaded() -> tuple[Callable[[bytes], _Aead], type[Exception]]:
    """Load the package, which only applications that encrypt need."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise ConfigError(
            "SESSION_ENCRYPT needs a package that is not installed: "
            "pip install 'samesession[encryption]'"
        ) from error
    return AESGCM, InvalidTag
