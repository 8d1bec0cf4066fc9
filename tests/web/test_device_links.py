"""A link on another site's page, which no browser holds back until the device is proved."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from samesession import signals
from samesession.core import events
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer
from tests.support.device import BOUND, DeviceBrowser, bound_browser, owner

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]

FRESHNESS = 600
LINK = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
OURS = {**LINK, "Sec-Fetch-Site": "same-origin"}


async def arrive(browser: DeviceBrowser, **options: Any) -> Answer:
    """Follow a link to a page that says who is logged in."""
    browser.visitor.result = "not asked"
    return await browser.visit(owner, headers=LINK, **options)


async def test_it_leads_to_a_page_that_asks_once_more(new_site: NewSite, backend: Backend) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    refused: list[str] = []

    def note(sender: Any, *, reason: str, **_: Any) -> None:
        if sender is site.app:
            refused.append(reason)

    browser = await bound_browser(site, ago=FRESHNESS)
    before = backend.records()
    with signals.session_device_refused.connected_to(note):
        answer = await arrive(browser)
        assert answer.status == 200
        assert answer.header("Refresh") == "0;url=/visit/1"
        assert browser.visitor.result == "not asked"
        assert backend.records() == before
        assert (await browser.go(owner, headers=OURS)).status == 200
    assert browser.visitor.result == "ada"
    assert browser.refreshes == 1
    assert refused == []


async def test_the_page_is_ours_whatever_the_application_adds(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")

    @site.after_request
    def add(session: Any, web: Any, response: Any) -> Any:
        response.headers["Content-Security-Policy"] = "sandbox"  # it would go round in a circle
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cache-Control"] = "public, max-age=60"
        return response

    answer = await arrive(await bound_browser(site, ago=FRESHNESS))
    assert answer.header("Content-Security-Policy") == "default-src 'none'; frame-ancestors 'none'"
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("Access-Control-Allow-Origin") is None


async def test_no_rule_of_the_applications_is_asked(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    asks: list[str] = []

    @site.before_request
    def to_login(session: Any, web: Any) -> Any:
        return ("please log in", 401) if asks and not session.info.owner else None

    browser = await bound_browser(site, ago=FRESHNESS)
    asks.append("from now on")
    assert (await arrive(browser)).status == 200
    assert browser.visitor.result == "not asked"


async def test_a_bound_cookie_that_is_too_old_goes(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    browser = DeviceBrowser(site)
    await browser.log_in()
    cookies = str(browser.jar.header()).encode()
    site.clock.advance(FRESHNESS + 1)
    answer = await arrive(browser, cookie=cookies)
    assert answer.header("Refresh") == "0;url=/visit/1"
    (deleted,) = answer.set_cookies
    assert deleted.startswith(f"{BOUND}=;")


async def test_a_copy_is_sent_there_in_vain(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    refused: list[str] = []

    def note(sender: Any, *, reason: str, **_: Any) -> None:
        if sender is site.app:
            refused.append(reason)

    thief = (await bound_browser(site, ago=FRESHNESS)).stolen()
    with signals.session_device_refused.connected_to(note):
        for _ in range(2):
            assert (await arrive(thief)).header("Refresh") is not None
            assert thief.visitor.result == "not asked"
        assert await thief.value(owner, headers=OURS) is None
    assert refused == [events.DEVICE_MISSING]


@pytest.mark.parametrize("mode", ["offer", "require"])
async def test_who_need_not_prove_anything_arrives_at_once(new_site: NewSite, mode: str) -> None:
    site = new_site(SESSION_DEVICE_BOUND=mode)
    unbound = DeviceBrowser(site)
    await unbound.visit(lambda session: session.bind("ada"))
    for browser in (unbound, DeviceBrowser(site)):
        assert (await arrive(browser)).header("Refresh") is None
        assert browser.visitor.result == ("ada" if browser is unbound else None)
    browser = await bound_browser(site, ago=FRESHNESS)
    if mode == "require":
        assert (await browser.go(owner)).status == 200
    assert (await arrive(browser)).header("Refresh") is None
    assert browser.visitor.result == "ada"


async def test_a_view_that_wants_a_proof_at_once_gets_it(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    ours = import_module(f"samesession.{site.framework}")
    paid = ours.device_bound_now(site.bind(lambda session, web: f"paid by {owner(session)}"))
    site.app.add_url_rule("/pay", "pay", paid)
    browser = DeviceBrowser(site)
    await browser.log_in()
    site.clock.advance(60)
    answer = browser.heard(await browser.visitor.driver.get("/pay", headers=LINK, scheme="https"))
    assert (answer.status, answer.header("Refresh")) == (200, "0;url=/pay")
    assert answer.header("Secure-Session-Challenge") is not None
    assert BOUND not in str(browser.jar.header())
    assert (await browser.fetch("GET", "/pay", headers=OURS)).text == "paid by ada"
    assert browser.refreshes == 1
