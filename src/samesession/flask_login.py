"""Flask-Login on sessions that can be listed and ended: `integrate(app)`, once.

    Flask-Login                          with the integration, besides
    login_user                           session.bind(id)
    login_user(fresh=False)              a session with an owner, who has not authenticated
    login_user(remember=True)            a session that lives longer; no remember cookie is sent
    logout_user                          session.end()
    confirm_login                        session.confirm()
    login_fresh, fresh_login_required    by how long ago the user authenticated
    strong protection fails              session.end()
    a remember cookie of before          logs in until SESSION_MIGRATE_UNTIL, and is deleted

The integration uses Flask-Login's signals. Flask-Login itself never sees a remember cookie,
which is taken out of the request. Flask-Security logs in and out through Flask-Login.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import flask
from werkzeug.datastructures import ImmutableMultiDict

from . import headers
from .app_sessions import AppSessions, app_sessions_of
from .core.account import adopt
from .core.freshness import checked_minutes, is_fresh
from .core.names import is_name
from .core.request_state import Mode, state_of
from .core.session import ServerSession
from .errors import ConfigError
from .given_application import check_is
from .old_cookie import OWNER_OF
from .remembered_logins import forget, honours_cookies, remember

try:
    import flask_login as _flask_login  # type: ignore[import-untyped]  # it has no types
except ImportError as error:
    raise ConfigError(
        "samesession.flask_login needs a package that is not installed: "
        "pip install 'samesession[flask-login]'"
    ) from error

__all__ = ["integrate"]

_library: Any = _flask_login
_DURATION = "REMEMBER_COOKIE_DURATION"
# Flask-Security's mark that the response must delete its CSRF cookie.
_CSRF_KEY, _CSRF_COOKIE = "fs_cc", "SECURITY_CSRF_COOKIE_NAME"


def integrate(
    app: flask.Flask,
    *,
    fresh_minutes: float = 10,
    label: Callable[[], str | None] | None = None,
) -> None:
    """Make Flask-Login log in and out with sessions that can be listed and ended.

    A login is fresh for `fresh_minutes`. `label` returns the label, shown in lists, of the session
    of the request that logs in::

        LoginManager(app)
        Session(app)
        samesession.flask_login.integrate(app)

    The order of these calls does not matter, but all come before the first request. Raises
    ConfigError if it was called before.

    .. versionadded:: 1.0
    """
    check_is(app, "flask")
    if "samesession.flask_login" in app.extensions:
        raise ConfigError(
            "samesession.flask_login.integrate(app) was called before: once is enough"
        )
    integration = _Integration(fresh_minutes, label)
    app.extensions["samesession.flask_login"] = integration
    app.extensions[OWNER_OF] = _owner_of
    headers.check_first(app.before_request_funcs, integration.before_request)
    # Each receiver is for this application alone, and lives as long as the application.
    for signal, receiver in (
        (_library.user_logged_in, _logged_in),
        (_library.user_logged_out, _logged_out),
        (_library.user_login_confirmed, _confirmed),
        (_library.session_protected, _protected),
    ):
        signal.connect(receiver, app)


def _owner_of(data: Mapping[str, Any]) -> str | None:
    """Return the user whom another library's session has logged in, if any."""
    user_id = data.get("_user_id")
    return None if user_id is None else str(user_id)


