"""`device_bound_now`: a view is called only where the device was proved just now."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from samesession import DeviceProofRequired, NotSupported
from tests.conftest import NewSite
from tests.support.authenticator import challenge_of
from tests.support.browser import attributes
from tests.support.device import BOUND, DeviceBrowser, bound_browser
from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]


def serve(site: Site) -> Site:
    """Serve a view that needs a proof, which counts its calls."""
    decorate = import_module(f"samesession.{site.framework}").device_bound_now
    view = site.bind(lambda session, web: session.update(n=session.get("n", 0) + 1) or "done")
    site.app.add_url_rule("/pay", "pay", decorate(view), methods=["GET", "POST"])
    return site


@pytest.fixture(params=["offer", "require"])
def site(new_site: NewSite, request: pytest.FixtureRequest) -> Site:
    return serve(new_site(SESSION_DEVICE_BOUND=request.param))


async def test_a_browser_proves_its_device_and_comes_again(site: Site) -> None:
    browser = await bound_browser(site)
    for count in (1, 2):
        answer = await browser.fetch("POST", "/pay?a=b%20c", form={"to": "bob"})
        assert (answer.status, answer.text) == (200, "done")
        assert browser.refreshes == count
        # For half a minute nothing more is asked.
        site.clock.advance(29)
        assert (await browser.fetch("POST", "/pay")).status == 200
        assert browser.refreshes == count
        site.clock.advance(2)
    assert await browser.value(lambda session: session["n"]) == 4


async def test_what_asks_for_a_proof_is_a_redirect_to_the_same_url(site: Site) -> None:
    browser = await bound_browser(site)
    answer = await browser.visitor.driver.post("/pay?a=b%20c&d=%2F", scheme="https")
    assert (answer.status, answer.body) == (307, b"")
    assert answer.header("Location") == "/pay?a=b%20c&d=%2F"
    assert challenge_of(answer) is not None
    (dropped,) = [each for each in answer.set_cookies if each.startswith(BOUND)]
    assert attributes(dropped)["max-age"] == "0"
    browser.heard(answer)
    assert (await browser.prove()).status == 200  # by the very challenge
    assert (await browser.fetch("POST", "/pay")).status == 200


async def test_who_cannot_prove_anything_is_sent_once_for_each_challenge(site: Site) -> None:
    browser = await bound_browser(site)
    thief = browser.stolen()
    post = thief.visitor.driver.post
    assert (await post("/pay", scheme="https")).status == 307
    for _ in range(3):
        assert (await post("/pay", scheme="https")).status == 403
    assert "n" not in await browser.value(dict)
    # Where the jar keeps what it was told to delete, a page's second request is like it.
    again = browser.stolen()
    header = str(again.jar.header()).encode()
    found = [
        (await again.visitor.driver.post("/pay", cookie=header, scheme="https")).status
        for _ in range(4)
    ]
    assert found == [307, 403, 403, 403]
    site.clock.advance(122)  # when those challenges have ended
    assert (await again.visitor.driver.post("/pay", cookie=header, scheme="https")).status == 307


async def test_two_requests_of_a_page_at_once_are_both_let_in(site: Site) -> None:
    browser = await bound_browser(site)
    cookie = str(browser.jar.header()).encode()
    first = await browser.visitor.driver.post("/pay", cookie=cookie, scheme="https")
    second = await browser.visitor.driver.post("/pay", cookie=cookie, scheme="https")
    assert (first.status, second.status) == (307, 307)
    browser.heard(first)
    browser.heard(second)
    assert (await browser.fetch("POST", "/pay")).status == 200
    assert (await browser.fetch("POST", "/pay")).status == 200
    assert browser.refreshes == 1


async def test_a_session_that_is_not_bound_is_turned_away(site: Site) -> None:
    browser = DeviceBrowser(site)
    assert (await browser.fetch("POST", "/pay")).status == 403
    _ = await browser.visit(lambda session: session.bind("ada"))
    answer = await browser.fetch("POST", "/pay")
    assert answer.status == 403
    assert "device" in answer.text
    assert await browser.value(dict) == {}


async def test_an_application_may_have_a_page_for_it(site: Site) -> None:
    site.errorhandler(DeviceProofRequired)(lambda session, web, error: (f"page: {error}", 403))
    answer = await DeviceBrowser(site).fetch("POST", "/pay")
    assert answer.status == 403
    assert answer.text.startswith("page: This needs a browser that proves its device")


@pytest.mark.stores("memory")
@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/%2Fevil.example/x", "/evil.example/x"),
        ("/a%5Cb", "/a%5Cb"),
        ("/X:%20y?%0d%0a", "/X:%20y?%0d%0a"),
        ("/%C3%A9?%C3%A9=%25", "/%C3%A9?%C3%A9=%25"),
    ],
)
async def test_nobody_is_sent_to_another_host(new_site: NewSite, path: str, location: str) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    decorate = import_module(f"samesession.{site.framework}").device_bound_now
    site.app.url_map.merge_slashes = False
    view = site.bind(lambda session, web, rest: "there")
    site.app.add_url_rule("/<path:rest>", "there", decorate(view))
    browser = await bound_browser(site)
    answer = await browser.visitor.driver.get(path, scheme="https")
    assert answer.header("Location") == location


async def test_it_says_so_where_no_session_is_bound_at_all(new_site: NewSite) -> None:
    site = serve(new_site())
    answer = await site.user().post("/pay", scheme="https")
    assert answer.status == 500
    assert isinstance(site.errors[-1], NotSupported)
    assert "SESSION_DEVICE_BOUND" in str(site.errors[-1])


@pytest.mark.stores("memory")
async def test_a_token_in_a_header_is_turned_away(new_site: NewSite) -> None:
    site = serve(new_site(SESSION_DEVICE_BOUND="offer", SESSION_HEADER="X-Token"))
    answer = await site.user().post("/pay", headers={"X-Token": ""}, scheme="https")
    assert answer.status == 403


@pytest.mark.stores("memory")
async def test_a_view_may_be_of_either_kind(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    decorate = import_module(f"samesession.{site.framework}").device_bound_now

    async def awaited() -> str:
        return "awaited"

    def called() -> str:
        return "called"

    for view in (awaited, called):
        site.app.add_url_rule(f"/{view.__name__}", view.__name__, decorate(view))
    browser = await bound_browser(site)
    for name in ("awaited", "called"):
        site.clock.advance(60)
        browser.heard(await browser.visitor.driver.start("GET", f"/{name}", scheme="https"))
        assert (await browser.prove()).status == 200
        # In a thread, as Flask runs coroutines in none that has an event loop.
        answer = await browser.visitor.driver.start("GET", f"/{name}", scheme="https")
        assert answer.text == name


@pytest.mark.needs("quart")
@pytest.mark.stores("memory")
async def test_a_websocket_is_let_in_by_a_proof_alone(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    decorate = import_module("samesession.quart").device_bound_now

    async def socket() -> None:
        await site.web.websocket.send("in")

    site.app.add_websocket("/socket", view_func=decorate(socket))
    browser = DeviceBrowser(site)
    await browser.log_in()
    driver: Any = browser.visitor.driver
    async with driver.websocket("/socket") as connection:
        assert await connection.receive() == "in"
    site.clock.advance(60)
    with pytest.raises(Exception) as refused:  # noqa: PT011  # the client's own
        async with driver.websocket("/socket") as connection:
            await connection.receive()
    assert getattr(refused.value, "response").status_code == 403  # noqa: B009
