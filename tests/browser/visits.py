"""What a user does on the pages of the devices demo."""

from __future__ import annotations

from itertools import count

from tests.support.devices import PASSWORD

from .pages import Tab

_numbers = count(1)


def new_name() -> str:
    """Name a user whom no other test knows, as the demo goes on."""
    return f"Ada {next(_numbers)}"


def fill(tab: Tab, name: str, password: str = PASSWORD) -> None:
    tab.page.get_by_label("Your name").fill(name)
    tab.page.get_by_label("assword").fill(password)


def sign_up(tab: Tab, url: str, half: str, name: str | None = None) -> str:
    """Make an account, and return its name."""
    name = name or new_name()
    tab.page.goto(f"{url}/{half.lower()}/signup")
    fill(tab, name)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url(f"{url}/{half.lower()}/devices")
    return name


def log_in(tab: Tab, url: str, half: str, name: str) -> None:
    tab.page.goto(f"{url}/{half.lower()}/login")
    fill(tab, name)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url(f"{url}/{half.lower()}/devices")


def status_of(tab: Tab) -> str:
    return tab.page.locator("header .status").inner_text()


def devices(tab: Tab) -> list[str]:
    """Return each device that a page lists, and whether it is this one."""
    items = tab.page.locator(".devices li").all()
    return [" ".join(item.locator("h2, .badge").all_inner_texts()) for item in items]


def data(tab: Tab, half: str) -> dict[str, str]:
    """Return what a half reads in the session, as the page shows it now."""
    panel = tab.page.get_by_role("region", name=f"{half} reads")
    names = panel.locator("dt").all_inner_texts()
    return dict(zip(names, panel.locator("dd").all_inner_texts(), strict=True))


def press(tab: Tab, name: str) -> None:
    tab.page.get_by_role("button", name=name, exact=True).first.click()
