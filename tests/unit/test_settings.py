"""Each setting: its default, what it takes, and what a wrong one is answered with."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from samesession.core.cookie import Attributes
from samesession.core.policy import Rules
from samesession.core.store import Lifetimes
from samesession.errors import ConfigError
from samesession.settings import Config
from samesession.stores import open_store, read_config
from samesession.stores.filesystem.settings import FileSettings
from samesession.stores.redis.settings import RedisSettings

KEY = "sixteen bytes or more of a key"
MONTH = 31 * 24 * 60 * 60


def read(**settings: Any) -> Config:  # Any: as app.config holds them
    return read_config({"SECRET_KEY": KEY, **settings})


def test_with_a_secret_key_alone_everything_has_a_default() -> None:
    config = read()
    assert config.secret_keys == (KEY.encode(),)
    assert config.store_type == "filesystem"
    assert config.rules == Rules(
        prefix="session:",
        lifetimes=Lifetimes(browser=MONTH, permanent=MONTH),
        absolute=None,
        refresh_each_request=True,
        permanent_by_default=False,
        max_bytes=1024 * 1024,
    )
    assert config.cookie == Attributes(
        name="session",
        domain=None,
        path="/",
        secure=False,
        httponly=True,
        samesite="Lax",
        partitioned=False,
    )
    assert (config.exempt, config.exempt_static, config.no_renew) == ((), True, ())
    assert (config.store_timeout, config.of(RedisSettings).source) == (2.0, None)
    files = config.of(FileSettings)
    assert (files.directory, files.mode, files.fsync) == (".sessions", 0o600, False)


def test_every_setting_is_taken() -> None:
    config = read(
        SECRET_KEY_FALLBACKS=["an old key of the app's", b"a newer old key, in bytes"],
        SESSION_TYPE="redis",
        SESSION_PERMANENT=True,
        SESSION_KEY_PREFIX="shop:",
        SESSION_ID_LENGTH=32,
        SESSION_SERIALIZATION_FORMAT="msgpack",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=2),
        SESSION_BROWSER_LIFETIME=600,
        SESSION_ABSOLUTE_LIFETIME=timedelta(days=1),
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_MAX_BYTES=4096,
        SESSION_EXEMPT=["/health", "api.health"],
        SESSION_EXEMPT_STATIC=False,
        SESSION_NO_RENEW=("/poll",),
        SESSION_STORE_TIMEOUT=0.5,
        SESSION_REDIS="redis://localhost/1",
        SESSION_FILE_DIR=Path("kept") / "here",
        SESSION_FILE_MODE=0o640,
        SESSION_FILE_FSYNC=True,
    )
    # The newest first: Flask has the newest of the fallbacks last.
    assert config.secret_keys == (
        KEY.encode(),
        b"a newer old key, in bytes",
        b"an old key of the app's",
    )
    assert config.store_type == "redis"
    assert config.rules == Rules(
        prefix="shop:",
        lifetimes=Lifetimes(browser=600, permanent=7200),
        absolute=86400,
        refresh_each_request=False,
        permanent_by_default=True,
        max_bytes=4096,
    )
    assert (config.exempt, config.exempt_static) == (("/health", "api.health"), False)
    assert (config.no_renew, config.store_timeout) == (("/poll",), 0.5)
    assert config.of(RedisSettings).source == "redis://localhost/1"
    files = config.of(FileSettings)
    assert (files.directory, files.mode) == (str(Path("kept") / "here"), 0o640)
    assert files.fsync is True


def test_the_path_of_the_cookie_is_the_applications_root_unless_said() -> None:
    assert read(APPLICATION_ROOT="/app").cookie.path == "/app"
    assert read(APPLICATION_ROOT="/app", SESSION_COOKIE_PATH="/").cookie.path == "/"
    # Flask's defaults.
    unset = read(APPLICATION_ROOT="/", SESSION_COOKIE_PATH=None, SESSION_COOKIE_DOMAIN=None)
    assert (unset.cookie.path, unset.cookie.domain) == ("/", None)


def test_flasks_flags_take_any_truth_value() -> None:
    cookie = read(SESSION_COOKIE_SECURE=1, SESSION_COOKIE_HTTPONLY=None).cookie
    assert (cookie.secure, cookie.httponly) == (True, False)


def test_a_part_of_a_second_counts_as_a_whole() -> None:
    lifetimes = read(PERMANENT_SESSION_LIFETIME=timedelta(milliseconds=1)).rules.lifetimes
    assert lifetimes == Lifetimes(browser=1, permanent=1)
    assert read(SESSION_BROWSER_LIFETIME=1.5).rules.lifetimes.browser == 2


def test_paths_may_be_a_function_of_the_request() -> None:
    config = read(SESSION_EXEMPT=callable, SESSION_NO_RENEW=callable)
    assert config.exempt is callable
    assert config.no_renew is callable


def test_the_shortest_secret_key_has_sixteen_bytes() -> None:
    assert read(SECRET_KEY="x" * 16).secret_keys == (b"x" * 16,)
    assert read(SECRET_KEY="ä" * 8).secret_keys == ("ä".encode() * 8,)


# What is written, and what the error says to write instead.
_SECRET = r"secrets\.token_hex"
_DURATION = "must be a timedelta or seconds, above 0"
_PATHS = r"must be a list of paths such as \['/health'\], or a function of the request"
_MODE = "write 0o600"
WRONG: list[tuple[dict[str, Any], str]] = [
    *(({"SECRET_KEY": key}, _SECRET) for key in (None, "", b"", "x" * 15, "ä" * 7, 5, [KEY])),
    *(
        ({"SECRET_KEY_FALLBACKS": keys}, r"must be a list: write \[...\]")
        for keys in (KEY, KEY.encode(), 5, {KEY})
    ),
    *(({"SECRET_KEY_FALLBACKS": [key]}, _SECRET) for key in ("", "short", None, 5)),
    *(
        ({"SESSION_TYPE": kind}, "SESSION_TYPE must be text such as 'filesystem'")
        for kind in (None, "", 5, b"redis")
    ),
    *(
        ({"SESSION_KEY_PREFIX": prefix}, "must be text such as 'session:'")
        for prefix in (None, "", 5, "a\nb", b"session:")
    ),
    *(({"SESSION_PERMANENT": flag}, "True or False, not") for flag in (None, 1, "yes")),
    *(({"SESSION_EXEMPT_STATIC": flag}, "True or False, not") for flag in (None, 0, "no")),
    *(({"SESSION_FILE_FSYNC": flag}, "True or False, not") for flag in (None, 0, "no")),
    *(
        ({f"SESSION_{name}": "False"}, f"SESSION_{name} must be True or False, not str")
        for name in (
            "COOKIE_SECURE",
            "COOKIE_HTTPONLY",
            "COOKIE_PARTITIONED",
            "REFRESH_EACH_REQUEST",
        )
    ),
    *(
        ({name: value}, _DURATION)
        for name in (
            "PERMANENT_SESSION_LIFETIME",
            "SESSION_BROWSER_LIFETIME",
            "SESSION_ABSOLUTE_LIFETIME",
        )
        for value in (0, -1, True, "3600", timedelta(0), timedelta(-1), 2**31, float("nan"))
    ),
    ({"PERMANENT_SESSION_LIFETIME": None}, _DURATION),
    *(
        ({"SESSION_STORE_TIMEOUT": value}, "must be a number above 0")
        for value in (0, -1, True, "2", None, float("inf"), float("nan"))
    ),
    *(
        ({"SESSION_MAX_BYTES": value}, "must be a number above 1023")
        for value in (0, 1023, True, "4096", None, float("inf"))
    ),
    *(
        ({"SESSION_MIGRATE_UNTIL": value}, "must be a datetime with an offset")
        for value in (5, True, "", "soon", "2027-01-01", "2027-01-01T00:00:00")
    ),
    *(({"SESSION_ID_LENGTH": value}, "16 to 48 bytes, or left out") for value in (8, 64)),
    ({"SESSION_ID_LENGTH": "32"}, "must be a number"),
    *(
        ({"SESSION_SERIALIZATION_FORMAT": value}, 'must be "msgpack", or left out')
        for value in ("json", "pickle", None)
    ),
    *(
        ({name: value}, f"{name} {_PATHS}")
        for name in ("SESSION_EXEMPT", "SESSION_NO_RENEW")
        for value in ("/health", [""], [5], None, 5)
    ),
    ({"SESSION_NO_RENEW": ["health"]}, f"SESSION_NO_RENEW {_PATHS}"),
    *(({"SESSION_FILE_DIR": value}, "'.sessions'") for value in (None, "", 5)),
    *(
        ({"SESSION_FILE_MODE": value}, _MODE)
        for value in (None, True, "0o600", 600, 0o666, 0o620, 0o400, 0o200)
    ),
    *(
        ({"SESSION_COOKIE_NAME": name}, "use letters, digits, '-' and '_'")
        for name in (None, "", "a b", "a;b", "a=b", "größe")
    ),
    *(
        ({f"SESSION_COOKIE_{name}": 5}, f"SESSION_COOKIE_{name} must be text or None, not int")
        for name in ("NAME", "DOMAIN", "PATH", "SAMESITE")
    ),
    ({"SESSION_COOKIE_PATH": "app"}, 'must start with "/"'),
    ({"APPLICATION_ROOT": "/app; Secure"}, "or APPLICATION_ROOT"),
    ({"SESSION_COOKIE_DOMAIN": "a.com; Secure"}, "only a host name"),
    ({"SESSION_COOKIE_DOMAIN": "a.com\r\nX: y"}, "only a host name"),
    ({"SESSION_COOKIE_SAMESITE": "Lax; Secure"}, '"Lax", "Strict", "None", or False'),
    ({"SESSION_COOKIE_SAMESITE": "Lax\r\n"}, '"Lax", "Strict", "None", or False'),
    ({"SESSION_COOKIE_NAME": "a\r\nX: y"}, "use letters, digits, '-' and '_'"),
    *(
        ({"SESSION_COOKIE_SAMESITE": value}, '"Lax", "Strict", "None", or False')
        for value in ("", "lexical")
    ),
    ({"SESSION_COOKIE_SAMESITE": "None"}, "write SESSION_COOKIE_SECURE = True"),
    ({"SESSION_COOKIE_PARTITIONED": True}, "write SESSION_COOKIE_SECURE = True"),
    ({"SESSION_COOKIE_NAME": "__Host-s"}, "write SESSION_COOKIE_SECURE = True"),
    (
        {
            "SESSION_COOKIE_NAME": "__Host-s",
            "SESSION_COOKIE_SECURE": True,
            "SESSION_COOKIE_PATH": "/a",
        },
        "write SESSION_COOKIE_PATH = '/'",
    ),
    ({"SESSION_FILE_DIRS": "x"}, "did you mean SESSION_FILE_DIR"),
    ({"SESSION_KEY_PREFIXES": "x"}, "did you mean SESSION_KEY_PREFIX"),
    ({"SESSION_COKIE_NAME": "x"}, "did you mean SESSION_COOKIE_NAME"),
]


@pytest.mark.parametrize(("settings", "advice"), WRONG, ids=[f"{each[0]!r:.60}" for each in WRONG])
def test_a_wrong_setting_is_told_what_to_write(settings: dict[str, Any], advice: str) -> None:
    with pytest.raises(ConfigError, match=advice) as caught:
        read(**settings)
    assert {"SESSION_", "SECRET_"} & set(re.findall(r"SE(?:SSION|CRET)_", str(caught.value)))


def test_a_setting_of_somebody_else_is_left_alone() -> None:
    assert read(SESSION_WAREHOUSE="x") == read()


def test_an_unknown_type_is_told_which_there_are() -> None:
    with pytest.raises(ConfigError, match="SESSION_TYPE is 'mongo': write one of 'cookie', 'dyn"):
        open_store(read(SESSION_TYPE="mongo"), clock=float)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("SESSION_USE_SIGNER", "every cookie is signed"),
        ("SESSION_FILE_THRESHOLD", "no session is ever evicted"),
        ("SESSION_CLEANUP_N_REQUESTS", "deleted outside of requests"),
    ],
)
def test_an_obsolete_setting_of_flask_session_is_warned_of(name: str, why: str) -> None:
    with pytest.warns(UserWarning, match=f"{name} has no effect: .*{why}"):
        read(**{name: 1})


def test_no_repr_shows_a_key_or_a_client() -> None:
    shown = repr(read(SESSION_REDIS="redis://:password@localhost"))
    assert KEY not in shown
    assert "password" not in shown
