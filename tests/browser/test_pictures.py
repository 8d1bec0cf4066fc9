"""The pictures of the demo in README.md: `nox -s browser -- --readme` makes them anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .pages import Look, Tab
from .visits import log_in, press, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.needs("flask", "quart")]

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
LIMIT = 150_000  # bytes


def test_the_pictures_of_the_readme(
    open_browser: Callable[..., Tab], demo_url: str, tmp_path: Path
) -> None:
    place = IMAGES if os.environ.get("SAMESESSION_README_PICTURES") else tmp_path
    desk = open_browser(Look(820, 600, "light"))
    phone = open_browser(Look(820, 600, "dark"), "Firefox on Linux")
    sign_up(desk, demo_url, "Flask", "Ada")
    log_in(phone, demo_url, "Quart", "Ada")
    desk.page.goto(f"{demo_url}/quart/devices")
    desk.page.get_by_label("A note for the session").fill("buy milk")
    press(desk, "Add")
    desk.page.goto(f"{demo_url}/flask/devices")
    desk.page.get_by_role("region", name="Quart reads").get_by_text("milk").wait_for()
    desk.page.screenshot(path=place / "devices.png", full_page=True)
    press(phone, "Stop the store")
    phone.page.screenshot(
        path=place / "outage.png", clip={"x": 0, "y": 0, "width": 820, "height": 400}
    )
    press(phone, "Start the store")
    made = {path.name: path.stat().st_size for path in place.glob("*.png")}
    assert {*made} == {"devices.png", "outage.png"}
    assert max(made.values()) < LIMIT


def test_the_readme_shows_the_pictures_that_there_are() -> None:
    text = (ROOT / "README.md").read_text()
    for picture in IMAGES.iterdir():
        assert f"(docs/images/{picture.name})" in text
        assert picture.stat().st_size < LIMIT
