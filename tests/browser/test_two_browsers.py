"""The demo in two browsers at once: what one does to the other's session, and an outage."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.devices import PASSWORD, devices_site
from tests.support.tls import issued

from .pages import Look, Tab
from .visits import data, devices, log_in, press, sign_up, status_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.needs("flask", "quart"),
    pytest.mark.parametrize(("half", "other"), [("Flask", "Quart"), ("Quart", "Flask")]),
]

DESK, PHONE = Look(1280, 800, "light"), Look(360, 640, "dark")


@pytest.fixture
def desk(open_browser: Callable[..., Tab]) -> Tab:
    return open_browser(DESK)


@pytest.fixture
def phone(open_browser: Callable[..., Tab]) -> Tab:
    return open_browser(PHONE, "Firefox on Linux")


def test_an_ended_browser_is_out_at_its_next_click(
    desk: Tab, phone: Tab, demo_url: str, half: str, other: str
) -> None:
    name = sign_up(desk, demo_url, half)
    log_in(phone, demo_url, other, name)
    desk.page.reload()
    assert devices(desk) == ["Chrome on Windows this one", "Firefox on Linux"]
    assert devices(phone) == ["Firefox on Linux this one", "Chrome on Windows"]
    desk.see(f"both-{half}")
    phone.see(f"both-{other}")
    press(desk, "End this session Firefox on Linux")
    assert (
        desk.page.get_by_role("status").all_inner_texts().count("Firefox on Linux is logged out.")
    )
    assert devices(desk) == ["Chrome on Windows this one"]
    desk.see(f"ended-the-other-{half}")
    # The page tells by itself, and what is left of it leads nowhere.
    phone.page.get_by_text("This session has ended").wait_for()
    phone.see(f"was-ended-{other}")
    phone.page.get_by_role("link", name="Account").click()
    phone.page.wait_for_url(f"{demo_url}/{other.lower()}/login")
    assert status_of(phone) == "Not logged in"
    desk.page.reload()
    assert status_of(desk) == f"Logged in as {name}"


def test_all_others_end_and_this_one_goes_on(
    open_browser: Callable[..., Tab], demo_url: str, half: str, other: str
) -> None:
    desk, third = open_browser(DESK), open_browser(PHONE)
    phone = open_browser(PHONE, "Firefox on Linux")
    name = sign_up(desk, demo_url, half)
    for tab in (phone, third):
        log_in(tab, demo_url, other, name)
    press(phone, "End all others")
    assert devices(phone) == ["Firefox on Linux this one"]
    phone.see(f"ended-all-others-{other}")
    for tab, where in ((desk, half), (third, other)):
        tab.page.get_by_role("link", name="Devices").click()
        tab.page.wait_for_url(f"{demo_url}/{where.lower()}/login")
    phone.page.reload()
    assert status_of(phone) == f"Logged in as {name}"


def test_a_note_of_one_half_shows_on_a_page_of_the_other(
    desk: Tab, demo_url: str, half: str, other: str
) -> None:
    sign_up(desk, demo_url, half)
    second = desk.page.context.new_page()
    second.goto(f"{demo_url}/{other.lower()}/devices")
    second.get_by_label("A note for the session").fill("bread")
    second.keyboard.press("Enter")
    second.get_by_role("region", name=f"{other} reads").get_by_text("bread").wait_for()
    desk.page.bring_to_front()
    for where in (half, other):
        panel = desk.page.get_by_role("region", name=f"{where} reads")
        panel.get_by_text("bread").wait_for()
    assert data(desk, half) == data(desk, other)
    desk.see(f"note-from-{other}")


def test_an_outage_and_its_end(desk: Tab, phone: Tab, demo_url: str, half: str, other: str) -> None:
    name = sign_up(desk, demo_url, half)
    log_in(phone, demo_url, other, name)
    before = desk.page.context.cookies()
    press(desk, "Stop the store")
    try:
        assert desk.page.locator("h1").inner_text() == "Back soon"
        desk.see(f"outage-{half}", status=503)
        for path in ("/", f"/{other.lower()}/devices"):
            desk.page.goto(f"{demo_url}{path}")
            assert desk.page.locator("h1").inner_text() == "Back soon"
            desk.see(f"outage{path.replace('/', '-')}", status=503)
        # The other browser is told, too, and loses nothing.
        phone.page.get_by_text("cannot be reached at the moment").first.wait_for()
        assert phone.page.get_by_text("This session has ended").count() == 0
        assert {said.partition("/session")[1] for said in phone.problems()} == {"/session"}
        press(phone, "Log out")
        assert phone.page.locator("h1").inner_text() == "Back soon"
    finally:
        press(desk, "Start the store")
    desk.page.wait_for_url(f"{demo_url}/{other.lower()}/devices")
    assert status_of(desk) == f"Logged in as {name}"
    assert [each["value"] for each in desk.page.context.cookies()] == [
        each["value"] for each in before
    ]
    desk.see(f"outage-over-{other}")
    phone.page.goto(f"{demo_url}/{other.lower()}/devices")
    assert status_of(phone) == f"Logged in as {name}"


def test_the_password_is_asked_for_before_an_account_is_deleted(
    desk: Tab, half: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with devices_site(tmp_path) as url:
        name = sign_up(desk, url, half)
        now = time.time
        monkeypatch.setattr("time.time", lambda: now() + 61)
        desk.page.get_by_role("link", name="Account").click()
        desk.page.get_by_role("link", name="Delete the account").click()
        desk.page.wait_for_url(f"{url}/{half.lower()}/confirm")
        desk.see(f"confirm-{half}")
        desk.page.get_by_label(f"Password of {name}").fill("wrong")
        press(desk, "Confirm")
        assert desk.page.get_by_role("alert").inner_text() == "The password is wrong."
        desk.see(f"confirm-{half}-refused", status=400)
        desk.page.get_by_label(f"Password of {name}").fill(PASSWORD)
        press(desk, "Confirm")
        desk.page.wait_for_url(f"{url}/{half.lower()}/account/delete")
        desk.see(f"confirmed-{half}")
        press(desk, "Delete for good")
        desk.page.wait_for_url(f"{url}/{half.lower()}/goodbye")
        desk.see(f"deleted-{half}")
        desk.page.get_by_role("link", name=f"The same session on {other}").click()
        assert status_of(desk) == "Not logged in"
        assert desk.page.context.cookies() == []


def test_a_host_cookie_over_https_as_the_browser_keeps_it(
    open_browser: Callable[..., Tab], half: str, other: str, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": True,
    }
    certificates = issued(tmp_path, "127.0.0.1")
    with devices_site(tmp_path, certificates=certificates, **settings) as url:
        assert url.startswith("https://")
        tab = open_browser(DESK, ignore_https_errors=True)  # of a CA that this test made
        cookies = tab.page.context.cookies
        name = sign_up(tab, url, half)
        (kept,) = cookies()
        assert (kept["name"], kept["path"]) == ("__Host-session", "/")
        assert (kept["secure"], kept["httpOnly"], kept["sameSite"]) == (True, True, "Lax")
        assert kept["domain"] == "127.0.0.1"  # of this host alone: there is no dot before it
        assert 29 < (kept["expires"] - time.time()) / 86_400 <= 31
        tab.page.goto(f"{url}/{other.lower()}/devices")
        assert status_of(tab) == f"Logged in as {name}"
        assert "session" not in tab.page.evaluate("document.cookie")
        # A login replaces it, and the browser keeps one cookie of that name.
        log_in(tab, url, other, name)
        (again,) = cookies()
        assert again["value"] != kept["value"]
        press(tab, "Log out")
        tab.page.wait_for_url(f"{url}/{other.lower()}/")
        assert cookies() == []
        # What was kept is worthless.
        tab.page.context.add_cookies([kept])  # type: ignore[list-item]  # one is what the other takes
        tab.page.goto(f"{url}/{half.lower()}/devices")
        assert status_of(tab) == "Not logged in"
        tab.see(f"https-{half}")
