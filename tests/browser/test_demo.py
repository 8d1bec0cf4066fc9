"""The demo in a real browser: every page in each look, from signing up to logging out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .pages import Look, Tab
from .visits import data, devices, fill, log_in, new_name, press, sign_up, status_of

pytestmark = [pytest.mark.browser, pytest.mark.needs("flask", "quart")]

HALVES = {"Flask": "Quart", "Quart": "Flask"}
ONE_LOOK = pytest.mark.parametrize("look", [Look(1280, 800, "light")], ids=str)
LONG_NAMES = {
    "unbroken": "W" * 60,
    "in-words": " ".join(["Rosalind"] * 6),
    "of-symbols": "\N{FAMILY}" * 30,  # a browser counts each as two
}


@pytest.mark.parametrize("half", HALVES)
def test_a_visit_from_signing_up_to_logging_out(tab: Tab, demo_url: str, half: str) -> None:
    page, other, name = tab.page, HALVES[half], new_name()
    page.goto(demo_url)
    page.get_by_text("Nobody is logged in here.").nth(1).wait_for()
    assert status_of(tab) == "Not logged in"
    tab.see("overview")
    page.get_by_role("link", name=f"Open the {half} half").click()
    tab.see(f"welcome-{half}")
    page.get_by_role("link", name="Sign up").click()
    fill(tab, name)
    tab.see(f"sign-up-{half}")
    press(tab, "Sign up")
    page.wait_for_url(f"{demo_url}/{half.lower()}/devices")
    page.get_by_role("region", name=f"{other} reads").get_by_text(f"{half} 1").wait_for()
    assert devices(tab) == ["Chrome on Windows this one"]
    for where in HALVES:
        assert data(tab, where) == {"account": name, "notes": "none yet", "views": f"{half} 1"}
    tab.see(f"devices-{half}")
    page.get_by_role("link", name=f"The same session on {other}").click()
    page.get_by_label("A note for the session").fill("milk")
    press(tab, "Add")
    page.get_by_role("region", name=f"{half} reads").get_by_text("milk").wait_for()
    tab.see(f"note-of-{half}-on-{other}")
    page.get_by_role("link", name="samesession").click()
    page.get_by_role("region", name=f"{half} reads").get_by_text("milk").wait_for()
    assert status_of(tab) == f"Logged in as {name}"
    tab.see("overview-logged-in")
    page.get_by_role("link", name=f"Open the {half} half").click()
    page.wait_for_url(f"{demo_url}/{half.lower()}/devices")
    page.reload()
    assert data(tab, half)["views"].startswith(("Flask", "Quart"))
    tab.see(f"devices-{half}-again")
    page.get_by_role("link", name="Account").click()
    tab.see(f"account-{half}")
    page.get_by_role("link", name="Delete the account").click()
    tab.see(f"delete-{half}")
    page.get_by_role("link", name="Keep it").click()
    press(tab, "Log out")
    page.wait_for_url(f"{demo_url}/{half.lower()}/")
    tab.see(f"logged-out-{half}")
    for path in ("/", f"/{half.lower()}/", f"/{other.lower()}/"):
        page.goto(f"{demo_url}{path}")
        page.reload()
        assert status_of(tab) == "Not logged in"
    page.get_by_role("link", name="Log in").click()
    fill(tab, name)
    tab.see(f"log-in-{other}")
    press(tab, "Log in")
    page.wait_for_url(f"{demo_url}/{other.lower()}/devices")
    # Of a second login nothing is left of the first one.
    assert data(tab, other) == {"account": name, "notes": "none yet", "views": f"{other} 1"}


@pytest.mark.parametrize("kind", LONG_NAMES)
def test_a_long_name_fits(tab: Tab, demo_url: str, kind: str) -> None:
    name = f"{LONG_NAMES[kind][:-8]}{new_name()}"[-60:]
    sign_up(tab, demo_url, "Flask", name)
    tab.see(f"long-name-{kind}")
    for path in ("/", "/quart/account"):
        tab.page.goto(f"{demo_url}{path}")
        assert status_of(tab) == f"Logged in as {name}"
        tab.see(f"long-name-{kind}{path.replace('/', '-')}")


def test_a_short_name_is_shown_whole(tab: Tab, demo_url: str) -> None:
    sign_up(tab, demo_url, "Flask", f"Ros{new_name()[-3:]}")
    status = tab.page.locator("header .status")
    assert status.evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize("half", HALVES)
def test_a_form_that_will_not_do_says_so(tab: Tab, demo_url: str, half: str) -> None:
    page = tab.page
    page.goto(f"{demo_url}/{half.lower()}/signup")
    press(tab, "Sign up")  # the browser itself says what is missing
    tab.see(f"sign-up-{half}-required")
    fill(tab, "   ")
    press(tab, "Sign up")
    assert "Please enter a name" in page.get_by_role("alert").inner_text()
    tab.see(f"sign-up-{half}-refused", status=400)
    name = sign_up(tab, demo_url, half)
    press(tab, "Log out")
    page.goto(f"{demo_url}/{half.lower()}/login")
    fill(tab, name, "another password")
    press(tab, "Log in")
    assert page.get_by_role("alert").inner_text() == "Name or password is wrong."
    # The name is there still, and one may go on typing.
    assert page.get_by_label("Your name").input_value() == name
    assert page.get_by_label("Password").evaluate("e => e === document.activeElement")
    tab.see(f"log-in-{half}-refused", status=400)


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


@ONE_LOOK
@pytest.mark.parametrize("half", HALVES)
def test_back_after_logging_out_shows_nothing_of_the_session(
    tab: Tab, demo_url: str, half: str
) -> None:
    name = sign_up(tab, demo_url, half)
    press(tab, "Log out")
    tab.page.wait_for_url(f"{demo_url}/{half.lower()}/")
    tab.page.go_back()
    tab.page.get_by_role("heading", name="Log in").wait_for()
    assert name not in tab.page.content()


@ONE_LOOK
@pytest.mark.parametrize("half", HALVES)
def test_everything_works_without_a_script(
    open_browser: Callable[..., Tab], look: Look, demo_url: str, half: str
) -> None:
    tab = open_browser(look, java_script_enabled=False)
    name = sign_up(tab, demo_url, half)
    tab.page.get_by_label("A note for the session").fill("milk")
    press(tab, "Add")
    assert data(tab, half)["notes"] == "milk"
    tab.page.get_by_role("link", name="Look there").click()
    assert data(tab, HALVES[half])["notes"] == "milk"
    press(tab, "Log out")
    log_in(tab, demo_url, half, name)


@ONE_LOOK
@pytest.mark.parametrize("half", HALVES)
def test_the_keyboard_is_enough(tab: Tab, demo_url: str, half: str) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    page.goto(f"{demo_url}/{half.lower()}/")

    def go_to(name: str) -> None:
        """Press Tab until what has the focus is called so; each stop shows that it has it."""
        for _ in range(30):
            keyboard.press("Tab")
            found = page.locator(":focus")
            if found.count() == 0:
                continue
            assert found.evaluate("e => getComputedStyle(e).outlineStyle") != "none"
            label = found.evaluate("e => e.labels?.length ? e.labels[0].innerText : e.innerText")
            if label == name:
                return
        pytest.fail(f"the keyboard does not reach {name!r}")

    name = new_name()
    go_to("Sign up")
    keyboard.press("Enter")
    page.wait_for_url("**/signup")
    keyboard.type(name)  # the first field has the focus
    go_to("A password")
    keyboard.type("a long password")
    go_to("Sign up")
    keyboard.press("Space")
    page.wait_for_url("**/devices")
    go_to("A note for the session")
    keyboard.type("milk")
    keyboard.press("Enter")
    page.get_by_role("region", name=f"{half} reads").get_by_text("milk").wait_for()
    go_to("Account")
    keyboard.press("Enter")
    page.wait_for_url("**/account")
    go_to("Delete the account")
    keyboard.press("Enter")
    page.wait_for_url("**/account/delete")
    go_to("Delete for good")
    keyboard.press("Enter")
    page.wait_for_url("**/goodbye")
    tab.see(f"goodbye-{half}")
