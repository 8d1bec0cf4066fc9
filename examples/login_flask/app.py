"""Log in, see a profile, log out: with Flask.

    export FLASK_SECRET_KEY=$(python -c 'import secrets; print(secrets.token_hex())')
    flask --app examples.login_flask.app run

The version for the other framework differs only in imports, `async` and `await`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from samesession import Session
from samesession.flask import session

# One line of text. A browser can be made to send more than maxlength, so the length is checked.
USERNAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Create the application; `settings` default to the FLASK_... environment variables."""
    app = Flask(__name__, template_folder="../shared/templates", static_folder="../shared/static")
    if settings is None:
        app.config.from_prefixed_env()  # FLASK_SECRET_KEY becomes SECRET_KEY
    else:
        app.config.from_mapping(settings)
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
        username = form.get("username", "").strip()
        if not USERNAME.fullmatch(username):
            error = "Please enter a name of up to 60 letters."
            return render_template("login.html", error=error), 400
        # A real application checks a password here, before it calls `bind`.
        session.end()  # keep nothing of an earlier login
        session.bind(username)  # the session is the user's; the cookie of before is worthless
        session.permanent = True  # it outlives the browser window
        session["username"] = username
        session["views"] = {}
        return redirect(url_for("profile"), code=303)

    @app.get("/profile")
    def profile() -> ResponseReturnValue:
        if "username" not in session:
            return redirect(url_for("login_form"))
        # samesession notices a change inside a value: `session.modified = True` is not needed.
        views = session["views"]
        views[framework] = views.get(framework, 0) + 1
        return render_template("profile.html")

    # POST only: a link or an image on another site could send a GET.
    @app.post("/logout")
    def logout() -> ResponseReturnValue:
        session.end()  # deletes the record and the cookie
        return redirect(url_for("index"), code=303)

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> ResponseReturnValue:
        """Show our own page for an error: 404, 500, or 503 while the store is down."""
        page = render_template("error.html", error=error)
        return page, error.code or 500, error.get_headers()

    return app
