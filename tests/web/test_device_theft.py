"""A copy of all cookies, without the key: what it is good for, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from samesession import NotSupported, signals
from samesession.core import events
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.device import BOUND, DeviceBrowser, bound_browser, owner

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]

FRESHNESS = 600
HEADER = "X-Session-Token"
SKIPPED = {"Secure-Session-Skipped": 'unreachable;session_identifier="a"'}


async def test_a_copied_jar_is_refused_at_the_end_of_its_freshness(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    browser = await bound_browser(site)
    thief = browser.stolen()
    header = str(browser.jar.header())  # which a thief sends for as long as it counts
    for _ in range(9):
        site.clock.advance(60)
        assert (await browser.go(owner)).status == 200
        assert browser.visitor.result == "ada"
        assert await thief.value(owner, cookie=header.encode()) == "ada"
    site.clock.advance(60)
    assert await thief.value(owner, cookie=header.encode()) is None
    assert (await browser.go(owner)).status == 200
    assert browser.visitor.result == "ada"
    # Nor does the key that it has not bring it a newer one.
    thief.known = browser.known
    assert (await thief.refresh()).status == 403
    assert await thief.value(owner) is None


async def test_a_copied_jar_goes_on_where_nothing_is_required(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="offer")
    browser = await bound_browser(site)
    thief = browser.stolen()
    site.clock.advance(3 * FRESHNESS)
    heard: list[tuple[str, str]] = []

    def skipped(sender: Any, *, reason: str, sid: str, **_: Any) -> None:
        if sender is site.app:
            heard.append((sid, reason))

    with signals.session_device_skipped.connected_to(skipped):
        assert await thief.value(owner) == "ada"
    assert heard == [(browser.sid, events.DEVICE_MISSING)]


async def test_a_refused_request_leaves_the_session_as_it_is(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    browser = await bound_browser(site)
    cookie = browser.jar.header()
    site.clock.advance(FRESHNESS)
    before = backend.records()
    answer = await browser.visit(lambda session: session.get("a"), cookie=str(cookie).encode())
    assert backend.records() == before
    # The session's cookie stays; without the bound one the browser proves itself anew.
    (deleted,) = answer.set_cookies
    assert deleted.startswith(f"{BOUND}=;")
    assert (await browser.go(owner)).status == 200
    assert browser.visitor.result == "ada"


@pytest.mark.stores("memory", "filesystem", "sqlite")  # which go by the clock of the test
async def test_a_copy_without_proofs_keeps_no_session_alive(
    new_site: NewSite, backend: Backend
) -> None:
    """A refused request restarts the idle timeout, but what counts is the last proof."""
    site = new_site(SESSION_DEVICE_BOUND="require", SESSION_BROWSER_LIFETIME=1000)
    browser = await bound_browser(site)
    assert await browser.value(owner) == "ada"
    thief = browser.stolen()
    del thief.jar[BOUND]
    for since in range(460, 2461, 400):  # seconds since the proof
        site.clock.advance(400)
        assert await thief.value(owner) is None
        assert len(backend.records()) == (since <= FRESHNESS + 1000 + 60), since
    answer = await browser.ask()
    assert answer.json() == {"session_identifier": browser.sid, "continue": False}
    assert await browser.value(owner) is None


async def test_a_refused_request_may_begin_a_session_of_its_own(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    browser = await bound_browser(site)
    sid = browser.sid
    thief = browser.stolen()
    site.clock.advance(FRESHNESS)
    _ = await thief.visit(lambda session: session.update(a=1))
    assert await thief.value(lambda session: (session.info.sid != sid, dict(session))) == (
        True,
        {"a": 1},
    )
    assert (await browser.go(lambda session: "a" in session)).status == 200
    assert browser.visitor.result is False


@pytest.mark.parametrize(
    "value", ["", "x", "1800000000.x", "9" * 40, "0." + "A" * 43, "٣." + "A" * 43]
)
async def test_no_bound_cookie_but_ours_counts(new_site: NewSite, value: str) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    browser = await bound_browser(site)
    cookie = f"session={browser.jar['session']}; {BOUND}={value}"
    assert await browser.value(owner, cookie=cookie.encode()) is None


async def test_the_bound_cookie_of_another_session_or_moment_does_not_count(
    new_site: NewSite,
) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    one, other = await bound_browser(site), await bound_browser(site)
    mine, theirs = one.jar[BOUND], other.jar[BOUND]
    moment, _, mac = mine.partition(".")
    later = f"{int(moment) + 100}.{mac}"
    for value in (theirs, later):
        cookie = f"session={one.jar['session']}; {BOUND}={value}"
        assert await one.value(owner, cookie=cookie.encode()) is None
    # Beside the right one no other does harm.
    cookie = f"session={one.jar['session']}; {BOUND}={later}; {BOUND}={theirs}; {BOUND}={mine}"
    assert await one.value(owner, cookie=cookie.encode()) == "ada"


async def test_the_page_that_is_loaded_while_the_browser_registers_goes_on(
    new_site: NewSite,
) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    browser = DeviceBrowser(site)
    await browser.log_in()
    without = f"session={browser.jar['session']}".encode()
    assert await browser.value(owner, cookie=without) == "ada"
    site.clock.advance(29)
    assert await browser.value(owner, cookie=without) == "ada"
    site.clock.advance(2)
    assert await browser.value(owner, cookie=without) is None


async def test_the_grace_is_counted_once_from_the_last_proof(new_site: NewSite) -> None:
    """Anyone can say that a proof was skipped: it helps nobody before the proof is too old."""
    site = new_site(SESSION_DEVICE_BOUND="require", SESSION_DEVICE_GRACE=120)
    browser = await bound_browser(site)
    thief, proved = browser.stolen(), site.clock.now - 60
    del thief.jar[BOUND]
    found: dict[int, Any] = {}
    for second in (60, 500, 541, 600, 700, 719, 721, 900):
        site.clock.now = proved + second
        assert await thief.value(owner) is None
        found[second] = await thief.value(owner, headers=SKIPPED)
    assert found == {
        **dict.fromkeys((60, 500), None),
        **dict.fromkeys((541, 600, 700, 719), "ada"),
        **dict.fromkeys((721, 900), None),
    }


async def test_a_cache_tells_apart_who_says_that_a_proof_was_skipped(new_site: NewSite) -> None:
    for grace, varies in ((0, "Cookie"), (120, "Cookie, Secure-Session-Skipped")):
        site = new_site(SESSION_DEVICE_BOUND="require", SESSION_DEVICE_GRACE=grace)
        browser = await bound_browser(site)
        site.clock.advance(FRESHNESS - 60)
        for headers in ({}, SKIPPED):
            answer = await browser.visit(owner, headers=headers)
            assert answer.header("Vary") == varies
    site = new_site(SESSION_DEVICE_BOUND="offer", SESSION_DEVICE_GRACE=120)
    assert (await (await bound_browser(site)).visit(owner)).header("Vary") == "Cookie"


async def test_without_a_grace_no_browser_is_believed(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    browser = await bound_browser(site)
    site.clock.advance(FRESHNESS - 30)
    assert await browser.value(owner, headers=SKIPPED) is None


async def test_the_browsers_word_is_told(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="offer")
    browser = await bound_browser(site)
    site.clock.advance(FRESHNESS)
    heard: list[str] = []

    def skipped(sender: Any, *, reason: str, **_: Any) -> None:
        if sender is site.app:
            heard.append(reason)

    words = ("unreachable", 'server_error;session_identifier="a"', "quota_exceeded", "<script>")
    with signals.session_device_skipped.connected_to(skipped):
        for word in words:
            assert await browser.value(owner, headers={"Secure-Session-Skipped": word}) == "ada"
    assert heard == [
        events.DEVICE_UNREACHABLE,
        events.DEVICE_SERVER_ERROR,
        events.DEVICE_QUOTA,
        events.DEVICE_OTHER,
    ]


@pytest.mark.parametrize("mode", ["offer", "require"])
async def test_a_token_in_a_header_neither_opens_a_bound_session_nor_is_offered_to_bind_one(
    new_site: NewSite, mode: str
) -> None:
    site = new_site(SESSION_DEVICE_BOUND=mode, SESSION_HEADER=HEADER)
    browser = await bound_browser(site)
    cookie = browser.jar["session"]
    client = site.visitor()
    _ = await client.visit(owner, headers={HEADER: cookie}, scheme="https")
    assert client.result is None
    began = await client.visit(
        lambda session: session.bind("ada"), headers={HEADER: ""}, scheme="https"
    )
    assert began.header("Secure-Session-Registration") is None
    assert began.set_cookies == []
    token = began.all(HEADER)[0]
    refused = await client.visit(
        lambda session: session.offer_device_binding(), headers={HEADER: token}, scheme="https"
    )
    assert refused.status == 500
    assert isinstance(site.errors[-1], NotSupported)


@pytest.mark.parametrize("seconds", [-55, 55])
async def test_the_clocks_of_two_nodes_may_differ(
    new_site: NewSite, backend: Backend, seconds: int
) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    clock = type(site.clock)(site.clock.now + seconds)
    node = new_site(SESSION_DEVICE_BOUND="require", options={"clock": clock})
    browser = DeviceBrowser(site)
    await browser.log_in()
    there = DeviceBrowser(node)
    there.visitor.driver.jar = browser.jar
    there.device, there.known = browser.device, browser.known
    assert await there.value(owner) == "ada"
    # A challenge of one node is answered at the other, and the proof counts at both.
    for first, second in ((browser, there), (there, browser)):
        await first.ask()
        assert (await second.prove(first.challenge)).status == 200
        assert await browser.value(owner) == "ada"
        assert await there.value(owner) == "ada"


async def test_a_proof_of_the_future_does_not_count(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    browser = await bound_browser(site)
    site.clock.advance(300)
    await browser.refresh()
    cookie = str(browser.jar.header()).encode()
    site.clock.advance(-70)
    assert await browser.value(owner, cookie=cookie) is None


@pytest.mark.parametrize("freshness", [10, 40, 600, 86400])
async def test_the_cookie_ends_before_its_value_does(new_site: NewSite, freshness: int) -> None:
    """So that neither a request under way nor another node's clock makes it too old."""
    site = new_site(SESSION_DEVICE_BOUND="require", SESSION_DEVICE_FRESHNESS=freshness)
    browser = DeviceBrowser(site)
    await browser.log_in()
    cookie = str(browser.jar.header()).encode()
    site.clock.advance(freshness - min(60, freshness // 4) - 0.5)
    assert BOUND in str(browser.jar.header())
    site.clock.advance(1)
    assert BOUND not in str(browser.jar.header())
    if freshness > 30:  # or what is bound settles yet
        assert await browser.value(owner, cookie=cookie) == "ada"
        site.clock.advance(min(60, freshness // 4) + 1)
        assert await browser.value(owner, cookie=cookie) is None


async def test_who_binds_nothing_goes_on_as_before(new_site: NewSite) -> None:
    site = new_site(SESSION_DEVICE_BOUND="require")
    browser = DeviceBrowser(site)
    _ = await browser.visit(lambda session: session.bind("ada"))
    site.clock.advance(10 * FRESHNESS)
    assert await browser.value(owner) == "ada"
    assert await browser.stolen().value(owner) == "ada"


async def test_with_the_setting_off_a_bound_session_is_one_as_any(new_site: NewSite) -> None:
    site, off = new_site(SESSION_DEVICE_BOUND="require"), new_site()
    browser = await bound_browser(site)
    there = off.visitor()
    there.driver.jar = browser.jar.copy()
    site.clock.advance(FRESHNESS)
    assert await there.value(owner) == "ada"
    _ = await there.visit(lambda session: session.update(a=1))
    answer = await there.driver.post(
        "/_session/device/refresh",
        headers={"Sec-Secure-Session-Id": browser.sid},
        scheme="https",
    )
    assert answer.status == 404
    # What it has written has kept the binding.
    assert await browser.stolen().value(owner) is None
    assert (await browser.go(lambda session: session["a"])).status == 200
    assert browser.visitor.result == 1
