"""Labels of devices out of what their browsers say they are."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samesession.labels import from_user_agent

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
# What rules are looking for, so that long texts of it meet as many of them as can be.
PIECES = [
    "Mozilla/5.0 (",
    "Android ",
    "Opera/9.0",
    "Mobile ",
    "; ",
    "0.",
    "_",
    "(",
    ")",
    "a",
    "/1 ",
]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Firefox on Linux",
        ),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "Chrome on Windows"),
        (
            f"{IPHONE} (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "Mobile Safari on iOS",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {CHROME} Mobile Safari/537.36",
            "Chrome Mobile on Android",
        ),
        ("curl/8.5.0", "curl"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Linux"),
    ],
)
def test_a_label_names_browser_and_system(text: str, label: str) -> None:
    assert from_user_agent(text) == label


@pytest.mark.parametrize(
    "text", [None, "", " ", "x", "Mozilla/5.0", "\x00\n", "Other", "\ud800", "ü" * 600]
)
def test_what_tells_nothing_is_no_label(text: str | None) -> None:
    assert from_user_agent(text) is None


@pytest.mark.parametrize("wrong", [b"curl/8.5.0", 5, ["curl"]])
def test_what_is_no_text_is_told_what_to_write(wrong: Any) -> None:
    with pytest.raises(TypeError, match="write request"):
        from_user_agent(wrong)


@given(
    st.one_of(
        st.text(st.characters(codec=None), max_size=700),
        st.lists(st.sampled_from([*PIECES, "\x00", "\ud800", "é"]), max_size=80).map("".join),
    )
)
@settings(max_examples=300)
def test_whatever_a_client_sends_is_a_short_printable_label_or_none(text: str) -> None:
    label = from_user_agent(text)
    if label is not None:
        assert label == label.strip() != ""
        assert label.isascii()
        assert label.isprintable()
        assert len(label) <= 256


@pytest.mark.parametrize("piece", PIECES)
def test_a_header_as_long_as_servers_let_pass_takes_no_longer_than_a_loop_may_wait(
    piece: str,
) -> None:
    text = piece * 60_000
    began = time.thread_time()
    _ = from_user_agent(text)
    assert time.thread_time() - began < 0.05


def test_without_its_package_it_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['ua_parser'] = None\n"
        "from samesession import ConfigError\n"
        "try:\n"
        "    import samesession.labels\n"
        "except ConfigError as error:\n"
        "    assert \"pip install 'samesession[labels]'\" in str(error)\n"
        "    assert isinstance(error.__cause__, ImportError)\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
