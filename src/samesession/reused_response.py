"""Take back what was written on a response that an application returns for another request.

An application may make a response object once and return it again and again. What the
session of one visitor made of it (the cookie, headers for caches, the page of an outage) is
not for the next one: that request begins with the response as the application made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from werkzeug.sansio.response import Response

_NOTE = "_samesession"  # the attribute of a response that says what was written on it
_PAGE = ("response", "status", "headers", "direct_passthrough")

_Lines = list[tuple[str, str]]


class _Note(NamedTuple):
    """What to take back; an application may pickle it with its response.

    `before` and `after`: all headers. `page`: what was replaced by the page `shown`.
    """

    cookies: Sequence[str] = ()
    before: Sequence[tuple[str, str]] = ()
    after: Sequence[tuple[str, str]] = ()
    page: dict[str, Any] | None = None
    shown: Any = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.cookies)} cookies)"


def lines(response: Response) -> _Lines:
    """Return the headers of a response, one after the other."""
    return list(response.headers)


def note(response: Response, before: _Lines, cookies: Sequence[str]) -> None:
    """Note what was written on a response that had the headers `before`."""
    vars(response)[_NOTE] = _Note(cookies, before, lines(response))


def replace(response: Response, other: Response) -> None:
    """Turn a response into another one, in place: it may be on its way out already."""
    _ = take_back(response)
    names = [name for name in _PAGE if hasattr(other, name)]
    page = {name: getattr(response, name) for name in names}
    for name in names:
        setattr(response, name, getattr(other, name))
    vars(response)[_NOTE] = _Note(page=page, shown=_body(other))


def take_back(response: Response) -> bool:
    """Make a response what it was before; return whether it carried a cookie of ours.

    What the application itself has written since then stays.
    """
    found: _Note | None = getattr(response, _NOTE, None)
    if found is None:
        return False
    delattr(response, _NOTE)
    # The cookies go first, as another thread may be sending the response by mistake.
    _take_cookies(response, found.cookies)
    if found.page and found.shown is _body(response):
        for name, value in found.page.items():
            setattr(response, name, value)
    _take_headers(response, _by_name(found.before), _by_name(found.after))
    return bool(found.cookies)


def _take_cookies(response: Response, cookies: Sequence[str]) -> None:
    said = response.headers.getlist("Set-Cookie")
    for cookie in cookies:
        if cookie in said:  # of several that are equal the last one is ours
            del said[len(said) - 1 - said[::-1].index(cookie)]
    if cookies:
        response.headers.setlist("Set-Cookie", said)


def _take_headers(response: Response, before: dict[str, _Lines], after: dict[str, _Lines]) -> None:
    now = _by_name(lines(response))
    for name in {**before, **after}:
        was, written = before.get(name, []), after.get(name, [])
        if name != "set-cookie" and was != written == now.get(name, []):
            response.headers.remove(name)
            for key, value in was:
                response.headers.add(key, value)


def _body(response: Any) -> Any:  # Werkzeug's of every kind, and Quart's, have one
    return response.response


def _by_name(said: Sequence[tuple[str, str]]) -> dict[str, _Lines]:
    found: dict[str, _Lines] = {}
    for key, value in said:
        found.setdefault(key.lower(), []).append((key, value))
    return found
