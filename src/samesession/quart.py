"""The Quart interface: every wait of the shared core is awaited."""

from __future__ import annotations

from asyncio import Lock
from typing import TYPE_CHECKING, Any, cast

import quart
from quart.sessions import SessionInterface, SessionMixin

from . import _interface, _web, cli
from ._exempt import no_session
from ._for_quart import (
    cookie_header,
    current,
    purge,
    refuse_broken,
    revoke,
    revoke_all,
    revoke_everyone,
    runner,
    saving,
    serve,
    sessions_of,
    sessions_page,
)
from ._quart_failure import failure_response
from ._quart_loop import on_asyncio
from ._quart_sockets import Sockets
from ._site import Site
from .core.session import ServerSession
from .core.store import Clock, Face, Store, TwoFaced
from .core.token import Entropy
from .drive import arun
from .errors import StoreError

if TYPE_CHECKING:
    from quart import Quart, Request, Response, Websocket
    from werkzeug.wrappers import Response as WerkzeugResponse

__all__ = [
    "QuartSessionInterface",
    "init_app",
    "no_session",
    "purge",
    "revoke",
    "revoke_all",
    "revoke_everyone",
    "saving",
    "session",
    "sessions_of",
    "sessions_page",
]

# Quart asks for Flask's type; ours has all that it promises, and more.
_ = SessionMixin.register(ServerSession)  # pyright: ignore  # noqa: PGH003  # typeshed hides the metaclass

#: `quart.session`, with the type that it has once `Session(app)` was called.
session = cast("ServerSession", quart.session)


class QuartSessionInterface(_interface.Answers, SessionInterface):
    """Opens and saves an application's sessions in the event loop of the request."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.sockets = Sockets(site)

    async def open_session(self, app: Quart, request: Request | Websocket) -> SessionMixin:  # type: ignore[override]  # Quart names their private base class
        """Open the request's session; a store that is down is told by `refuse_broken`."""
        site, header = self.site, cookie_header(request)
        opened = site.open(request, header)
        if not isinstance(opened, ServerSession):
            try:
                opened = await arun(opened, timeout=site.config.store_timeout)
            except StoreError as error:
                header = ""  # the error's traceback shows this frame, after it ended, too
                del header  # the error keeps this frame, and it the cookie
                opened = site.broken(error)
                for funcs in (app.before_request_funcs, app.before_websocket_funcs):
                    _web.check_first(funcs, refuse_broken)
        if isinstance(request, quart.Websocket):
            self.sockets.opened(opened)
        return opened  # type: ignore[return-value]  # a cast would be paid for on each request

    async def save_session(
        self, app: Quart, session: SessionMixin, response: Response | WerkzeugResponse | None
    ) -> None:
        """Save the session; if the store refuses, the response becomes the 503."""
        ours: ServerSession = session  # type: ignore[assignment]  # as above
        if self.site.close_at_once(ours, response):
            return None
        if ours.facts.of_socket:
            return await self.sockets.close(ours)
        try:
            await arun(self.site.close(ours, response), timeout=self.site.config.store_timeout)
        except StoreError as error:
            failure = self.site.unsaved(ours, error)
            if current() is not ours:  # a test client's session_transaction()
                raise failure from error
            assert response is not None  # a WebSocket alone has none
            _web.replace(response, await failure_response(app, failure, like=response))


def init_app(
    app: Quart,
    *,
    store: Store | TwoFaced | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> None:
    """Give a Quart application server-side sessions; see `samesession.Session`."""
    site = Site(on_asyncio(app), Face.ASYNC, store=store, clock=clock, entropy=entropy, lock=Lock)
    # Quart 0.23 annotates the attribute with the class of its default.
    interface = cast("Any", app).session_interface = QuartSessionInterface(site)
    app.cli.add_command(cli.commands(site, runner(site)))
    serve(app, site, interface.sockets)
