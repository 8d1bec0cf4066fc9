"""WebSockets that come with another library's cookie: the session is shown, and not taken over."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.old import signed_cookie
from tests.support.site import Site, Visitor
from tests.web.test_websockets import _said, _serve

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "filesystem", "redis")]

ON = {"SESSION_MIGRATE_FROM": ["signed-cookie"], "SESSION_COOKIE_NAME": "sid"}
DATA = {"user_id": 7}
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


def coming(site: Site) -> Visitor:
    user = site.visitor()
    user.jar["session"] = signed_cookie(DATA, site.clock())
    return user


@pytest.mark.needs("quart")
async def test_a_socket_is_shown_the_old_session_which_the_next_request_takes_over(
    new_site: NewSite,
) -> None:
    site = new_site(**ON)
    _serve(site, dict)
    user = coming(site)
    assert await _said(user) == str(DATA)
    assert "session" in user.jar
    assert await user.value(dict) == DATA
    assert "session" not in user.jar
    assert await _said(user) == str(DATA)


@pytest.mark.needs("quart")
async def test_what_it_writes_is_refused_and_said_in_the_log(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(**ON)
    _serve(site, lambda session: session.update(a=1))
    user = coming(site)
    with caplog.at_level(logging.ERROR):
        await _said(user)
    assert any(
        "a response that has started cannot send a cookie" in str(each.exc_info)
        for each in caplog.records
    )
    assert await user.value(dict) == DATA


@pytest.mark.needs("quart")
async def test_a_socket_that_comes_late_writes_to_the_session_of_ours(new_site: NewSite) -> None:
    site = new_site(**ON)
    _serve(site, lambda session: session.update(a=1))
    user, socket = coming(site), coming(site)
    await user.visit(dict)
    await _said(socket)
    assert await user.value(dict) == {**DATA, "a": 1}


async def test_a_request_of_socket_io_takes_nothing_over(new_site: NewSite) -> None:
    site = new_site(**ON)
    site.view("/look")(lambda session, web: str(session.get("user_id")))
    user = coming(site)
    answer = await user.driver.get("/look?EIO=4&transport=polling")
    assert (answer.text, answer.set_cookies) == ("7", [])
    assert await user.value(dict) == DATA
    assert "session" not in user.jar


@pytest.mark.needs("flask")
async def test_a_request_for_a_websocket_of_flasks_takes_nothing_over(new_site: NewSite) -> None:
    site = new_site(**ON)

    @site.view("/socket", methods=("GET",), websocket=True)
    def socket(session: Any, web: Any) -> str:
        return str(session.get("user_id"))

    user = coming(site)
    answer = await user.driver.get("/socket", headers=UPGRADE)
    assert (answer.text, answer.set_cookies) == ("7", [])
    assert await user.value(dict) == DATA


async def test_it_cannot_end_the_old_session(new_site: NewSite) -> None:
    site = new_site(**ON)
    user = coming(site)

    @site.view("/end")
    def end(session: Any, web: Any) -> str:
        session.end()
        return "ended"

    assert (await user.driver.get("/end?EIO=4")).status == 500
    assert await user.value(dict) == DATA
