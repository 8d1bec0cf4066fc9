"""Log in, see a profile, log out: with Flask.

The version for the other framework differs in imports, `async` and `await` only.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from samesession import Session
from samesession.flask import session


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Make the application; FLASK_... variables of the environment are settings, too."""
    app = Flask(__name__, template_folder="../shared/templates", static_folder="../shared/static")
    # With a key of its own in FLASK_SECRET_KEY a login outlives a restart.
    app.config.update(SECRET_KEY=secrets.token_hex(), SESSION_COOKIE_SAMESITE="Lax")
    app.config.from_prefixed_env()
    app.config.update(settings or {})
    Session(app)
    framework = type(app).__name__
    app.jinja_env.globals["framework"] = framework

    @app.get("/")
    def index() -> ResponseReturnValue:
        return render_template("index.html")

    @app.get("/login")
    def login_form() -> ResponseReturnValue:
        return render_template("login.html")

    @app.post("/login")
    def login() -> ResponseReturnValue:
        form = request.form
        username = form.get("username", "").strip()[:60]
        if not username:
            return render_template("login.html", error="Please enter a name."), 400
        session.permanent = True
        session["username"] = username
        session["views"] = {}
        session.regenerate()
        return redirect(url_for("profile"), code=303)

    @app.get("/profile")
    def profile() -> ResponseReturnValue:
        if "username" not in session:
            return redirect(url_for("login_form"))
        # A change inside a value is seen: no `session.modified = True`.
        views = session["views"]
        views[framework] = views.get(framework, 0) + 1
        return render_template("profile.html")

    @app.post("/logout")
    def logout() -> ResponseReturnValue:
        session.pop("username", None)
        session.pop("views", None)
        session.regenerate()
        return redirect(url_for("index"), code=303)

    @app.errorhandler(503)
    def unavailable(_: Exception) -> ResponseReturnValue:
        return render_template("unavailable.html"), 503

    return app
