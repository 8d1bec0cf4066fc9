"""What an application has to change that comes from another library: a diff that works."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from samesession.cli.coming_from.answers import ANSWERS
from samesession.cli.coming_from.former import (
    FLASK_SESSION,
    NAMES,
    QUART_SESSION,
    SIGNED_COOKIE,
    Fate,
    Former,
    implied_by,
    shown,
)
from samesession.cli.coming_from.plan import Plan, plan_for
from samesession.core.findings import Level, worst_of
from samesession.migration_settings import LIBRARIES
from samesession.setting_names import peers_names
from samesession.stores import built_in, read_config
from tests.unit.test_peers_settings import FATES

KEY = "9d1f0b1d1e3a4c5b8a7f6e2d3c4b5a69"
NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
PEERS = peers_names(built_in().values())
# What stands for `...`, which the diff leaves to the application.
GIVEN = {
    "SESSION_REDIS": "redis://:secret@127.0.0.1:6379/0",
    "SESSION_SQLALCHEMY": "sqlite:///sessions.db",
    "SESSION_MONGODB": "mongodb://ann:secret@127.0.0.1/shop",
}


def client(package: str, **options: Any) -> object:
    """Give a client of a package, as an application gives one."""
    pool = type("Pool", (), {"connection_kwargs": options})()
    return type("Client", (), {"__module__": package, "connection_pool": pool})()


# Flask's own defaults: every application has them.
FLASK = {
    "SECRET_KEY": KEY,
    "SESSION_COOKIE_NAME": "session",
    "SESSION_COOKIE_DOMAIN": None,
    "SESSION_COOKIE_PATH": None,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SECURE": False,
    "SESSION_COOKIE_PARTITIONED": False,
    "SESSION_COOKIE_SAMESITE": None,
    "SESSION_REFRESH_EACH_REQUEST": True,
    "PERMANENT_SESSION_LIFETIME": timedelta(days=31),
    "APPLICATION_ROOT": "/",
}

OF_FLASK_SESSION: dict[str, dict[str, Any]] = {
    "redis": {"SESSION_TYPE": "redis", "SESSION_REDIS": client("redis")},
    "redis, nothing said": {"SESSION_TYPE": "redis"},
    "redis, in capitals": {"SESSION_TYPE": "Redis", "SESSION_REDIS": client("redis")},
    "redis, all written": {
        "SESSION_TYPE": "redis",
        "SESSION_REDIS": client("redis"),
        "SESSION_PERMANENT": False,
        "SESSION_USE_SIGNER": True,
        "SESSION_KEY_PREFIX": "shop:",
        "SESSION_ID_LENGTH": 64,
        "SESSION_SERIALIZATION_FORMAT": "json",
        "SESSION_COOKIE_NAME": "shop",
        "SESSION_COOKIE_SECURE": True,
    },
    "redis, which decodes": {
        "SESSION_TYPE": "redis",
        "SESSION_REDIS": client("redis", decode_responses=True),
    },
    "memcached of pylibmc": {"SESSION_TYPE": "memcached", "SESSION_MEMCACHED": client("pylibmc")},
    "memcached of pymemcache": {
        "SESSION_TYPE": "memcached",
        "SESSION_MEMCACHED": client("pymemcache.client"),
    },
    "memcached, nothing said": {"SESSION_TYPE": "memcached", "SESSION_KEY_PREFIX": "m:"},
    "sqlalchemy": {"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": object()},
    "sqlalchemy, nothing said": {"SESSION_TYPE": "sqlalchemy"},
    "sqlalchemy, all written": {
        "SESSION_TYPE": "sqlalchemy",
        "SESSION_SQLALCHEMY": object(),
        "SESSION_SQLALCHEMY_TABLE": "web_sessions",
        "SESSION_SQLALCHEMY_SCHEMA": "web",
        "SESSION_SQLALCHEMY_BIND_KEY": "other",
        "SESSION_SQLALCHEMY_SEQUENCE": "ids",
        "SESSION_CLEANUP_N_REQUESTS": 100,
    },
    "sqlalchemy, with their default's name": {
        "SESSION_TYPE": "sqlalchemy",
        "SESSION_SQLALCHEMY": object(),
        "SESSION_SQLALCHEMY_TABLE": "sessions",
    },
    "sqlalchemy, with our default's name": {
        "SESSION_TYPE": "sqlalchemy",
        "SESSION_SQLALCHEMY": object(),
        "SESSION_SQLALCHEMY_TABLE": "samesession",
    },
    "files": {"SESSION_TYPE": "filesystem"},
    "files, all written": {
        "SESSION_TYPE": "filesystem",
        "SESSION_FILE_DIR": "/srv/sessions",
        "SESSION_FILE_MODE": 0o666,
        "SESSION_FILE_THRESHOLD": 100,
    },
    "cachelib": {"SESSION_TYPE": "cachelib", "SESSION_CACHELIB": object()},
    "mongodb": {
        "SESSION_TYPE": "mongodb",
        "SESSION_MONGODB": object(),
        "SESSION_MONGODB_DB": "shop",
        "SESSION_MONGODB_COLLECT": "sessions",
    },
    "mongodb, nothing said": {"SESSION_TYPE": "mongodb"},
    "dynamodb": {
        "SESSION_TYPE": "dynamodb",
        "SESSION_DYNAMODB": object(),
        "SESSION_DYNAMODB_TABLE": "Sessions",
        "SESSION_DYNAMODB_TABLE_EXISTS": True,
    },
    "dynamodb, nothing said": {"SESSION_TYPE": "dynamodb"},
    "postgresql": {
        "SESSION_TYPE": "postgresql",
        "SESSION_POSTGRESQL": object(),
        "SESSION_POSTGRESQL_TABLE": "flask_sessions",
        "SESSION_POSTGRESQL_SCHEMA": "public",
    },
    "nothing at all": {},
    "no key": {"SECRET_KEY": None, "SESSION_TYPE": "filesystem"},
    "a guess": {"SESSION_TYPE": "redis", "SESSION_REDIS_URL": "redis://127.0.0.1/1"},
    "a client of nobody": {"SESSION_TYPE": "redis", "SESSION_CLIENT": object()},
}
OF_QUART_SESSION: dict[str, dict[str, Any]] = {
    "redis": {"SESSION_TYPE": "redis"},
    "redis, by URL": {"SESSION_TYPE": "redis", "SESSION_URI": "redis://127.0.0.1:6379/3"},
    "redis, by a URL with a password": {
        "SESSION_TYPE": "redis",
        "SESSION_URI": "redis://:swordfish@127.0.0.1:6379/3",
    },
    "redis, all written": {
        "SESSION_TYPE": "redis",
        "SESSION_REDIS": client("redis.asyncio"),
        "SESSION_URI": "redis://127.0.0.1:6379/3",
        "SESSION_PERMANENT": True,
        "SESSION_USE_SIGNER": True,
        "SESSION_KEY_PREFIX": "shop:",
        "SESSION_PROTECTION": True,
        "SESSION_REVERSE_PROXY": True,
        "SESSION_STATIC_FILE": True,
        "SESSION_EXPLICIT": True,
        "SESSION_HIJACK_PROTECTION": True,
        "SESSION_HIJACK_REVERSE_PROXY": "X-Forwarded-For",
        "SESSION_FILE_DIR": "/srv/sessions",
        "SESSION_FILE_THRESHOLD": 10,
        "SESSION_FILE_MODE": 384,
    },
    "redis, of Trio": {"SESSION_TYPE": "redis+trio", "SESSION_REDIS": client("redis.asyncio")},
    "memcached": {
        "SESSION_TYPE": "memcached",
        "SESSION_MEMCACHED_HOST": "10.0.0.7",
        "SESSION_MEMCACHED_PORT": 11311,
    },
    "memcached of aiomcache": {
        "SESSION_TYPE": "memcached",
        "SESSION_MEMCACHED": client("aiomcache"),
    },
    "mongodb": {
        "SESSION_TYPE": "mongodb",
        "SESSION_MONGODB_URI": "mongodb://127.0.0.1:27017/shop",
        "SESSION_MONGODB_COLLECTION": "sessions",
        "SESSION_MONGODB_SET_CALLBACK": print,
    },
    "mongodb, with options": {
        "SESSION_TYPE": "mongodb",
        "SESSION_MONGODB_URI": "mongodb://ann:swordfish@127.0.0.1:27017/shop",
        "SESSION_MONGODB_COLLECTION": "sessions",
        "SESSION_MONGODB_CLIENT_KWARGS": {"tls": True},
    },
    "null": {"SESSION_TYPE": "null", "SESSION_STATIC_FILE": False},
}
OF_THE_COOKIE: dict[str, dict[str, Any]] = {
    "flask": {},
    "flask, all written": {
        "SESSION_COOKIE_NAME": "session_id",
        "SESSION_COOKIE_SECURE": True,
        "PERMANENT_SESSION_LIFETIME": 3600,
    },
    "our own": {"SESSION_TYPE": "cookie"},
    "on Redis": {"SESSION_TYPE": "redis", "SESSION_REDIS": "redis://127.0.0.1:6379/0"},
}
CASES = [
    pytest.param(library, settings, id=f"{library}: {name}")
    for library, of_it in zip(
        LIBRARIES, (OF_FLASK_SESSION, OF_QUART_SESSION, OF_THE_COOKIE), strict=True
    )
    for name, settings in of_it.items()
]


def former(library: str = FLASK_SESSION, **changed: Any) -> Former:
    known = {name: changed.pop(name) for name in (*Former.__slots__,) if name in changed}
    return Former(library=library, settings={**FLASK, **changed}, time=NOW, **known)


def written(line: str) -> tuple[str, Any]:
    """Read a line of a diff as an application's configuration would."""
    name, _, text = line.partition(" = ")
    text = text.partition("  #")[0]
    if text == "...":
        return name, GIVEN[name]
    return name, KEY if text == 'os.environ["SECRET_KEY"]' else ast.literal_eval(text)


