"""What becomes of each setting of Flask-Session and Quart-Session, and of guesses at ours."""

from __future__ import annotations

import re
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from samesession.errors import ConfigError
from samesession.framework_settings import FLASKS
from samesession.setting_names import peers_names
from samesession.settings import Config
from samesession.stores import built_in, open_store, read_config

PEERS_NAMES = peers_names(built_in().values())
NO_EFFECT, WRITE_INSTEAD = PEERS_NAMES.no_effect, PEERS_NAMES.write_instead
KEY = "sixteen bytes or more of a key"
WORKS = "works"
WARNS = "has no effect: "
PEERS = ("flask_session", "quart_session")

# Flask-Session 0.5 to main and Quart-Session 3.0: a value that asks for something, and
# whether it works, is warned of, or what the ConfigError says to write.
FATES: dict[str, tuple[Any, str]] = {
    "SESSION_CACHELIB": (object(), 'write SESSION_TYPE = "filesystem" and SESSION_FILE_DIR'),
    "SESSION_CLEANUP_N_REQUESTS": (100, WARNS),
    "SESSION_CLIENT": (object(), "write SESSION_TYPE and the setting of that store"),
    "SESSION_COOKIE_NAME": ("shop", WORKS),
    "SESSION_DYNAMODB": (object(), WORKS),
    "SESSION_DYNAMODB_TABLE": ("Sessions", WORKS),
    "SESSION_DYNAMODB_TABLE_EXISTS": (True, WARNS),
    "SESSION_EXPLICIT": (True, WARNS),
    "SESSION_FILE_DIR": ("sessions", WORKS),
    "SESSION_FILE_MODE": (384, WORKS),
    "SESSION_FILE_THRESHOLD": (500, WARNS),
    "SESSION_HIJACK_PROTECTION": (True, WARNS),
    "SESSION_HIJACK_REVERSE_PROXY": ("X-Forwarded-For", WARNS),
    "SESSION_ID_LENGTH": (32, WORKS),
    "SESSION_KEY_PREFIX": ("shop:", WORKS),
    "SESSION_MEMCACHED": (object(), WORKS),
    "SESSION_MEMCACHED_HOST": ("127.0.0.1", "write SESSION_MEMCACHED = "),
    "SESSION_MEMCACHED_PORT": (11211, "write SESSION_MEMCACHED = "),
    "SESSION_MONGODB": (object(), WORKS),
    "SESSION_MONGODB_CLIENT_KWARGS": ({"a": 1}, "write SESSION_MONGODB = a client"),
    "SESSION_MONGODB_COLLECT": ("sessions", WORKS),
    "SESSION_MONGODB_COLLECTION": (object(), "write SESSION_MONGODB_COLLECT"),
    "SESSION_MONGODB_DB": ("shop", WORKS),
    "SESSION_MONGODB_SET_CALLBACK": (object(), "write SESSION_MONGODB_DB and"),
    "SESSION_MONGODB_URI": ("mongodb://127.0.0.1", "write SESSION_MONGODB"),
    "SESSION_PERMANENT": (True, WORKS),
    "SESSION_POSTGRESQL": (object(), 'write SESSION_TYPE = "sqlalchemy"'),
    "SESSION_POSTGRESQL_SCHEMA": ("public", "SESSION_SQLALCHEMY_SCHEMA"),
    "SESSION_POSTGRESQL_TABLE": ("flask_sessions", "SESSION_SQLALCHEMY_TABLE"),
    "SESSION_PROTECTION": (True, WARNS),
    "SESSION_REDIS": (object(), WORKS),
    "SESSION_REFRESH_EACH_REQUEST": (False, WORKS),
    "SESSION_REVERSE_PROXY": ("X-Forwarded-For", WARNS),
    "SESSION_SERIALIZATION_FORMAT": ("msgpack", WORKS),
    "SESSION_SQLALCHEMY": (object(), WORKS),
    "SESSION_SQLALCHEMY_BIND_KEY": ("shop", WORKS),
    "SESSION_SQLALCHEMY_SCHEMA": ("shop", WORKS),
    "SESSION_SQLALCHEMY_SEQUENCE": ("ids", WARNS),
    "SESSION_SQLALCHEMY_TABLE": ("sessions", WORKS),
    "SESSION_STATIC_FILE": (True, "write SESSION_EXEMPT_STATIC = False"),
    "SESSION_TYPE": ("redis", WORKS),
    "SESSION_URI": ("redis://127.0.0.1", "write SESSION_REDIS = "),
    "SESSION_USE_SIGNER": (True, WARNS),
}
TYPES = ("filesystem", "redis", "cookie", "mongodb")


def _read(**settings: Any) -> Config:
    return read_config({"SECRET_KEY": KEY, **settings})


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", FATES)
def test_each_setting_of_theirs_has_its_fate_whatever_the_store(name: str, kind: str) -> None:
    value, fate = FATES[name]
    settings = {"SESSION_TYPE": kind, name: value}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        if fate in (WORKS, WARNS):
            _ = _read(**settings)
        else:
            with pytest.raises(ConfigError, match=re.escape(fate)) as caught:
                _ = _read(**settings)
            assert str(caught.value).startswith(f"{name} is not a setting of samesession: ")
    told = [str(each.message) for each in seen]
    assert [text.partition(": ")[0] for text in told] == (
        [f"{name} has no effect"] if fate == WARNS else []
    )


