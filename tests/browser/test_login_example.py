"""The login example in a real browser: each page of each framework, in each look."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.hypercorn import served
from tests.support.site import SECRET_KEY

from .pages import Tab

pytestmark = [pytest.mark.browser, pytest.mark.needs("flask", "quart")]

LONG_NAMES = {
    "unbroken": "W" * 60,
    "in-words": " ".join(["Rosalind"] * 6),
    "of-symbols": "\N{FAMILY}" * 30,  # a browser counts each as two
}


@pytest.fixture
def url(framework: str, tmp_path: Path) -> Iterator[str]:
    create_app = import_module(f"examples.login_{framework}.app").create_app
    app = create_app({"SECRET_KEY": SECRET_KEY, "SESSION_FILE_DIR": str(tmp_path / "sessions")})
    app.add_url_rule("/fails", "fails", lambda: 1 / 0)
    if framework == "quart":
        with served(app) as url:
            yield url
    else:
        from examples.devices.one_chunk import with_a_chunk

        with served(with_a_chunk(app), "wsgi") as url:
            yield url


def log_in(tab: Tab, url: str, name: str) -> None:
    tab.page.goto(f"{url}/login")
    tab.page.get_by_label("Your name").fill(name)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url(f"{url}/profile")


def status_of(tab: Tab) -> str:
    return tab.page.locator("header .status").inner_text()


def counts(tab: Tab) -> dict[str, str]:
    names = tab.page.locator("dt").all_inner_texts()
    return dict(zip(names, tab.page.locator("dd").all_inner_texts(), strict=True))


def test_a_visit_from_login_to_logout(tab: Tab, url: str, framework: str) -> None:
    page, shown = tab.page, f"Shown by {framework.capitalize()}"
    page.goto(url)
    assert status_of(tab) == "Not logged in"
    page.get_by_role("link", name="Log in").click()
    page.get_by_role("button", name="Log in").click()
    tab.see(f"example-{framework}-required")
    page.get_by_label("Your name").fill("   ")
    page.get_by_role("button", name="Log in").click()
    assert "Please enter a name" in page.get_by_role("alert").inner_text()
    tab.see(f"example-{framework}-refused", status=400)
    page.get_by_label("Your name").fill("Rosalind")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{url}/profile")
    assert counts(tab) == {shown: "1 time"}
    assert status_of(tab) == "Logged in as Rosalind"
    assert page.locator("header .status").evaluate("e => e.scrollWidth <= e.clientWidth")
    page.reload()
    assert counts(tab) == {shown: "2 times"}
    tab.see(f"example-{framework}-profile")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{url}/")
    assert status_of(tab) == "Not logged in"
    tab.see(f"example-{framework}-logged-out")


def test_a_long_name_fits(tab: Tab, url: str, framework: str) -> None:
    for kind, name in LONG_NAMES.items():
        log_in(tab, url, name)
        tab.see(f"example-{framework}-long-name-{kind}")
        tab.page.goto(url)
        assert status_of(tab) == f"Logged in as {name}"
        tab.see(f"example-{framework}-long-name-{kind}-index")


def test_what_goes_wrong(tab: Tab, url: str, framework: str) -> None:
    for path, status, said in (
        ("/nothing", 404, "Not Found"),
        ("/logout", 405, "Method Not Allowed"),
        ("/fails", 500, "Internal Server Error"),
    ):
        tab.page.goto(f"{url}{path}")
        assert tab.page.locator("h1").inner_text() == said
        tab.see(f"example-{framework}-{status}", status=status)
