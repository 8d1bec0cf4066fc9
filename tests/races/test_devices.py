"""Browsers bind and prove sessions while other requests run: all go on, and nothing is revived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from samesession.core.events import Event
from tests.support.authenticator import registration_of
from tests.support.backend import Backend
from tests.support.browser import Answer
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

from .conftest import NewScene
from .late import Act, Late, Scene

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]

WHERE = [("load", True), ("commit", False)]
REGISTER = "/_session/device/register"


@pytest.fixture
def scene(new_scene: NewScene) -> Scene:
    return new_scene(SESSION_DEVICE_BOUND="require")


def clear(session: Any) -> None:
    session.clear()


@asynccontextmanager
async def late(
    scene: Scene, browser: DeviceBrowser, path: str, where: tuple[str, bool], **headers: str
) -> AsyncIterator[Late]:
    """Begin a request to an endpoint that waits at a call of the store; it ends with the block."""
    gate = scene.spy.pause(where[0], after=where[1])
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    driver = scene.site.visitor().driver
    driver.jar = browser.jar.copy()
    request = Late(gate, driver.start("POST", path, headers=sent, scheme="https"))
    try:
        await gate.reached()
        yield request
        request.answer = await request.end()
    finally:
        gate.open()
        await asyncio.wait([request.task])


def late_proof(
    scene: Scene, browser: DeviceBrowser, challenge: str | None, where: tuple[str, bool]
) -> Any:
    assert challenge is not None
    proof = browser.device.proof(challenge)
    sent = {"Sec_Secure_Session_Id": browser.sid, "Secure_Session_Response": proof}
    return late(scene, browser, browser.refresh_path, where, **sent)


def late_registration(
    scene: Scene, browser: DeviceBrowser, offer: Answer, where: tuple[str, bool]
) -> Any:
    found = registration_of(offer)
    assert found is not None
    proof = browser.device.proof(found["challenge"], new=True)
    return late(scene, browser, REGISTER, where, Secure_Session_Response=proof)


async def bound(scene: Scene) -> DeviceBrowser:
    """Give a browser whose session is bound, and that has been asked for a proof."""
    browser = await bound_browser(scene.site)
    assert (await browser.ask()).status == 403
    return browser


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
async def test_of_two_refreshes_at_once_both_count(scene: Scene, where: tuple[str, bool]) -> None:
    browser = await bound(scene)
    first = browser.challenge
    _ = await browser.ask()
    async with late_proof(scene, browser, first, where) as slow:
        assert (await browser.prove()).status == 200
        assert await browser.value(owner) == "ada"
    assert slow.answer.status == 200
    browser.jar.take(slow.answer.set_cookies)
    assert await browser.value(owner) == "ada"
    scene.site.clock.advance(500)
    assert await browser.value(owner) == "ada"


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
async def test_of_two_proofs_by_one_challenge_one_counts(
    scene: Scene, where: tuple[str, bool]
) -> None:
    browser = await bound(scene)
    challenge = browser.challenge
    async with late_proof(scene, browser, challenge, where) as slow:
        assert (await browser.prove(challenge)).status == 200
        scene.heard.clear()
    assert (slow.answer.status, slow.answer.set_cookies) == (403, [])
    assert Event.DEVICE_PROVED not in scene.heard
    assert Event.DEVICE_REFUSED in scene.heard
    assert await browser.value(owner) == "ada"


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
async def test_who_asks_late_for_a_session_that_ended_is_told_so(
    scene: Scene, backend: Backend, where: tuple[str, bool]
) -> None:
    """And gets no challenge, which nothing would know."""
    browser = await bound(scene)
    asking = {"Sec_Secure_Session_Id": browser.sid}
    async with late(scene, browser, browser.refresh_path, where, **asking) as slow:
        _ = await browser.visit(log_out)
    assert slow.answer.json() == {"session_identifier": browser.sid, "continue": False}
    assert backend.records() == {}


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
@pytest.mark.parametrize("change", [log_out, clear])
async def test_a_late_proof_revives_no_session_that_ended(
    scene: Scene, backend: Backend, change: Act, where: tuple[str, bool]
) -> None:
    browser = await bound(scene)
    async with late_proof(scene, browser, browser.challenge, where) as slow:
        _ = await browser.visit(change)
        assert backend.records() == {}
        scene.heard.clear()
    assert slow.answer.json() == {"session_identifier": browser.sid, "continue": False}
    assert backend.records() == {}
    assert Event.DEVICE_PROVED not in scene.heard
    assert all("=;" in each for each in slow.answer.set_cookies)


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
async def test_a_late_proof_revives_no_session_that_was_revoked(
    scene: Scene, backend: Backend, where: tuple[str, bool]
) -> None:
    browser = await bound(scene)
    async with late_proof(scene, browser, browser.challenge, where) as slow:
        assert await scene.administer("revoke_all", "ada") == 1
        scene.heard.clear()
    assert slow.answer.json()["continue"] is False
    assert backend.records() == {}
    assert Event.DEVICE_PROVED not in scene.heard


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
@pytest.mark.parametrize("change", [regenerate, log_in_again, log_in_as_another])
async def test_a_late_proof_leaves_a_session_with_another_secret_alone(
    scene: Scene, backend: Backend, change: Act, where: tuple[str, bool]
) -> None:
    """And does not end the browser's session, which has the newer cookie by now."""
    browser = await bound(scene)
    challenge = browser.challenge
    async with late_proof(scene, browser, challenge, where) as slow:
        _ = await browser.visit(change)
        stored = backend.records()
        scene.heard.clear()
    assert (slow.answer.status, slow.answer.set_cookies) == (503, [])
    assert backend.records() == stored
    assert Event.DEVICE_PROVED not in scene.heard
    if change is not log_in_as_another:
        assert (await browser.prove(challenge)).status == 200
    assert await browser.value(owner) == ("bob" if change is log_in_as_another else "ada")


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
async def test_a_proof_and_what_a_view_writes_both_stand(
    scene: Scene, where: tuple[str, bool]
) -> None:
    browser = await bound(scene)
    async with late_proof(scene, browser, browser.challenge, where) as slow:
        _ = await browser.visit(lambda session: session.update(a=1))
    assert slow.answer.status == 200
    browser.jar.take(slow.answer.set_cookies)
    scene.site.clock.advance(500)
    assert await browser.value(dict) == {"a": 1}


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
async def test_what_a_late_view_writes_leaves_the_proof_as_it_is(
    scene: Scene, where: tuple[str, bool]
) -> None:
    browser = await bound(scene)
    tab = scene.tab(browser.visitor)
    async with scene.late(tab, lambda session: session.update(a=1), at=where[0], after=where[1]):
        assert (await browser.prove()).status == 200
    scene.site.clock.advance(500)
    assert await browser.value(dict) == {"a": 1}
    assert (await browser.refresh()).status == 200


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
async def test_of_two_registrations_at_once_one_binds(
    scene: Scene, where: tuple[str, bool]
) -> None:
    browser = DeviceBrowser(scene.site)
    offer = await browser.visit(log_in_again)
    other = browser.stolen()
    async with late_registration(scene, other, offer, where) as slow:
        assert (await browser.register(offer)).status == 200
    assert (slow.answer.status, slow.answer.set_cookies) == (400, [])
    assert scene.heard.count(Event.DEVICE_BOUND) == 1
    scene.site.clock.advance(60)
    assert (await browser.refresh()).status == 200
    assert await browser.value(owner) == "ada"


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
async def test_of_one_registration_that_is_sent_twice_both_are_answered(
    scene: Scene, where: tuple[str, bool]
) -> None:
    """As Chromium does where the connection was lost."""
    browser = DeviceBrowser(scene.site)
    offer = await browser.visit(log_in_again)
    async with late_registration(scene, browser, offer, where) as slow:
        first = await browser.register(offer)
    assert (slow.answer.status, slow.answer.body) == (200, first.body)
    assert scene.heard.count(Event.DEVICE_BOUND) == 1
    browser.jar.take(slow.answer.set_cookies)
    assert BOUND in browser.jar
    scene.site.clock.advance(60)
    assert await browser.value(owner) == "ada"


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
@pytest.mark.parametrize("change", [log_out, clear, regenerate, log_in_as_another])
async def test_a_late_registration_binds_nothing_of_another_secret_or_life(
    scene: Scene, backend: Backend, change: Act, where: tuple[str, bool]
) -> None:
    browser = DeviceBrowser(scene.site)
    offer = await browser.visit(log_in_again)
    async with late_registration(scene, browser, offer, where) as slow:
        _ = await browser.visit(change)
        stored = backend.records()
    assert slow.answer.status == 400
    assert all("=;" in each for each in slow.answer.set_cookies)
    assert backend.records() == stored
    assert Event.DEVICE_BOUND not in scene.heard


@pytest.mark.parametrize("where", WHERE, ids=lambda where: where[0])
async def test_a_newer_offer_takes_the_place_of_one_that_is_answered_late(
    scene: Scene, where: tuple[str, bool]
) -> None:
    browser = DeviceBrowser(scene.site)
    offer = await browser.visit(log_in_again)
    async with late_registration(scene, browser, offer, where) as slow:
        newer = await browser.visit(lambda session: session.offer_device_binding())
    assert slow.answer.status == 400
    assert (await browser.register(newer)).status == 200
