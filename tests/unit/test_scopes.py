"""Where a browser may hold a cookie: guessed from a request's host and path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.sansio.request import Request

from samesession.core.scopes import MAX_HEADERS, Address, Scope, cookie_domain, host_name
from samesession.headers import CookieWriter, address

from .parts import PLAIN


def others(host: str, sent_to: str, *, beside_ours: bool = True, **changes: Any) -> list[Scope]:
    cookie = replace(PLAIN, **changes)
    return cookie.other_scopes(Address(host, sent_to), beside_ours=beside_ours)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.com", "example.com"),
        ("WWW.Example.COM:8080", "www.example.com"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("XN--bcher-KVA.example", "xn--bcher-kva.example"),
        ("my_host", "my_host"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("example.com:", "example.com"),
        *(
            (text, None)
            for text in (
                "", ".", ":80", "example.com.", "a..b", ".example.com", "a b", "a.com; Secure",
                "a.com\r\nx", "a.com\n", "a.com:8o", "a.com:80:80", "[::1]", "[::1]:80", "::1",
                "user@a.com", "a.com/", "-a.com", "a\0b", "\ud800", "\udcff.com", "x" * 64,
                "a." * 126 + "ab", "x" * 10_000, "\u3002", "a.com\uff1b",
            )
        ),
    ],
)  # fmt: skip
def test_a_host_name_is_read_in_one_spelling(text: str, name: str | None) -> None:
    assert host_name(text) == name


def test_a_domain_may_begin_with_a_dot() -> None:
    assert cookie_domain(".Example.com") == "example.com"
    assert cookie_domain(".") is None


def test_each_parent_of_the_host_is_a_domain_but_for_a_single_label() -> None:
    found = {scope.domain for scope in others("a.shop.example.co.uk:443", "/")}
    assert found == {
        None, "co.uk", "example.co.uk", "shop.example.co.uk", "a.shop.example.co.uk"
    }  # fmt: skip


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "com",
        "127.0.0.1",
        "1.2.3.4:80",
        "10.1",
        "a.0x7f",
        "a.0x",
        "[::1]:80",
        "a..b",
    ],
)
def test_what_is_no_name_in_a_domain_gives_none(host: str) -> None:
    assert {scope.domain for scope in others(host, "/a")} == {None}


def test_each_prefix_of_the_path_is_a_path_with_and_without_a_slash() -> None:
    found = {scope.path for scope in others("localhost", "/app/page/x")}
    assert found == {"/", "/app", "/app/", "/app/page", "/app/page/", "/app/page/x"}
    assert {scope.path for scope in others("", "/a/")} == {"/", "/a", "/a/"}
    assert {scope.path for scope in others("", "/a//b")} >= {"/a", "/a/", "/a//", "/a//b"}


def test_behind_a_proxy_the_settings_tell_of_domain_and_path() -> None:
    found = others("backend.internal", "/page", domain="www.example.com", path="/app/")
    assert Scope("example.com", "/app/", partitioned=False) in found
    assert Scope("www.example.com", "/", partitioned=False) in found
    assert Scope("www.example.com", "/app", partitioned=False) in found


@pytest.mark.parametrize("partitioned", [True, False])
@pytest.mark.parametrize("domain", [None, "example.com", ".EXAMPLE.com:80"])
@pytest.mark.parametrize("path", ["/", "/a", "/a/"])
def test_its_own_scope_is_never_among_the_others(
    partitioned: bool, domain: str | None, path: str
) -> None:
    own = Scope(domain and "example.com", path, partitioned)
    found = others("www.example.com", "/a/b", domain=domain, path=path, partitioned=partitioned)
    assert own not in found
    assert len(set(found)) == len(found)
    # What differs in one respect alone is always there.
    assert Scope(own.domain, "/a/b", partitioned) in found
    assert Scope("www.example.com", path, partitioned) in found
    twin = Scope(own.domain, path, not partitioned)
    assert twin in found
    alone = others(
        "www.example.com", "/a/b", beside_ours=False,
        domain=domain, path=path, partitioned=partitioned,
    )  # fmt: skip
    assert twin not in alone
    assert set(found) - set(alone) == {twin}


def test_a_name_that_browsers_take_in_one_scope_has_no_other() -> None:
    for name in ("__Host-session", "__HOST-session"):
        assert others("www.example.com", "/a/b", name=name, secure=True) == []
    assert others("www.example.com", "/a/b", name="__Secure-session", secure=True) != []


@given(st.text(max_size=300), st.text(max_size=300), st.booleans())
def test_whatever_a_request_says_there_are_few_and_clean_scopes(
    host: str, path: str, beside_ours: bool
) -> None:
    found = others(host, "/" + path, beside_ours=beside_ours)
    assert len(found) < MAX_HEADERS
    writer = CookieWriter(PLAIN)
    for header in writer.elsewhere(Address(host, "/" + path), beside_ours=beside_ours):
        assert header.isascii()
        assert header.isprintable()
    for scope in found:
        assert scope.domain is None or host_name(scope.domain) == scope.domain
        assert scope.path.startswith("/")


@pytest.mark.parametrize("refused", ["\r\nX: y", ";", "\0", "\ud800"])
def test_a_path_ends_where_no_cookie_has_a_path(refused: str) -> None:
    found = {scope.path for scope in others("localhost", f"/a/b{refused}/c")}
    assert found == {"/", "/a", "/a/"}


def test_long_hosts_and_paths_cost_little() -> None:
    for host, path in (("a." * 120 + "example.com", "/x" * 30_000), ("x" * 60_000, "/" * 60_000)):
        found = others(host, path)
        assert len(found) < MAX_HEADERS
        assert all(len(scope.path) <= 256 for scope in found)


def test_an_address_has_the_path_that_the_application_is_mounted_at() -> None:
    request = Request(
        "GET", "https", ("localhost", 443), "/app", "/page", b"x=1",
        Headers({"Host": "www.example.com:8443"}), None,
    )  # fmt: skip
    assert address(request) == Address("www.example.com:8443", "/app/page")
    request.trusted_hosts = ["example.org"]
    del request.host
    assert address(request) == Address("", "/app/page")
