"""What a Flask application calls besides `session`: list, end and save sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import flask
from werkzeug.local import LocalProxy

from .. import headers, open_sessions
from ..app_sessions import AppSessions, app_sessions_of
from ..core.request_state import listed_sid, state_of
from ..core.session import ServerSession
from ..core.session_info import SessionInfo, SessionPage
from ..core.steps import Steps
from ..errors import StoreError
from ..misplaced_calls import belonging, outside_of_application, outside_of_request, replaced
from ..reauthentication import View, required
from ..run.sync import run

T = TypeVar("T")

_TURNED_AWAY = (3, 4)  # hundreds of a status: elsewhere, or by a fault of the client


def fresh_required(minutes: float = 10) -> Callable[[View], View]:
    """Have a view called only where the user has authenticated in the last minutes; a decorator.

    `session.require_fresh(minutes)` comes first, then the view, which may be a function or a
    coroutine. Write it below the route: `@app.post("/password")`, `@fresh_required()`.
    """
    return required(minutes, _session)


@belonging("flask")
def sessions_of(owner: str) -> list[SessionInfo]:
    """List the live sessions that `session.bind(owner)` made, the oldest first."""
    return run(_app_sessions().administration.sessions_of(owner, current=_own_sid()))


@belonging("flask")
def sessions_page(owner: str, *, after: str | None = None, limit: int = 100) -> SessionPage:
    """List at most `limit` of an owner's live sessions, the oldest first.

    `after` is that of the page before. All of the owner's sessions are read for it, so
    whoever wants all of them asks for `sessions_of`.
    """
    administration = _app_sessions().administration
    return run(administration.sessions_page(owner, after=after, limit=limit, current=_own_sid()))


@belonging("flask")
def count() -> int:
    """Count this application's live sessions: each is read for it, a batch at a time.

    Exact if none begins or ends meanwhile; Redis may count one twice while it grows.
    Raises NotSupported on a store that cannot list what it holds.
    """
    return run(_app_sessions().administration.count())


@belonging("flask")
def all_sessions(*, after: str | None = None, limit: int = 100) -> SessionPage:
    """List at most `limit` of this application's live sessions, in the store's own order.

    `after` is that of the page before. A session that is there from the first page to the last
    is in one of them at least. Raises NotSupported on a store that cannot list what it holds.
    """
    administration = _app_sessions().administration
    return run(administration.all_sessions(after=after, limit=limit, current=_own_sid()))


@belonging("flask")
def revoke(sid: str) -> bool:
    """End one session of this application now; False if there was none."""
    return run(_app_sessions().administration.revoke(sid))


@belonging("flask")
def revoke_all(owner: str, *, keep: str | None = None) -> int:
    """End an owner's sessions, but the one whose sid is `keep`; tell how many."""
    return run(_app_sessions().administration.revoke_all(owner, keep=keep))


@belonging("flask")
def export_owner(owner: str) -> Iterator[dict[str, Any]]:
    """Yield an owner's live sessions with their data, for a request under data protection law.

    Each is a dict that `json.dumps` takes: `sid`, `owner`, `label`, `created`, `authenticated`,
    `last_seen` and `expires` (ISO 8601, or None), and `data`, with what JSON has no word for as
    text. They come as the store lists them, and are read a batch at a time, as they are asked
    for. Raises NotSupported on a store that keeps no index.
    """
    export = _app_sessions().administration.export_owner(owner)

    def exported() -> Iterator[dict[str, Any]]:
        while (batch := run(export.next())) is not None:
            yield from batch

    return exported()


@belonging("flask")
def erase_owner(owner: str) -> int:
    """End all sessions of an owner, and forget the owner; tell how many those were.

    For a request under data protection law, and once the account is gone: a login that is
    under way may survive it. Raises NotSupported on a store that keeps no index.
    """
    return run(_app_sessions().administration.erase_owner(owner))


@belonging("flask")
def revoke_everyone() -> int:
    """End every session of this application, as after a restore; tell how many.

    Raises NotSupported on a store that cannot list what it holds.
    """
    return run(_app_sessions().administration.revoke_everyone())


@belonging("flask")
def purge() -> int:
    """Delete expired sessions from a store that keeps them; tell how many."""
    return run(_app_sessions().administration.purge())


@belonging("flask")
def ping() -> float:
    """Ask the store whether it answers, for a health check; return the seconds that it took.

    Raises StoreUnavailable within SESSION_STORE_TIMEOUT. Nothing is written, so a server that
    is full may answer still. With SESSION_TYPE "cookie" there is nothing to ask.
    """
    return run(_app_sessions().ping())


