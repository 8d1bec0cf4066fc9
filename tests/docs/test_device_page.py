"""The examples of docs/guides/device-bound-sessions.md do what the page says that they do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from samesession.core import events
from samesession.run.clocks import system_time_from
from tests.support.clock import Clock
from tests.support.device import DeviceBrowser
from tests.support.pages import Block
from tests.support.site import Site
from tests.web.test_device_sessions import OFFER, bound, secured

from .test_code_blocks import here, of_python, ran, secret_key

__all__ = ["here", "secret_key"]  # the fixtures

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("here")]

NAME = "docs/guides/device-bound-sessions.md"
PAGE = (Path(__file__).parents[2] / NAME).read_text()


def examples(saying: str) -> list[Any]:
    found = [each for each in of_python(saying=saying) if each.values[0].page == NAME]
    assert found
    return found


def served(block: Block, **settings: Any) -> Site:
    app = ran(block, "")
    app.config.update(settings)  # until the first request
    return Site(block.framework, {}, clock=Clock(time.time()), app=app, init=False)


@pytest.mark.parametrize("block", examples("cannot be copied"))
async def test_the_page_of_devices_says_which_session_cannot_be_copied(block: Block) -> None:
    site = served(block, SESSION_DEVICE_BOUND="offer")
    laptop, phone = site.visitor(), site.visitor()
    await bound(laptop, await secured(laptop, lambda session: session.bind("ann", "Laptop")))
    await secured(phone, lambda session: session.bind("ann", "Phone"))
    answer = await laptop.driver.get("/devices", scheme="https")
    assert answer.json() == {"Laptop": "cannot be copied", "Phone": "not bound"}


@pytest.mark.parametrize("block", examples("/device-counts"))
async def test_the_counts_are_of_logins_bindings_and_what_require_would_refuse(
    block: Block,
) -> None:
    site = served(block)
    user = site.visitor()
    await bound(user, await secured(user, lambda session: session.bind("ann")))
    del user.jar["session_bound"]
    await secured(user, dict)
    counts = (await site.user().get("/device-counts")).json()
    assert counts == {"logins": 1, "bound": 1, "skipped: there is no bound cookie": 1}


@pytest.mark.parametrize("block", examples("device_bound_now"))
async def test_who_can_prove_the_device_pays_and_who_cannot_does_not(block: Block) -> None:
    site = served(block, SESSION_DEVICE_BOUND="offer")
    browser, other = DeviceBrowser(site), site.visitor()
    with system_time_from(site.clock):
        await browser.log_in("ann")
        site.clock.now += 60
        assert (await browser.fetch("POST", "/pay")).text == "paid"
        assert browser.refreshes == 1
        await secured(other, lambda session: session.bind("ann"))
        assert (await other.driver.post("/pay", scheme="https")).status == 403


@pytest.mark.parametrize("block", examples("ProxyFix("))
async def test_behind_a_proxy_the_offer_has_the_path_that_the_browser_sees(block: Block) -> None:
    site = served(block)
    sent = {
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Host": "shop.example",
        "X-Forwarded-Prefix": "/shop",
        "X-Forwarded-Proto": "https",
    }
    answer = await site.visitor().visit(lambda session: session.bind("ann"), headers=sent)
    assert 'path="/shop/_session/device/register"' in str(answer.header(OFFER))


@pytest.mark.parametrize("word", [name for name in vars(events) if name.startswith("DEVICE_")])
async def test_every_reason_is_on_the_page(word: str) -> None:
    assert f"`{vars(events)[word]}`" in PAGE
