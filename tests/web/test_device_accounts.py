"""What becomes of a binding by logins, new secrets and logouts, and on the other half of a site."""

from __future__ import annotations

from typing import Any

import pytest

from samesession import NotSupported, ReadOnlySession
from tests.conftest import NewSite
from tests.support.authenticator import registration_of
from tests.support.backend import Backend
from tests.support.browser import attributes
from tests.support.device import (
    BOUND,
    DeviceBrowser,
    bound_browser,
    log_in_again,
    log_in_as_another,
    log_out,
    owner,
    regenerate,
)
from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]


@pytest.fixture
def site(new_site: NewSite) -> Site:
    return new_site(SESSION_DEVICE_BOUND="require")


@pytest.mark.parametrize("act", [regenerate, log_in_again])
async def test_a_new_secret_brings_the_bound_cookie_anew_with_its_old_end(
    site: Site, act: Any
) -> None:
    browser = await bound_browser(site)
    before = browser.jar[BOUND]
    answer = await browser.visit(act)
    assert registration_of(answer) is None
    (again,) = [each for each in answer.set_cookies if each.startswith(BOUND)]
    assert attributes(again)["max-age"] == "480"
    assert browser.jar[BOUND] != before
    assert await browser.value(owner) == "ada"
    site.clock.advance(600)
    assert (await browser.go(owner)).status == 200
    assert browser.visitor.result == "ada"
    # What was sent before counts with neither secret.
    cookie = f"session={browser.jar['session']}; {BOUND}={before}"
    assert await browser.value(owner, cookie=cookie.encode()) is None


@pytest.mark.parametrize("act", [regenerate, log_in_again])
async def test_a_new_secret_brings_no_bound_cookie_to_who_has_no_fresh_one(
    new_site: NewSite, act: Any
) -> None:
    """A thief that goes on, as nothing is required, gets none by a new secret."""
    site = new_site(SESSION_DEVICE_BOUND="offer")
    browser = await bound_browser(site)
    thief = browser.stolen()
    cookie = str(thief.jar.header()).encode()
    site.clock.advance(600)
    answer = await thief.visit(act, cookie=cookie)
    (dropped,) = [each for each in answer.set_cookies if each.startswith(BOUND)]
    assert attributes(dropped)["max-age"] == "0"
    answer = await thief.visit(act)
    assert [each for each in answer.set_cookies if each.startswith(BOUND)] == []
    assert await thief.value(lambda session: session.info.device_bound) is True


async def test_another_owner_takes_no_binding_over(site: Site) -> None:
    browser = await bound_browser(site)
    sid = browser.sid
    answer = await browser.visit(log_in_as_another)
    assert BOUND not in browser.jar
    assert await browser.value(lambda session: session.info.device_bound) is False
    # The browser's own session is told to end, or to begin anew with the key that it makes.
    there = await browser.ask()
    assert there.json() == {"session_identifier": sid, "continue": False}
    assert (await browser.register(answer)).status == 200
    assert await browser.value(owner) == "bob"


@pytest.mark.parametrize(
    "act", [log_out, lambda session: session.clear(), lambda session: session.unbind()]
)
async def test_a_logout_ends_it_in_the_browser(site: Site, act: Any) -> None:
    browser = await bound_browser(site)
    sid = browser.sid
    kept = browser.stolen()
    kept.device, kept.known = browser.device, browser.known
    _ = await browser.visit(act)
    assert BOUND not in browser.jar
    for each in (browser, kept):
        there = await each.ask()
        assert (there.status, there.json()) == (
            200,
            {"session_identifier": sid, "continue": False},
        )
    assert await kept.value(owner) is None


async def test_a_revoked_session_is_not_proved_any_more(site: Site, backend: Backend) -> None:
    browser = await bound_browser(site)
    await browser.ask()
    admin = site.app.session_interface.app_sessions.administration
    steps = admin.revoke_all("ada")
    _ = await _run(site, steps)
    answer = await browser.prove()
    assert answer.json() == {"session_identifier": browser.sid, "continue": False}
    assert backend.records() == {}


async def test_a_proof_with_the_secret_of_before_waits_for_the_newer_cookie(site: Site) -> None:
    """A request that was faster has replaced it: the browser's session is not to end by that."""
    browser = await bound_browser(site)
    late = browser.stolen()
    late.device, late.known = browser.device, browser.known
    await browser.ask()
    _ = await browser.visit(regenerate)
    answer = await late.prove(browser.challenge)
    assert (answer.status, answer.set_cookies) == (503, [])
    assert (await late.ask(sid="another")).json()["continue"] is False
    assert (await browser.prove()).status == 200
    # Nobody learns so of a session by its name alone.
    nobody = DeviceBrowser(site)
    nobody.known = browser.known
    assert (await nobody.ask()).json()["continue"] is False


