"""Functions for Quart applications besides `session`: list, end and save sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import quart
from werkzeug.local import LocalProxy

from .. import headers, open_sessions
from ..app_sessions import AppSessions, app_sessions_of
from ..core.admin import Administration
from ..core.request_state import listed_sid, state_of
from ..core.session import ServerSession
from ..core.session_info import SessionInfo, SessionPage
from ..core.steps import Steps
from ..device_demand import demanding
from ..errors import StoreError
from ..misplaced_calls import belonging, outside_of_application, outside_of_request
from ..reauthentication import View, required
from ..run.aio import arun, finished
from .ended import Ended, ended_of
from .event_loop import check_running_loop
from .letting_go import letting_go
from .sockets import Sockets
from .watcher import Watchers

if TYPE_CHECKING:
    from quart import Request, Websocket

T = TypeVar("T")


def fresh_required(minutes: float = 10) -> Callable[[View], View]:
    """Call a view only if the user has authenticated in the last minutes; a decorator.

    It calls `session.require_fresh(minutes)` and then the view, which may be a function or a
    coroutine. Write it below the route::

        @app.post("/password")
        @fresh_required(minutes=10)
        async def change_password():
            ...

    .. versionadded:: 1.0
    """
    return required(minutes, _session)


def device_bound_now(view: View) -> View:
    """Call a view only if the session's device was proved in the last 30 seconds.

    A decorator, below the route. Otherwise the browser is sent to the same URL once more, and
    proves the device first. If it cannot do that, the view raises DeviceProofRequired, a 403.
    """
    return demanding(view, _session, current_request, quart.current_app)


@belonging("quart")
async def sessions_of(owner: str) -> list[SessionInfo]:
    """List the live sessions that `session.bind(owner)` made, the oldest first.

    Each one is a `SessionInfo`::

        for each in await sessions_of("ann"):
            print(each.label, each.last_seen, each.current)

    .. versionadded:: 1.0
    """
    return await _administer(lambda admin: admin.sessions_of(owner, current=_own_sid()))


@belonging("quart")
async def sessions_page(owner: str, *, after: str | None = None, limit: int = 100) -> SessionPage:
    """List at most `limit` of an owner's live sessions, the oldest first.

    `after` is that of the page before. Each page reads all of the owner's sessions, so use
    `sessions_of` to get all of them.

    .. versionadded:: 1.0
    """
    return await _administer(
        lambda admin: admin.sessions_page(owner, after=after, limit=limit, current=_own_sid())
    )


@belonging("quart")
async def count() -> int:
    """Count this application's live sessions: each is read, in batches.

    The count is exact if none begins or ends in the meantime; Redis may count one twice while it
    grows. Raises NotSupported on a store that cannot list its keys.

    .. versionadded:: 1.0
    """
    return await _administer(lambda admin: admin.count())


@belonging("quart")
async def all_sessions(*, after: str | None = None, limit: int = 100) -> SessionPage:
    """List at most `limit` of this application's live sessions, in the store's own order.

    `after` is that of the page before. A session that exists from the first page to the last is in
    at least one of them. Raises NotSupported on a store that cannot list its keys.

    .. versionadded:: 1.0
    """
    return await _administer(
        lambda admin: admin.all_sessions(after=after, limit=limit, current=_own_sid())
    )


@belonging("quart")
async def revoke(sid: str) -> bool:
    """End one session of this application now; return False if there was none.

    .. versionadded:: 1.0
    """
    return await _administer(lambda admin: admin.revoke(sid))


@belonging("quart")
async def revoke_all(owner: str, *, keep: str | None = None) -> int:
    """End an owner's sessions, except the one whose sid is `keep`; return how many.

    For example after a change of the password::

        ended = await revoke_all("ann", keep=session.sid)

    .. versionadded:: 1.0
    """
    return await _administer(lambda admin: admin.revoke_all(owner, keep=keep))


@belonging("quart")
def export_owner(owner: str) -> AsyncIterator[dict[str, Any]]:
    """Yield an owner's live sessions with their data, for a request under data protection law.

    Each is a dict for `json.dumps`: `sid`, `owner`, `label`, `created`, `authenticated`,
    `last_seen` and `expires` (ISO 8601, or None), and `data`, in which types that JSON lacks are
    text. They come in the store's order, and are read in batches when they are needed. Raises
    NotSupported on a store that keeps no index.

    .. versionadded:: 1.0
    """
    app_sessions = _app_sessions()
    export = app_sessions.administration.export_owner(owner)

    async def exported() -> AsyncIterator[dict[str, Any]]:
        async with letting_go(app_sessions):
            while True:
                batch = await arun(export.next(), timeout=app_sessions.store_timeout)
                if batch is None:
                    break
                for each in batch:
                    yield each

    return exported()


@belonging("quart")
async def erase_owner(owner: str) -> int:
    """End all sessions of an owner, and forget the owner; return how many there were.

    It is for requests under data protection law. Call it after the account is deleted: a login that
    is in progress may survive it. Raises NotSupported on a store that keeps no index.

    .. versionadded:: 1.0
    """
    return await _administer(lambda admin: admin.erase_owner(owner))


@belonging("quart")
async def revoke_everyone() -> int:
    """End every session of this application, for example after a restore; return how many.

    Raises NotSupported on a store that cannot list its keys.

    .. versionadded:: 1.0
    """
    return await _administer(lambda admin: admin.revoke_everyone())


@belonging("quart")
async def purge() -> int:
    """Delete expired sessions from a store that keeps them; return how many.

    .. versionadded:: 1.0
    """
    return await _administer(lambda admin: admin.purge())


@belonging("quart")
async def ping() -> float:
    """Check whether the store answers, for a health check; return the seconds that it took.

    Raises StoreUnavailable within SESSION_STORE_TIMEOUT. It writes nothing, so a full server may
    still answer. With SESSION_TYPE "cookie" there is nothing to check.

    .. versionadded:: 1.0
    """
    app_sessions = _app_sessions()
    return await arun(app_sessions.ping(), timeout=app_sessions.store_timeout)


@belonging("quart")
@asynccontextmanager
async def saving() -> AsyncIterator[ServerSession]:
    """Save the session at the end of the block, not when the response is made.

    It is for a WebSocket, whose session is otherwise saved only when it closes, for a view that
    runs long, and for work that continues after the response, such as a background task, which
    saves nothing otherwise::

        async with saving():
            session["progress"] = 50

    After the response, and in a WebSocket, no cookie can be sent: beginning or regenerating a
    session raises ReadOnlySession there. A streamed body saves after each chunk without a block.
    Raises StoreUnavailable.

    `session.modified = True` restarts the idle timeout, so that work that takes long keeps its
    session alive. `session.modified = False` saves no data.

    After the block the session shows the stored data, including changes of other requests. A value
    that equals the stored one stays the same object. A session that has ended is empty, and this
    request saves nothing more in it: reading a key raises EndedSessionKeyError, a KeyError with
    this reason. If no response can tell the browser, as in a WebSocket, a block whose writes are
    dropped for it raises SessionEnded.

    .. versionadded:: 1.0
    """
    session = _session()
    app_sessions = _app_sessions()
    state = state_of(session)
    state.blocks += 1
    try:
        yield session
        await _run(app_sessions, session, open_sessions.saved_block(app_sessions, session))
    finally:
        del session  # error trackers show local variables
        state.blocks -= 1


@belonging("quart")
async def reload() -> bool:
    """Load what other requests wrote to the session; return whether it still exists.

    It is for requests that stay open for long: a WebSocket, a stream, a task. Unsaved changes of
    this request are applied to the newer data. A session is empty from then on if it has ended, or
    got another secret, for example by a login in the same browser. The idle timeout is not
    restarted. Raises StoreUnavailable, and NotSupported with SESSION_TYPE "cookie".

    .. versionadded:: 1.0
    """
    session, app_sessions = _session(), _app_sessions()
    try:
        return await _run(app_sessions, session, open_sessions.reloaded(app_sessions, session))
    finally:
        del session  # error trackers show local variables


@belonging("quart")
async def save() -> bool:
    """Save the session now, as a block of `saving()` does; return whether it exists then.

    It is for a WebSocket, and for a view that runs long. After the response, a write outside of a
    block warns, so use a block there. Raises the same errors as `saving()`, except SessionEnded.

    .. versionadded:: 1.0
    """
    session, app_sessions = _session(), _app_sessions()
    try:
        return await _run(app_sessions, session, open_sessions.saved(app_sessions, session))
    finally:
        del session  # error trackers show local variables


@belonging("quart")
def watching(*, interrupts: bool = False) -> AbstractAsyncContextManager[Ended]:
    """Watch, in a block that stays open for long, whether the session has ended.

    It is for a WebSocket or a streamed body::

        async with watching() as ended:
            while not ended.is_set():
                await websocket.send(await news())

    `ended.is_set()` and `await ended.wait()` work like those of an `asyncio.Event`. With
    `interrupts` the block is cancelled when the session ends, and SessionEnded is raised at its
    end. The session is empty then. It ends when it is deleted, revoked or expired, or gets another
    secret, for example by a login in the same browser.

    The block learns of it within half a second with Redis, and within two seconds with other
    stores, in whichever process it ended. While the store is down nothing ends. Raises NotSupported
    with SESSION_TYPE "cookie".

    .. versionadded:: 1.0
    """
    session, app_sessions = _session(), _app_sessions()
    _ = app_sessions.administration  # raises if there is no store
    interface: Any = app_sessions.app.session_interface  # our attribute, which Quart does not know
    return ended_of(session, interface.watchers.here(), interrupts=interrupts)


async def _run(app_sessions: AppSessions, session: ServerSession, steps: Steps[T]) -> T:
    """Read or save a session; a WebSocket's save completes even if its client leaves."""
    of_socket = state_of(session).of_socket
    del session
    try:
        work = arun(steps, timeout=app_sessions.store_timeout)
        return await (finished(work) if of_socket else work)
    except StoreError as error:
        raise app_sessions.failed(error) from error


