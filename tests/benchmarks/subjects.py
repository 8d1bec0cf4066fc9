"""What is compared: an application without sessions, the framework's own, the peers, ours.

All have one cookie policy: a cookie that ends with the browser, HttpOnly, SameSite=Lax,
no Secure, sent when the session was written. Everything else is each one's default,
but that Flask-Session's file cache may keep as many sessions as there are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from samesession import Session

from .apps import flask_app, quart_app, starlette_app

BARE = "bare"
SIGNED = "signed cookie"
QUART_SESSION = "Quart-Session, redis"
FLASK_SESSION = "Flask-Session, redis"
FLASK_SESSION_FILES = "Flask-Session, filesystem"
STARSESSIONS = "starsessions, redis"
OURS = "ours, redis"
OURS_ENCRYPTED = "ours, redis, encrypted"
OURS_FILES = "ours, filesystem"
OURS_SQLITE = "ours, sqlite"
OURS_COOKIE = "ours, cookie"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stores keep what they store."""

    redis_url: str
    directory: str


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to measure; `needs` is the package that must be installed for it."""

    name: str
    framework: str
    make: Callable[[Place], Any]
    needs: str = "samesession"
    redis: bool = False
    limit: float = 1000.0  # kB of session data that it can hold


def _bare_flask(_: Place) -> Any:
    return flask_app(sessions=False)


def _signed_flask(_: Place) -> Any:
    return flask_app(sessions=True)


def _bare_quart(_: Place) -> Any:
    return quart_app(sessions=False)


def _signed_quart(_: Place) -> Any:
    return quart_app(sessions=True)


def _bare_starlette(_: Place) -> Any:
    return starlette_app(middleware=[])


def _ours(framework: str, kind: str, **settings: Any) -> Callable[[Place], Any]:
    def make(place: Place) -> Any:
        app = (flask_app if framework == "flask" else quart_app)(sessions=True)
        app.config["SESSION_TYPE"] = kind
        app.config["SESSION_KEY_PREFIX"] = f"ours-{framework}:"
        if kind == "redis":
            app.config["SESSION_REDIS"] = place.redis_url
        if kind == "filesystem":
            app.config["SESSION_FILE_DIR"] = f"{place.directory}/ours-{framework}"
        if kind == "sqlite":
            app.config["SESSION_SQLITE_FILE"] = f"{place.directory}/ours-{framework}/sessions.db"
        app.config.update(settings)
        Session(app)
        return app

    return make


def _encrypted(framework: str) -> Callable[[Place], Any]:
    prefix = f"ours-encrypted-{framework}:"
    return _ours(framework, "redis", SESSION_ENCRYPT=True, SESSION_KEY_PREFIX=prefix)


def _quart_session(place: Place) -> Any:
    app = quart_app(sessions=True)
    app.config.update(
        SESSION_TYPE="redis",
        SESSION_URI=place.redis_url,
        SESSION_PERMANENT=False,
        SESSION_KEY_PREFIX="quart-session:",
    )
    _ = import_module("quart_session").Session(app)
    return app


def _flask_session(place: Place) -> Any:
    import redis

    return _flask_session_with(
        SESSION_TYPE="redis",
        SESSION_REDIS=redis.Redis.from_url(place.redis_url),
        SESSION_KEY_PREFIX="flask-session:",
    )


def _flask_session_files(place: Place) -> Any:
    return _flask_session_with(
        SESSION_TYPE="filesystem",
        SESSION_FILE_DIR=f"{place.directory}/flask-session",
        SESSION_FILE_THRESHOLD=10_000_000,
    )


def _flask_session_with(**settings: Any) -> Any:
    app = flask_app(sessions=True)
    app.config.update(SESSION_PERMANENT=False, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls its own settings deprecated
        _ = import_module("flask_session").Session(app)
    return app


def _starsessions(place: Place) -> Any:
    import redis.asyncio

    peer: Any = import_module("starsessions")
    stores: Any = import_module("starsessions.stores.redis")
    middleware: Any = import_module("starlette.middleware").Middleware
    store = stores.RedisStore(
        connection=redis.asyncio.Redis.from_url(place.redis_url), prefix="starsessions:"
    )
    return starlette_app(
        middleware=[
            middleware(peer.SessionMiddleware, store=store, cookie_https_only=False),
            middleware(peer.SessionAutoloadMiddleware),
        ]
    )


SUBJECTS = (
    Subject(BARE, "quart", _bare_quart),
    Subject(SIGNED, "quart", _signed_quart, limit=2.0),
    Subject(QUART_SESSION, "quart", _quart_session, "quart_session", redis=True),
    Subject(OURS, "quart", _ours("quart", "redis"), redis=True),
    Subject(OURS_ENCRYPTED, "quart", _encrypted("quart"), redis=True),
    Subject(OURS_FILES, "quart", _ours("quart", "filesystem")),
    Subject(OURS_SQLITE, "quart", _ours("quart", "sqlite")),
    Subject(OURS_COOKIE, "quart", _ours("quart", "cookie"), limit=2.0),
    Subject(BARE, "starlette", _bare_starlette, "starlette"),
    Subject(STARSESSIONS, "starlette", _starsessions, "starsessions", redis=True),
    Subject(BARE, "flask", _bare_flask),
    Subject(SIGNED, "flask", _signed_flask, limit=2.0),
    Subject(FLASK_SESSION, "flask", _flask_session, "flask_session", redis=True),
    Subject(FLASK_SESSION_FILES, "flask", _flask_session_files, "flask_session"),
    Subject(OURS, "flask", _ours("flask", "redis"), redis=True),
    Subject(OURS_ENCRYPTED, "flask", _encrypted("flask"), redis=True),
    Subject(OURS_FILES, "flask", _ours("flask", "filesystem")),
    Subject(OURS_SQLITE, "flask", _ours("flask", "sqlite")),
    Subject(OURS_COOKIE, "flask", _ours("flask", "cookie"), limit=2.0),
)


def installed() -> list[Subject]:
    """Give the subjects whose packages are here."""
    return [subject for subject in SUBJECTS if find_spec(subject.needs) is not None]
