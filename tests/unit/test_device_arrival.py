"""The page for who follows a link from another site: for whom it is, and where it leads."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest
from werkzeug.datastructures import Headers
from werkzeug.sansio.request import Request

from samesession.device_arrival import is_arrival, once_more, same_url

LINK = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


def asked(
    method: str = "GET",
    headers: dict[str, str] = LINK,
    *,
    root_path: str = "",
    path: str = "/",
    query: bytes = b"",
) -> Request:
    return Request(method, "https", None, root_path, path, query, Headers(headers), None)


def test_a_link_from_another_site_is_meant() -> None:
    assert is_arrival(asked())
    assert is_arrival(asked(headers={**LINK, "Sec-Fetch-Site": "same-site"}))


@pytest.mark.parametrize(
    ("method", "other"),
    [
        ("POST", {}),
        ("HEAD", {}),
        ("GET", {"Sec-Fetch-Site": "same-origin"}),  # what the page itself asks for
        ("GET", {"Sec-Fetch-Site": "none"}),  # typed, or a bookmark
        ("GET", {"Sec-Fetch-Mode": "no-cors"}),
        ("GET", {"Sec-Fetch-Dest": "iframe"}),
        ("GET", {"Sec-Fetch-Dest": "image"}),
    ],
)
def test_nothing_else_is(method: str, other: dict[str, str]) -> None:
    assert not is_arrival(asked(method, {**LINK, **other}))


@pytest.mark.parametrize("name", LINK)
def test_nobody_is_meant_whose_browser_does_not_say(name: str) -> None:
    assert not is_arrival(asked(headers={each: LINK[each] for each in LINK if each != name}))


@pytest.mark.parametrize(
    ("root_path", "path", "query", "url"),
    [
        ("", "/", b"", "/"),
        ("", "/cart", b"", "/cart"),
        ("/shop", "/cart", b"", "/shop/cart"),
        ("/shop", "/cart", b"a=1&b=%20?/", "/shop/cart?a=1&b=%20?/"),
        ("", "/a b/100%/\u00e4", b"q=\xc3\xa4", "/a%20b/100%25/%C3%A4?q=%C3%A4"),
        ("", "//example.com/", b"", "/example.com/"),
        ("", "/\\example.com/", b"", "/%5Cexample.com/"),
        ("", "/a\r\nSet-Cookie: b", b"\r\nc", "/a%0D%0ASet-Cookie:%20b?%0D%0Ac"),
        ("", '/"><script>', b'"><script>', "/%22%3E%3Cscript%3E?%22%3E%3Cscript%3E"),
    ],
)
def test_it_leads_to_the_same_url(root_path: str, path: str, query: bytes, url: str) -> None:
    request = asked(root_path=root_path, path=path, query=query)
    assert same_url(request) == url
    headers, page = once_more(request)
    assert headers["Refresh"] == f"0;url={url}"
    (link,) = re.findall('href="([^"]*)"', page)
    assert link == url.replace("&", "&amp;")
    assert urljoin("https://app.test/", url).startswith("https://app.test/")


def test_nobody_keeps_it() -> None:
    headers, _ = once_more(asked())
    assert headers["Cache-Control"] == "no-store"