def serve(
    app: quart.Quart, app_sessions: AppSessions, sockets: Sockets, watchers: Watchers
) -> None:
    """Internal: create the tables before the first request, close connections after the last."""
    _ = app.teardown_websocket(sockets.torn_down)

    @app.before_serving
    async def prepare() -> None:
        check_running_loop()
        app_sessions.serves = True
        if app_sessions.config.creates:
            await arun(app_sessions.prepare())

    @app.after_serving
    async def shut() -> None:
        await watchers.close()
        await arun(app_sessions.shut(), timeout=app_sessions.store_timeout)


async def _administer(work: Callable[[Administration], Steps[T]]) -> T:
    """Do work on many sessions, each batch within the store's timeout."""
    app_sessions = _app_sessions()
    async with letting_go(app_sessions):
        return await arun(work(app_sessions.administration), timeout=app_sessions.store_timeout)


def runner(app_sessions: AppSessions) -> Callable[[Steps[Any]], Any]:  # Any: what steps return
    """Internal: return the runner of steps for a command, in its own event loop."""
    return lambda steps: asyncio.run(arun(steps, timeout=app_sessions.store_timeout))


def cookie_header(request: Request | Websocket) -> str:
    """Internal: join Cookie headers that HTTP/2 may have split (RFC 9113, 8.2.3)."""
    sent = [value for name, value in request.scope["headers"] if name.lower() == b"cookie"]
    return b";".join(sent).decode("latin-1") if sent else ""


