"""The page for a user who follows a link from another site when the last proof is old.

A browser holds a request back until it has proved its session's key, but not a request that
another site's page began: this one comes with the session's cookie and no proof. To a required
session it would seem logged out, though the browser could prove its key at once. So it gets a page
that asks for the same URL again. Our page begins that request, which is held back, and comes with
a proof. A redirect would not do: the other site's page would have begun what follows it.

The second request is our own site's, so nobody is sent in a circle.
"""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import quote

from werkzeug.sansio.request import Request

# From another origin: to a browser, a proof is due to one origin alone.
_ELSEWHERE: Final = frozenset({"cross-site", "same-site"})
# Characters that a path may contain (RFC 3986, 3.3); a query may also contain "?" and quoted ones.
_PATH: Final = "/!$&'()*+,:;=@~"
_QUERY: Final = _PATH + "?%"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>One moment</title>
<p><a href="{url}">Go on</a></p>
</html>
"""


def is_arrival(request: Request) -> bool:
    """Return whether a request is for a page, by a link on another site's page."""
    said = request.headers
    return (
        request.method == "GET"
        and said.get("Sec-Fetch-Site") in _ELSEWHERE
        and said.get("Sec-Fetch-Mode") == "navigate"
        and said.get("Sec-Fetch-Dest") == "document"
    )


def same_url(request: Request) -> str:
    """Return where a request was sent to, for the browser to ask there again."""
    # One slash alone at its beginning, as "//example.com" is another host.
    path = "/" + quote(f"{request.root_path}{request.path}".lstrip("/"), safe=_PATH)
    query = quote(request.query_string, safe=_QUERY)
    return f"{path}?{query}" if query else path


def once_more(request: Request) -> tuple[dict[str, str], str]:
    """Return headers and body of the page that asks for the same URL again, for status 200.

    A Content-Security-Policy with "sandbox" would make another site's page of it.
    """
    url = same_url(request)
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Refresh": f"0;url={url}",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
    }
    return headers, _PAGE.format(url=escape(url))
