"""A browser: one jar of cookies, whichever process answers."""

from __future__ import annotations

from typing import Any

import httpx

from .serving import Failed

_TIMEOUT = 20.0


class Browser:
    """Visits applications and keeps what cookies they send."""

    def __init__(self, cookies: dict[str, str] | None = None) -> None:
        self._client = httpx.Client(timeout=_TIMEOUT)
        for name, value in (cookies or {}).items():
            self._client.cookies.set(name, value, domain="127.0.0.1")

    @property
    def cookies(self) -> dict[str, str]:
        return {each.name: each.value or "" for each in self._client.cookies.jar}

    def copy(self) -> Browser:
        """Return another one with the same cookies, as a thief or a backup has them."""
        return Browser(self.cookies)

    def get(self, base: str, path: str) -> Any:
        return self._json(self._client.get(base + path))

    def post(self, base: str, path: str, **sent: Any) -> Any:
        return self._json(self._client.post(base + path, **sent))

    def status(self, base: str, path: str, **sent: Any) -> int:
        """Post, and return what the answer's status is, an error too."""
        return self._client.post(base + path, **sent).status_code

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        if answer.status_code != httpx.codes.OK:
            raise Failed(f"{answer.request.method} {answer.url}: {answer.status_code}")
        return answer.json()
