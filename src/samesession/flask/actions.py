"""Functions for Flask applications besides `session`: list, end and save sessions."""

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
from ..device_demand import demanding
from ..errors import StoreError
from ..misplaced_calls import belonging, outside_of_application, outside_of_request, replaced
from ..reauthentication import View, required
from ..run.sync import run

T = TypeVar("T")

_TURNED_AWAY = (3, 4)  # the hundreds of a status: a redirect, or an error of the client


def fresh_required(minutes: float = 10) -> Callable[[View], View]:
    """Call a view only if the user has authenticated in the last minutes; a decorator.

    It calls `session.require_fresh(minutes)` and then the view, which may be a function or a
    coroutine. Write it below the route::

        @app.post("/password")
        @fresh_required(minutes=10)
        def change_password():
            ...

    .. versionadded:: 1.0
    """
    return required(minutes, _session)


def device_bound_now(view: View) -> View:
    """Call a view only if the session's device was proved in the last 30 seconds.

    A decorator, below the route. Otherwise the browser is sent to the same URL once more, and
    proves the device first. If it cannot do that, the view raises DeviceProofRequired, a 403.
    """
    return demanding(view, _session, current_request, flask.current_app)


@belonging("flask")
def sessions_of(owner: str) -> list[SessionInfo]:
    """List the live sessions that `session.bind(owner)` made, the oldest first.

    Each one is a `SessionInfo`::

        for each in sessions_of("ann"):
            print(each.label, each.last_seen, each.current)

    .. versionadded:: 1.0
    """
    return run(_app_sessions().administration.sessions_of(owner, current=_own_sid()))


@belonging("flask")
def sessions_page(owner: str, *, after: str | None = None, limit: int = 100) -> SessionPage:
    """List at most `limit` of an owner's live sessions, the oldest first.

    `after` is that of the page before. Each page reads all of the owner's sessions, so use
    `sessions_of` to get all of them.

    .. versionadded:: 1.0
    """
    administration = _app_sessions().administration
    return run(administration.sessions_page(owner, after=after, limit=limit, current=_own_sid()))


@belonging("flask")
def count() -> int:
    """Count this application's live sessions: each is read, in batches.

    The count is exact if none begins or ends in the meantime; Redis may count one twice while it
    grows. Raises NotSupported on a store that cannot list its keys.

    .. versionadded:: 1.0
    """
    return run(_app_sessions().administration.count())


@belonging("flask")
def all_sessions(*, after: str | None = None, limit: int = 100) -> SessionPage:
    """List at most `limit` of this application's live sessions, in the store's own order.

    `after` is that of the page before. A session that exists from the first page to the last is in
    at least one of them. Raises NotSupported on a store that cannot list its keys.

    .. versionadded:: 1.0
    """
    administration = _app_sessions().administration
    return run(administration.all_sessions(after=after, limit=limit, current=_own_sid()))


@belonging("flask")
def revoke(sid: str) -> bool:
    """End one session of this application now; return False if there was none.

    .. versionadded:: 1.0
    """
    return run(_app_sessions().administration.revoke(sid))


@belonging("flask")
def revoke_all(owner: str, *, keep: str | None = None) -> int:
    """End an owner's sessions, except the one whose sid is `keep`; return how many.

    For example after a change of the password::

        ended = revoke_all("ann", keep=session.sid)

    .. versionadded:: 1.0
    """
    return run(_app_sessions().administration.revoke_all(owner, keep=keep))


@belonging("flask")
def export_owner(owner: str) -> Iterator[dict[str, Any]]:
    """Yield an owner's live sessions with their data, for a request under data protection law.

    Each is a dict for `json.dumps`: `sid`, `owner`, `label`, `created`, `authenticated`,
    `last_seen` and `expires` (ISO 8601, or None), and `data`, in which types that JSON lacks are
    text. They come in the store's order, and are read in batches when they are needed. Raises
    NotSupported on a store that keeps no index.

    .. versionadded:: 1.0
    """
    export = _app_sessions().administration.export_owner(owner)

    def exported() -> Iterator[dict[str, Any]]:
        while (batch := run(export.next())) is not None:
            yield from batch

    return exported()


@belonging("flask")
def erase_owner(owner: str) -> int:
    """End all sessions of an owner, and forget the owner; return how many there were.

    It is for requests under data protection law. Call it after the account is deleted: a login that
    is in progress may survive it. Raises NotSupported on a store that keeps no index.

    .. versionadded:: 1.0
    """
    return run(_app_sessions().administration.erase_owner(owner))


@belonging("flask")
def revoke_everyone() -> int:
    """End every session of this application, for example after a restore; return how many.

    Raises NotSupported on a store that cannot list its keys.

    .. versionadded:: 1.0
    """
    return run(_app_sessions().administration.revoke_everyone())


@belonging("flask")
def purge() -> int:
    """Delete expired sessions from a store that keeps them; return how many.

    .. versionadded:: 1.0
    """
    return run(_app_sessions().administration.purge())


@belonging("flask")
def ping() -> float:
    """Check whether the store answers, for a health check; return the seconds that it took.

    Raises StoreUnavailable within SESSION_STORE_TIMEOUT. It writes nothing, so a full server may
    still answer. With SESSION_TYPE "cookie" there is nothing to check.

    .. versionadded:: 1.0
    """
    return run(_app_sessions().ping())


