"""The Flask shim: Flask's session interface over the sync face of the shared core."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import flask
from flask.sessions import SessionInterface, SessionMixin

from . import _web, cli
from ._site import Site
from .core.facts import About
from .core.session import ServerSession
from .core.store import Clock, Face, Store, TwoFaced
from .core.token import Entropy
from .drive import run
from .errors import ConfigError, StoreError

if TYPE_CHECKING:
    from flask import Flask, Request, Response

__all__ = [
    "FlaskSessionInterface",
    "init_app",
    "purge",
    "revoke",
    "revoke_all",
    "session",
    "sessions_of",
]

# Flask asks for its own type; ours has all that it promises, and more.
_ = SessionMixin.register(ServerSession)  # pyright: ignore  # noqa: PGH003  # typeshed hides the metaclass

#: `flask.session`, with the type that it has once `Session(app)` was called.
session = cast("ServerSession", flask.session)


class FlaskSessionInterface(SessionInterface):
    """Opens and saves an application's sessions, waiting in the request's thread."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def open_session(self, app: Flask, request: Request) -> SessionMixin:
        """Open the request's session; a store that is down is told by `refuse_broken`."""
        site = self.site
        header: str = request.environ.get("HTTP_COOKIE", "")
        opened = site.open_at_once(request, header)
        if opened is None:
            try:
                opened = run(site.open(request, header))
            except StoreError as error:
                opened = site.broken(error)
                _web.check_first(app.before_request_funcs, _refuse_broken)
        return opened  # type: ignore[return-value]  # a cast would be paid for on each request

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save the session; if the store refuses, the response becomes the 503."""
        ours: ServerSession = session  # type: ignore[assignment]  # as above
        if self.site.is_untouched(ours, response):
            return
        try:
            run(self.site.close(ours, response))
        except StoreError as error:
            failure = self.site.unsaved(ours, error)
            if _current() is not ours:  # a test client's session_transaction()
                raise failure from error
            _web.replace(response, self._failed(app, failure))

    def _failed(self, app: Flask, failure: _web.SessionUnavailable) -> Response:
        """Make the response that the application's error handlers give for a failure."""
        result = app.handle_user_exception(failure)
        return app.process_response(app.make_response(result))


def init_app(
    app: Flask,
    *,
    store: Store | TwoFaced | None = None,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> None:
    """Give a Flask application server-side sessions; see `samesession.Session`."""
    site = Site(app, Face.SYNC, store=store, clock=clock, entropy=entropy)
    app.session_interface = FlaskSessionInterface(site)
    app.cli.add_command(cli.commands(site, run))


def _site() -> Site:
    interface = flask.current_app.session_interface
    if not isinstance(interface, FlaskSessionInterface):
        raise ConfigError("this application has no Session(app) yet")
    return interface.site


def sessions_of(owner: str) -> list[About]:
    """List the live sessions that `session.bind(owner)` made, the oldest first."""
    return run(_site().administration.sessions_of(owner))


def revoke(sid: str) -> bool:
    """End one session of this application now; False if there was none."""
    return run(_site().administration.revoke(sid))


def revoke_all(owner: str, *, keep: str | None = None) -> int:
    """End an owner's sessions, but the one whose sid is `keep`; tell how many."""
    return run(_site().administration.revoke_all(owner, keep=keep))


def purge() -> int:
    """Delete expired sessions from a store that keeps them; tell how many."""
    return run(_site().administration.purge())


def _current() -> object:
    return _web.unproxied(flask.session)


def _refuse_broken() -> None:
    current = _current()
    failure = current.announce_failure() if isinstance(current, ServerSession) else None
    if failure is not None:
        raise failure