def applied(settings: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Give the settings after what a diff says."""
    lines = [line for line in plan.diff if " = " in line]
    gone = {line[1:].partition(" = ")[0] for line in lines if line[0] == "-"}
    return {
        **{name: value for name, value in settings.items() if name not in gone},
        **dict(written(line[1:]) for line in lines if line[0] == "+"),
    }


def answers(plan: Plan) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {each.name: (each.answer.fate.value, each.answer.write) for each in plan.changes}


def test_each_library_has_a_name_and_cases() -> None:
    assert (FLASK_SESSION, QUART_SESSION, SIGNED_COOKIE) == LIBRARIES
    assert {*NAMES} == {*LIBRARIES}


# --- every setting has an answer -----------------------------------------------------------


def test_no_setting_of_theirs_is_without_an_answer() -> None:
    assert set(ANSWERS) == set(FATES)
    ours_alone = {"SESSION_EXPIRE_AT_BROWSER_CLOSE", "SESSION_SAVE_EVERY_REQUEST"}  # Django's
    assert {*PEERS.no_effect, *PEERS.write_instead} - ours_alone <= set(ANSWERS)


@pytest.mark.parametrize("peer", ["flask_session", "quart_session"])
def test_no_setting_in_the_source_of_the_newest_peers_is_without_an_answer(peer: str) -> None:
    spec = find_spec(peer)  # which imports nothing
    assert spec is not None, "install what the dependency group `peers` names"
    found = {
        name
        for place in spec.submodule_search_locations or ()
        for file in Path(place).rglob("*.py")
        for name in re.findall(r"\bSESSION_[A-Z][A-Z_]*[A-Z]\b", file.read_text())
    }
    assert found - set(ANSWERS) == set()


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("library", [FLASK_SESSION, QUART_SESSION])
def test_an_answer_says_why(name: str, library: str) -> None:
    value, _ = FATES.get(name, ("session", ""))
    for kind in ("redis", "memcached", "sqlalchemy", "filesystem", "mongodb", "dynamodb", "null"):
        settings = {"SESSION_TYPE": kind, name: value}
        plan = plan_for(former(library, **settings))
        (change,) = [each for each in plan.changes if each.name == name]
        assert change.answer.why
        assert (change.answer.fate is Fate.KEPT) or change.old is not None
        assert change.answer.fate is not Fate.RENAMED or change.answer.write
        assert change.answer.fate is not Fate.REPLACED or change.answer.write


# --- the diff works ------------------------------------------------------------------------


@pytest.mark.parametrize(("library", "settings"), CASES)
def test_what_the_diff_leads_to_is_taken_without_a_warning(
    library: str, settings: dict[str, Any]
) -> None:
    before = {**FLASK, **settings}
    after = applied(before, plan_for(former(library, **settings)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = read_config(after)
    assert config.store_type in built_in()
    assert config.cookie.name != before["SESSION_COOKIE_NAME"] == config.migration.old_cookie
    assert config.migration.libraries == (library,)
    assert config.migration.prefix == settings.get("SESSION_KEY_PREFIX", "session:")
    assert config.migration.signed is settings.get("SESSION_USE_SIGNER", False)
    assert (config.migration.until or 0) > NOW + config.rules.lifetimes.permanent
    if library != SIGNED_COOKIE:
        assert config.rules.permanent_by_default is settings.get("SESSION_PERMANENT", True)


@pytest.mark.parametrize(("library", "settings"), CASES)
def test_what_the_diff_leads_to_has_nothing_more_to_change(
    library: str, settings: dict[str, Any]
) -> None:
    after = applied({**FLASK, **settings}, plan_for(former(library, **settings)))
    again = plan_for(former(library, **after, has_ours=True))
    assert [line for line in again.diff if line[0] != " "] == []
    assert worst_of(each.finding for each in again.changes) is Level.OK


@pytest.mark.parametrize(("library", "settings"), CASES)
def test_no_secret_is_shown(library: str, settings: dict[str, Any]) -> None:
    plan = plan_for(former(library, **settings))
    told = "\n".join([*plan.diff, *(f"{each.what}{each.write}" for each in plan.findings)])
    assert "swordfish" not in told
    assert KEY not in told
    assert "object at 0x" not in told
    assert told.isascii()


# --- single answers ------------------------------------------------------------------------


def test_a_plain_application_on_redis() -> None:
    assert plan_for(former(**OF_FLASK_SESSION["redis"])).diff == [
        "-from flask_session import Session",
        "+from samesession import Session",
        ' SESSION_TYPE = "redis"',
        "+SESSION_PERMANENT = True",
        '+SESSION_KEY_PREFIX = "sessions:"',
        '-SESSION_COOKIE_NAME = "session"',
        '+SESSION_COOKIE_NAME = "session_id"',
        " SESSION_REFRESH_EACH_REQUEST = True",
        " SESSION_REDIS = ...",
        '+SESSION_MIGRATE_FROM = ["flask-session"]',
        '+SESSION_MIGRATE_UNTIL = "2027-02-17T00:00:00Z"',
    ]


def test_all_settings_of_an_application_on_redis() -> None:
    assert plan_for(former(**OF_FLASK_SESSION["redis, all written"])).diff == [
        "-from flask_session import Session",
        "+from samesession import Session",
        ' SESSION_TYPE = "redis"',
        " SESSION_PERMANENT = False",
        '-SESSION_KEY_PREFIX = "shop:"',
        '+SESSION_KEY_PREFIX = "sessions:shop:"',
        '-SESSION_COOKIE_NAME = "shop"',
        '+SESSION_COOKIE_NAME = "__Host-session_id"',
        " SESSION_REFRESH_EACH_REQUEST = True",
        "-SESSION_USE_SIGNER = True",
        "+SESSION_MIGRATE_USE_SIGNER = True",
        "-SESSION_ID_LENGTH = 64",
        '-SESSION_SERIALIZATION_FORMAT = "json"',
        " SESSION_REDIS = ...",
        '+SESSION_MIGRATE_FROM = ["flask-session"]',
        '+SESSION_MIGRATE_COOKIE_NAME = "shop"',
        '+SESSION_MIGRATE_KEY_PREFIX = "shop:"',
        '+SESSION_MIGRATE_UNTIL = "2027-02-17T00:00:00Z"',
    ]


def test_the_cookie_of_flask() -> None:
    assert plan_for(former(SIGNED_COOKIE)).diff == [
        "+from samesession import Session",
        "+Session(app)",
        '-SESSION_COOKIE_NAME = "session"',
        '+SESSION_COOKIE_NAME = "session_id"',
        '+SESSION_MIGRATE_FROM = ["signed-cookie"]',
        '+SESSION_MIGRATE_UNTIL = "2027-02-17T00:00:00Z"',
    ]


@pytest.mark.parametrize(
    ("case", "lines"),
    [
        ("redis, by URL", ('SESSION_REDIS = "redis://127.0.0.1:6379/3"',)),
        (
            "redis, by a URL with a password",
            ("SESSION_REDIS = ...  # the URL that SESSION_URI has",),
        ),
        ("redis, all written", ()),
    ],
)
def test_the_url_of_quart_sessions_redis(case: str, lines: tuple[str, ...]) -> None:
    assert answers(plan_for(former(QUART_SESSION, **OF_QUART_SESSION[case])))["SESSION_URI"] == (
        "renamed" if lines else "dropped",
        lines,
    )


def test_host_and_port_of_memcached_are_one_line() -> None:
    diff = plan_for(former(QUART_SESSION, **OF_QUART_SESSION["memcached"])).diff
    assert [line for line in diff if "MEMCACHED" in line] == [
        '-SESSION_MEMCACHED_HOST = "10.0.0.7"',
        '+SESSION_MEMCACHED = "10.0.0.7:11311"',
        "-SESSION_MEMCACHED_PORT = 11311",
    ]


def test_the_old_table_is_read_and_the_new_one_is_another() -> None:
    for case, lines in (
        ("sqlalchemy, all written", ['+SESSION_MIGRATE_SQLALCHEMY_TABLE = "web_sessions"']),
        ("sqlalchemy, with their default's name", []),
        (
            "sqlalchemy, with our default's name",
            [
                '+SESSION_MIGRATE_SQLALCHEMY_TABLE = "samesession"',
                '+SESSION_SQLALCHEMY_TABLE = "samesession_2"',
            ],
        ),
    ):
        diff = plan_for(former(**OF_FLASK_SESSION[case])).diff
        assert [line for line in diff if "_TABLE" in line and line[0] == "+"] == lines


@pytest.mark.parametrize("library", LIBRARIES)
def test_who_reads_one_library_already_reads_another_one_besides(library: str) -> None:
    others = [each for each in LIBRARIES if each != library]
    plan = plan_for(former(library, SESSION_MIGRATE_FROM=others))
    assert (
        '+SESSION_MIGRATE_FROM = ["quart-session", "flask-session", "signed-cookie"]' in plan.diff
    )


def test_what_an_interface_was_made_with_is_known_without_a_setting() -> None:
    """As Airflow makes it."""
    model = type("Model", (), {"__tablename__": "session"})
    kind = type("SqlAlchemySessionInterface", (), {"sql_session_model": model})
    interface = type(
        "Airflows", (kind,), {"key_prefix": "", "permanent": True, "use_signer": True}
    )()
    implied = implied_by(interface)
    assert implied == {
        "SESSION_TYPE": "sqlalchemy",
        "SESSION_KEY_PREFIX": "",
        "SESSION_USE_SIGNER": True,
        "SESSION_SQLALCHEMY_TABLE": "session",
    }
    plan = plan_for(former(implied=implied, interface="airflow.www.session.Airflows"))
    assert [line for line in plan.diff if line[0] == "+"] == [
        "+from samesession import Session",
        '+SESSION_TYPE = "sqlalchemy"',
        "+SESSION_PERMANENT = True",
        '+SESSION_KEY_PREFIX = "session:"',
        '+SESSION_COOKIE_NAME = "session_id"',
        "+SESSION_MIGRATE_USE_SIGNER = True",
        "+SESSION_SQLALCHEMY = ...",
        '+SESSION_MIGRATE_SQLALCHEMY_TABLE = "session"',
        '+SESSION_MIGRATE_FROM = ["flask-session"]',
        '+SESSION_MIGRATE_KEY_PREFIX = ""',
        '+SESSION_MIGRATE_UNTIL = "2027-02-17T00:00:00Z"',
    ]
    told = {each.check: each.what for each in plan.lost}
    assert "airflow.www.session.Airflows" in told["interface"]
    assert implied_by(object()) == {}
    assert implied_by(type("RedisSessionInterface", (), {})()) == {"SESSION_TYPE": "redis"}
    forgets = type("RedisSessionInterface", (), {"permanent": False, "key_prefix": "session:"})()
    implied = implied_by(forgets)
    assert implied == {"SESSION_TYPE": "redis", "SESSION_PERMANENT": False}
    assert "+SESSION_PERMANENT = False" in plan_for(former(implied=implied)).diff


def test_settings_of_a_store_by_others_are_left_to_it() -> None:
    settings = {"SESSION_TYPE": "my-db", "SESSION_MY_DB_URL": "db://here"}
    named = {each.name for each in plan_for(former(SIGNED_COOKIE, **settings)).changes}
    assert "SESSION_MY_DB_URL" not in named


# --- what is lost --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "level"),
    [
        ("0.5.0", Level.ERROR),
        ("0.6.0", Level.ERROR),
        ("0.7.0", None),
        ("0.8.0", None),
        ("1.0.0rc1", None),
        (None, Level.NOTICE),
    ],
)
def test_pickled_sessions_are_moved_by_the_command(
    release: str | None, level: Level | None
) -> None:
    lost = {each.check: each for each in plan_for(former(release=release)).lost}
    assert (lost["pickle"].level if "pickle" in lost else None) is level
    if level is not None:
        assert "--unsafe-pickle" in lost["pickle"].write


@pytest.mark.parametrize(
    ("library", "kind", "level"),
    [
        (FLASK_SESSION, "redis", None),
        (FLASK_SESSION, "memcached", None),
        (FLASK_SESSION, "sqlalchemy", None),
        (FLASK_SESSION, "filesystem", Level.WARNING),
        (FLASK_SESSION, "cachelib", Level.WARNING),
        (FLASK_SESSION, "mongodb", Level.WARNING),
        (FLASK_SESSION, "dynamodb", Level.WARNING),
        (FLASK_SESSION, "postgresql", Level.ERROR),
        (FLASK_SESSION, None, Level.NOTICE),
        (QUART_SESSION, "redis", None),
        (QUART_SESSION, "redis+trio", None),
        (QUART_SESSION, "memcached", None),
        (QUART_SESSION, "mongodb", Level.ERROR),
        (QUART_SESSION, "null", Level.NOTICE),
    ],
)
def test_what_no_request_reads_is_moved_by_the_command(
    library: str, kind: str | None, level: Level | None
) -> None:
    lost = {each.check: each for each in plan_for(former(library, SESSION_TYPE=kind)).lost}
    assert (lost["store"].level if "store" in lost else None) is level
    if level is Level.WARNING:
        assert lost["store"].write.startswith(f"{library[:5]} sessions migrate --from {library}")


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"SESSION_TYPE": "filesystem"}, " --source flask_session --unsafe-pickle"),
        (
            {"SESSION_TYPE": "filesystem", "SESSION_FILE_DIR": "/srv/my sessions"},
            " --source '/srv/my sessions' --unsafe-pickle",
        ),
        ({"SESSION_TYPE": "cachelib"}, " --source flask_session --unsafe-pickle"),
        (
            {"SESSION_TYPE": "cachelib", "SESSION_CACHELIB": SimpleNamespace(_path="/srv/files")},
            " --source /srv/files --unsafe-pickle",
        ),
        ({"SESSION_TYPE": "mongodb"}, ""),
        ({"SESSION_TYPE": "mongodb", "SESSION_MONGODB_DB": "shop"}, " --table shop.sessions"),
        ({"SESSION_TYPE": "dynamodb", "SESSION_DYNAMODB_TABLE": "Sessions"}, ""),
        ({"SESSION_TYPE": "dynamodb", "SESSION_DYNAMODB_TABLE": "shop"}, " --table shop"),
    ],
)
def test_the_command_says_where_the_old_sessions_are(settings: dict[str, Any], where: str) -> None:
    lost = {each.check: each for each in plan_for(former(**settings)).lost}
    assert lost["store"].write == f"flask sessions migrate --from flask-session{where}"


@pytest.mark.parametrize("key", ["short", "your-secret-key", b"\0" * 8])
def test_a_key_that_is_refused_loses_what_it_signed(key: object) -> None:
    for signs, level in ((False, Level.WARNING), (True, Level.ERROR)):
        plan = plan_for(former(SECRET_KEY=key, SESSION_USE_SIGNER=signs))
        lost = {each.check: each for each in plan.lost}
        assert lost["key"].level is level
        assert "log in again" in lost["key"].what
    lost = {each.check: each for each in plan_for(former(SIGNED_COOKIE, SECRET_KEY=key)).lost}
    assert lost["key"].level is Level.ERROR


def test_another_library_than_the_application_has_is_noticed() -> None:
    at = {"interface": "flask.sessions.SecureCookieSessionInterface"}
    lost = {each.check: each for each in plan_for(former(**at)).lost}
    assert (lost["interface"].level, lost["interface"].write) == (
        Level.WARNING,
        "--coming-from signed-cookie",
    )
    assert "interface" not in {each.check for each in plan_for(former(SIGNED_COOKIE, **at)).lost}


# --- what is shown -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("SESSION_REDIS", "redis://127.0.0.1:6379/0", '"redis://127.0.0.1:6379/0"'),
        ("SESSION_REDIS", "redis://:pw@127.0.0.1:6379/0", "..."),
        ("SESSION_REDIS", "redis://127.0.0.1:6379/0?password=pw", "..."),
        ("SESSION_MEMCACHED", "127.0.0.1:11211", '"127.0.0.1:11211"'),
        ("SESSION_MEMCACHED", ["127.0.0.1:11211"], "..."),
        ("SESSION_FILE_DIR", Path("/srv"), '"/srv"'),
        ("SESSION_KEY_PREFIX", "caf\xe9\x1b[2J", '"caf\\u00e9\\u001b[2J"'),
        ("SESSION_PERMANENT", True, "True"),
        ("SESSION_FILE_THRESHOLD", 500, "500"),
        ("SESSION_MONGODB_CLIENT_KWARGS", {"password": "pw"}, "..."),
        ("SESSION_SQLALCHEMY_SCHEMA", None, "None"),
    ],
)
def test_a_value_is_shown_unless_it_may_be_a_secret(name: str, value: Any, text: str) -> None:
    assert shown(name, value) == text
