"""The page for a user who follows a link from another site when the last proof is old.

A browser holds a request back until it has proved its session's key, but not a request that
another site's page began: this one comes with the session's cookie and no proof. To a required
session it would seem logged out, though the browser could prove its key at once. So it gets a page
that asks for the same URL again. Our page begins that request, which is held back, and comes with
a proof. A redirect would not do: the other site's page would have begun what follows it.

The second request is our own site's, so nobody is sent in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import NamedTuple
from urllib.parse import quote

# From another origin: to a browser, a proof is due to one origin alone.
_ELSEWHERE = frozenset({"cross-site", "same-site"})
# Characters that a path may contain (RFC 3986, 3.3); a query may also contain "?" and quoted ones.
_PATH = "/!$&'()*+,:;=@"
_QUERY = _PATH + "?%"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>One moment</title>
<p><a href="{url}">Go on</a></p>
</html>
"""


class Answer(NamedTuple):
    """A response, of either framework."""

    status: int
    headers: Mapping[str, str]
    body: str


def is_arrival(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a request is for a page, by a link on another site's page."""
    return (
        method == "GET"
        and headers.get("Sec-Fetch-Site") in _ELSEWHERE
        and headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest") == "document"
    )


def answer(root_path: str, path: str, query: bytes) -> Answer:
    """Return the page that asks for the same URL once more.

    Its Content-Security-Policy must be this one: with "sandbox" the page would be another site's.
    """
    # One slash alone, as "//example.com" is another host.
    url = "/" + quote(f"{root_path}{path}".lstrip("/"), safe=_PATH)
    if query:
        url = f"{url}?{quote(query, safe=_QUERY)}"
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Refresh": f"0;url={url}",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
    return Answer(200, headers, _PAGE.format(url=escape(url)))
