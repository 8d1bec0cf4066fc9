"""The demo over https, in the Chromium that its greeting tells to open."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.demo import Demo, started

from .bound import Watch
from .conftest import launch_options
from .pages import Look, Tab
from .visits import devices, log_in, new_name, press, sign_up, status_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

pytestmark = [pytest.mark.browser, pytest.mark.needs("flask", "quart")]

HALVES = {"Flask": "Quart", "Quart": "Flask"}
BOUND = "this session cannot be copied"


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    running = started("--https")
    yield running
    assert running.stop() == (0, "")


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, demo: Demo) -> Iterator[Browser]:
    """Start what the demo says, with the tests' own flags, and a profile for each test."""
    browser = playwright.chromium.launch(**launch_options(*flags(demo, "--user-data-dir=")))
    yield browser
    browser.close()


def flags(demo: Demo, *but: str) -> list[str]:
    """Return the flags of the command that the demo says, but for some."""
    _, *words, url = demo.command
    assert url == f"{demo.url}/"
    return [word for word in words if not word.startswith(but)]


def bound(tab: Tab) -> list[bool]:
    """Return of each device that a page lists whether its session cannot be copied."""
    return [BOUND in item.inner_text() for item in tab.page.locator(".devices li").all()]


@pytest.mark.parametrize("half", HALVES)
def test_a_visit_and_a_second_one(tab: Tab, demo: Demo, half: str) -> None:
    watch = Watch(tab.page)
    name = sign_up(tab, demo.url, half)
    watch.wait_for_sid()
    tab.page.reload()
    assert bound(tab) == [True]
    tab.see(f"bound-{half}")
    tab.page.get_by_role("link", name=f"The same session on {HALVES[half]}").click()
    assert bound(tab) == [True]
    tab.see(f"bound-{half}-on-{HALVES[half]}")
    press(tab, "Log out")
    tab.page.wait_for_url(f"{demo.url}/{HALVES[half].lower()}/")
    tab.see(f"bound-logged-out-{half}")
    watch.wait_until(lambda: watch.endings, "ending")
    watch.events.clear()
    log_in(tab, demo.url, half, name)
    watch.wait_for_sid()
    tab.page.reload()
    assert bound(tab) == [True]
    assert watch.endings == []


@pytest.mark.parametrize("look", [Look(1280, 800, "light")], ids=str)
def test_a_device_without_a_key_is_listed_as_one(
    open_browser: Callable[..., Tab], look: Look, demo: Demo, playwright: Playwright
) -> None:
    tab, name = open_browser(look), new_name()
    watch = Watch(tab.page)
    sign_up(tab, demo.url, "Flask", name)
    watch.wait_for_sid()
    own = launch_options(*flags(demo, "--user-data-dir=", "--enable-features="))
    with playwright.chromium.launch(**own) as unable:  # to bind a session
        other = open_browser(look, "Firefox on Linux", unable)
        log_in(other, demo.url, "Quart", name)
        other.page.reload()
        assert status_of(other) == f"Logged in as {name}"
        assert devices(other) == ["Firefox on Linux this one", "Chrome on Windows"]
        assert bound(other) == [False, True]
        other.see("bound-and-not")


def test_the_command_opens_the_demo(demo: Demo) -> None:
    # As a user types it, but for what shows a window.
    words = [*demo.command, "--headless", "--disable-gpu", "--dump-dom"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "One session, two frameworks" in done.stdout, done.stderr
