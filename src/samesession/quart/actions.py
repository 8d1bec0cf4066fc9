"""What a Quart application calls besides `session`: list, end and save sessions."""

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
    """Have a view called only where the user has authenticated in the last minutes; a decorator.

    `session.require_fresh(minutes)` comes first, then the view, which may be a function or a
    coroutine. Write it below the route: `@app.post("/password")`, `@fresh_required()`.
    """
    return required(minutes, _session)


@belonging("quart")
async def sessions_of(owner: str) -> list[SessionInfo]:
    """List the live sessions that `session.bind(owner)` made, the oldest first."""
    return await _administer(lambda admin: admin.sessions_of(owner, current=_own_sid()))


@belonging("quart")
async def sessions_page(owner: str, *, after: str | None = None, limit: int = 100) -> SessionPage:
    """List at most `limit` of an owner's live sessions, the oldest first.

    `after` is that of the page before. All of the owner's sessions are read for it, so
    whoever wants all of them asks for `sessions_of`.
    """
    return await _administer(
        lambda admin: admin.sessions_page(owner, after=after, limit=limit, current=_own_sid())
    )


@belonging("quart")
async def count() -> int:
    """Count this application's live sessions: each is read for it, a batch at a time.

    Exact if none begins or ends meanwhile; Redis may count one twice while it grows.
    Raises NotSupported on a store that cannot list what it holds.
    """
    return await _administer(lambda admin: admin.count())


@belonging("quart")
async def all_sessions(*, after: str | None = None, limit: int = 100) -> SessionPage:
    """List at most `limit` of this application's live sessions, in the store's own order.

    `after` is that of the page before. A session that is there from the first page to the last
    is in one of them at least. Raises NotSupported on a store that cannot list what it holds.
    """
    return await _administer(
        lambda admin: admin.all_sessions(after=after, limit=limit, current=_own_sid())
    )


@belonging("quart")
async def revoke(sid: str) -> bool:
    """End one session of this application now; False if there was none."""
    return await _administer(lambda admin: admin.revoke(sid))


@belonging("quart")
async def revoke_all(owner: str, *, keep: str | None = None) -> int:
    """End an owner's sessions, but the one whose sid is `keep`; tell how many."""
    return await _administer(lambda admin: admin.revoke_all(owner, keep=keep))