class _Integration:
    """An application's choices, and the work before each of its requests."""

    def __init__(self, fresh_minutes: float, label: Callable[[], str | None] | None) -> None:
        self._minutes = checked_minutes(fresh_minutes)
        self.label = label or (lambda: None)

    def before_request(self) -> None:
        """Bring the session up to date for the code that runs afterwards."""
        app = _app()
        app_sessions = app_sessions_of(app)
        _send_no_cookie(_manager(app))
        honoured = honours_cookies(app_sessions)
        taken = _take_cookie(app)
        session = _session()
        if session is None or state_of(session).mode is not Mode.LIVE or _is_of_socket():
            return
        if taken is not None:
            if honoured and taken.user_id is not None:
                _take_over(app, app_sessions, session, taken.user_id)
            # Only now, because it is needed again if that fails.
            _ = flask.after_this_request(_without_cookie)
        self._bring_up_to_date(session, app_sessions.current_time())

    def _bring_up_to_date(self, session: ServerSession, now: float) -> None:
        """Bind an earlier login to its user, and end the freshness of one that is too old.

        Nothing here counts as an access to the session.
        """
        state, look = state_of(session), dict[str, Any].get
        if state.loaded is None:
            return
        user_id = str(look(session, "_user_id", ""))
        if state.owner is None and is_name(user_id):
            adopt(session, user_id, new_secret=False)
        if look(session, "_fresh") and not is_fresh(state, self._minutes, now):
            session["_fresh"] = False


# --- Flask-Login's signals -------------------------------------------------------------------


def _logged_in(app: flask.Flask, **_: object) -> None:
    session = _session()
    if session is None:
        return
    try:
        _remember_if_asked(app, session)
        user_id, label = str(session["_user_id"]), _label(app)
        if session.get("_fresh"):
            session.bind(user_id, label)
        else:
            _bind_without_credentials(session, user_id, label)
    except BaseException:
        _end(app, session)  # otherwise it would be saved for a user who is in no list
        raise


def _bind_without_credentials(session: ServerSession, user_id: str, label: str | None) -> None:
    """Bind a session to a user without credentials; another user's session ends."""
    if state_of(session).owner not in (None, user_id):
        names = _library.login_manager.SESSION_KEYS
        kept = {name: session[name] for name in names if name in session}
        session.end()
        session.update(kept)
    adopt(session, user_id, label, new_secret=True)


def _remember_if_asked(app: flask.Flask, session: ServerSession) -> None:
    asked = session.pop("_remember", None) == "set"
    seconds = session.pop("_remember_seconds", None)
    if asked:
        remember(session, _duration(app) if seconds is None else seconds, _DURATION)
    else:
        forget(session)


def _logged_out(app: flask.Flask, **_: object) -> None:
    session = _session()
    if session is not None:
        _end(app, session)


def _confirmed(app: flask.Flask, **_: object) -> None:
    session = _session()
    user_id = None if session is None else session.get("_user_id")
    if session is None or user_id is None:
        return
    if state_of(session).owner is None:
        session.bind(str(user_id), _label(app))
    else:
        session.confirm()


def _protected(app: flask.Flask, **_: object) -> None:
    """End a session that strong protection found in another browser.

    Flask-Login spares a permanent session, but a remembered session is permanent only here.
    """
    session = _session()
    mode = _settings(app).get("SESSION_PROTECTION", _manager(app).session_protection)
    if session is None or mode != "strong":
        return
    if "_user_id" not in session or session.lifetime is not None:
        _end(app, session)


def _end(app: flask.Flask, session: ServerSession) -> None:
    csrf = session.get(_CSRF_KEY) if _settings(app).get(_CSRF_COOKIE) else None
    session.end()
    if csrf is not None:
        session[_CSRF_KEY] = csrf  # which takes it out again


# --- remember cookies of before --------------------------------------------------------------


class _Taken(NamedTuple):
    """A remember cookie from the request; `user_id`: the user's, if the signature is valid."""

    user_id: str | None


def _take_cookie(app: flask.Flask) -> _Taken | None:
    """Take a remember cookie out of the request, so that no other code finds it.

    It can log in. So no local variable holds it while code of the application runs: an error
    tracker would show it.
    """
    name = _settings(app).get("REMEMBER_COOKIE_NAME", _library.COOKIE_NAME)
    request = flask.request
    if name not in request.environ.get("HTTP_COOKIE", "") or name not in request.cookies:
        return None
    taken = _Taken(_user_of(request.cookies[name]))
    others = [(key, value) for key, value in request.cookies.items(multi=True) if key != name]
    vars(headers.unproxied(request))["cookies"] = ImmutableMultiDict(others)
    return taken


