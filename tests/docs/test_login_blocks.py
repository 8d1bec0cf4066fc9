"""The code blocks about logins do what their page says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_code_blocks import here, of_python, secret_key, site_of
from tests.support.pages import Block

pytestmark = pytest.mark.asyncio

_ = here, secret_key  # fixtures


@pytest.mark.parametrize("block", of_python(saying='/log-out-everywhere")'))
@pytest.mark.parametrize("remember", ["", "?remember"])
async def test_the_logins_of_a_library_are_listed_and_ended(
    block: Block, here: Path, remember: str
) -> None:
    site = site_of(block)
    phone, laptop = site.user(), site.user()
    for device in (phone, laptop):
        assert (await device.post(f"/login/ann{remember}")).text == "welcome"
        assert set(device.jar.cookies) == {"session"}
    assert (await phone.get("/devices")).text == "2 sessions"
    assert (await laptop.post("/logout")).text == "bye"
    assert (await phone.get("/devices")).text == "1 sessions"
    assert (await laptop.get("/devices")).status == 401
    assert (await phone.post("/log-out-everywhere")).text == "1 sessions ended"
    assert (await phone.get("/devices")).status == 401


@pytest.mark.parametrize("block", of_python(saying="ReauthenticationRequired"))
async def test_what_needs_a_fresh_login_leads_to_the_login(block: Block, here: Path) -> None:
    site = site_of(block)

    @site.view("/login")
    def login(session: Any, web: Any) -> str:
        session.bind("ann")
        return "welcome"

    user = site.user()
    for path, method in (("/password", "POST"), ("/export", "GET")):
        user.jar.clear()
        assert (await user.request(method, path)).header("Location") == "/login"
        await user.post("/login")
        assert (await user.request(method, path)).status == 200


@pytest.mark.parametrize("block", of_python(saying="from_user_agent"))
async def test_a_device_has_a_label(block: Block, here: Path) -> None:
    user = site_of(block).user()
    for sent, label in (("curl/8.5.0", "curl"), ("x", "a device")):
        assert (await user.get("/label", headers={"User-Agent": sent})).text == label
