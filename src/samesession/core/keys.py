"""Derive one key per purpose from SECRET_KEY.

Two applications with one SECRET_KEY but another prefix or cookie name, and two
purposes in one application, never share a key (OWASP ASVS 5.0, 9.2.3).
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, TypeAlias

# Any: hashlib has no public name for what its algorithms give.
_Algorithm: TypeAlias = Callable[[bytes], Any]

_BLOCK_BYTES = 64  # of SHA-256 and SHA-1
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Purpose(enum.StrEnum):
    """What a key is for. The values are part of each key: none may ever change."""

    TOKEN = "token"  # noqa: S105  # no password
    RECORD = "record"
    ENCRYPTION = "encryption"  # of records
    OWNER = "owner"  # what owners are called in a store
    COOKIE = "cookie"  # that holds a session, encrypted


def derive(secret_key: bytes, purpose: Purpose, *context: str) -> bytes:
    """Derive the key of a purpose in a context; each part is length-prefixed."""
    message = bytearray(b"samesession/1")
    for part in (purpose, *context):
        encoded = part.encode("utf-8", "surrogatepass")
        message += len(encoded).to_bytes(4, "big") + encoded
    return hmac.digest(secret_key, bytes(message), "sha256")


class Mac:
    """HMAC (RFC 2104) under one key, whose share of the work is done once.

    `hmac.digest` looks the hash up and prepares the key each time, which costs as
    much as a cookie's or a small record's hash itself.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, algorithm: _Algorithm = hashlib.sha256) -> None:
        """`algorithm`: SHA-256, or for Flask's cookie format SHA-1."""
        if len(key) > _BLOCK_BYTES:
            raise ValueError(f"the key has more than {_BLOCK_BYTES} bytes")
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = algorithm(block.translate(_INNER))
        self._outer = algorithm(block.translate(_OUTER))

    def digest(self, *parts: bytes) -> bytes:
        """Authenticate the parts as if they were one."""
        inner, outer = self._inner.copy(), self._outer.copy()
        for part in parts:
            inner.update(part)
        outer.update(inner.digest())
        digest: bytes = outer.digest()
        return digest
