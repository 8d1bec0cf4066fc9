"""Derive one key per purpose from SECRET_KEY.

Two applications with the same SECRET_KEY but another prefix or cookie name never share a key, and
neither do two purposes in one application (OWASP ASVS 5.0, 9.2.3).
"""

from __future__ import annotations

import enum
import hmac


class Purpose(enum.StrEnum):
    """The purpose of a key. The values are part of the keys: they must never change."""

    TOKEN = "token"  # noqa: S105  # no password
    RECORD = "record"
    ENCRYPTION = "encryption"  # of records
    OWNER = "owner"  # the names of owners in a store
    COOKIE = "cookie"  # a cookie that holds a session, encrypted
    HEADER = "header"  # tokens outside of cookies
    MIGRATION = "migration"  # the names of other libraries' sessions
    DEVICE = "device"  # the cookie with the time of a session's last device proof


def derive(secret_key: bytes, purpose: Purpose, *context: str) -> bytes:
    """Derive the key of a purpose in a context; each part is length-prefixed."""
    message = bytearray(b"samesession/1")
    for part in (purpose, *context):
        encoded = part.encode("utf-8", "surrogatepass")
        message += len(encoded).to_bytes(4, "big") + encoded
    return hmac.digest(secret_key, bytes(message), "sha256")
