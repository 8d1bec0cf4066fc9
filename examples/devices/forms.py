"""What a form may send, and from where. Knows no framework."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from werkzeug.sansio.request import Request  # either framework's

# One line of text; what a form sends is never trusted to have kept its maxlength.
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,60}")
_PASSWORD_LENGTH = range(8, 257)  # at most, as each letter is hashed
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


class Refused(ValueError):
    """What a form sent will not do; the message is for whoever filled it in."""


def checked_name(name: str) -> str:
    """Return a user's name without the blanks around it."""
    return _line(name, "Please enter a name of up to 60 letters.")


def checked_note(note: str) -> str:
    """Return a note without the blanks around it."""
    return _line(note, "Please enter a note of up to 60 letters.")


def checked_password(password: str) -> str:
    """Return a new password that is neither too short nor too long."""
    if len(password) not in _PASSWORD_LENGTH:
        raise Refused("Please choose a password of 8 to 256 letters.")
    return password


def _line(text: str, help_: str) -> str:
    if not _LINE.fullmatch(text.strip()):
        raise Refused(help_)
    return text.strip()


def is_from_another_site(request: Request) -> bool:
    """Return whether another site's page had a browser send this request, to change something.

    A browser itself says where a request comes from, in headers that no page can set. Unlike
    a token in the session that protects the forms of visitors, too, who have no session, and
    a form that is sent while the store is down. Older browsers send Origin alone; what sends
    neither is no browser, and carries nobody's cookie against their will. The cookie's
    SameSite=Lax is the second line: it does not know another port from ours.
    """
    if request.method in _SAFE_METHODS:  # which change nothing
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")  # none: typed, or from a bookmark
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host
