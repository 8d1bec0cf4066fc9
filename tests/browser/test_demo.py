"""The demo in a real browser: log in, see both halves, log out; each page in each look."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.support.hypercorn import served
from tests.support.server import Valkey
from tests.support.site import SECRET_KEY

from .pages import Tab

pytestmark = [pytest.mark.browser, pytest.mark.needs("flask", "quart")]

HALVES = {"Flask": "Quart", "Quart": "Flask"}
LONG_NAMES = {
    "unbroken": "W" * 60,
    "in-words": " ".join(["Rosalind"] * 6),
    "of-symbols": "\N{FAMILY}" * 30,  # a browser counts each as two
}


def log_in(tab: Tab, url: str, half: str, name: str) -> None:
    tab.page.goto(f"{url}/{half.lower()}/login")
    tab.page.get_by_label("Your name").fill(name)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url(f"{url}/{half.lower()}/profile")


def status_of(tab: Tab) -> str:
    return tab.page.locator("header .status").inner_text()


def counts(tab: Tab) -> dict[str, str]:
    names = tab.page.locator("dt").all_inner_texts()
    return dict(zip(names, tab.page.locator("dd").all_inner_texts(), strict=True))


@pytest.mark.parametrize("half", HALVES)
def test_a_visit_from_login_to_logout(tab: Tab, demo_url: str, half: str) -> None:
    page, other = tab.page, HALVES[half]
    page.goto(demo_url)
    assert status_of(tab) == "Not logged in"
    tab.see("overview")
    page.get_by_role("link", name=f"Open the {half} half").click()
    page.get_by_label("Your name").fill("Ada")
    tab.see(f"login-{half}")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{demo_url}/{half.lower()}/profile")
    assert counts(tab) == {f"Shown by {half}": "1 time"}
    tab.see(f"profile-{half}")
    page.get_by_role("link", name=f"See the same session on {other}").click()
    assert counts(tab) == {f"Shown by {half}": "1 time", f"Shown by {other}": "1 time"}
    tab.see(f"profile-of-{half}-on-{other}")
    page.get_by_role("link", name="samesession").click()
    assert status_of(tab) == "Logged in as Ada"
    tab.see("overview-logged-in")
    page.get_by_role("link", name=f"Open the {half} half").click()
    page.reload()
    assert counts(tab)[f"Shown by {half}"] == "3 times"
    tab.see(f"profile-{half}-reloaded")
    page.get_by_role("link", name=f"See the same session on {other}").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{demo_url}/{other.lower()}/")
    tab.see(f"logged-out-{other}")
    for path in ("/", f"/{half.lower()}/", f"/{other.lower()}/"):
        page.goto(f"{demo_url}{path}")
        page.reload()
        assert status_of(tab) == "Not logged in"
        tab.see(f"after{path.replace('/', '-')}")


@pytest.mark.parametrize("kind", LONG_NAMES)
def test_a_long_name_fits(tab: Tab, demo_url: str, kind: str) -> None:
    log_in(tab, demo_url, "Flask", LONG_NAMES[kind])
    tab.see(f"long-name-{kind}")
    for path in ("/", "/quart/"):
        tab.page.goto(f"{demo_url}{path}")
        assert status_of(tab) == f"Logged in as {LONG_NAMES[kind]}"
        tab.see(f"long-name-{kind}{path.replace('/', '-')}")


def test_a_short_name_is_shown_whole(tab: Tab, demo_url: str) -> None:
    log_in(tab, demo_url, "Flask", "Rosalind")
    status = tab.page.locator("header .status")
    assert status.evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize("half", HALVES)
def test_a_login_without_a_name_says_so(tab: Tab, demo_url: str, half: str) -> None:
    tab.page.goto(f"{demo_url}/{half.lower()}/login")
    tab.page.get_by_role("button", name="Log in").click()
    tab.see(f"login-{half}-required")
    tab.page.get_by_label("Your name").fill("   ")
    tab.page.get_by_role("button", name="Log in").click()
    assert "Please enter a name" in tab.page.get_by_role("alert").inner_text()
    tab.see(f"login-{half}-refused", status=400)


@pytest.mark.parametrize("where", ["", "/flask", "/quart"])
def test_a_page_that_is_not_there(tab: Tab, demo_url: str, where: str) -> None:
    for path, status in (("/nothing", 404), ("/static/nothing.css", 404)):
        tab.page.goto(f"{demo_url}{where}{path}")
        tab.see(f"not-found{where.replace('/', '-')}", status=status)
    tab.page.get_by_role("link", name="Back to the start").click()
    assert tab.page.url == f"{demo_url}/"


@pytest.mark.parametrize("half", HALVES)
def test_a_logout_that_is_typed_is_refused(tab: Tab, demo_url: str, half: str) -> None:
    tab.page.goto(f"{demo_url}/{half.lower()}/logout")
    tab.see(f"not-allowed-{half}", status=405)


@pytest.mark.parametrize("half", HALVES)
def test_a_failure(tab: Tab, half: str, tmp_path: Path) -> None:
    create_app = import_module(f"examples.login_{half.lower()}.app").create_app
    settings = {"SECRET_KEY": SECRET_KEY, "SESSION_FILE_DIR": str(tmp_path / "sessions")}
    app = create_app(settings)
    app.add_url_rule("/fails", "fails", lambda: 1 / 0)
    with served(app, "wsgi" if half == "Flask" else "asgi") as url:
        tab.page.goto(f"{url}/fails")
        assert tab.page.locator("h1").inner_text() == "Internal Server Error"
        tab.see(f"failure-{half}", status=500)


def test_an_outage_and_its_end(tab: Tab, own_valkey: Valkey) -> None:
    from examples.side_by_side.site import create_site

    settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": own_valkey.url}
    with served(create_site({**settings, "SECRET_KEY": SECRET_KEY})) as url:
        log_in(tab, url, "Flask", "Ada")
        own_valkey.stop()
        for path in ("/", "/flask/", "/quart/"):
            tab.page.goto(f"{url}{path}")
            assert tab.page.locator("h1").inner_text() == "Back soon"
            tab.see(f"outage{path.replace('/', '-')}", status=503)
        own_valkey.start()
        tab.page.reload()
        assert status_of(tab) == "Logged in as Ada"
        tab.see("outage-over")
