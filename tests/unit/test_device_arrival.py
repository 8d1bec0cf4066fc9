"""The page for who follows a link from another site: for whom it is, and where it leads."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest

from samesession.device.arrival import answer, is_arrival

LINK = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


def test_a_link_from_another_site_is_meant() -> None:
    assert is_arrival("GET", LINK)
    assert is_arrival("GET", {**LINK, "Sec-Fetch-Site": "same-site"})


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
    assert not is_arrival(method, {**LINK, **other})


def test_nobody_is_meant_whose_browser_does_not_say() -> None:
    assert not is_arrival("GET", {})


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
    page = answer(root_path, path, query)
    assert page.headers["Refresh"] == f"0;url={url}"
    (link,) = re.findall('href="([^"]*)"', page.body)
    assert link == url.replace("&", "&amp;").replace("'", "&#x27;")
    assert urljoin("https://app.test/", url).startswith("https://app.test/")


def test_nobody_keeps_it() -> None:
    page = answer("", "/", b"")
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "sandbox" not in page.headers["Content-Security-Policy"]
