"""Keys that everybody knows are refused, however they are spelled."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import pytest

from samesession.core.published_keys import is_published
from samesession.errors import ConfigError
from samesession.settings import Config

ROOT = Path(__file__).parents[2]
KEY = "sixteen bytes or more of a key"
TUTORIAL = "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"
QUICKSTART = b'_5#y2L"F4Q8z\n\xec]/'
KNOWN: list[str | bytes] = [
    "from: python -c 'import secrets; print(secrets.token_hex())'",  # as the README had it
    "the output of: python -c 'import os; print(os.urandom(16))'",
    TUTORIAL,
    TUTORIAL.encode(),
    TUTORIAL.upper(),
    f" {TUTORIAL}\n",
    bytes.fromhex(TUTORIAL),
    QUICKSTART,
    QUICKSTART.decode("latin-1"),
    QUICKSTART.decode("latin-1").encode(),
    repr(QUICKSTART),
    r'_5#y2L"F4Q8z\n\xec]/',
    "_5#y2LF4Q8znxec]/",
    b"b_5#y2LF4Q8z\n\xec]/",
    "A0Zr98j/3yX R~XHH!jmN]LWX/,?RT",
    '\xfd{H\xe5<\x95\xf9\xe3\x96.5\xd1\x01O<!\xd5\xa2\xa0\x9fR"\xa1\xa8',
    b'?\xbf,\xb4\x8d\xa3"<\x9c\xb0@\x0f5\xab,w\xee\x8d$0\x13\x8b83',
    "\2\1thisismyscretkey\1\2\\e\\y\\y\\h",
    "super secret string",
    "correct horse battery staple",
    "you-will-never-guess",
    "this_is_a_secret_key",
    "Super-Secret-Key",
    "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
    "change-me-in-production",
    "dev-key-change-in-production",
    "your-secret-key-here",
    "your secret key goes here",
    "YOUR_OWN_RANDOM_GENERATED_SECRET_KEY",
    "<put your key here>",
    "replace-with-a-secure-key",
    "django-insecure-4w8k(h2)",
]


@pytest.mark.parametrize("key", KNOWN, ids=repr)
def test_a_key_that_everybody_knows_is_refused_as_a_fallback_too(key: str | bytes) -> None:
    for settings in ({"SECRET_KEY": key}, {"SECRET_KEY": KEY, "SECRET_KEY_FALLBACKS": [key]}):
        with pytest.raises(ConfigError, match=r"from documentation.*secrets\.token_hex") as told:
            Config.read(settings)
        assert str(key) not in str(told.value)


def test_no_key_that_was_made_is_refused() -> None:
    for _ in range(500):
        for key in (
            secrets.token_hex(),
            secrets.token_urlsafe(),
            secrets.token_bytes(16),
            os.urandom(24),
            secrets.token_bytes(32).decode("latin-1"),
        ):
            assert not is_published(key)


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "x" * 16,
        "a secret key of the tests, long enough",
        "a key with \\ at its end, and \\x1",
        "\udcff a lone surrogate, and more",
        "super secret strings are not for me",
    ],
)
def test_a_key_that_somebody_thought_of_is_left_to_them(key: str) -> None:
    assert Config.read({"SECRET_KEY": key}).secret_keys


def test_no_documentation_shows_a_key() -> None:
    """Each example takes it from outside, so that nobody uses ours."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.py")]
    assert len(pages) > 10
    written = re.compile(r"""secret_key["']?\]?\s*[=:]\s*([^\n]*)""", re.IGNORECASE)
    found = [(page.name, value) for page in pages for value in written.findall(page.read_text())]
    assert len(found) >= 5
    for _, value in found:
        assert re.match(r"""os\.environ|secrets\.|\$\(python|`""", value.lstrip('"')), found
