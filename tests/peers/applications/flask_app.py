"""One Flask application, on the library that its first argument names: JSON, see `serving.py`.

Run in the environment of that library, and then on samesession: nothing else differs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask, flash, get_flashed_messages, jsonify, request, session
from flask_login import (  # type: ignore[import-untyped]  # it ships no types
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
    logout_user,
)
from werkzeug.serving import make_server

from .samples import SAMPLES, described


class User(UserMixin):  # type: ignore[misc]  # as above
    def __init__(self, name: str) -> None:
        self.id = name


def flask_session(app: Flask, setup: dict[str, Any]) -> None:
    """Keep sessions as Flask-Session does, in the client that the setup names."""
    clients = setup["clients"]
    if "redis" in clients:
        app.config["SESSION_REDIS"] = import_module("redis").Redis.from_url(clients["redis"])
    if "memcached" in clients:
        app.config["SESSION_MEMCACHED"] = _memcached(clients["memcached"])
    if "cachelib" in clients:
        files = import_module("cachelib.file").FileSystemCache
        app.config["SESSION_CACHELIB"] = files(clients["cachelib"])
    if "sql" in clients:
        app.config["SQLALCHEMY_DATABASE_URI"] = clients["sql"]
        app.config["SESSION_SQLALCHEMY"] = import_module("flask_sqlalchemy").SQLAlchemy(app)
    import_module("flask_session").Session(app)
    if "sql" in clients:
        with app.app_context():
            app.config["SESSION_SQLALCHEMY"].create_all()  # releases before 0.6 make no table


def _memcached(address: str) -> Any:
    try:
        return import_module("memcache").Client([address])
    except ModuleNotFoundError:
        return import_module("pymemcache").Client(address)


def samesession(app: Flask, setup: dict[str, Any]) -> None:
    """Keep sessions as ours do."""
    import_module("samesession").Session(app)
    if setup["integrated"]:
        import_module("samesession.flask_login").integrate(app)


def nothing(app: Flask, setup: dict[str, Any]) -> None:
    """Keep Flask's own cookie."""


LIBRARIES = {"flask-session": flask_session, "samesession": samesession, "none": nothing}


def make(setup: dict[str, Any]) -> Flask:
    app = Flask("shop")
    app.config.update(setup["config"])
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    LIBRARIES[setup["library"]](app, setup)
    logins = LoginManager(app)
    logins.user_loader(User)
    csrf = import_module("flask_wtf.csrf")
    protection = csrf.CSRFProtect(app)
    _views(app)

    @app.get("/form")
    def form() -> Any:
        return jsonify(csrf.generate_csrf())

    @app.post("/form")
    def posted() -> Any:
        protection.protect()
        return jsonify("posted")

    return app


def from_environment() -> Flask:
    """Return the application for `flask --app`."""
    return make(json.loads(os.environ["MIGRATION_SETUP"]))


def _views(app: Flask) -> None:
    @app.post("/login/<name>")
    def login(name: str) -> Any:
        login_user(User(name))
        return jsonify(name)

    @app.get("/me")
    def me() -> Any:
        return jsonify(current_user.get_id() if current_user.is_authenticated else None)

    @app.post("/logout")
    def logout() -> Any:
        logout_user()
        session.clear()
        return jsonify(None)

    @app.post("/fill")
    def fill() -> Any:
        asked = request.get_json()
        session.permanent = asked["permanent"]
        for name in asked["names"]:
            session[name] = SAMPLES[name]
        for category, message in asked["flashes"]:
            flash(message, category)
        return jsonify(None)

    @app.get("/report")
    def report() -> Any:
        return jsonify({name: described(value) for name, value in dict(session).items()})

    @app.get("/flashes")
    def flashes() -> Any:
        return jsonify(get_flashed_messages(with_categories=True))

    @app.post("/put/<name>/<value>")
    def put(name: str, value: str) -> Any:
        session[name] = value
        return jsonify(value)

    @app.post("/hold")
    def hold() -> Any:
        files = request.get_json()
        session["held"] = True
        Path(files["begun"]).touch()
        while not Path(files["until"]).exists():
            time.sleep(0.01)
        return jsonify(None)

    @app.get("/owned")
    @login_required  # type: ignore[untyped-decorator]  # as above
    def owned() -> Any:
        sessions_of = import_module("samesession.flask").sessions_of
        return jsonify(len([*sessions_of(current_user.get_id())]))


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, make(json.loads(sys.argv[1])), threaded=True)
    print(json.dumps({"port": server.server_port}), flush=True)  # what the test waits for
    server.serve_forever()
