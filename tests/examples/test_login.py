"""The login example, on each framework and store, through the framework's test client."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.backend import Backend
from tests.support.browser import attributes
from tests.support.clock import Clock
from tests.support.drivers import Driver
from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("filesystem", "redis")]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest_asyncio.fixture
async def example(framework: str, backend: Backend) -> AsyncIterator[Site]:
    create_app = import_module(f"examples.{framework}_login.app").create_app
    # The example has no clock of its own to set, so browsers go by the real time.
    clock = Clock(time.time())
    site = Site(framework, {}, clock=clock, app=create_app(backend.settings), init=False)
    yield site
    await site.close()


async def logged_in(example: Site, username: str) -> Driver:
    user = example.user()
    answer = await user.post("/login", form={"username": username})
    assert (answer.status, answer.header("Location")) == (303, "/profile")
    return user


async def test_a_stranger_is_asked_to_log_in(example: Site) -> None:
    user = example.user()
    assert "Hello, stranger!" in (await user.get("/")).text
    assert (await user.get("/profile")).header("Location") == "/login"
    assert 'name="username"' in (await user.get("/login")).text


async def test_a_stranger_leaves_nothing_behind(example: Site, backend: Backend) -> None:
    user = example.user()
    for path in ("/", "/login", "/profile", "/static/style.css"):
        assert (await user.get(path)).set_cookies == []
    assert backend.records() == {}


async def test_a_login_lasts(example: Site) -> None:
    user = await logged_in(example, "Ada")
    assert "Hello, Ada!" in (await user.get("/")).text
    assert "Hello, Ada!" in (await user.get("/profile")).text
    # The session is permanent: it outlives the browser.
    user.jar.end_browser_session()
    assert "Hello, Ada!" in (await user.get("/profile")).text


async def test_the_profile_counts_its_views(example: Site) -> None:
    user = await logged_in(example, "Ada")
    for expected in ("1 time<", "2 times<", "3 times<"):
        assert expected in (await user.get("/profile")).text


async def test_a_logout_ends_it(example: Site) -> None:
    user = await logged_in(example, "Ada")
    before = user.jar.copy()
    assert (await user.post("/logout")).header("Location") == "/"
    assert "Hello, stranger!" in (await user.get("/")).text
    user.jar.cookies = before.cookies
    assert "Hello, stranger!" in (await user.get("/")).text, "the old cookie was replayed"


async def test_a_login_replaces_the_cookie(example: Site) -> None:
    user = await logged_in(example, "Ada")
    before = user.jar.copy()
    await user.post("/login", form={"username": "Grace"})
    assert "Hello, Grace!" in (await user.get("/")).text
    user.jar.cookies = before.cookies
    assert "Hello, stranger!" in (await user.get("/")).text


async def test_the_cookie_is_hidden_from_scripts_and_other_sites(example: Site) -> None:
    answer = await example.user().post("/login", form={"username": "Ada"})
    (cookie,) = answer.set_cookies
    said = attributes(cookie)
    assert said["httponly"] is True
    assert (said["path"], said["samesite"]) == ("/", "Lax")
    assert "expires" in said
    assert "Ada" not in cookie


async def test_a_name_is_escaped(example: Site) -> None:
    user = await logged_in(example, "<script>alert(1)</script>")
    for path in ("/", "/profile", "/login"):
        text = (await user.get(path)).text
        assert "<script" not in text
        assert "&lt;script&gt;" in text


@pytest.mark.parametrize("username", ["", "   "])
async def test_a_login_needs_a_name(example: Site, username: str) -> None:
    user = example.user()
    answer = await user.post("/login", form={"username": username})
    assert answer.status == 400
    assert "Please enter a name." in answer.text
    assert answer.set_cookies == []


async def test_two_users_never_meet(example: Site) -> None:
    ada, grace = await logged_in(example, "Ada"), await logged_in(example, "Grace")
    for path in ("/", "/profile"):
        assert "Grace" not in (await ada.get(path)).text
        assert "Ada" not in (await grace.get(path)).text


async def test_the_pages_need_nothing_from_elsewhere(example: Site) -> None:
    user = await logged_in(example, "Ada")
    for path in ("/", "/profile", "/login"):
        found = re.findall(r'(?:href|src|action)="([^"]*)"', (await user.get(path)).text)
        assert found
        assert all(re.match(r"/(?!/)|data:,$", link) for link in found)
    assert (await user.get("/static/style.css")).status == 200


def normalised(framework: str) -> str:
    """Take out what may differ: the framework's name, `async` and `await`."""
    source = (EXAMPLES / f"{framework}_login" / "app.py").read_text()
    return re.sub(
        r"\b(async|await) ", "", re.sub(framework, "framework", source, flags=re.IGNORECASE)
    )


@pytest.mark.stores("filesystem")
async def test_the_two_sources_differ_in_imports_and_colour_only() -> None:
    assert normalised("flask") == normalised("quart")
    assert "async " not in (EXAMPLES / "flask_login" / "app.py").read_text()