@belonging("flask")
@contextmanager
def saving() -> Iterator[ServerSession]:
    """Save the session at the end of the block, not when the response is made.

    It is for a view that runs long, and for work that continues after the response, such as a
    thread, which saves nothing otherwise::

        with saving():
            session["progress"] = 50

    After the response, in a WebSocket and in a Socket.IO event no cookie can be sent: beginning or
    regenerating a session raises ReadOnlySession there. A streamed body saves after each chunk
    without a block. Raises StoreUnavailable.

    `session.modified = True` restarts the idle timeout, so that work that takes long keeps its
    session alive. `session.modified = False` saves no data.

    After the block the session shows the stored data, including changes of other requests. A value
    that equals the stored one stays the same object. A session that has ended is empty, and this
    request saves nothing more in it: reading a key raises EndedSessionKeyError, a KeyError with
    this reason. If no response can tell the browser, as in a WebSocket, a block whose writes are
    dropped for it raises SessionEnded.

    .. versionadded:: 1.0
    """
    session, app_sessions = _own_session(), _app_sessions()
    state = state_of(session)
    state.blocks += 1
    try:
        yield session
        _run(app_sessions, session, open_sessions.saved_block(app_sessions, session))
    finally:
        del session  # error trackers show local variables
        state.blocks -= 1


@belonging("flask")
def reload() -> bool:
    """Load what other requests wrote to the session; return whether it still exists.

    It is for requests that stay open for long: a WebSocket, a stream, a thread. Unsaved changes of
    this request are applied to the newer data. A session is empty from then on if it has ended, or
    got another secret, for example by a login in the same browser. The idle timeout is not
    restarted. Raises StoreUnavailable, and NotSupported with SESSION_TYPE "cookie".

    .. versionadded:: 1.0
    """
    session, app_sessions = _own_session(), _app_sessions()
    try:
        return _run(app_sessions, session, open_sessions.reloaded(app_sessions, session))
    finally:
        del session  # error trackers show local variables


@belonging("flask")
def save() -> bool:
    """Save the session now, as a block of `saving()` does; return whether it exists then.

    It is for a WebSocket, and for a view that runs long. After the response, a write outside of a
    block warns, so use a block there. Raises the same errors as `saving()`, except SessionEnded.

    .. versionadded:: 1.0
    """
    session, app_sessions = _own_session(), _app_sessions()
    try:
        return _run(app_sessions, session, open_sessions.saved(app_sessions, session))
    finally:
        del session  # error trackers show local variables


def _run(app_sessions: AppSessions, session: ServerSession, steps: Steps[T]) -> T:
    state = state_of(session)
    state.of_socket = state.of_socket or _is_of_socket()
    del session
    try:
        return run(steps)
    except StoreError as error:
        raise app_sessions.failed(error) from error


def current() -> object:
    """Internal: return the session of this request itself, not its proxy."""
    return headers.unproxied(flask.session)


def current_request() -> flask.Request:
    """Internal: return the current request itself, not its proxy."""
    return cast("flask.Request", headers.unproxied(flask.request))


def is_seen(session: ServerSession) -> bool:
    """Internal: return whether a browser sees the response that saves the session.

    It sees none for a socket, or for a test client's session_transaction().
    """
    return not state_of(session).of_socket and _is_current(session)


def carrier(response: flask.Response, session: ServerSession) -> flask.Response | None:
    """Internal: return the response if it carries a cookie to its session's browser."""
    state = state_of(session)
    state.of_socket = state.of_socket or (_is_current(session) and _is_of_socket(response))
    return None if state.of_socket else response


def _own_sid() -> str | None:
    """Return the sid of this request's session, if it is stored."""
    return listed_sid(current()) if flask.has_request_context() else None


def _is_current(session: ServerSession) -> bool:
    return flask.has_request_context() and current() is session


def _is_of_socket(response: flask.Response | None = None) -> bool:
    """Return whether no response to this request can set a cookie in its browser.

    Flask-SocketIO gives each event its own request, with the attribute `event`, and drops the
    response. A view of a WebSocket rule, such as Flask-Sock's, has sent everything over its socket
    when it returns. A response that refuses the client before that is an ordinary one.
    """
    request = cast("flask.Request", headers.unproxied(flask.request))
    if "event" in vars(request) and "namespace" in vars(request):
        return True
    rule = request.url_rule
    if rule is None or not rule.websocket:
        return False
    return response is None or response.status_code // 100 not in _TURNED_AWAY


def _session() -> ServerSession:
    """Return this request's session, or raise an error that explains why it is not ours."""
    try:
        found = current()
    except RuntimeError as error:
        raise outside_of_request("flask") from error
    if not isinstance(found, ServerSession):
        _ = _app_sessions()  # raises if there is none
    return cast("ServerSession", found)


def _own_session() -> ServerSession:
    """Return this request's session; raise an error if other code has replaced it."""
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


#: `flask.session`, with its type after `Session(app)`.
session: ServerSession = cast("ServerSession", LocalProxy(_session))
