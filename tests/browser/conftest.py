"""A real browser, looking at pages in each width and colour scheme: `nox -s browser`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.demo import started
from tests.support.devices import AGENTS

from .pages import Look, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

# Nothing that would ask for another server than ours.
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
LOOKS = [
    Look(width, height, scheme)
    for width, height in ((1280, 800), (360, 640), (320, 568))
    for scheme in ("light", "dark")
]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    # Imported for these tests alone, which are deselected where it is not installed.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(**launch_options())
    yield browser
    browser.close()


def launch_options(*flags: str) -> dict[str, Any]:  # playwright's
    return {"executable_path": os.environ["SAMESESSION_BROWSER"], "args": [*FLAGS, *flags]}


@pytest.fixture(params=LOOKS, ids=str)
def look(request: pytest.FixtureRequest) -> Look:
    found: Look = request.param
    return found


@pytest.fixture
def open_browser(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Tab]]:
    """Open a tab of a browser that was never here: each time of another one."""
    pictures = Path(os.environ.get("SAMESESSION_SCREENSHOTS", tmp_path))
    with ExitStack() as stack:

        def open_(
            look: Look,
            label: str = "Chrome on Windows",
            browser: Browser | None = None,
            **options: Any,
        ) -> Tab:
            context = (browser or chromium).new_context(
                viewport={"width": look.width, "height": look.height},
                color_scheme=look.scheme,
                user_agent=AGENTS[label],
                **options,  # playwright's
            )
            stack.enter_context(context)
            return Tab(context.new_page(), look, pictures)

        yield open_


@pytest.fixture
def tab(open_browser: Callable[..., Tab], look: Look) -> Tab:
    """Open a tab of a browser that was never here, in one look."""
    return open_browser(look)


@pytest.fixture(scope="module")
def demo_url() -> Iterator[str]:
    demo = started()
    yield demo.url
    status, said = demo.stop()
    outages = "the session store failed: "  # of the tests that stop it
    assert [line for line in said.splitlines() if not line.startswith(outages)] == []
    assert status == 0
