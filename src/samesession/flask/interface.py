"""The Flask shim: Flask's session interface over the sync colour of the shared core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask.sessions import SessionInterface, SessionMixin

from .. import cli, early_end, headers, interface_answers, reused_response
from ..app_sessions import AppSessions
from ..core.session import ServerSession
from ..core.store import Clock, Openable, Store
from ..core.tracebacks import clear_locals
from ..errors import StoreError
from ..given_application import check_is
from ..run.sync import run
from . import device
from .actions import current, is_seen
from .streamed_body import FLASK

if TYPE_CHECKING:
    from flask import Flask, Request, Response

# Flask requires its own type; ours has all of its attributes, and more.
_ = SessionMixin.register(ServerSession)  # pyright: ignore  # noqa: PGH003  # typeshed hides the metaclass


class FlaskSessionInterface(interface_answers.Answers, SessionInterface):
    """Opens and saves an application's sessions, waiting in the request's thread."""

    def __init__(self, app_sessions: AppSessions) -> None:
        self.app_sessions = app_sessions

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        """Open the request's session; `_check_first` reports a store that is down."""
        app_sessions = self.app_sessions
        try:
            # No local variable holds the cookie: an error tracker would show it.
            opened = run(app_sessions.open(request, request.environ.get("HTTP_COOKIE", "")))
        except StoreError as error:
            opened = app_sessions.broken(error)
        except BaseException as error:
            clear_locals(error)
            raise
        return cast("SessionMixin", opened)  # Flask requires a class, not a protocol

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save the session; if the store fails, the response becomes the 503."""
        ours = cast("ServerSession", session)
        try:
            run(self.app_sessions.close(ours, response))
        except StoreError as error:
            failure = self.app_sessions.unsaved(ours, error)
            if not is_seen(ours):
                raise failure from error
            reused_response.replace(response, self._failed(app, failure))
        except headers.LoginRefused as refused:
            if not is_seen(ours):
                raise
            reused_response.replace(response, self._failed(app, refused))
        except BaseException as error:
            clear_locals(error)
            raise
        finally:
            del session, ours  # the local variables that an error tracker would show

    def _failed(self, app: Flask, failure: headers.Failure) -> Response:
        """Return the response of the application's error handlers for a failure."""
        result = app.handle_user_exception(failure)
        return app.process_response(app.make_response(result))


def init_app(
    app: Flask,
    *,
    store: Store | Openable | None = None,
    clock: Clock | None = None,
) -> None:
    """Add server-side sessions to a Flask application; see `samesession.Session`."""
    check_is(app, "flask")
    install(app, AppSessions(app, FLASK, store=store, clock=clock))


def install(app: Flask, app_sessions: AppSessions) -> None:
    """Install the session interface in a Flask application."""
    app.session_interface = FlaskSessionInterface(app_sessions)
    device.load(app_sessions)
    _check_first(app, app_sessions)
    app.cli.add_command(cli.commands(app_sessions, run, FLASK.colour))
    if app_sessions.config.creates:
        with app.app_context():
            run(app_sessions.prepare())


def _check_first(app: Flask, app_sessions: AppSessions) -> None:
    """End requests early whose session the store did not return, and those that we answer."""

    def check() -> Any:
        session = early_end.taken_over(current()) if early_end.is_noted() else None
        return None if session is None else device.answered(app, app_sessions, session)

    headers.check_first(app.before_request_funcs, check)