async def test_two_cookies_of_live_sessions_end_nothing(site: Site) -> None:
    one, other = await bound_browser(site), await bound_browser(site)
    cookie = f"session={one.jar['session']}; session={other.jar['session']}".encode()
    answer = await one.visitor.driver.post(
        one.refresh_path,
        headers={"Sec-Secure-Session-Id": one.sid},
        cookie=cookie,
        scheme="https",
    )
    assert answer.status == 503


@pytest.mark.stores("memory", "filesystem", "sqlite")  # which go by the clock of the test
async def test_a_proof_does_not_restart_the_idle_timeout(new_site: NewSite) -> None:
    """A page that is open, and polls nothing, is no user who is there."""
    site = new_site(SESSION_DEVICE_BOUND="require", SESSION_BROWSER_LIFETIME=1000)
    browser = await bound_browser(site)
    assert await browser.value(owner) == "ada"
    for seconds, status in ((400, 200), (400, 200), (300, None)):
        site.clock.advance(seconds)
        answer = await browser.refresh()
        assert answer.json().get("continue") is (None if status else False)
    assert await browser.value(owner) is None


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_no_browser_would_answer_is_not_offered(new_site: NewSite, scheme: str) -> None:
    site, secure = (
        new_site(SESSION_DEVICE_BOUND="offer"),
        new_site(SESSION_DEVICE_BOUND="offer", SESSION_COOKIE_SECURE=True),
    )
    answer = await site.visitor().visit(log_in_again, scheme=scheme)
    assert (registration_of(answer) is not None) is (scheme == "https")
    # Behind a proxy that says nothing of https.
    assert registration_of(await secure.visitor().visit(log_in_again, scheme=scheme)) is not None


async def test_an_offer_is_stored_by_no_cache(site: Site) -> None:
    answer = await DeviceBrowser(site).visit(log_in_again)
    assert registration_of(answer) is not None
    assert answer.cache_control == "no-store"


async def test_a_session_without_an_owner_is_bound_where_that_is_offered(site: Site) -> None:
    browser = DeviceBrowser(site)

    def offer(session: Any) -> None:
        session["cart"] = [1]
        session.offer_device_binding()

    assert (await browser.register(await browser.visit(offer))).status == 200
    site.clock.advance(700)
    assert await browser.stolen().value(dict) == {}
    assert (await browser.go(dict)).status == 200
    assert browser.visitor.result == {"cart": [1]}


async def test_an_offer_of_nothing_is_none(site: Site) -> None:
    browser = DeviceBrowser(site)
    answer = await browser.visit(lambda session: session.offer_device_binding())
    assert registration_of(answer) is None
    assert answer.set_cookies == []


async def test_nothing_is_offered_where_the_setting_is_off(new_site: NewSite) -> None:
    site = new_site()
    visitor = site.visitor()
    error = await visitor.failure(lambda session: session.offer_device_binding())
    assert isinstance(error, NotSupported)
    assert "SESSION_DEVICE_BOUND" in str(error)
    answer = await visitor.visit(log_in_again, scheme="https")
    assert registration_of(answer) is None


async def test_nothing_is_offered_when_the_response_is_made(site: Site) -> None:
    found: list[BaseException] = []

    def stream(session: Any, web: Any) -> Any:
        session["a"] = 1

        def body() -> Any:
            try:
                session.offer_device_binding()
            except ReadOnlySession as error:
                found.append(error)
            yield "chunk"

        return web.Response(
            web.stream_with_context(body())
            if site.framework == "flask"
            else web.stream_with_context(_in_loop(body))()
        )

    answer = await site.visitor().respond(stream, scheme="https")
    assert answer.text == "chunk"
    assert len(found) == 1


def _in_loop(body: Any) -> Any:
    async def chunks() -> Any:
        for chunk in body():
            yield chunk

    return chunks


@pytest.mark.needs("flask", "quart")
@pytest.mark.stores("filesystem", "redis", "sqlite")
async def test_the_halves_of_a_site_share_what_is_bound(new_site: NewSite, site: Site) -> None:
    other = "quart" if site.framework == "flask" else "flask"
    half = new_site(SESSION_DEVICE_BOUND="require", options={"framework": other})
    browser = await bound_browser(site)
    there = DeviceBrowser(half)
    there.visitor.driver.jar = browser.jar
    there.device, there.known = browser.device, browser.known
    assert await there.value(owner) == "ada"
    await there.ask()  # what is asked there is proved here
    assert (await browser.prove(there.challenge)).status == 200
    _ = await there.visit(regenerate)
    assert await browser.value(owner) == "ada"
    site.clock.advance(700)
    assert await there.stolen().value(owner) is None
    assert (await there.go(owner)).status == 200
    assert there.visitor.result == "ada"
    assert await browser.value(owner) == "ada"


async def _run(site: Site, steps: Any) -> Any:
    from samesession.run.aio import arun
    from samesession.run.sync import run

    return run(steps) if site.framework == "flask" else await arun(steps)
