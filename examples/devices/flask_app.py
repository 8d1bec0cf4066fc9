"""Sign up, log in, list the devices that are logged in, and log them out: with Flask.

    export FLASK_SECRET_KEY=$(python -c 'import secrets; print(secrets.token_hex())')
    flask --app examples.devices.flask_app run

The version for the other framework differs only in imports, `async` and `await`, and in the
threads that hash passwords. `site.py` serves both side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, HTTPException, Unauthorized

from examples.devices import pages
from examples.devices.accounts import Account, Accounts
from examples.devices.forms import Refused, checked_note, is_from_another_site
from samesession import ReauthenticationRequired, Session
from samesession.flask import erase_owner, revoke, revoke_all, session, sessions_of
from samesession.labels import from_user_agent


def create_app(
    settings: Mapping[str, Any] | None = None, accounts: Accounts | None = None
) -> Flask:
    """Create the application; `settings` default to the FLASK_... environment variables."""
    app = Flask(__name__, template_folder="templates", static_folder="../shared/static")
    app.config.from_mapping(pages.SETTINGS)
    if settings is None:
        app.config.from_prefixed_env()  # FLASK_SECRET_KEY becomes SECRET_KEY
    else:
        app.config.from_mapping(settings)
    Session(app)
    accounts = accounts or Accounts()
    app.jinja_env.globals.update(
        framework=type(app).__name__,
        account=lambda: accounts.find(session.info.owner),
    )
    app.jinja_env.filters.update(ago=pages.ago, ahead=pages.ahead)
    add_checks(app)
    add_account_pages(app, accounts)
    add_device_pages(app, accounts)
    add_deletion(app, accounts)
    return app


def add_checks(app: Flask) -> None:
    """Check each request before its view runs, and add headers to each response."""

    @app.before_request
    def refuse_other_sites() -> None:
        if is_from_another_site(request):
            raise Forbidden("This form was sent by a page of another site.")

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(pages.HEADERS)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = pages.NOT_KEPT
        return response

    @app.errorhandler(Unauthorized)
    def to_login(_: Unauthorized) -> ResponseReturnValue:
        return redirect(url_for("login_form"), code=303)

    @app.errorhandler(ReauthenticationRequired)
    def to_confirmation(_: ReauthenticationRequired) -> ResponseReturnValue:
        return redirect(url_for("confirm_form"), code=303)

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> ResponseReturnValue:
        """Show our own page for an error: 404, 500, or 503 while the store is down."""
        page = render_template("error.html", error=error)
        return page, error.code or 500, error.get_headers()


def logged_in(accounts: Accounts) -> Account:
    """Return the account of this session; raise Unauthorized if there is none."""
    account = accounts.find(session.info.owner)
    if account is None:
        raise Unauthorized
    return account


def begin(account: Account) -> None:
    """Log in a user who has just entered the right password."""
    session.clear()  # keep nothing of an earlier login
    # The session belongs to the user from here on, and the cookie of before is worthless. The label
    # is shown in the list of devices.
    session.bind(account.id, label=from_user_agent(request.headers.get("User-Agent", "")))
    session.permanent = True  # it outlives the browser window
    session["views"] = {}
    session["notes"] = []


def add_account_pages(app: Flask, accounts: Accounts) -> None:
    """Add the pages to sign up, log in and log out."""

    @app.get("/")
    def index() -> ResponseReturnValue:
        if accounts.find(session.info.owner) is not None:
            return redirect(url_for("devices"))
        return render_template("index.html")

    @app.get("/signup")
    def signup_form() -> ResponseReturnValue:
        return render_template("signup.html")

    @app.post("/signup")
    def signup() -> ResponseReturnValue:
        form = request.form
        name, password = form.get("username", ""), form.get("password", "")
        try:
            account = accounts.sign_up(name, password)
        except Refused as error:
            return render_template("signup.html", error=error, name=name), 400
        begin(account)
        return redirect(url_for("devices"), code=303)

    @app.get("/login")
    def login_form() -> ResponseReturnValue:
        return render_template("login.html")

    # A real application also counts failed attempts, and slows them down after a few.
    @app.post("/login")
    def login() -> ResponseReturnValue:
        form = request.form
        name, password = form.get("username", ""), form.get("password", "")
        account = accounts.with_password(name, password)
        if account is None:
            error = "Name or password is wrong."
            return render_template("login.html", error=error, name=name), 400
        begin(account)
        return redirect(url_for("devices"), code=303)

    # POST only: a link or an image on another site could send a GET.
    @app.post("/logout")
    def logout() -> ResponseReturnValue:
        session.end()  # deletes the record and the cookie
        return redirect(url_for("index"), code=303)


def add_device_pages(app: Flask, accounts: Accounts) -> None:
    """Add the pages that list an account's devices, show session data, and log devices out."""
    framework = type(app).__name__

    @app.get("/devices")
    def devices() -> ResponseReturnValue:
        account = logged_in(accounts)
        # samesession notices a change inside a value: `session.modified = True` is not needed.
        views = session["views"]
        views[framework] = views.get(framework, 0) + 1
        listed = sessions_of(account.id)
        data = pages.shown(session)
        return render_template("devices.html", sessions=listed, data=data)

    @app.get("/session")
    def session_data() -> ResponseReturnValue:
        """Show the session's data, for a page that refreshes it every few seconds."""
        return render_template("data.html", data=pages.shown(session))

    @app.post("/notes")
    def add_note() -> ResponseReturnValue:
        logged_in(accounts)
        form = request.form
        try:
            session["notes"].append(checked_note(form.get("note", "")))
            del session["notes"][: -pages.NOTES]
        except Refused as error:
            flash(str(error))
        return redirect(url_for("devices"), code=303)

    @app.post("/devices/end")
    def end() -> ResponseReturnValue:
        account = logged_in(accounts)
        # A sid is not a secret, so it is looked up only among the account's own sessions.
        form = request.form
        sid = form.get("sid", "")
        found = [each for each in sessions_of(account.id) if each.sid == sid]
        if any(each.current for each in found):
            session.end()
            return redirect(url_for("index"), code=303)
        if found and revoke(sid):
            flash(f"{found[0].label or 'The other browser'} is logged out.")
        else:
            flash("That session had ended already.")
        return redirect(url_for("devices"), code=303)

    @app.post("/devices/end-others")
    def end_others() -> ResponseReturnValue:
        account = logged_in(accounts)
        count = revoke_all(account.id, keep=session.sid)
        flash(f"{count} other session{' was' if count == 1 else 's were'} ended.")
        return redirect(url_for("devices"), code=303)


