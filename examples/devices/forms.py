"""Check what a form sends, and which site it comes from. No framework is used here."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from werkzeug.sansio.request import Request  # of either framework

# One line of text. A browser can be made to send more than maxlength, so the length is checked.
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,60}")
_PASSWORD_LENGTH = range(8, 257)  # at most, because every character costs time to hash
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


class Refused(ValueError):
    """A form has a wrong value; the message is for the user who filled it in."""


def checked_name(name: str) -> str:
    """Return a user's name without the spaces around it."""
    return _line(name, "Please enter a name of up to 60 letters.")


def checked_note(note: str) -> str:
    """Return a note without the spaces around it."""
    return _line(note, "Please enter a note of up to 60 letters.")


def checked_password(password: str) -> str:
    """Return a new password if its length is allowed."""
    if len(password) not in _PASSWORD_LENGTH:
        raise Refused("Please choose a password of 8 to 256 letters.")
    return password


def _line(text: str, help_: str) -> str:
    if not _LINE.fullmatch(text.strip()):
        raise Refused(help_)
    return text.strip()


def is_from_another_site(request: Request) -> bool:
    """Return whether a page of another site made the browser send this request, to change data.

    Browsers say where a request comes from, in headers that no page can set. A CSRF token in the
    session would protect logged-in users only. These headers also protect forms of visitors without
    a session, and forms that are sent while the store is down. Older browsers send only Origin. A
    client that sends neither header is not a browser, and cannot be made to use someone else's
    cookie. The cookie's SameSite=Lax is a second line of defence, but does not tell one port from
    another.
    """
    if request.method in _SAFE_METHODS:  # methods that change nothing
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in (
            "same-origin",
            "none",
        )  # none: the user typed the address or opened a bookmark
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host
