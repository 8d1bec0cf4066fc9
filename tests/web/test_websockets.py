"""Sessions in Quart's WebSockets: read and saved, but no cookie can be sent there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from samesession import StoreUnavailable
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor
from tests.support.spy import PATIENCE

pytestmark = [pytest.mark.asyncio, pytest.mark.needs("quart")]


def _serve(site: Site, do: Callable[[Any], Any]) -> None:
    async def socket() -> None:
        await site.web.websocket.send(str(do(site.session)))

    site.app.websocket("/socket")(socket)


async def _said(user: Visitor, path: str = "/socket") -> str:
    driver: Any = user.driver
    async with driver.websocket(path) as connection:
        said: str = await connection.receive()
        # Whoever leaves first cancels the view, and what it has not saved.
        await asyncio.wait_for(asyncio.shield(connection._task), PATIENCE)
    return said


async def test_a_socket_reads_the_session(site: Site) -> None:
    _serve(site, dict)
    user = site.visitor()
    await user.put(a=1)
    assert await _said(user) == "{'a': 1}"
    assert await _said(site.visitor()) == "{}"


async def test_what_a_socket_writes_to_a_session_is_saved(site: Site) -> None:
    _serve(site, lambda session: session["list"].append(1))
    user = site.visitor()
    await user.put(list=[])
    await _said(user)
    assert await user.value(dict) == {"list": [1]}


@pytest.mark.stores("filesystem", "memory", "sqlite", "sqlalchemy-sqlite")
@pytest.mark.parametrize(("idle", "alive"), [(299, True), (301, False)])
async def test_a_lifetime_that_changes_while_a_socket_is_open_counts_when_it_closes(
    new_site: NewSite, idle: int, *, alive: bool
) -> None:
    site = new_site()

    def shorten(session: Any) -> None:
        site.app.permanent_session_lifetime = timedelta(minutes=5)

    _serve(site, shorten)
    user = site.visitor()
    await user.put(a=1)
    await _said(user)
    site.clock.advance(idle)
    assert await user.value(lambda session: session.get("a")) == (1 if alive else None)


@pytest.mark.parametrize(
    ("known", "do"),
    [
        (False, lambda s: s.update(a=2)),
        (True, lambda s: (s.update(a=2), s.regenerate())),
        pytest.param(True, lambda s: (s.update(a=2), s.unbind()), marks=pytest.mark.owners),
    ],
    ids=["beginning", "regenerating", "unbinding"],
)
async def test_what_needs_a_cookie_is_refused_and_said_in_the_log(
    new_site: NewSite,
    caplog: pytest.LogCaptureFixture,
    known: bool,
    do: Callable[[Any], Any],
) -> None:
    site = new_site()
    _serve(site, do)
    user = site.visitor()
    if known:
        await user.put(a=1)
    await _said(user)
    assert "a response that has started cannot send a cookie" in caplog.text
    assert await user.value(dict) == ({"a": 1} if known else {})


async def test_a_socket_is_refused_while_the_store_is_down(
    new_site: NewSite, backend: Backend
) -> None:
    from quart.testing.connections import WebsocketResponseError

    spy = backend.spy()
    site = new_site(options={"store": spy})
    _serve(site, dict)
    user = site.visitor()
    await user.put(a=1)
    spy.fail("load", StoreUnavailable("the store is down"))
    with pytest.raises(WebsocketResponseError) as refused:
        await _said(user)
    assert refused.value.response.status_code == 503
    spy.mend()
    assert await _said(user) == "{'a': 1}"


async def test_what_a_socket_could_not_save_is_said_in_the_log(
    new_site: NewSite, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    _serve(site, lambda session: session.update(a=2))
    user = site.visitor()
    await user.put(a=1)
    spy.fail("commit", StoreUnavailable("the store is down"))
    assert await _said(user) == "None"
    assert [record.getMessage() for record in caplog.records if record.name == "samesession"] == [
        "the session store failed: the store is down"
    ]
    spy.mend()
    assert await user.value(dict) == {"a": 1}
