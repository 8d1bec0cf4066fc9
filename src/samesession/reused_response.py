"""Undo changes to a response object that an application returns for another request.

An application may create a response object once and return it again and again. The changes for one
visitor's session (the cookie, headers for caches, the page of an outage) must not reach the next
visitor. So the next request starts with the response as the application created it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from werkzeug.sansio.response import Response

_NOTE = "_samesession"  # the attribute of a response with our changes
_PAGE = ("response", "status", "headers", "direct_passthrough")

_Lines = list[tuple[str, str]]


class _Note(NamedTuple):
    """The changes to undo; an application may pickle it with its response.

    `before` and `after`: all headers. `page`: the page that was replaced by `shown`.
    """

    cookies: Sequence[str] = ()
    before: Sequence[tuple[str, str]] = ()
    after: Sequence[tuple[str, str]] = ()
    page: dict[str, Any] | None = None
    shown: Any = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.cookies)} cookies)"


def lines(response: Response) -> _Lines:
    """Return the headers of a response, one by one."""
    return list(response.headers)


def note(response: Response, before: _Lines, cookies: Sequence[str]) -> None:
    """Note our changes to a response that had the headers `before`."""
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
    """Restore a response to its state before; return whether it carried our cookie.

    Later changes by the application itself stay.
    """
    found: _Note | None = getattr(response, _NOTE, None)
    if found is None:
        return False
    delattr(response, _NOTE)
    # The cookies go first, because another thread may be sending the response by mistake.
    _take_cookies(response, found.cookies)
    if found.page and found.shown is _body(response):
        for name, value in found.page.items():
            setattr(response, name, value)
    _take_headers(response, _by_name(found.before), _by_name(found.after))
    return bool(found.cookies)


def _take_cookies(response: Response, cookies: Sequence[str]) -> None:
    said = response.headers.getlist("Set-Cookie")
    for cookie in cookies:
        if cookie in said:  # of several equal headers, the last one is ours
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


def _body(response: Any) -> Any:  # Werkzeug's responses of every kind, and Quart's, have one
    return response.response


def _by_name(said: Sequence[tuple[str, str]]) -> dict[str, _Lines]:
    found: dict[str, _Lines] = {}
    for key, value in said:
        found.setdefault(key.lower(), []).append((key, value))
    return found
