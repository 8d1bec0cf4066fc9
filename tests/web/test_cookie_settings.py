"""Every SESSION_COOKIE_* setting, on setting and on deleting; refreshing; key rotation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.browser import attributes
from tests.support.site import SECRET_KEY, Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "cookie")]

DEFAULT = {"httponly": True, "path": "/", "samesite": "Lax"}
PLAIN = {**DEFAULT, "name": "session"}

SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "default": ({}, PLAIN),
    "name": ({"SESSION_COOKIE_NAME": "sid-1"}, {**DEFAULT, "name": "sid-1"}),
    "domain": ({"SESSION_COOKIE_DOMAIN": "example.com"}, {**PLAIN, "domain": "example.com"}),
    "path": ({"SESSION_COOKIE_PATH": "/app"}, {**PLAIN, "path": "/app"}),
    "root": ({"APPLICATION_ROOT": "/root"}, {**PLAIN, "path": "/root"}),
    "not httponly": (
        {"SESSION_COOKIE_HTTPONLY": False},
        {"name": "session", "path": "/", "samesite": "Lax"},
    ),
    "secure": ({"SESSION_COOKIE_SECURE": True}, {**PLAIN, "secure": True}),
    "words of ours": (
        {"SESSION_COOKIE_NAME": "value-goes-here", "SESSION_COOKIE_PATH": "/date-goes-here"},
        {**DEFAULT, "name": "value-goes-here", "path": "/date-goes-here"},
    ),
    "another domain of words": (
        {"SESSION_COOKIE_DOMAIN": "date-goes-here.value-goes-here"},
        {**PLAIN, "domain": "date-goes-here.value-goes-here"},
    ),
    "lax": ({"SESSION_COOKIE_SAMESITE": "Lax"}, {**PLAIN, "samesite": "Lax"}),
    "no samesite": (
        {"SESSION_COOKIE_SAMESITE": False},
        {"name": "session", "path": "/", "httponly": True},
    ),
    "strict": ({"SESSION_COOKIE_SAMESITE": "Strict"}, {**PLAIN, "samesite": "Strict"}),
    "none": (
        {"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": True},
        {**PLAIN, "samesite": "None", "secure": True},
    ),
    "partitioned": (
        {"SESSION_COOKIE_PARTITIONED": True, "SESSION_COOKIE_SECURE": True},
        {**PLAIN, "partitioned": True, "secure": True},
    ),
    "host": (
        {"SESSION_COOKIE_NAME": "__Host-s", "SESSION_COOKIE_SECURE": True},
        {**DEFAULT, "name": "__Host-s", "secure": True},
    ),
    "secure name": (
        {
            "SESSION_COOKIE_NAME": "__Secure-s",
            "SESSION_COOKIE_SECURE": True,
            "SESSION_COOKIE_DOMAIN": "example.com",
        },
        {**DEFAULT, "name": "__Secure-s", "secure": True, "domain": "example.com"},
    ),
}
EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"


def _only(answer: Any) -> dict[str, Any]:
    (header,) = answer.set_cookies
    found: dict[str, Any] = attributes(header)
    return found


@pytest.mark.parametrize("name", SETTINGS)
async def test_attributes_are_said_on_setting_and_on_deleting(new_site: NewSite, name: str) -> None:
    settings, expected = SETTINGS[name]
    user = new_site(**settings).visitor()
    said = _only(await user.put(a=1))
    assert len(said.pop("value")) > 20
    assert said == expected
    dropped = _only(await user.visit(lambda session: session.clear()))
    assert dropped == {**expected, "value": "", "expires": EPOCH, "max-age": "0"}


@pytest.mark.parametrize("name", ["domain", "words of ours", "another domain of words"])
async def test_a_permanent_session_says_when_its_cookie_expires(
    new_site: NewSite, name: str
) -> None:
    site = new_site(**SETTINGS[name][0])
    user = site.visitor()
    said = _only(await user.put_permanent(a=1))
    moment = datetime.fromtimestamp(site.clock.now, UTC) + timedelta(days=31)
    assert said["expires"] == format_datetime(moment, usegmt=True)


async def test_no_cookie_is_asked_to_live_beyond_400_days(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=timedelta(days=1000))
    said = _only(await site.visitor().put_permanent(a=1))
    moment = datetime.fromtimestamp(site.clock.now, UTC) + timedelta(days=400)
    assert said["expires"] == format_datetime(moment, usegmt=True)


async def test_a_session_that_becomes_unpermanent_ends_with_the_browser(site: Site) -> None:
    user = site.visitor()
    await user.put_permanent(a=1)
    said = _only(await user.visit(lambda session: setattr(session, "permanent", False)))
    assert "expires" not in said
    user.jar.end_browser_session()
    assert await user.value(dict) == {}


@pytest.mark.parametrize("refresh", [True, False])
@pytest.mark.parametrize("permanent", [True, False])
async def test_the_cookie_is_sent_again_as_flask_does(
    new_site: NewSite, refresh: bool, permanent: bool
) -> None:
    site = new_site(SESSION_REFRESH_EACH_REQUEST=refresh)
    user = site.visitor()
    await user.visit(lambda session: session.update(a=1, _permanent=permanent))
    site.clock.advance(10)
    answer = await user.visit(lambda _: None)
    assert len(answer.set_cookies) == (1 if refresh and permanent else 0)


@pytest.mark.parametrize("default", [True, False])
async def test_session_permanent_is_the_default_of_permanent(
    new_site: NewSite, default: bool
) -> None:
    user = new_site(SESSION_PERMANENT=default).visitor()
    assert await user.value(lambda session: session.permanent) is default
    assert ("expires" in _only(await user.put(a=1))) is default
    assert await user.value(lambda session: session.permanent) is default


@pytest.mark.stores("memory", "filesystem", "redis", "cookie")
async def test_a_rotated_key_reads_old_sessions_and_signs_new_ones(new_site: NewSite) -> None:
    newer = "the newer secret key, long enough"
    user = new_site().visitor()
    await user.put(name="ann")

    rotated = new_site(SECRET_KEY=newer, SECRET_KEY_FALLBACKS=[SECRET_KEY]).visitor()
    rotated.driver.jar = user.jar.copy()
    assert await rotated.value(dict) == {"name": "ann"}
    await rotated.put(name="bob")

    after = new_site(SECRET_KEY=newer).visitor()
    after.driver.jar = rotated.jar.copy()
    assert await after.value(dict) == {"name": "bob"}

    dropped = new_site(SECRET_KEY=newer).visitor()
    dropped.driver.jar = user.jar.copy()
    assert await dropped.value(dict) == {}


async def test_several_fallbacks_all_read(new_site: NewSite) -> None:
    keys = [f"secret key number {number}, long enough" for number in range(3)]
    for key in keys:
        user = new_site(SECRET_KEY=key).visitor()
        await user.put(name=key)
        reader = new_site(SECRET_KEY=keys[2], SECRET_KEY_FALLBACKS=keys[:2]).visitor()
        reader.driver.jar = user.jar.copy()
        assert await reader.value(dict) == {"name": key}
