"""Cookies that browsers would drop are refused first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from samesession import ConfigError, SessionTooLarge
from samesession.core.cookie import DropCookie, Reply, SetCookie

from .parts import PLAIN

BAD_PATHS = ("/a;b", "/; Secure", "/a\r\nX: y", "/a\0", "/\x7f", "/\x85", "/\ud800", "\n/", "")
BAD_DOMAINS = (
    "a.com; Secure",
    "a.com;Secure",
    "a.com, b.com",
    "a.com\r\nX: y",
    "a.com\n",
    "\na.com",
    "a.com\0",
    "a com",
    " a.com",
    "a.com ",
    "a.com/",
    "https://a.com",
    "a.com:x",
    "a.com:80; Secure",
    "a.com:\r\n",
    "a..com",
    "a.com.",
    "-a.com",
    "a-.com",
    "a=b",
    '"a.com"',
    "*.a.com",
    "[::1]",
    "\ud800.com",
    ".",
    ":80",
    "",
    "a" * 64 + ".com",
    ".".join(["a"] * 200),
    "\uff1b.com",
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "a.b-c_d!#$%&'*+^`|~1"},
        {"domain": "example.org", "path": "/app"},
        {"samesite": "Lax"},
        {"samesite": "strict"},
        {"samesite": "None", "secure": True},
        {"partitioned": True, "secure": True},
        {"partitioned": True, "secure": True, "samesite": "None"},
        {"name": "__Host-session", "secure": True},
        {"name": "__Secure-session", "secure": True, "domain": "example.org", "path": "/app"},
        {"name": "__host", "domain": "example.org"},
        {"domain": ".Example.org"},
        {"domain": "example.org:5000"},
        {"domain": "b\u00fccher.example"},
        {"domain": "under_score.example.org"},
        {"domain": "localhost"},
        {"domain": "127.0.0.1"},
        {"path": "/caf\u00e9 au lait/%20&(a)=b,c"},
    ],
)
def test_a_cookie_that_browsers_keep_passes(changes: dict[str, Any]) -> None:
    replace(PLAIN, **changes).check()


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"name": ""}, "letters, digits"),
        ({"name": "a b"}, "letters, digits"),
        ({"name": "a;b"}, "letters, digits"),
        ({"name": "a=b"}, "letters, digits"),
        ({"name": "a\n"}, "letters, digits"),
        ({"name": "é"}, "letters, digits"),
        ({"samesite": "loose"}, '"Lax", "Strict", "None"'),
        ({"samesite": ""}, '"Lax", "Strict", "None"'),
        ({"path": "app"}, 'start with "/"'),
        *(({"path": path}, "control characters") for path in BAD_PATHS),
        *(
            ({"domain": domain}, "SESSION_COOKIE_DOMAIN must be only a host name")
            for domain in BAD_DOMAINS
        ),
        ({"samesite": "None"}, "SESSION_COOKIE_SECURE = True"),
        ({"samesite": "none"}, "SESSION_COOKIE_SECURE = True"),
        ({"partitioned": True}, "SESSION_COOKIE_SECURE = True"),
        ({"name": "__Secure-session"}, "SESSION_COOKIE_SECURE = True"),
        ({"name": "__Host-session"}, "SESSION_COOKIE_SECURE = True"),
        ({"name": "__hOST-session"}, "SESSION_COOKIE_SECURE = True"),
        ({"name": "__sECURE-session"}, "SESSION_COOKIE_SECURE = True"),
        ({"name": "__Host-session", "secure": True, "domain": "x.org"}, "SESSION_COOKIE_DOMAIN"),
        ({"name": "__HOST-session", "secure": True, "path": "/app"}, "SESSION_COOKIE_PATH = '/'"),
    ],
)
def test_a_cookie_that_browsers_drop_is_refused_with_advice(
    changes: dict[str, Any], advice: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        replace(PLAIN, **changes).check()
    assert advice in str(caught.value)


def test_name_and_value_have_4096_bytes_together() -> None:
    PLAIN.check_size("x" * (4096 - len("session")))
    with pytest.raises(SessionTooLarge, match="4097 bytes") as caught:
        PLAIN.check_size("x" * (4097 - len("session")))
    assert (caught.value.size, caught.value.limit) == (4097, 4096)


def test_no_value_is_in_a_repr() -> None:
    shown = repr(Reply(SetCookie("canary", None), vary=True))
    assert "canary" not in shown
    assert repr(DropCookie()) == "DropCookie()"
