"""What to say to the browser about its cookie, as data; and which cookies browsers refuse.

Source of the rules: RFC 6265bis (draft), sections 4.1.3, 5.5 and 5.6; the
Partitioned attribute as in CHIPS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from ..errors import ConfigError, SessionTooLarge

MAX_BYTES = 4096  # of name and value together; RFC 6265bis, 5.6
MAX_AGE = 400 * 24 * 60 * 60  # seconds; RFC 6265bis, 5.5

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_SAMESITE = {"lax": "Lax", "strict": "Strict", "none": "None"}


@dataclass(frozen=True, slots=True)
class SetCookie:
    """Send this value; `expires` is seconds since 1970, None ends with the browser."""

    value: str = field(repr=False)
    expires: int | None


@dataclass(frozen=True, slots=True)
class DropCookie:
    """Delete the cookie, every scoping attribute repeated."""


CookieAction: TypeAlias = SetCookie | DropCookie | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a response must say: the cookie, and whether it varies by Cookie."""

    cookie: CookieAction
    vary: bool


UNTOUCHED = Reply(None, vary=False)
READ = Reply(None, vary=True)


@dataclass(frozen=True, slots=True)
class Attributes:
    """The name and the scope of the session cookie, as the SESSION_COOKIE_* settings give them."""

    name: str
    domain: str | None
    path: str
    secure: bool
    httponly: bool
    samesite: str | None
    partitioned: bool

    def check(self) -> None:
        """Raise ConfigError for a cookie that a browser would drop."""
        if not _NAME.fullmatch(self.name):
            raise ConfigError(
                "SESSION_COOKIE_NAME is no cookie name: use letters, digits, '-' and '_'"
            )
        if self.samesite is not None and self.samesite.lower() not in _SAMESITE:
            raise ConfigError(
                'SESSION_COOKIE_SAMESITE must be "Lax", "Strict", "None", or False to send none'
            )
        if not self.path.startswith("/"):
            raise ConfigError('SESSION_COOKIE_PATH must begin with "/"')
        prefix = self.name.lower()
        needs = [
            ("a __Host- or __Secure- name", prefix.startswith(("__host-", "__secure-"))),
            ('SESSION_COOKIE_SAMESITE = "None"', (self.samesite or "").lower() == "none"),
            ("SESSION_COOKIE_PARTITIONED", self.partitioned),
        ]
        for what, asked in needs:
            if asked and not self.secure:
                raise ConfigError(
                    f"browsers refuse {what} without Secure: write SESSION_COOKIE_SECURE = True"
                )
        if prefix.startswith("__host-") and (self.domain or self.path != "/"):
            raise ConfigError(
                "browsers refuse a __Host- cookie with a Domain or a Path other than '/': "
                "leave SESSION_COOKIE_DOMAIN unset and write SESSION_COOKIE_PATH = '/'"
            )

    def check_size(self, value: str) -> None:
        """Raise SessionTooLarge for a value that browsers would drop without a word."""
        size = len(self.name) + len(value)
        if size > MAX_BYTES:
            raise SessionTooLarge(
                size,
                MAX_BYTES,
                "the session cookie, name and value,",
                'keep less in it, or choose a server-side store: SESSION_TYPE = "filesystem"',
            )
