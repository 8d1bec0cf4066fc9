"""What a request shows of its device, as its headers say it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from samesession.core.events import DEVICE_OTHER
from samesession.device_requests import DeviceRequest, DeviceRequests
from samesession.device_settings import DeviceSettings
from samesession.headers import cookie_values, values_of

from .parts import PLAIN

PIECES = st.sampled_from(
    ["session", "session_bound", "__Host-", "=", "; ", ";", " ", "\t", "a", "x=1", "\u00e9", '"']
)


@given(st.lists(PIECES, max_size=12).map("".join))
@example("session=a; session_bound=b")
@example("session_bound=b;session=a")
@example("session_bound=a; session_bound=b")
@example("xsession_bound=a; session_bound =b")
def test_a_value_is_found_the_short_way_as_the_long_way(header: str) -> None:
    for name in ("session_bound", "session"):
        assert values_of(header, name) == cookie_values(header, name)


def shown(path: str = "/", method: str = "GET", cookie: str = "", **options: Any) -> DeviceRequest:
    request = Request(EnvironBuilder(path=path, method=method, **options).get_environ())
    flow: Any = None
    return DeviceRequests(DeviceSettings(), PLAIN, flow).of(request, cookie)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("unreachable", "unreachable"),
        ('server_error;session_identifier="x"', "server_error"),
        ("quota_exceeded ; session_identifier=x", "quota_exceeded"),
        ("whatever\u00e9", DEVICE_OTHER),
        ("", DEVICE_OTHER),
    ],
)
def test_a_browsers_word_is_one_of_few(said: str, word: str) -> None:
    assert shown(headers={"Secure-Session-Skipped": said}).skipped == word
    assert shown().skipped is None


@pytest.mark.parametrize(
    ("path", "method", "proves"),
    [
        ("/_session/device/register", "POST", True),
        ("/_session/device/refresh", "POST", True),
        ("/_session/device/refresh", "GET", False),
        ("/_session/device/refresh/", "POST", False),
        ("/_session/device/other", "POST", False),
        ("/_session/device", "POST", False),
        ("/a/_session/device/refresh", "POST", False),
    ],
)
def test_only_a_post_to_one_of_two_paths_comes_to_prove(
    path: str, method: str, proves: bool
) -> None:
    assert shown(path, method).proves == proves


def test_nothing_shows_a_cookie_but_what_is_asked_for_it() -> None:
    found = shown(cookie="session=canary; session_bound=canary")
    assert found.cookies == ["canary"]
    assert "canary" not in repr(found)
    assert not found.is_secure
    assert shown(base_url="https://localhost").is_secure
