"""Flask's own settings, read and checked as in Flask's own session interface.

Reads a mapping such as `app.config`. This module knows neither frameworks nor the library's own
settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from .core.cookie import Attributes
from .core.published_keys import is_published
from .errors import ConfigError

MIN_SECRET_BYTES = 16
_SECRET_HELP = (
    'write SECRET_KEY = os.environ["SECRET_KEY"], and set that to the output of: python -c '
    "'import secrets; print(secrets.token_hex())'"
)

# The settings that Flask's own session interface reads whenever it opens or saves a session.
FLASKS = (
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "PERMANENT_SESSION_LIFETIME",
    "SESSION_REFRESH_EACH_REQUEST",
    "APPLICATION_ROOT",
    "SESSION_COOKIE_NAME",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_PATH",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_PARTITIONED",
    "SESSION_COOKIE_SAMESITE",
)


def read_cookie(settings: Mapping[str, Any]) -> Attributes:
    """Read Flask's cookie settings as Flask's own interface does."""
    root = _optional_text(settings, "APPLICATION_ROOT") or "/"
    return Attributes(
        name=_optional_text(settings, "SESSION_COOKIE_NAME", "session") or "",
        domain=_text_or_false(settings, "SESSION_COOKIE_DOMAIN") or None,
        path=_text_or_false(settings, "SESSION_COOKIE_PATH") or root,
        secure=read_truth(settings, "SESSION_COOKIE_SECURE", default=False),
        httponly=read_truth(settings, "SESSION_COOKIE_HTTPONLY", default=True),
        samesite=_samesite(settings),
        partitioned=read_truth(settings, "SESSION_COOKIE_PARTITIONED", default=False),
    )


def _samesite(settings: Mapping[str, Any]) -> str | None:
    """Read SESSION_COOKIE_SAMESITE; Flask's default None means Lax here.

    Browsers treat a cookie without the attribute differently, and some send it with requests from
    other sites (OWASP ASVS 5.0, 3.3.2).
    """
    if settings.get("SESSION_COOKIE_SAMESITE") is False:
        return None
    value = _optional_text(settings, "SESSION_COOKIE_SAMESITE")
    return "Lax" if value is None else value


def read_secret_keys(settings: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Read SECRET_KEY and SECRET_KEY_FALLBACKS, the newest first."""
    fallbacks: object = settings.get("SECRET_KEY_FALLBACKS") or ()
    if not isinstance(fallbacks, list | tuple):
        raise ConfigError("SECRET_KEY_FALLBACKS must be a list: write [...] around the key")
    older = cast("Sequence[object]", fallbacks)
    newest = settings.get("SECRET_KEY")
    if not newest:
        raise ConfigError(f"SECRET_KEY is not set: {_SECRET_HELP}")
    # For Flask, the last fallback is the newest of them.
    return tuple(_secret(key) for key in (newest, *reversed(older)))


def _secret(key: object) -> bytes:
    if not isinstance(key, str | bytes):
        raise ConfigError(
            f"SECRET_KEY and SECRET_KEY_FALLBACKS must hold str or bytes: {_SECRET_HELP}"
        )
    raw = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    if len(raw) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"SECRET_KEY and each of SECRET_KEY_FALLBACKS must have at least {MIN_SECRET_BYTES} "
            f"bytes that no one can guess: {_SECRET_HELP}"
        )
    if is_published(key):
        raise ConfigError(
            "SECRET_KEY or one of SECRET_KEY_FALLBACKS is a key or a placeholder from "
            f"documentation, so everyone knows it: {_SECRET_HELP}"
        )
    return raw


def _optional_text(
    settings: Mapping[str, Any], name: str, default: str | None = None
) -> str | None:
    """Read one of Flask's settings that hold text or None."""
    value = settings.get(name, default)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{name} must be text or None, not {type(value).__name__}")
    return value


def _text_or_false(settings: Mapping[str, Any], name: str) -> str | None:
    """Read one of Flask's settings where False means the same as None: no choice."""
    return None if settings.get(name) is False else _optional_text(settings, name)


def read_truth(settings: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Read one of Flask's flags: any truth value, as in Flask, except text.

    "False" and "0" are true in Python, and come from environment variables.
    """
    value = settings.get(name, default)
    if isinstance(value, str):
        raise ConfigError(f"{name} must be True or False, not str")
    return bool(value)