@belonging("flask")
@contextmanager
def saving() -> Iterator[ServerSession]:
    """Save the session at the end of the block, not when the response is made.

    For a view that runs long, and for what goes on when its response is made, as a thread
    does: it saves nothing otherwise. There, in a WebSocket and in a Socket.IO event no cookie
    can be sent: beginning or regenerating a session raises ReadOnlySession. A streamed body
    saves after each chunk without a block.
    Raises StoreUnavailable.

    `session.modified = True` restarts the idle timeout, so that what stays open for long
    keeps its session alive; `session.modified = False` saves nothing of the data.

    After the block the session shows what is stored, what other requests wrote
    meanwhile included; a value that equals it stays the object that it was. A session
    that ended meanwhile is empty, and nothing more of this request is saved in it: to read a
    key raises EndedSessionKeyError, a KeyError that says so. Where no response can tell the
    browser, as in a WebSocket, a block whose writes are dropped for it raises SessionEnded.
    """
    session, app_sessions = _own_session(), _app_sessions()
    state = state_of(session)
    state.blocks += 1
    try:
        yield session
        _run(app_sessions, session, open_sessions.saved_block(app_sessions, session))
    finally:
        del session  # a local that an error tracker would show
        state.blocks -= 1


@belonging("flask")
def reload() -> bool:
    """Bring in what other requests wrote to the session; return whether it is still there.

    For what stays open for long: a WebSocket, a stream, a thread. What this request did and has
    not saved stays, done anew to the newer data. A session that ended meanwhile, or was given
    another secret, as by a login in the same browser, is empty from then on. The idle timeout
    runs on. Raises StoreUnavailable, NotSupported with SESSION_TYPE "cookie".
    """
    session, app_sessions = _own_session(), _app_sessions()
    try:
        return _run(app_sessions, session, open_sessions.reloaded(app_sessions, session))
    finally:
        del session  # a local that an error tracker would show


@belonging("flask")
def save() -> bool:
    """Save the session now, as a block of `saving()` does; return whether it is there then.

    For a WebSocket, and for a view that runs long. When the response is made, a write outside
    of a block warns, so write in a block there. Raises what `saving()` does, but SessionEnded.
    """
    session, app_sessions = _own_session(), _app_sessions()
    try:
        return _run(app_sessions, session, open_sessions.saved(app_sessions, session))
    finally:
        del session  # a local that an error tracker would show


def _run(app_sessions: AppSessions, session: ServerSession, steps: Steps[T]) -> T:
    state = state_of(session)
    state.of_socket = state.of_socket or _is_of_socket()
    del session
    try:
        return run(steps)
    except StoreError as error:
        raise app_sessions.failed(error) from error


def current() -> object:
    """Internal: give the session of this request itself, not its proxy."""
    return headers.unproxied(flask.session)


def is_seen(session: ServerSession) -> bool:
    """Internal: return whether a browser sees the response that a session is saved with.

    None sees that of a socket, or of a test client's session_transaction().
    """
    return not state_of(session).of_socket and _is_current(session)


def carrier(response: flask.Response, session: ServerSession) -> flask.Response | None:
    """Internal: return the response if it carries a cookie to its session's browser."""
    state = state_of(session)
    state.of_socket = state.of_socket or (_is_current(session) and _is_of_socket(response))
    return None if state.of_socket else response


def _own_sid() -> str | None:
    """Return the sid of this request's session, if that is stored."""
    return listed_sid(current()) if flask.has_request_context() else None


def _is_current(session: ServerSession) -> bool:
    return flask.has_request_context() and current() is session


def _is_of_socket(response: flask.Response | None = None) -> bool:
    """Return whether no response to this request reaches its browser's cookies.

    Flask-SocketIO gives each event a request of its own, marked by `event`, and drops the
    response. A view of a rule for WebSockets, as Flask-Sock's, has said all over its socket
    when it returns; what turns the client away before that is a response as any.
    """
    request = cast("flask.Request", headers.unproxied(flask.request))
    if "event" in vars(request) and "namespace" in vars(request):
        return True
    rule = request.url_rule
    if rule is None or not rule.websocket:
        return False
    return response is None or response.status_code // 100 not in _TURNED_AWAY


def _session() -> ServerSession:
    """Return this request's session, or say why it is none of ours."""
    try:
        found = current()
    except RuntimeError as error:
        raise outside_of_request("flask") from error
    if not isinstance(found, ServerSession):
        _ = _app_sessions()  # says so where there is none
    return cast("ServerSession", found)


def _own_session() -> ServerSession:
    """Return this request's session, or say that something has taken its place."""
    found = _session()
    if not isinstance(found, ServerSession):
        raise replaced("flask")
    return found


def _app_sessions() -> AppSessions:
    try:
        app = headers.unproxied(flask.current_app)
    except RuntimeError as error:
        raise outside_of_application("flask") from error
    return app_sessions_of(app)


#: `flask.session`, with the type that it has once `Session(app)` was called.
session: ServerSession = cast("ServerSession", LocalProxy(_session))
