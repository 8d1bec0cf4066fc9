"""The Quart interface: every wait of the shared core is awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import quart
from quart.sessions import SessionInterface, SessionMixin

from .. import cli, early_end, headers, interface_answers, reused_response
from ..app_sessions import AppSessions
from ..core.request_state import state_of
from ..core.session import ServerSession
from ..core.store import Clock, Openable, Store
from ..core.tracebacks import clear_locals
from ..errors import ConfigError, StoreError
from ..given_application import check_is
from ..run.aio import arun
from . import device
from .actions import cookie_header, current, runner, serve
from .event_loop import on_asyncio
from .failure import failure_response
from .sockets import Sockets
from .streamed_body import QUART
from .watcher import Watchers

if TYPE_CHECKING:
    from quart import Quart, Request, Response, Websocket
    from werkzeug.wrappers import Response as WerkzeugResponse

# Quart requires Flask's type; ours has all of its attributes, and more.
_ = SessionMixin.register(ServerSession)  # pyright: ignore  # noqa: PGH003  # typeshed hides the metaclass


class QuartSessionInterface(interface_answers.Answers, SessionInterface):
    """Opens and saves an application's sessions in the event loop of the request."""

    def __init__(self, app_sessions: AppSessions) -> None:
        self.app_sessions = app_sessions
        self.watchers = Watchers(app_sessions)
        self.sockets = Sockets(app_sessions, self.watchers)

    async def open_session(self, app: Quart, request: Request | Websocket) -> SessionMixin:  # type: ignore[override]  # Quart names their private base class
        """Open the request's session; `_check_first` reports a store that is down."""
        app_sessions = self.app_sessions
        try:
            # No local variable holds the cookie: an error tracker would show it.
            steps = app_sessions.open(request, cookie_header(request))
            opened = await arun(steps, timeout=app_sessions.store_timeout)
        except StoreError as error:
            opened = app_sessions.broken(error)
        except BaseException as error:
            clear_locals(error)
            raise
        if isinstance(request, quart.Websocket):
            self.sockets.opened(opened, request)
        return cast("SessionMixin", opened)  # Quart requires Flask's class

    async def save_session(
        self, app: Quart, session: SessionMixin, response: Response | WerkzeugResponse | None
    ) -> None:
        """Save the session; if the store fails, the response becomes the 503."""
        ours = cast("ServerSession", session)
        app_sessions = self.app_sessions
        try:
            if state_of(ours).of_socket:
                await self.sockets.close(ours, response)
            else:
                steps = app_sessions.close(ours, response)
                await arun(steps, timeout=app_sessions.store_timeout)
        except StoreError as error:
            failure = app_sessions.unsaved(ours, error)
            if current() is not ours:  # a test client's session_transaction()
                raise failure from error
            assert response is not None  # only a WebSocket has none
            reused_response.replace(response, await failure_response(app, failure, like=response))
        except headers.LoginRefused as refused:
            if current() is not ours or response is None:
                raise
            reused_response.replace(response, await failure_response(app, refused, like=response))
        except BaseException as error:
            clear_locals(error)
            raise
        finally:
            del session, ours  # the local variables that an error tracker would show


def init_app(
    app: Quart,
    *,
    store: Store | Openable | None = None,
    clock: Clock | None = None,
) -> None:
    """Add server-side sessions to a Quart application; see `samesession.Session`."""
    check_is(app, "quart")
    install(app, AppSessions(on_asyncio(app), QUART, store=store, clock=clock))


def install(app: Quart, app_sessions: AppSessions) -> None:
    """Install the session interface in a Quart application."""
    config = app_sessions.config
    if config.store_type == "cookie" and app_sessions.store is None and config.sockets.close_code:
        raise ConfigError(
            "SESSION_CLOSE_SOCKETS needs sessions that can end on the server, which SESSION_TYPE "
            "'cookie' does not have: choose a server-side store"
        )
    interface = QuartSessionInterface(app_sessions)
    device.load(app_sessions)
    _check_first(app, app_sessions)
    cast("Any", app).session_interface = interface  # typed by Quart
    app.cli.add_command(cli.commands(app_sessions, runner(app_sessions), QUART.colour))
    serve(app, app_sessions, interface.sockets, interface.watchers)


def _check_first(app: Quart, app_sessions: AppSessions) -> None:
    """End requests early whose session the store did not return, and those that we answer."""

    async def check() -> Any:
        session = early_end.taken_over(current()) if early_end.is_noted() else None
        return None if session is None else await device.answered(app, app_sessions, session)

    async def check_socket() -> None:
        if early_end.is_noted():
            _ = early_end.taken_over(current())

    headers.check_first(app.before_request_funcs, check)
    headers.check_first(app.before_websocket_funcs, check_socket)