def current() -> object:
    """Internal: return the session of this request itself, not its proxy."""
    try:
        return headers.unproxied(quart.session)
    except AttributeError as error:
        # Quart 0.23 reads an attribute of None where an application is active without a request.
        raise RuntimeError("no request is active") from error


def current_request() -> Request | Websocket:
    """Internal: return the current request itself, not its proxy."""
    return cast(
        "Request | Websocket",
        headers.unproxied(quart.request if quart.has_request_context() else quart.websocket),
    )


def _own_sid() -> str | None:
    """Return the sid of this request's or WebSocket's session, if it is stored."""
    is_asked = quart.has_request_context() or quart.has_websocket_context()
    return listed_sid(current()) if is_asked else None


def _session() -> ServerSession:
    """Return this request's session, or raise an error that explains why it is not ours."""
    try:
        found = current()
    except RuntimeError as error:
        raise outside_of_request("quart") from error
    if not isinstance(found, ServerSession):
        _ = _app_sessions()  # raises if there is none
    return cast("ServerSession", found)


def _app_sessions() -> AppSessions:
    try:
        app = headers.unproxied(quart.current_app)
    except RuntimeError as error:
        raise outside_of_application("quart") from error
    return app_sessions_of(app)


#: `quart.session`, with its type after `Session(app)`.
session: ServerSession = cast("ServerSession", LocalProxy(_session))
