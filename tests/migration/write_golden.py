"""Have the library that is installed here write sessions, and print what it wrote and gave back.

Run in an environment of its own, never by the suite: it is how `golden.json` was made.

    python -m tests.migration.write_golden flask-session    # or quart-session, flask, quart

Real applications run; only the servers are dicts, so that their bytes can be kept.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import sqlite3
import sys
import tempfile
import uuid
from decimal import Decimal
from http.cookies import SimpleCookie
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

SECRET_KEY = "of an application that moves: 0123456789abcdef"
FIVE_HOURS = dt.timezone(dt.timedelta(hours=5))
MOMENT = dt.datetime(2026, 3, 1, 2, 3, 4, 567_891, tzinfo=FIVE_HOURS)
EARLY = dt.datetime(1914, 6, 28, 9, 30, 0, 1, tzinfo=dt.UTC)
LOGIN: dict[str, Any] = {
    "_user_id": "7",
    "_fresh": True,
    "_id": "f" * 40,
    "csrf_token": "0a" * 20,
    "_flashes": [("message", "Welcome back"), ("error", "é\U0001f600")],
}
PLAIN: dict[str, Any] = {
    **LOGIN,
    "none": None,
    "ints": [0, -1, 127, -33, 2**31, -(2**63)],
    "floats": [0.1, -0.0, 1e300],
    "nested": {"a": {"b": [{}, [], {"c": [1, [2, [3]]]}]}},
}
MSGPACK: dict[str, Any] = {
    **PLAIN,
    "most": 2**64 - 1,
    "bytes": b"\x00\xff",
    "tuple": (1, ("a",)),
    "set": {5},
    "long": "x" * 300,
    "keys": {1: "int", None: "none", False: "bool", 1.5: "float", b"b": "bytes", (1, 2): "pair"},
    "aware": MOMENT,
    "early": EARLY,
    "naive": MOMENT.replace(tzinfo=None),
    "date": MOMENT.date(),
    "uuid": uuid.UUID(int=7),
    "decimal": Decimal("1.10"),
}
JSON: dict[str, Any] = {
    **PLAIN,
    "most": 2**64 - 1,
    "bytes": b"\x00\xff",
    "tuple": (1, ("a",)),
    "aware": MOMENT,
    "uuid": uuid.UUID(int=7),
}
# What both frameworks' serializer has tags for; Markup is added where it is installed.
TAGGED: dict[str, Any] = {
    **PLAIN,
    "big": 2**100,
    "bytes": b"\x00\xff",
    "tuple": (1, ("a", {" t": [1]})),
    "escaped": {" t": 1},
    "deeper": {" di": {" b": "x"}},
    "aware": MOMENT,
    "early": EARLY,
    "naive": MOMENT.replace(tzinfo=None),
    "uuid": uuid.UUID(int=7),
    "infinite": float("inf"),
}
PICKLED: dict[str, Any] = {**PLAIN, "tuple": (1, 2)}


class Shop:
    """The values that a view writes, and what another gave back."""

    def __init__(self, data: dict[str, Any], *, permanent: bool) -> None:
        self.data = data
        self.permanent = permanent
        self.gave_back = ""

    def write(self, session: Any) -> str:
        session.update(self.data)
        session.permanent = self.permanent
        return "written"

    def read(self, session: Any) -> str:
        self.gave_back = repr(dict(session))
        return "read"


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def in_flask(shop: Shop, settings: dict[str, Any], start: Any) -> str:
    """Have a Flask application write and read a session; give the cookie's value."""
    import flask

    app = flask.Flask("shop")
    app.config.update({"SECRET_KEY": SECRET_KEY, **settings})
    start(app)
    app.add_url_rule("/write", "write", lambda: shop.write(flask.session))
    app.add_url_rule("/read", "read", lambda: shop.read(flask.session))
    client = app.test_client()
    written, read = client.get("/write"), client.get("/read")
    assert (written.status_code, read.status_code) == (200, 200), (written.data, read.data)
    # Flask's own clients keep cookies in different places.
    return SimpleCookie(written.headers["Set-Cookie"])["session"].value


def in_quart(shop: Shop, settings: dict[str, Any], start: Any) -> str:
    """Do the same in Quart."""
    import quart

    app = quart.Quart("shop")
    app.config.update({"SECRET_KEY": SECRET_KEY, **settings})
    start(app)

    async def write() -> str:
        return shop.write(quart.session)

    async def read() -> str:
        return shop.read(quart.session)

    app.add_url_rule("/write", "write", write)
    app.add_url_rule("/read", "read", read)

    async def visit() -> str:
        client = app.test_client()
        written, read = await client.get("/write"), await client.get("/read")
        assert (written.status_code, read.status_code) == (200, 200), await written.get_data()
        return SimpleCookie(written.headers["Set-Cookie"])["session"].value

    return asyncio.run(visit())


