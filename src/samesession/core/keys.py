"""Derive one key per purpose from SECRET_KEY.

Two applications with one SECRET_KEY but another prefix or cookie name, and two
purposes in one application, never share a key (OWASP ASVS 5.0, 9.2.3).
"""

from __future__ import annotations

import enum
import hmac


class Purpose(enum.StrEnum):
    """What a key is for. The values are part of each key: none may ever change."""

    TOKEN = "token"  # noqa: S105  # no password
    RECORD = "record"
    ENCRYPTION = "encryption"  # of records
    OWNER = "owner"  # what owners are called in a store
    COOKIE = "cookie"  # that holds a session, encrypted
    HEADER = "header"  # of tokens that no cookie holds
    MIGRATION = "migration"  # what names the sessions of other libraries
    DEVICE = "device"  # of the cookie that says when a session's device was proved


def derive(secret_key: bytes, purpose: Purpose, *context: str) -> bytes:
    """Derive the key of a purpose in a context; each part is length-prefixed."""
    message = bytearray(b"samesession/1")
    for part in (purpose, *context):
        encoded = part.encode("utf-8", "surrogatepass")
        message += len(encoded).to_bytes(4, "big") + encoded
    return hmac.digest(secret_key, bytes(message), "sha256")
