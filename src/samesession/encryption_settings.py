"""The settings of encryption, checked: whether, with which keys, until when plain is read.

This module does not know a cipher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias, cast

from .core.published_keys import is_published
from .errors import ConfigError
from .reading_settings import Setting

Encrypts: TypeAlias = bool | Literal["read"]

_READ = "read"
_KEY_BYTES = 32  # of a key at least: the length of AES-256's key


@dataclass(frozen=True, slots=True)
class EncryptionSettings:
    """How sessions are encrypted; `keys`: newest first, None for keys made from SECRET_KEY."""

    writes: bool
    keys: tuple[bytes, ...] | None = field(repr=False)
    plain_until: float  # seconds since 1970


def encrypts(value: object, setting: Setting) -> Encrypts:
    """Read True, False or "read"."""
    if isinstance(value, bool):
        return value
    if value == _READ:
        return "read"
    raise ConfigError(f'{setting.name} must be True, False or "{_READ}"')


def keys(value: object, setting: Setting) -> tuple[bytes, ...] | None:
    """Read a list of keys, as text or bytes, or None."""
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not value:
        raise ConfigError(f"{setting.name} must be a list of keys: write [...] around the key")
    return tuple(_key(each, setting) for each in cast("Sequence[object]", value))


def _key(key: object, setting: Setting) -> bytes:
    if not isinstance(key, str | bytes):
        raise ConfigError(f"{setting.name} must hold str or bytes")
    raw = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    if len(raw) < _KEY_BYTES:
        raise ConfigError(f"each of {setting.name} must have at least {_KEY_BYTES} bytes")
    if is_published(key):
        raise ConfigError(f"one of {setting.name} is from documentation, so everyone knows it")
    return raw


def moment(value: object, setting: Setting) -> float | None:
    """Read a datetime with an offset, the same as text in ISO 8601, or None."""
    if value is None:
        return None
    found = value
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
    if not isinstance(found, datetime) or found.utcoffset() is None:
        raise ConfigError(
            f"{setting.name} must be a datetime with an offset, such as "
            'datetime(2026, 12, 31, tzinfo=UTC) or "2026-12-31T00:00:00Z"'
        )
    return found.timestamp()


def chosen(
    how: Encrypts, given: tuple[bytes, ...] | None, plain_until: float | None
) -> EncryptionSettings | None:
    """Return how sessions are encrypted; None if they are not.

    Raises ConfigError for settings that would have no effect.
    """
    if how is not False:
        return EncryptionSettings(how is True, given, plain_until or 0)
    for name, value in (
        ("SESSION_ENCRYPTION_KEYS", given),
        ("SESSION_ENCRYPT_READ_PLAIN_UNTIL", plain_until),
    ):
        if value is not None:
            raise ConfigError(
                f"{name} has no effect if sessions are not encrypted: write SESSION_ENCRYPT = "
                "True, or leave it out"
            )
    return None
