"""The Quart interface: every wait of the shared core is awaited."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, TypeVar, cast

import quart
from quart.globals import app_ctx
from quart.sessions import SessionInterface, SessionMixin
from werkzeug.wrappers import Response as WerkzeugResponse

from . import _web, cli
from ._site import Site
from .core.facts import About
from .core.session import ServerSession
from .core.steps import Steps
from .core.store import Clock, Face, Store, TwoFaced
from .core.token import Entropy
from .drive import arun
from .errors import ConfigError, SessionError, StoreError

if TYPE_CHECKING:
    from quart import Quart, Request, Response, Websocket

__all__ = [
    "QuartSessionInterface",
    "init_app",
    "purge",
    "revoke",
    "revoke_all",
    "session",
    "sessions_of",
]

T = TypeVar("T")

# Quart asks for Flask's type; ours has all that it promises, and more.
_ = SessionMixin.register(ServerSession)  # pyright: ignore  # noqa: PGH003  # typeshed hides the metaclass

#: `quart.session`, with the type that it has once `Session(app)` was called.
session = cast("ServerSession", quart.session)


class QuartSessionInterface(SessionInterface):
    """Opens and saves an application's sessions in the event loop of the request."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def open_session(self, app: Quart, request: Request | Websocket) -> SessionMixin:  # type: ignore[override]  # Quart names their private base class
        """Open the request's session; a store that is down is told by `refuse_broken`."""
        site = self.site
        header = _cookie_header(request)
        opened = site.open_at_once(request, header)
        if opened is None:
            try:
                opened = await arun(site.open(request, header), timeout=site.config.store_timeout)
            except StoreError as error:
                opened = site.broken(error)
                for funcs in (app.before_request_funcs, app.before_websocket_funcs):
                    _web.check_first(funcs, _refuse_broken)
        return opened  # type: ignore[return-value]  # a cast would be paid for on each request

    async def save_session(
        self, app: Quart, session: SessionMixin, response: Response | WerkzeugResponse | None
    ) -> None:
        """Save the session; if the store refuses, the response becomes the 503."""
        ours: ServerSession = session  # type: ignore[assignment]  # as above
        if self.site.is_untouched(ours, response):
            return
        try:
            await arun(self.site.close(ours, response), timeout=self.site.config.store_timeout)
        except StoreError as error:
            failure = self.site.unsaved(ours, error)
            if _current() is not ours:  # a test client's session_transaction()
                raise failure from error
            if response is not None:
                _web.replace(response, await _alike(response, await self._failed(app, failure)))
        except SessionError:
            if response is not None:
                raise
            # As Quart does: the socket is closed, there is nobody left to tell.
            app.logger.exception("a session changed in a WebSocket was not saved")

    async def _failed(self, app: Any, failure: _web.SessionUnavailable) -> Response:
        """Make the response that the application's error handlers give for a failure."""
        context = _web.unproxied(app_ctx)
        handle, process = app.handle_user_exception, app.process_response
        result = await handle(*_web.context_first(handle, context), failure)
        response = await app.make_response(result)
        return cast("Response", await process(*_web.context_first(process, context), response))


def init_app(
    app: Quart,
    *,
    store: Store | TwoFaced | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> None:
    """Give a Quart application server-side sessions; see `samesession.Session`."""
    site = Site(app, Face.ASYNC, store=store, clock=clock, entropy=entropy)
    # Quart 0.23 annotates the attribute with the class of its default.
    cast("Any", app).session_interface = QuartSessionInterface(site)
    app.cli.add_command(cli.commands(site, _run))

    @app.after_serving
    async def shut() -> None:
        await arun(site.shut(), timeout=site.config.store_timeout)


def _cookie_header(request: Request | Websocket) -> str:
    """Join what HTTP/2 may have split (RFC 9113, 8.2.3)."""
    sent = [value for name, value in request.scope["headers"] if name.lower() == b"cookie"]
    return b";".join(sent).decode("latin-1") if sent else ""


def _site() -> Site:
    interface: object = quart.current_app.session_interface
    if not isinstance(interface, QuartSessionInterface):
        raise ConfigError("this application has no Session(app) yet")
    return interface.site


async def sessions_of(owner: str) -> list[About]:
    """List the live sessions that `session.bind(owner)` made, the oldest first."""
    return await arun(_site().administration.sessions_of(owner))


async def revoke(sid: str) -> bool:
    """End one session of this application now; False if there was none."""
    return await arun(_site().administration.revoke(sid))


async def revoke_all(owner: str, *, keep: str | None = None) -> int:
    """End an owner's sessions, but the one whose sid is `keep`; tell how many."""
    return await arun(_site().administration.revoke_all(owner, keep=keep))


async def purge() -> int:
    """Delete expired sessions from a store that keeps them; tell how many."""
    return await arun(_site().administration.purge())


def _run(steps: Steps[T]) -> T:
    """Run steps for a command, in an event loop of its own."""
    return asyncio.run(arun(steps))


def _current() -> object:
    return _web.unproxied(quart.session)


async def _alike(response: Any, other: Any) -> Any:
    """Give `other` as the kind that `response` is: Quart sends Werkzeug's in another way.

    An HTTPException without a handler is a Werkzeug response, as is a redirect.
    """
    kind = quart.Response if isinstance(response, quart.Response) else WerkzeugResponse
    if isinstance(other, kind):
        return other
    body = other.get_data()
    body = await body if inspect.isawaitable(body) else body
    return kind(body, other.status, other.headers)


async def _refuse_broken() -> None:
    current = _current()
    failure = current.announce_failure() if isinstance(current, ServerSession) else None
    if failure is not None:
        raise failure
