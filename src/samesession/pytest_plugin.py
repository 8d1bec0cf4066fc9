"""A pytest plugin for tests of applications, loaded by its entry point; free if unused.

    from samesession.pytest_plugin import assert_logged_out, logged_in

    def test_checkout(client, session_store, clock):
        logged_in(client, "ann", cart=["tea"])
        clock.tick(hours=1)
        assert_logged_out(client)

Both functions take a test client of Flask or Quart; with Quart's they are awaited. With
`session_store`, tests do not share sessions. docs/guides/testing.md shows more.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, overload
from weakref import WeakKeyDictionary

import pytest

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from quart.typing import TestClientProtocol as QuartClient

    from .core.session import ServerSession
    from .core.session_info import SessionInfo
    from .core.steps import Steps
    from .stores.memory import MemoryStore
    from .testing import ManualClock

__all__ = ["assert_logged_out", "clock", "logged_in", "session_store"]

T = TypeVar("T")

# The sids that `logged_in` gave to a client, to check on the server whether they were ended.
_logins: WeakKeyDictionary[Any, list[str]] = WeakKeyDictionary()  # Any: of either framework


@pytest.fixture
def session_store() -> Iterator[MemoryStore]:
    """Keep the sessions of all applications in memory, separate for each test.

    It replaces any SESSION_TYPE, also of applications that were created before. An exception are
    applications that keep their sessions in the cookie, which a new test client does not have::

        def test_cart(client, session_store):
            client.post("/cart", data={"item": "tea"})
            assert b"tea" in client.get("/cart").data

    .. versionadded:: 1.0
    """
    from .stand_ins import everywhere
    from .stores.memory import MemoryStore

    store = MemoryStore()
    with everywhere(store):
        yield store


@pytest.fixture
def clock() -> Iterator[ManualClock]:
    """Stop the time of sessions, except when told: `clock.tick(hours=1)`.

    It starts at the present moment, and applies to each application without its own clock. Redis,
    memcached and other servers count idle time with their own clocks: use it with `session_store`::

        def test_idle(client, session_store, clock):
            logged_in(client, "ann")
            clock.tick(days=32)
            assert_logged_out(client)

    .. versionadded:: 1.0
    """
    from .run.clocks import system_time, system_time_from
    from .testing import ManualClock

    manual = ManualClock(float(int(system_time())))
    with system_time_from(manual):
        yield manual


@overload
def logged_in(client: FlaskClient, owner: str, /, **data: Any) -> SessionInfo: ...
@overload
def logged_in(
    client: QuartClient, owner: str, /, **data: Any
) -> Coroutine[Any, Any, SessionInfo]: ...
def logged_in(client: Any, owner: str, /, **data: Any) -> Any:
    """Log a user in to a test client, without the application's login; return the session's info.

    The session has the owner, as after `session.bind(owner)`, and the data in addition to its
    former data. Another user's session is ended first. If the application uses
    `samesession.flask_login`, the user is logged in to Flask-Login, too::

        logged_in(client, "ann", cart=["tea"])

    .. versionadded:: 1.0
    """
    app = _app_of(client)
    by_flask_login = "samesession.flask_login" in app.extensions

    def log_in(session: ServerSession) -> None:
        if session.info.owner not in (None, owner):
            session.end()
        session.bind(owner)
        if by_flask_login:
            session.update(_flask_logins(app, client.environ_base, owner))
        session.update(data)

    def logged(session: ServerSession) -> Steps[SessionInfo]:
        yield from ()
        info = session.info
        if info.sid is not None:
            _logins.setdefault(client, []).append(info.sid)
        return info

    return _in_transaction(client, log_in, logged)


@overload
def assert_logged_out(client: FlaskClient) -> None: ...
@overload
def assert_logged_out(client: QuartClient) -> Coroutine[Any, Any, None]: ...
def assert_logged_out(client: Any) -> Any:
    """Fail if a test client is logged in: if its cookie opens a session with an owner.

    Also fail if a session that `logged_in` gave to the client is still alive on the server, where a
    copy of the cookie would open it::

        client.post("/logout")
        assert_logged_out(client)

    .. versionadded:: 1.0
    """

    def read(session: ServerSession) -> None:
        _ = session.info

    def looked_up(session: ServerSession) -> Steps[None]:
        from .app_sessions import app_sessions_of
        from .by_sid import opened

        _fail_if_owned(session, "the cookie of this client opens")
        app_sessions = app_sessions_of(_app_of(client))
        for sid in _logins.pop(client, ()):
            left = yield from opened(app_sessions, sid)
            if left is not None:
                _fail_if_owned(left, "a copy of this client's cookie would open")

    return _in_transaction(client, read, looked_up)


def _fail_if_owned(session: ServerSession, how: str) -> None:
    __tracebackhide__ = True
    info = session.info
    if info.owner is not None:
        pytest.fail(
            f"not logged out: {how} the session {info.sid} of {info.owner!r}. To log a user out "
            "write session.end()"
        )


def _in_transaction(
    client: Any,
    act: Callable[[ServerSession], None],
    after: Callable[[ServerSession], Steps[T]],
) -> Any:
    """Change a client's session, and then run steps; with Quart, the result is awaited."""
    __tracebackhide__ = True
    if hasattr(_app_of(client), "wsgi_app"):
        from .run.sync import run

        with client.session_transaction() as session:
            act(session)
        return run(after(session))

    async def awaited() -> T:
        __tracebackhide__ = True
        from .run.aio import arun

        async with client.session_transaction() as session:
            act(session)
        return await arun(after(session))

    return awaited()


def _flask_logins(app: Any, environ: dict[str, Any], user: str) -> dict[str, Any]:
    """Return the values that Flask-Login keeps for a user who has logged in with this browser."""
    with app.test_request_context(environ_base=environ):
        browser = app.login_manager._session_identifier_generator()  # noqa: SLF001  # it has no other way
    return {"_user_id": user, "_fresh": True, "_id": browser}


def _app_of(client: Any) -> Any:
    """Return the application of a test client."""
    app = getattr(client, "application", None) or getattr(client, "app", None)
    if app is None:
        raise TypeError(
            "this takes a test client, as app.test_client() of Flask or Quart returns it, not a "
            f"{type(client).__name__}"
        )
    return app