def add_deletion(app: Flask, accounts: Accounts) -> None:
    """Add the page that deletes an account, if the password was confirmed recently."""

    @app.get("/account")
    def account() -> ResponseReturnValue:
        logged_in(accounts)
        return render_template("account.html", minutes=pages.FRESH_MINUTES)

    @app.get("/confirm")
    def confirm_form() -> ResponseReturnValue:
        logged_in(accounts)
        return render_template("confirm.html")

    @app.post("/confirm")
    def confirm() -> ResponseReturnValue:
        name, form = logged_in(accounts).name, request.form
        if accounts.with_password(name, form.get("password", "")) is None:
            return render_template("confirm.html", error="The password is wrong."), 400
        session.confirm()  # a new authentication and a new cookie
        return redirect(url_for("delete_form"), code=303)

    @app.get("/account/delete")
    def delete_form() -> ResponseReturnValue:
        logged_in(accounts)
        session.require_fresh(minutes=pages.FRESH_MINUTES)
        return render_template("delete.html")

    @app.post("/account/delete")
    def delete() -> ResponseReturnValue:
        account = logged_in(accounts)
        session.require_fresh(minutes=pages.FRESH_MINUTES)
        # The account goes first. A login that comes in between would otherwise leave a session of
        # an account that no longer exists.
        accounts.delete(account)
        erase_owner(account.id)  # ends all sessions, this one included
        session.end()  # deletes the cookie
        return redirect(url_for("goodbye"), code=303)

    @app.get("/goodbye")
    def goodbye() -> ResponseReturnValue:
        return render_template("goodbye.html")
