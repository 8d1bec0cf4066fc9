"""Applications share a login by the settings that their page names, and by all of them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from typing import Any

import pytest
import pytest_asyncio

from samesession import Session
from tests.support.clock import Clock
from tests.support.server import Valkey
from tests.support.site import SECRET_KEY, Site

from .test_code_blocks import PYTHON, REDIS

pytestmark = [pytest.mark.asyncio, pytest.mark.needs("flask", "quart")]

PAGE = "docs/guides/one-login.md"
(BLOCK,) = (block for block in PYTHON if block.page == PAGE and "SESSION_KEY_PREFIX=" in block.text)
BOTH_WAYS = pytest.mark.parametrize(("one", "other"), [("flask", "quart"), ("quart", "flask")])

NewSite = Callable[..., Site]


@pytest_asyncio.fixture
async def documented(monkeypatch: pytest.MonkeyPatch, valkey: Valkey) -> AsyncIterator[NewSite]:
    """Return a function that makes an application as the page does, but for some settings."""
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    valkey.flush()
    made: list[Site] = []

    def make(framework: str, **changes: Any) -> Site:
        app = getattr(import_module(framework), framework.capitalize())(framework)
        exec(BLOCK.text.replace(REDIS, valkey.url), {"app": app})
        app.config.update(changes)
        Session(app)
        settings = {"SECRET_KEY": app.config["SECRET_KEY"]}
        made.append(Site(framework, settings, clock=Clock(time.time()), app=app, init=False))
        return made[-1]

    yield make
    for site in made:
        await site.close()


@BOTH_WAYS
async def test_a_login_is_shared_and_so_is_a_logout(
    documented: NewSite, one: str, other: str
) -> None:
    here, there = documented(one).visitor(), documented(other).visitor()
    there.driver.jar = here.driver.jar
    await here.visit(lambda session: (session.bind("ann"), session.update(name="Ann")))
    assert await there.value(lambda session: session["name"]) == "Ann"
    assert await there.value(lambda session: session.info.owner) == "ann"
    await there.visit(lambda session: session.clear())
    assert await here.value(dict) == {}


@BOTH_WAYS
@pytest.mark.parametrize(
    "changes",
    [
        {"SECRET_KEY": "another secret key, long enough"},
        {"SESSION_KEY_PREFIX": "another:"},
        {"SESSION_COOKIE_NAME": "another"},
        {"SESSION_REDIS": "another database"},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_each_of_the_settings_is_needed(
    documented: NewSite, valkey: Valkey, one: str, other: str, changes: dict[str, str]
) -> None:
    if "SESSION_REDIS" in changes:
        changes = {"SESSION_REDIS": valkey.url.removesuffix("/0") + "/1"}
    here, there = documented(one).visitor(), documented(other, **changes).visitor()
    there.driver.jar = here.driver.jar
    await here.put(name="Ann")
    assert await there.value(dict) == {}
    assert await here.value(dict) == {"name": "Ann"}
    await there.put(name="Grace")
    # The browser has one cookie of a name for one path.
    assert await here.value(dict) == ({"name": "Ann"} if "SESSION_COOKIE_NAME" in changes else {})
