"""The login example, on each framework and store, through the framework's test client."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from markupsafe import escape

from samesession import ConfigError
from tests.support.backend import Backend
from tests.support.browser import attributes
from tests.support.clock import Clock
from tests.support.drivers import Driver
from tests.support.server import Valkey
from tests.support.site import SECRET_KEY, Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("filesystem", "redis")]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest_asyncio.fixture
async def example(framework: str, backend: Backend) -> AsyncIterator[Site]:
    app = create_app(framework, {"SECRET_KEY": SECRET_KEY, **backend.settings})
    # The example has no clock of its own to set, so browsers go by the real time.
    site = Site(framework, {}, clock=Clock(time.time()), app=app, init=False)
    yield site
    await site.close()


def create_app(framework: str, *settings: Any) -> Any:
    return import_module(f"examples.login_{framework}.app").create_app(*settings)


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


async def test_a_logout_leaves_nothing_behind(example: Site, backend: Backend) -> None:
    user = await logged_in(example, "Ada")
    assert len(backend.records()) == 1
    await user.post("/logout")
    assert backend.records() == {}
    assert user.jar.cookies == {}


async def test_a_session_is_its_users_until_another_logs_in(
    example: Site, backend: Backend
) -> None:
    user = example.visitor()
    for name in ("Ada", "Grace"):
        await user.driver.post("/login", form={"username": name})
        assert await user.value(lambda session: session.info.owner) == name
        assert "1 time<" in (await user.driver.get("/profile")).text
    assert len(backend.records()) == 1


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


@pytest.mark.parametrize("username", ["", "   ", "x" * 61, "Ada\nGrace", "\x00", "Ada\x7f"])
async def test_a_login_needs_a_name(example: Site, username: str) -> None:
    user = example.user()
    answer = await user.post("/login", form={"username": username})
    assert answer.status == 400
    assert "Please enter a name of up to 60 letters." in answer.text
    assert answer.set_cookies == []


async def test_a_form_without_a_name_is_no_login(example: Site) -> None:
    assert (await example.user().post("/login", form={"name": "Ada"})).status == 400


@pytest.mark.parametrize(
    "username", ["x" * 60, "\N{ROCKET}" * 60, "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS} O'Hara"]
)
async def test_a_name_may_be_long_and_of_any_script(example: Site, username: str) -> None:
    user = await logged_in(example, username)
    assert f"Logged in as {escape(username)}<" in (await user.get("/")).text


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/static/nothing", 404, "Not Found"),
        ("GET", "/logout", 405, "Method Not Allowed"),
        ("GET", "/fails", 500, "Internal Server Error"),
    ],
)
async def test_what_goes_wrong_has_a_page_of_the_sites_own(
    example: Site, method: str, path: str, status: int, said: str
) -> None:
    @example.view("/fails")
    def fails(session: Any, web: Any) -> str:
        raise ZeroDivisionError

    answer = await example.user().request(method, path)
    assert answer.status == status
    assert f"<h1>{said}</h1>" in answer.text
    assert "/static/style.css" in answer.text
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert (answer.header("Allow") is not None) is (status == 405)
    assert (answer.set_cookies, answer.vary) == ([], None)


@pytest.mark.stores("redis")
async def test_an_outage_has_a_page_of_the_sites_own(framework: str, own_valkey: Valkey) -> None:
    settings = {"SECRET_KEY": SECRET_KEY, "SESSION_TYPE": "redis", "SESSION_REDIS": own_valkey.url}
    clock = Clock(time.time())
    site = Site(framework, {}, clock=clock, app=create_app(framework, settings), init=False)
    user = await logged_in(site, "Ada")
    own_valkey.stop()
    for path in ("/", "/profile"):
        answer = await user.get(path)
        assert answer.status == 503
        assert "<h1>Back soon</h1>" in answer.text
    own_valkey.start()
    assert "Logged in as Ada" in (await user.get("/")).text
    await site.close()


@pytest.mark.stores("filesystem")
async def test_the_key_comes_from_the_environment(
    framework: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(f"{framework.upper()}_SESSION_FILE_DIR", str(tmp_path / "sessions"))
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        create_app(framework)
    monkeypatch.setenv(f"{framework.upper()}_SECRET_KEY", SECRET_KEY)
    assert create_app(framework).config["SECRET_KEY"] == SECRET_KEY


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
    source = (EXAMPLES / f"login_{framework}" / "app.py").read_text()
    return re.sub(
        r"\b(async|await) ", "", re.sub(framework, "framework", source, flags=re.IGNORECASE)
    )


@pytest.mark.stores("filesystem")
async def test_the_two_sources_differ_in_imports_and_colour_only() -> None:
    assert normalised("flask") == normalised("quart")
    assert "async " not in (EXAMPLES / "login_flask" / "app.py").read_text()