def flask_session() -> list[dict[str, Any]]:
    library = import_module("flask_session")
    release = version("flask-session")
    filed: dict[str, bytes] = {}

    def file(name: str, value: bytes, **_: Any) -> None:
        filed[name] = value

    # The library looks whether it is one.
    methods: dict[str, Any] = {"get": filed.get, "set": file, "setex": file, "delete": filed.pop}
    kept: dict[str, Any] = {name: staticmethod(method) for name, method in methods.items()}
    kept["__init__"] = lambda self: None
    redis = type("Kept", (import_module("redis").Redis,), kept)()

    class Cache:
        def get(self, key: str) -> Any:
            return filed.get(key)

        def set(self, key: str, value: bytes, timeout: int) -> Any:
            filed[key] = value

        def delete(self, key: str) -> Any:
            filed.pop(key, None)

    pickles = release in ("0.5.0", "0.6.0")
    kinds: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("redis", {"SESSION_TYPE": "redis", "SESSION_REDIS": redis}, {}),
        (
            "redis, signed",
            {"SESSION_TYPE": "redis", "SESSION_REDIS": redis, "SESSION_USE_SIGNER": True},
            {},
        ),
        (
            "redis, prefix",
            {
                "SESSION_TYPE": "redis",
                "SESSION_REDIS": redis,
                "SESSION_KEY_PREFIX": "my shop/é:",
                "SESSION_ID_LENGTH": 20,
            },
            {},
        ),
        ("memcached", {"SESSION_TYPE": "memcached", "SESSION_MEMCACHED": Cache()}, {}),
    ]
    if not pickles:
        json_ = {
            "SESSION_TYPE": "redis",
            "SESSION_REDIS": redis,
            "SESSION_SERIALIZATION_FORMAT": "json",
        }
        kinds.append(("redis, json", json_, JSON))
    made = []
    for permanent, (name, settings, data) in enumerate(kinds):
        filed.clear()
        shop = Shop(data or (PICKLED if pickles else MSGPACK), permanent=bool(permanent % 2))
        try:
            cookie = in_flask(shop, settings, library.Session)
        except AssertionError as error:  # not every release can sign
            made.append(
                {"library": "flask-session", "release": release, "kind": name, "fails": repr(error)}
            )
            continue
        ((key, raw),) = filed.items()
        made.append(
            {
                "library": "flask-session",
                "release": release,
                "kind": name,
                "cookie": cookie,
                "key": key,
                "raw": text(raw),
                "gave_back": shop.gave_back,
            }
        )
    made.append(in_sql(release, pickles))
    return made


def in_sql(release: str, pickles: bool) -> dict[str, Any]:
    from flask_sqlalchemy import SQLAlchemy

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "shop.db")

        def start(app: Any) -> None:
            db = SQLAlchemy(app)
            app.config["SESSION_SQLALCHEMY"] = db
            import_module("flask_session").Session(app)
            with app.app_context():
                db.create_all()

        settings = {"SESSION_TYPE": "sqlalchemy", "SQLALCHEMY_DATABASE_URI": f"sqlite:///{path}"}
        shop = Shop(PICKLED if pickles else MSGPACK, permanent=True)
        cookie = in_flask(shop, settings, start)
        with sqlite3.connect(path) as connection:
            (table,) = connection.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'table'"
            ).fetchone()
            (row,) = connection.execute("SELECT session_id, data, expiry FROM sessions").fetchall()
        return {
            "library": "flask-session",
            "release": release,
            "kind": "sqlalchemy",
            "cookie": cookie,
            "key": row[0],
            "raw": text(row[1]),
            "gave_back": shop.gave_back,
            "table": table,
            "expiry": row[2],
        }


def quart_session() -> list[dict[str, Any]]:
    from markupsafe import Markup

    filed: dict[str, str] = {}

    class Kept:
        async def get(self, key: str) -> Any:
            return filed.get(key)

        async def setex(self, name: str, value: str, time: int) -> None:
            filed[name] = value

    class Cache:
        async def get(self, key: bytes) -> Any:
            return filed.get(key.decode())

        async def set(self, key: bytes, value: bytes, exptime: int) -> None:
            filed[key.decode()] = value.decode()

    kinds: list[tuple[str, dict[str, Any]]] = [
        ("redis", {"SESSION_TYPE": "redis", "SESSION_REDIS": Kept()}),
        (
            "redis, signed",
            {"SESSION_TYPE": "redis", "SESSION_REDIS": Kept(), "SESSION_USE_SIGNER": True},
        ),
        (
            "redis, protected",
            {"SESSION_TYPE": "redis", "SESSION_REDIS": Kept(), "SESSION_PROTECTION": True},
        ),
        ("memcached", {"SESSION_TYPE": "memcached", "SESSION_MEMCACHED": Cache()}),
    ]
    made = []
    for permanent, (name, settings) in enumerate(kinds):
        filed.clear()
        shop = Shop({**TAGGED, "markup": Markup("<b>")}, permanent=bool(permanent % 2))
        entry = {"library": "quart-session", "release": version("quart-session"), "kind": name}
        try:
            cookie = in_quart(shop, settings, import_module("quart_session").Session)
        except AssertionError as error:
            made.append({**entry, "fails": repr(error)})
            continue
        ((key, raw),) = filed.items()
        made.append(
            {
                **entry,
                "cookie": cookie,
                "key": key,
                "raw": text(raw.encode()),
                "gave_back": shop.gave_back,
            }
        )
    return made


def signed_cookies(framework: str) -> list[dict[str, Any]]:
    from markupsafe import Markup

    made = []
    visit = in_flask if framework == "flask" else in_quart
    for kind, data in (
        ("small", {"a": (1, Markup("<b>"))}),
        ("compressed", {**TAGGED, "markup": Markup("<b>")}),
    ):
        shop = Shop(data, permanent=kind == "small")
        cookie = visit(shop, {}, lambda app: None)
        made.append(
            {
                "library": "signed-cookie",
                "release": f"{framework} {version(framework)}",
                "kind": kind,
                "cookie": cookie,
                "gave_back": shop.gave_back,
            }
        )
    return made


if __name__ == "__main__":
    match sys.argv[1]:
        case "flask-session":
            found = flask_session()
        case "quart-session":
            found = quart_session()
        case framework:
            found = signed_cookies(framework)
    json.dump(found, sys.stdout, indent=1)