@belonging("quart")
def export_owner(owner: str) -> AsyncIterator[dict[str, Any]]:
    """Yield an owner's live sessions with their data, for a request under data protection law.

    Each is a dict that `json.dumps` takes: `sid`, `owner`, `label`, `created`, `authenticated`,
    `last_seen` and `expires` (ISO 8601, or None), and `data`, with what JSON has no word for as
    text. They come as the store lists them, and are read a batch at a time, as they are asked
    for. Raises NotSupported on a store that keeps no index.
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
    """End all sessions of an owner, and forget the owner; tell how many those were.

    For a request under data protection law, and once the account is gone: a login that is
    under way may survive it. Raises NotSupported on a store that keeps no index.
    """
    return await _administer(lambda admin: admin.erase_owner(owner))


@belonging("quart")
async def revoke_everyone() -> int:
    """End every session of this application, as after a restore; tell how many.

    Raises NotSupported on a store that cannot list what it holds.
    """
    return await _administer(lambda admin: admin.revoke_everyone())


@belonging("quart")
async def purge() -> int:
    """Delete expired sessions from a store that keeps them; tell how many."""
    return await _administer(lambda admin: admin.purge())


@belonging("quart")
async def ping() -> float:
    """Ask the store whether it answers, for a health check; return the seconds that it took.

    Raises StoreUnavailable within SESSION_STORE_TIMEOUT. Nothing is written, so a server that
    is full may answer still. With SESSION_TYPE "cookie" there is nothing to ask.
    """
    app_sessions = _app_sessions()
    return await arun(app_sessions.ping(), timeout=app_sessions.store_timeout)


@belonging("quart")
@asynccontextmanager
async def saving() -> AsyncIterator[ServerSession]:
    """Save the session at the end of the block, not when the response is made.

    For a WebSocket, whose session is saved only when it closes, for a view that runs
    long, and for what goes on when its response is made, as a background task does: it
    saves nothing otherwise. There, and in a WebSocket, no cookie can be sent: beginning or
    regenerating a session raises ReadOnlySession. A streamed body saves after each chunk
    without a block. Raises StoreUnavailable.

    `session.modified = True` restarts the idle timeout, so that what stays open for long
    keeps its session alive; `session.modified = False` saves nothing of the data.

    After the block the session shows what is stored, what other requests wrote
    meanwhile included; a value that equals it stays the object that it was. A session
    that ended meanwhile is empty, and nothing more of this request is saved in it: to read a
    key raises EndedSessionKeyError, a KeyError that says so. Where no response can tell the
    browser, as in a WebSocket, a block whose writes are dropped for it raises SessionEnded.
    """
    session = _session()
    app_sessions = _app_sessions()
    state = state_of(session)
    state.blocks += 1
    try:
        yield session
        await _run(app_sessions, session, open_sessions.saved_block(app_sessions, session))
    finally:
        del session  # a local that an error tracker would show
        state.blocks -= 1


@belonging("quart")
async def reload() -> bool:
    """Bring in what other requests wrote to the session; return whether it is still there.

    For what stays open for long: a WebSocket, a stream, a task. What this request did and has
    not saved stays, done anew to the newer data. A session that ended meanwhile, or was given
    another secret, as by a login in the same browser, is empty from then on. The idle timeout
    runs on. Raises StoreUnavailable, NotSupported with SESSION_TYPE "cookie".
    """
    session, app_sessions = _session(), _app_sessions()
    try:
        return await _run(app_sessions, session, open_sessions.reloaded(app_sessions, session))
    finally:
        del session  # a local that an error tracker would show


@belonging("quart")
async def save() -> bool:
    """Save the session now, as a block of `saving()` does; return whether it is there then.

    For a WebSocket, and for a view that runs long. When the response is made, a write outside
    of a block warns, so write in a block there. Raises what `saving()` does, but SessionEnded.
    """
    session, app_sessions = _session(), _app_sessions()
    try:
        return await _run(app_sessions, session, open_sessions.saved(app_sessions, session))
    finally:
        del session  # a local that an error tracker would show


@belonging("quart")
def watching(*, interrupts: bool = False) -> AbstractAsyncContextManager[Ended]:
    """Learn, in a block that stays open for long, that the session has ended: `as ended`.

    For a WebSocket or a streamed body. `ended.is_set()` and `await ended.wait()` tell, as those
    of an `asyncio.Event`. With `interrupts` the block is broken off, and SessionEnded raised
    at its end. The session is empty then. Ended it has wherever it was deleted, revoked, has
    expired, or was given another secret, as by a login in the same browser.

    Within half a second, with Redis, and two, with other stores, whichever process it ended in.
    While the store is down nothing ends. Raises NotSupported with SESSION_TYPE "cookie".
    """
    session, app_sessions = _session(), _app_sessions()
    _ = app_sessions.administration  # raises where there is no store
    interface: Any = app_sessions.app.session_interface  # ours, which Quart does not know
    return ended_of(session, interface.watchers.here(), interrupts=interrupts)


async def _run(app_sessions: AppSessions, session: ServerSession, steps: Steps[T]) -> T:
    """Read or save a session; what a WebSocket began to save is saved though its client leaves."""
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
    """Internal: make the tables before the first request, let go of connections after the last."""
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
    """Do work on many sessions, each batch of it within the store's timeout."""
    app_sessions = _app_sessions()
    async with letting_go(app_sessions):
        return await arun(work(app_sessions.administration), timeout=app_sessions.store_timeout)


def runner(app_sessions: AppSessions) -> Callable[[Steps[Any]], Any]:  # Any: what the steps return
    """Internal: give what runs steps for a command, in an event loop of its own."""
    return lambda steps: asyncio.run(arun(steps, timeout=app_sessions.store_timeout))


def cookie_header(request: Request | Websocket) -> str:
    """Internal: join what HTTP/2 may have split (RFC 9113, 8.2.3)."""
    sent = [value for name, value in request.scope["headers"] if name.lower() == b"cookie"]
    return b";".join(sent).decode("latin-1") if sent else ""


def current() -> object:
    """Internal: give the session of this request itself, not its proxy."""
    return headers.unproxied(quart.session)


def _own_sid() -> str | None:
    """Return the sid of this request's or WebSocket's session, if that is stored."""
    is_asked = quart.has_request_context() or quart.has_websocket_context()
    return listed_sid(current()) if is_asked else None


def _session() -> ServerSession:
    """Return this request's session, or say why it is none of ours."""
    try:
        found = current()
    except RuntimeError as error:
        raise outside_of_request("quart") from error
    if not isinstance(found, ServerSession):
        _ = _app_sessions()  # says so where there is none
    return cast("ServerSession", found)


def _app_sessions() -> AppSessions:
    try:
        app = headers.unproxied(quart.current_app)
    except RuntimeError as error:
        raise outside_of_application("quart") from error
    return app_sessions_of(app)


#: `quart.session`, with the type that it has once `Session(app)` was called.
session: ServerSession = cast("ServerSession", LocalProxy(_session))
