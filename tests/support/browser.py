"""What a browser has: a cookie jar, and answers from a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any


@dataclass(frozen=True)
class Answer:
    """A response, as it went over the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Give every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        found = self.all(name)
        return ", ".join(found) if found else None

    @property
    def set_cookies(self) -> list[str]:
        return self.all("Set-Cookie")

    @property
    def vary(self) -> str | None:
        return self.header("Vary")

    @property
    def cache_control(self) -> str | None:
        return self.header("Cache-Control")

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:  # Any: JSON has no better type
        return json.loads(self.body)


def attributes(set_cookie: str) -> dict[str, str | bool]:
    """Take a Set-Cookie header apart: `name`, `value`, and attributes in lower case."""
    first, *rest = set_cookie.split("; ")
    name, _, value = first.partition("=")
    found: dict[str, str | bool] = {"name": name, "value": value}
    for part in rest:
        key, separator, text = part.partition("=")
        found[key.lower()] = text if separator else True
    return found


@dataclass
class Jar:
    """Cookies by name, one of each; what is deleted in another scope than it was set in stays."""

    now: Callable[[], float]
    cookies: dict[str, tuple[str, float | None]] = field(default_factory=dict)
    scopes: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.cookies[name][0]

    def __setitem__(self, name: str, value: str) -> None:
        self.cookies[name] = (value, None)
        self.scopes.pop(name, None)

    def __delitem__(self, name: str) -> None:
        del self.cookies[name]

    def __contains__(self, name: str) -> bool:
        return name in self.cookies

    def get(self, name: str) -> str | None:
        return self.cookies[name][0] if name in self.cookies else None

    def clear(self) -> None:
        self.cookies.clear()

    def copy(self) -> Jar:
        return Jar(self.now, dict(self.cookies), dict(self.scopes))

    def end_browser_session(self) -> None:
        """Drop what ends with the browser."""
        self.cookies = {name: kept for name, kept in self.cookies.items() if kept[1] is not None}

    def take(self, set_cookies: Sequence[str]) -> None:
        """Do what a response's Set-Cookie headers say."""
        for header in set_cookies:
            said = attributes(header)
            name, value, expires = str(said["name"]), str(said["value"]), None
            if "max-age" in said:
                expires = self.now() + int(str(said["max-age"]))
            elif "expires" in said:
                expires = parsedate_to_datetime(str(said["expires"])).timestamp()
            scope = tuple(said.get(each) for each in ("domain", "path", "partitioned"))
            if said.get("max-age") == "0" or (expires is not None and expires <= self.now()):
                if self.scopes.get(name, scope) == scope:
                    self.cookies.pop(name, None)
            else:
                self.cookies[name], self.scopes[name] = (value, expires), scope

    def header(self) -> str | None:
        """Give the Cookie header for the next request."""
        live = {
            name: value
            for name, (value, expires) in self.cookies.items()
            if expires is None or expires > self.now()
        }
        return "; ".join(f"{name}={value}" for name, value in live.items()) or None
