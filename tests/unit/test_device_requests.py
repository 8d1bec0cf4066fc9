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
from samesession.headers import cookie_values

from .parts import PLAIN

PIECES = st.sampled_from(
    ["session", "session_bound", "__Host-", "=", "; ", ";", " ", "\t", "a", "x=1", "\u00e9", '"']
)


@given(st.lists(PIECES, max_size=12).map("".join))
@example("session=a; session_bound=b")
@example("session_bound=b;session=a")
@example("session_bound=a; session_bound=b")
@example("xsession_bound=a; session_bound =b")
def test_cookies_are_read_together_as_each_alone(header: str) -> None:
    names = ("session_bound", "session")
    alone = [cookie_values(header, (name,)) for name in names]
    assert cookie_values(header, names) == {**alone[0], **alone[1]}
    for name in names:
        pairs = [pair.split("=", 1) for pair in header.split(";")]
        values = [
            pair[1] if len(pair) > 1 else "" for pair in pairs if pair[0].strip(" \t") == name
        ]
        found = cookie_values(header, names).get(name, [])
        assert found == [value.strip(" \t") for value in values]


def requests() -> DeviceRequests:
    flow: Any = None
    return DeviceRequests(DeviceSettings(), PLAIN, flow)


def sent(path: str = "/", method: str = "GET", **options: Any) -> Request:
    return Request(EnvironBuilder(path=path, method=method, **options).get_environ())


def shown(*cookies: str, **options: Any) -> DeviceRequest:
    return DeviceRequest(requests(), sent(**options), cookies)


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
    assert requests().is_endpoint(sent(path, method)) == proves


def test_nothing_shows_a_cookie_but_what_is_asked_for_it() -> None:
    found = shown("canary")
    assert found.cookies == ("canary",)
    assert "canary" not in repr(found)
    assert not found.is_secure
    assert shown(base_url="https://localhost").is_secure
