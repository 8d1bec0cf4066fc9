"""The page for a user who follows a link from another site after the last proof expired.

A browser holds a request back until it has proved the session's key. It does not do so for a
request that a page of another site starts: that request has the session's cookie, but no proof.
With SESSION_DEVICE_BOUND = "require" the user would look logged out, although the browser could
prove the key at once. So we answer with a page that loads the same URL again. Our page starts that
second request, so the browser holds it back and proves the key. A redirect would not help: to the
browser the other site would have started that request, too.

The second request comes from our own site, so it never gets the page again.
"""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import quote

from werkzeug.sansio.request import Request

# Requests from another origin: a browser proves a session for its own origin only.
_ELSEWHERE: Final = frozenset({"cross-site", "same-site"})
# Characters that a path may contain (RFC 3986, 3.3); a query may also contain "?" and quoted ones.
_PATH: Final = "/!$&'()*+,:;=@~"
_QUERY: Final = _PATH + "?%"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>One moment</title>
<p><a href="{url}">Continue</a></p>
</html>
"""


def is_arrival(request: Request) -> bool:
    """Return whether a request loads a page from a link on another site."""
    said = request.headers
    return (
        request.method == "GET"
        and said.get("Sec-Fetch-Site") in _ELSEWHERE
        and said.get("Sec-Fetch-Mode") == "navigate"
        and said.get("Sec-Fetch-Dest") == "document"
    )


def same_url(request: Request) -> str:
    """Return the path and query of a request, for the browser to send it again."""
    # It starts with exactly one slash, since "//example.com" is another host.
    path = "/" + quote(f"{request.root_path}{request.path}".lstrip("/"), safe=_PATH)
    query = quote(request.query_string, safe=_QUERY)
    return f"{path}?{query}" if query else path


def once_more(request: Request) -> tuple[dict[str, str], str]:
    """Return the headers and the body of the page that loads the same URL again; its status is 200.

    With "sandbox" in a Content-Security-Policy the page would count as another site's.
    """
    url = same_url(request)
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Refresh": f"0;url={url}",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
    }
    return headers, _PAGE.format(url=escape(url))