def _user_of(cookie: str) -> str | None:
    try:
        user_id: str | None = _library.decode_cookie(cookie)
    except TypeError:  # a signature that is not ASCII
        return None
    return user_id


def _take_over(
    app: flask.Flask, app_sessions: AppSessions, session: ServerSession, user_id: str
) -> None:
    """Log in the user of a remember cookie, if no one is, and remember it in the session."""
    found = session.get("_user_id")
    if found is not None and str(found) != user_id:
        return
    manager = _manager(app)
    if found is None:
        user = None if manager.user_callback is None else manager.user_callback(user_id)
        if user is None:
            return
        session["_user_id"], session["_fresh"] = user_id, False
        session["_id"] = manager._session_identifier_generator()  # noqa: SLF001  # or none fits
        _bind_without_credentials(session, user_id, _label(app))
        _library.user_loaded_from_cookie.send(app, user=user)
    if app_sessions.config.rules.lifetimes.own:
        remember(session, _duration(app), _DURATION)
    else:
        session.permanent = True


def _without_cookie(response: flask.Response) -> flask.Response:
    """Delete a remember cookie with every attribute that it was sent with."""
    session = _session()
    if session is not None and state_of(session).mode is not Mode.LIVE:
        return response  # the store failed: the cookie is needed again
    config = _settings(_app())
    response.delete_cookie(
        config.get("REMEMBER_COOKIE_NAME", _library.COOKIE_NAME),
        path=config.get("REMEMBER_COOKIE_PATH", "/"),
        domain=config.get("REMEMBER_COOKIE_DOMAIN"),
        secure=config.get("REMEMBER_COOKIE_SECURE", False),
        httponly=config.get("REMEMBER_COOKIE_HTTPONLY", True),
        samesite=config.get("REMEMBER_COOKIE_SAMESITE"),
    )
    return response


def _label(app: flask.Flask) -> str | None:
    integration: _Integration = app.extensions["samesession.flask_login"]
    return integration.label()


def _duration(app: flask.Flask) -> object:
    return _settings(app).get(_DURATION, _library.COOKIE_DURATION)


# --- parts ------------------------------------------------------------------------------------


def _app() -> flask.Flask:
    return cast("flask.Flask", headers.unproxied(flask.current_app))


def _settings(app: flask.Flask) -> dict[str, Any]:
    return cast("dict[str, Any]", app.config)


def _session() -> ServerSession | None:
    """Return this request's session; None for a copy, which Flask-SocketIO makes."""
    found = headers.unproxied(flask.session)
    return found if isinstance(found, ServerSession) else None


def _manager(app: flask.Flask) -> Any:
    manager: Any = getattr(cast("Any", app), "login_manager", None)
    if manager is None:
        raise ConfigError(
            "samesession.flask_login.integrate(app) finds no Flask-Login in the application: "
            "write LoginManager(app)"
        )
    return manager


def _send_no_cookie(manager: Any) -> None:
    """Stop Flask-Login from sending remember cookies, whatever its settings are."""
    if cast("dict[str, Any]", vars(manager)).get("_set_cookie") is not _nothing:
        if not callable(getattr(manager, "_set_cookie", None)):
            raise ConfigError(
                "this release of Flask-Login sends its remember cookie in a way that "
                "samesession.flask_login does not know: install flask-login 0.6.3"
            )
        manager._set_cookie = _nothing  # noqa: SLF001  # it has no setting for that


def _nothing(response: object) -> None:
    """Stand in for the function that sends the remember cookie."""


def _is_of_socket() -> bool:
    """Return whether this request cannot send a cookie, such as one for a WebSocket."""
    rule = flask.request.url_rule
    return rule is not None and bool(rule.websocket)
