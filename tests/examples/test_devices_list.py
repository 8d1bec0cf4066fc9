"""The devices demo: what a user sees of sessions, and how they end; on both halves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.devices import (
    OTHER,
    PASSWORD,
    Browser,
    devices_site,
    listed,
    messages,
    seen,
    sids,
)

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.needs("flask", "quart"),
    pytest.mark.parametrize("half", OTHER),
]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with devices_site(tmp_path) as url:
        yield url


@pytest_asyncio.fixture
async def browsers(url: str, half: str) -> AsyncIterator[list[Browser]]:
    """Have one account logged in on a half, and in a second browser on the other one."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Browser(url, "Firefox on Linux"))
        second = await stack.enter_async_context(Browser(url, "Chrome on Windows"))
        await first.sign_up(half, "Ada")
        await second.log_in(OTHER[half], "Ada")
        yield [first, second]


async def test_each_browser_sees_both_and_which_it_is(browsers: list[Browser], half: str) -> None:
    names = ["Firefox on Linux", "Chrome on Windows"]
    for browser, own, other in zip(browsers, names, reversed(names), strict=True):
        for where in OTHER:
            page = (await browser.get(f"/{where}/devices")).text
            assert listed(page) == [(own, True), (other, False)]
            assert len(set(sids(page))) == len(seen(page)) == 2


async def test_a_browser_without_a_name_is_listed(url: str, half: str) -> None:
    async with Browser(url) as user:
        user.headers["User-Agent"] = ""
        page = await user.sign_up(half, "Ada")
        assert listed(page.text) == [("A browser without a name", True)]


async def test_an_ended_browser_is_out_at_its_next_click(
    browsers: list[Browser], half: str
) -> None:
    first, second = browsers
    page = (await first.get(f"/{half}/devices")).text
    answer = await first.submit(f"/{half}/devices/end", sid=sids(page)[1])
    assert messages(answer.text) == ["Chrome on Windows is logged out."]
    assert listed(answer.text) == [("Firefox on Linux", True)]
    assert (await second.get(f"/{OTHER[half]}/account")).url.path == f"/{OTHER[half]}/login"
    for where in OTHER:
        assert "Not logged in" in (await second.get(f"/{where}/")).text
    again = await first.submit(f"/{half}/devices/end", sid=sids(page)[1])
    assert messages(again.text) == ["That session had ended already."]


async def test_to_end_ones_own_session_is_to_log_out(browsers: list[Browser], half: str) -> None:
    first, second = browsers
    page = (await first.get(f"/{half}/devices")).text
    answer = await first.submit(f"/{OTHER[half]}/devices/end", sid=sids(page)[0])
    assert "Not logged in" in answer.text
    assert dict(first.cookies) == {}
    assert listed((await second.get(f"/{half}/devices")).text) == [("Chrome on Windows", True)]


async def test_all_others_end_at_once(browsers: list[Browser], url: str, half: str) -> None:
    first, second = browsers
    async with Browser(url) as third:
        await third.log_in(half, "Ada")
        answer = await first.submit(f"/{half}/devices/end-others")
        assert messages(answer.text) == ["2 other sessions were ended."]
        assert listed(answer.text) == [("Firefox on Linux", True)]
        assert "End all others" not in answer.text
        for other in (second, third):
            assert (await other.get(f"/{half}/devices")).url.path == f"/{half}/login"


async def test_nobody_elses_session_can_be_ended(
    browsers: list[Browser], url: str, half: str
) -> None:
    first = browsers[0]
    page = (await first.get(f"/{half}/devices")).text
    async with Browser(url) as mallory:
        await mallory.sign_up(half, "Mallory")
        for sid in (*sids(page), "", "no sid", "\x00"):
            answer = await mallory.submit(f"/{half}/devices/end", sid=sid)
            assert messages(answer.text) == ["That session had ended already."]
        assert messages((await mallory.submit(f"/{half}/devices/end-others")).text) == [
            "0 other sessions were ended."
        ]
    assert len(listed((await first.get(f"/{half}/devices")).text)) == 2


async def test_what_a_page_asks_for_by_itself_is_no_sign_of_life(
    browsers: list[Browser], half: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = browsers
    before = seen((await first.get(f"/{half}/devices")).text)
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 100)
    for where in OTHER:
        assert "Ada" in (await second.get(f"/{where}/session")).text
    page = (await first.get(f"/{half}/devices")).text
    assert abs(seen(page)[1] - before[1]) <= timedelta(seconds=1)
    await second.get(f"/{half}/account")
    after = seen((await first.get(f"/{half}/devices")).text)
    assert after[1] - before[1] >= timedelta(seconds=99)


async def test_the_password_is_asked_for_before_an_account_is_deleted(
    browsers: list[Browser], url: str, half: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = browsers
    old = dict(first.cookies)
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 61)
    for method in ("GET", "POST"):
        asked = await first.request(method, f"/{half}/account/delete")
        assert asked.url.path == f"/{half}/confirm"
    wrong = await first.submit(f"/{half}/confirm", password="wrong")
    assert (wrong.status_code, "The password is wrong." in wrong.text) == (400, True)
    assert (await first.get(f"/{half}/account/delete")).url.path == f"/{half}/confirm"
    right = await first.submit(f"/{half}/confirm", password=PASSWORD)
    assert right.url.path == f"/{half}/account/delete"
    assert dict(first.cookies) != old
    # What the other browser may do is not changed by it.
    asked = await second.get(f"/{half}/account/delete")
    assert asked.url.path == f"/{half}/confirm"
    gone = await first.submit(f"/{half}/account/delete")
    assert (gone.url.path, dict(first.cookies)) == (f"/{half}/goodbye", {})
    assert (await second.get(f"/{OTHER[half]}/devices")).url.path == f"/{OTHER[half]}/login"
    refused = await first.submit(f"/{half}/login", username="Ada", password=PASSWORD)
    assert refused.status_code == 400
    # The name is free, and whoever takes it has nothing of the account before.
    async with Browser(url) as other:
        assert len(listed((await other.sign_up(half, "Ada")).text)) == 1


async def test_a_login_a_moment_ago_is_confirmation_enough(
    browsers: list[Browser], half: str
) -> None:
    answer = await browsers[0].get(f"/{half}/account/delete")
    assert (answer.status_code, answer.url.path) == (200, f"/{half}/account/delete")


async def test_a_stranger_is_asked_to_log_in(url: str, half: str) -> None:
    async with Browser(url) as stranger:
        for path in ("devices", "account", "confirm", "account/delete"):
            assert (await stranger.get(f"/{half}/{path}")).url.path == f"/{half}/login"
        for path in ("devices/end", "devices/end-others", "notes", "confirm", "account/delete"):
            assert (await stranger.submit(f"/{half}/{path}")).url.path == f"/{half}/login"
        assert dict(stranger.cookies) == {}