def test_the_table_is_that_of_the_library() -> None:
    by_fate = {
        fate: {name for name, (_, each) in FATES.items() if each == fate} for fate in (WORKS, WARNS)
    }
    assert by_fate[WORKS] <= {*_read().names, *FLASKS}
    assert by_fate[WARNS] == set(NO_EFFECT)
    errors = set(FATES) - by_fate[WORKS] - by_fate[WARNS]
    assert errors <= set(WRITE_INSTEAD)
    assert not {*NO_EFFECT, *WRITE_INSTEAD} & {*_read().names, *FLASKS}


@pytest.mark.parametrize("peer", PEERS)
def test_the_table_has_every_setting_of_the_newest_peers(peer: str) -> None:
    spec = find_spec(peer)  # which imports nothing
    assert spec is not None, "install what the dependency group `peers` names"
    found = {
        name
        for place in spec.submodule_search_locations or ()
        for file in Path(place).rglob("*.py")
        for name in re.findall(r"\bSESSION_[A-Z][A-Z_]*[A-Z]\b", file.read_text())
    }
    assert found, f"{peer} has no settings any more"
    assert found - set(FATES) == set()


@pytest.mark.parametrize("name", [*NO_EFFECT, *WRITE_INSTEAD])
def test_a_setting_of_theirs_that_asks_for_nothing_is_passed_over(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _read(**{name: None}) == _read()


def test_what_means_the_same_here_is_passed_over() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _read(SESSION_STATIC_FILE=False) == _read()
        assert _read(SESSION_PROTECTION="strong") == _read()  # Flask-Login's


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SESSION_REDIS_URL", "SESSION_REDIS"),
        ("SESSION_REDIS_HOST", "SESSION_REDIS"),
        ("SESSION_SQLALCHEMY_URI", "SESSION_SQLALCHEMY"),
        ("SESSION_SQLALCHEMY_DATABASE_URI", "SESSION_SQLALCHEMY"),
        ("SESSION_MONGODB_HOST", "SESSION_MONGODB"),
        ("SESSION_DYNAMODB_TABLE_NAME", "SESSION_DYNAMODB_TABLE"),
        ("SESSION_MEMCACHED_SERVERS", "SESSION_MEMCACHED"),
        ("SESSION_URL", "SESSION_REDIS"),
        ("SESSION_LIFETIME", "PERMANENT_SESSION_LIFETIME"),
        ("SESSION_PERMANENT_LIFETIME", "PERMANENT_SESSION_LIFETIME"),
        ("SESSION_TIMEOUT", "PERMANENT_SESSION_LIFETIME"),
        ("SESSION_COOKIE_AGE", "PERMANENT_SESSION_LIFETIME"),
        ("SESSION_COOKIE_MAX_AGE", "PERMANENT_SESSION_LIFETIME"),
        ("SESSION_COOKIE_EXPIRES", "PERMANENT_SESSION_LIFETIME"),
        ("SESSION_ENGINE", "SESSION_TYPE"),
        ("SESSION_BACKEND", "SESSION_TYPE"),
        ("SESSION_SERIALIZER", "SESSION_SERIALIZATION_FORMAT"),
        ("SESSION_SECRET", "SECRET_KEY"),
        ("SESSION_SECRET_KEY", "SECRET_KEY"),
        ("SESSION_SECURE", "SESSION_COOKIE_SECURE"),
        ("SESSION_SAMESITE", "SESSION_COOKIE_SAMESITE"),
        ("SESSION_FILE_PATH", "SESSION_FILE_DIR"),
        ("SESSION_DIR", "SESSION_FILE_DIR"),
        ("SESSION_COOKIE_SALT", "SESSION_COOKIE_NAME"),
    ],
)
def test_a_guess_at_a_setting_is_told_which_is_meant(name: str, meant: str, kind: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name} .*did you mean .*\b{meant}\b"):
        _ = _read(**{"SESSION_TYPE": kind, name: "x"})


@pytest.mark.parametrize("name", ["SESSION_WAREHOUSE", "SESSION_SERVER_SIDE", "SESSION_ROUTES"])
def test_a_setting_of_somebody_else_is_left_alone(name: str) -> None:
    assert _read(**{name: "x"}) == _read()


def test_a_store_by_others_has_settings_of_its_own() -> None:
    settings = {"SESSION_TYPE": "my-db", "SESSION_MY_DB_URL": "x", "SESSION_MY_DB_TIMEOUT": 1}
    assert _read(**settings).store_type == "my-db"


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("Redis", "did you mean 'redis'"),
        ("FILESYSTEM", "did you mean 'filesystem'"),
        ("SQLAlchemy", "did you mean 'sqlalchemy'"),
        ("cachelib", "'filesystem'"),
        ("null", "leave it out"),
        ("postgresql", "'sqlalchemy'"),
        ("redis+trio", "'redis'"),
        ("valkey", "'redis'"),
    ],
)
def test_a_type_of_theirs_is_told_what_to_write(kind: str, advice: str) -> None:
    with pytest.raises(ConfigError, match=f"SESSION_TYPE is {re.escape(repr(kind))}.*{advice}"):
        open_store(_read(SESSION_TYPE=kind), clock=float)


def test_the_built_in_types_are_those_of_the_stores() -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(_read(SESSION_TYPE="nothing"), clock=float)
    assert set(re.findall(r"'(\w+)'", str(caught.value))) >= {*built_in(), "cookie"}


@pytest.mark.parametrize("none", [False, None, ""])
def test_no_domain_and_no_path_are_flasks_defaults(none: object) -> None:
    chosen = _read(
        SESSION_COOKIE_DOMAIN=none, SESSION_COOKIE_PATH=none, APPLICATION_ROOT="/shop"
    ).cookie
    assert (chosen.domain, chosen.path) == (None, "/shop")
