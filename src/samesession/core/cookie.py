"""Cookies as data: those that a response sets or deletes, and those that browsers refuse.

Source of the rules: RFC 6265bis (draft), sections 4.1.3, 5.5 and 5.6; the Partitioned attribute as
in CHIPS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ..errors import ConfigError, SessionTooLarge
from .scopes import MAX_HEADERS, NO_PATH, Address, Scope, cookie_domain, other_scopes

MAX_BYTES = 4096  # of name and value together; RFC 6265bis, 5.6
MAX_AGE = 400 * 24 * 60 * 60  # seconds; RFC 6265bis, 5.5

NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_SAMESITE = {"lax": "Lax", "strict": "Strict", "none": "None"}


class SetCookie(NamedTuple):
    """Send this value; `expires` is seconds since 1970, None for the end of the browser session."""

    value: str
    expires: int | None

    def __repr__(self) -> str:
        return f"SetCookie(expires={self.expires!r})"


@dataclass(frozen=True, slots=True)
class DropCookie:
    """Delete the cookie, repeating all attributes that define its scope."""


CookieAction: TypeAlias = SetCookie | DropCookie | None


class Reply(NamedTuple):
    """The cookie that a response must send, and whether it varies by Cookie."""

    cookie: CookieAction
    vary: bool


UNTOUCHED = Reply(None, vary=False)
READ = Reply(None, vary=True)


@dataclass(frozen=True, slots=True)
class Attributes:
    """The name and the scope of the session cookie, from the SESSION_COOKIE_* settings."""

    name: str
    domain: str | None
    path: str
    secure: bool
    httponly: bool
    samesite: str | None
    partitioned: bool

    def check(self) -> None:
        """Raise ConfigError for a cookie that a browser would drop."""
        if not NAME.fullmatch(self.name):
            raise ConfigError(
                "SESSION_COOKIE_NAME is not a valid cookie name: use letters, digits, '-' and '_'"
            )
        if self.samesite is not None and self.samesite.lower() not in _SAMESITE:
            raise ConfigError(
                'SESSION_COOKIE_SAMESITE must be "Lax", "Strict", "None", or False to send none'
            )
        if self.domain is not None and cookie_domain(self.domain) is None:
            raise ConfigError(
                'SESSION_COOKIE_DOMAIN must be only a host name, such as "example.com", or None'
            )
        if not self.path.startswith("/") or NO_PATH.search(self.path):
            raise ConfigError(
                "SESSION_COOKIE_PATH (or APPLICATION_ROOT, if that is not set) must start with "
                '"/" and contain neither ";" nor control characters: write a path such as "/app"'
            )
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

    @property
    def scope(self) -> Scope:
        """The domain and path for which the cookie is valid."""
        domain = None if self.domain is None else cookie_domain(self.domain)
        return Scope(domain, self.path, self.partitioned)

    def other_scopes(self, address: Address, *, beside_ours: bool) -> list[Scope]:
        """List the scopes in which to delete other cookies that a request to `address` may send.

        `beside_ours`: the same response sets or deletes the cookie in its own scope.
        """
        if self.name.lower().startswith("__host-"):
            return []  # browsers accept such a name in one scope only
        own = self.scope
        scopes = other_scopes(own, address)
        if not beside_ours:
            # A browser without partitions would delete the cookie of our scope.
            twin = Scope(own.domain, own.path, not own.partitioned)
            scopes = [scope for scope in scopes if scope != twin]
        return scopes[: MAX_HEADERS - 1]  # one is for the cookie itself

    def check_size(self, value: str) -> None:
        """Raise SessionTooLarge for a value that browsers would drop silently."""
        size = len(self.name) + len(value)
        if size > MAX_BYTES:
            raise SessionTooLarge(
                size,
                MAX_BYTES,
                "the session cookie, name and value,",
                'keep less in it, or choose a server-side store: SESSION_TYPE = "filesystem"',
            )
