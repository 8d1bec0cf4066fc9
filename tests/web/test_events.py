"""Sockets, and Socket.IO's events: the session is read and saved there, but no cookie can be sent.

The events are those of Flask-SocketIO with `manage_session=False`, as its version 5.7.0 handles
them: in a request context of their own, and with a response that goes nowhere. Views of WebSockets
under Flask are as Flask-Sock 0.7 has them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from samesession import NotSupported, ReadOnlySession, StoreUnavailable
from tests.conftest import NewSite
from tests.support.backend import ALL_STORES, Backend
from tests.support.site import Site, Visitor

from .test_saving import saving
from .test_websockets import _said

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "filesystem", "redis")]

Do = Callable[[Any], Any]

NO_COOKIE = "cannot send a cookie"


def _event(site: Site, user: Visitor, handler: Callable[[], Any]) -> None:
    """Do what Flask-SocketIO does for an event."""
    header = user.jar.header()
    headers = [] if header is None else [("Cookie", header)]
    builder = EnvironBuilder("/socket.io/", headers=headers)
    with site.app.request_context(builder.get_environ()):
        session, request = site.session._get_current_object(), site.web.request
        request.sid, request.namespace = "a sid", "/"
        request.event = {"message": "said", "args": ()}
        handler()
        if session.modified:
            site.app.session_interface.save_session(site.app, session, site.app.response_class())


async def _done(site: Site, user: Visitor, do: Do) -> None:
    """Have an event, or a WebSocket, do something to the session; raises what Flask raises."""
    if site.framework == "flask":
        _event(site, user, lambda: do(site.session))
        return

    async def socket() -> None:
        await site.web.websocket.send("began")
        do(site.session)

    path = f"/socket/{len(list(site.app.url_map.iter_rules()))}"
    site.app.websocket(path, endpoint=path)(socket)
    assert await _said(user, path) == "began"


async def _refusal(site: Site, user: Visitor, do: Do, caplog: pytest.LogCaptureFixture) -> str:
    """Give what is said of something that cannot be done there."""
    caplog.clear()
    if site.framework == "quart":
        await _done(site, user, do)
        return caplog.text
    with pytest.raises(ReadOnlySession) as refused:
        await _done(site, user, do)
    return str(refused.value)


def _relog(session: Any) -> None:
    session.clear()
    session["user"] = "bob"


@pytest.mark.parametrize(
    ("do", "then"),
    [
        (lambda s: s["list"].append(1), {"list": [1]}),
        (lambda s: s.update(a=1), {"list": [], "a": 1}),
        (lambda s: s.pop("missing", None), {"list": []}),
        (dict, {"list": []}),
    ],
    ids=["within", "assigned", "nothing", "read"],
)
async def test_what_is_done_to_a_session_is_kept(
    site: Site, caplog: pytest.LogCaptureFixture, do: Do, then: dict[str, Any]
) -> None:
    user = site.visitor()
    await user.put(list=[])
    await _done(site, user, do)
    assert await user.value(dict) == then
    assert caplog.records == []


NEEDING: dict[str, tuple[bool, Do]] = {
    "first write": (False, lambda s: s.update(a=1)),
    "first login": (False, lambda s: s.bind("ann")),
    "new secret": (True, lambda s: s.regenerate()),
    "login": (True, lambda s: s.bind("ann")),
    "cleared and written": (True, _relog),
}


@pytest.mark.owners
@pytest.mark.parametrize("name", NEEDING)
async def test_what_needs_a_cookie_is_refused(
    site: Site, backend: Backend, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    known, do = NEEDING[name]
    user = site.visitor()
    if known:
        await user.put(list=[])
    before = backend.records()
    for _ in range(2):
        assert NO_COOKIE in await _refusal(site, user, do, caplog)
    assert backend.records() == before
    assert await user.value(dict) == ({"list": []} if known else {})


async def test_a_logout_deletes_the_record_and_says_that_the_cookie_stays(
    site: Site, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    user = site.visitor()
    await user.put(list=[])
    await _done(site, user, lambda s: s.clear())
    (line,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert NO_COOKIE in line.getMessage()
    assert backend.records() == {}
    assert await user.value(dict) == {}


@pytest.mark.stores(*ALL_STORES)
async def test_who_has_no_session_says_nothing_by_leaving_it_so(
    site: Site, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    acts: tuple[Do, ...] = (dict, lambda s: setattr(s, "permanent", True), lambda s: s.clear())
    for do in acts:
        await _done(site, site.visitor(), do)
    assert (caplog.records, backend.records()) == ([], {})


@pytest.mark.stores("cookie")
@pytest.mark.parametrize(
    "do",
    [lambda s: s.update(a=1), lambda s: s["list"].append(1), lambda s: s.clear(), _relog],
    ids=["assigned", "within", "cleared", "cleared and written"],
)
async def test_a_session_that_the_browser_keeps_can_keep_nothing_there(
    site: Site, caplog: pytest.LogCaptureFixture, do: Do
) -> None:
    user = site.visitor()
    await user.put(list=[])
    assert NO_COOKIE in await _refusal(site, user, do, caplog)
    assert await user.value(dict) == {"list": []}


# --- Flask alone ---------------------------------------------------------------------------


@pytest.mark.needs("flask")
@pytest.mark.stores(*ALL_STORES)
@pytest.mark.parametrize("known", [True, False], ids=["live", "new"])
async def test_a_block_in_an_event(site: Site, backend: Backend, known: bool) -> None:
    user = site.visitor()
    if known:
        await user.put(list=[])
    work = saving(site, lambda session: session.update(b=1))
    if known and backend.name != "cookie":
        _event(site, user, work)
        assert await user.value(dict) == {"list": [], "b": 1}
        return
    refusal = NotSupported if backend.name == "cookie" else ReadOnlySession
    with pytest.raises(refusal):
        _event(site, user, work)
    assert await user.value(dict) == ({"list": []} if known else {})


@pytest.mark.needs("flask")
async def test_an_outage_in_an_event_is_raised(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user = site.visitor()
    await user.put(list=[])
    spy.fail("commit", StoreUnavailable("on purpose"))
    with pytest.raises(StoreUnavailable):
        _event(site, user, lambda: site.session.update(a=1))


@pytest.mark.needs("flask")
async def test_a_block_says_what_to_write_where_the_session_is_a_copy(site: Site) -> None:
    from flask.globals import request_ctx
    from flask.sessions import SecureCookieSession

    def handler() -> None:
        request_ctx._session = SecureCookieSession(site.session)
        saving(site, lambda session: session.update(b=1))()

    with pytest.raises(RuntimeError, match="manage_session=False"):
        _event(site, site.visitor(), handler)


def _serve_socket(site: Site, do: Do, status: int) -> None:
    def view(session: Any, web: Any) -> Any:
        do(session)
        return web.Response(status=status)

    site.view("/socket", methods=("GET",), websocket=True)(view)


async def _connect(user: Visitor) -> int:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
    return (await user.driver.get("/socket", headers=headers)).status


@pytest.mark.needs("flask")
@pytest.mark.parametrize("status", [200, 500])
async def test_a_view_that_talked_over_its_socket_begins_no_session(
    site: Site, backend: Backend, status: int
) -> None:
    _serve_socket(site, lambda session: session.update(a=1), status)
    user = site.visitor()
    assert await _connect(user) == 500
    (error,) = site.errors
    assert isinstance(error, ReadOnlySession)
    assert ("session" in user.jar, backend.records()) == (False, {})
    await user.put(list=[])
    assert await _connect(user) == status
    assert await user.value(dict) == {"list": [], "a": 1}


@pytest.mark.needs("flask")
@pytest.mark.parametrize("status", [302, 401])
async def test_who_is_turned_away_before_gets_a_cookie(site: Site, status: int) -> None:
    _serve_socket(site, lambda session: session.update(next="/socket"), status)
    user = site.visitor()
    assert await _connect(user) == status
    assert await user.value(dict) == {"next": "/socket"}
