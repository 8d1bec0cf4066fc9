"""The picture of how a session is bound to a device: the messages, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from docs.tools.drawing import LINE, Point, arrow, box, drawing, words

_WIDTH = 440
_BOX = Point(202, 62)
_BROWSER, _THIEF, _APPLICATION = 50.0, 110.0, 390.0  # where the lines of life are
_TITLE = (
    "The response to a login offers to bind the session, with a challenge. The browser makes a "
    "key, signs the challenge and sends the public key; the response has a bound cookie that is "
    "good for ten minutes. Every request then brings both cookies. Before the bound cookie ends "
    "the browser asks for a challenge, signs it and gets the next bound cookie. A thief with "
    "copies of both cookies is refused when the bound cookie has ended."
)


class _Said(NamedTuple):
    """One message; `is_request`: sent to the application, not by it."""

    is_request: bool
    line: str
    small: str = ""
    other: float = _BROWSER


class _Heading(NamedTuple):
    """What the messages below it are about."""

    line: str


_ROWS: tuple[_Heading | _Said, ...] = (
    _Heading("The login"),
    _Said(True, "POST /login", "the password"),
    _Said(False, "the page, and the session cookie", "Secure-Session-Registration: a challenge"),
    _Heading("The binding, in the background"),
    _Said(True, "POST /_session/device/register", "the public key, and the challenge, signed"),
    _Said(False, "the bound cookie, good for 10 minutes", "the record now holds the public key"),
    _Heading("Every request"),
    _Said(True, "GET /page", "both cookies, which are checked without I/O"),
    _Said(False, "the page"),
    _Heading("Every few minutes"),
    _Said(True, "POST /_session/device/refresh"),
    _Said(False, "403", "Secure-Session-Challenge: a new challenge"),
    _Said(True, "POST /_session/device/refresh", "the challenge, signed"),
    _Said(False, "the next bound cookie"),
    _Heading("A thief, with a copy of both cookies and no key"),
    _Said(True, "GET /page, within the 10 minutes", other=_THIEF),
    _Said(False, "the page", other=_THIEF),
    _Said(True, "GET /page, later", other=_THIEF),
    _Said(False, "an empty session", "the user's own session continues", _THIEF),
)
_TOP = 86.0
_HEAD = 54.0
_STEP = 36.0
_SMALL = 16.0  # more for a step with a small line below it


def device_exchange() -> str:
    """Draw how a session is bound and proved, and why a copy of it stops working."""
    size = Point(_WIDTH, _TOP + sum(map(_height, _ROWS)))
    return drawing("device-exchange", size, _TITLE, _parts(size.y))


def _height(row: _Heading | _Said) -> float:
    if isinstance(row, _Heading):
        return _HEAD
    return _STEP + (_SMALL if row.small else 0)


def _parts(height: float) -> Iterator[str]:
    yield box(Point(4, 4), _BOX, "Browser", "its key stays in the device")
    yield _life(_BROWSER, 4 + _BOX.y, height)
    right = Point(_WIDTH - _BOX.x - 4, 4)
    yield box(right, _BOX, "Application", "sessions in a store", kind="ours")
    yield _life(_APPLICATION, 4 + _BOX.y, height)
    y, is_over = _TOP, False
    for row in _ROWS:
        if isinstance(row, _Heading):
            yield words(Point((_BROWSER + _APPLICATION) / 2, y + 26), row.line, kind="title")
        else:
            if row.other == _THIEF and not is_over:
                is_over = True
                yield _life(_THIEF, y - 10, height, kind="dashed")
            yield from _message(row, y)
        y += _height(row)


def _life(x: float, top: float, height: float, *, kind: str = "") -> str:
    return f'<path class="life {kind}" d="M{x:g} {top:g} L{x:g} {height - 4:g}"/>'


def _message(said: _Said, y: float) -> Iterator[str]:
    left, right = Point(said.other + 3, y + 12), Point(_APPLICATION - 3, y + 12)
    middle = (said.other + _APPLICATION) / 2
    kind = "dashed" if said.other == _THIEF else ""
    yield words(Point(middle, y), said.line)
    yield arrow(*((left, right) if said.is_request else (right, left)), kind=kind)
    if said.small:
        yield words(Point(middle, y + LINE + 4), said.small, kind="small")
