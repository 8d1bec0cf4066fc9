"""SESSION_TYPE "cookie" with SESSION_ENCRYPT: the browser keeps what its user cannot read."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.clock import Clock
from tests.support.site import SECRET_KEY, Visitor
from tests.web.test_cookie_interop import DATA

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("cookie")]

ON = {"SESSION_ENCRYPT": True}
READING = {"SESSION_ENCRYPT": "read"}
OLD = "an old key of encryption, long enough"
NEW = "a new key of encryption, long enough"
NEWER_KEY = "a newer secret key of the tests, long enough"


def at(new_site: NewSite, visitor: Visitor, **settings: Any) -> Visitor:
    """Give the same browser at a site with other settings."""
    made: Visitor = new_site(**settings).visitor()
    made.driver.jar = visitor.driver.jar
    return made


async def begun(new_site: NewSite, **settings: Any) -> Visitor:
    visitor: Visitor = new_site(**settings).visitor()
    await visitor.put(a=1)
    return visitor


async def is_live(new_site: NewSite, visitor: Visitor, **settings: Any) -> bool:
    """Say whether such a site finds the session, in a request that renews nothing."""
    found = await at(new_site, visitor, **settings, SESSION_NO_RENEW=["/"]).value(dict)
    return "a" in found


async def shown(visitor: Visitor, cookie: str) -> str:
    """Say what a request with this cookie finds."""
    value = b"session=" + cookie.encode()
    answer = await visitor.respond(lambda session, web: repr(dict(session)), cookie=value)
    assert answer.status == 200
    return answer.text


def is_encrypted(visitor: Visitor) -> bool:
    return "." not in visitor.jar["session"]


async def test_every_type_comes_back_and_nothing_of_it_can_be_read(new_site: NewSite) -> None:
    visitor = new_site(**ON).visitor()
    data = {**DATA, "long": "canary" * 300, "a_secret_name": 1}
    await visitor.put(**data)
    cookie = visitor.jar["session"]
    raw = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
    assert [word for word in (b"canary", b"a_secret_name") if word in raw] == []
    found = await visitor.value(dict)
    assert found == data
    assert {key: type(value) for key, value in found.items()} == {
        key: type(value) for key, value in data.items()
    }


async def test_equal_data_is_sent_in_other_bytes_and_only_when_it_changes(
    new_site: NewSite,
) -> None:
    one, other = await begun(new_site, **ON), await begun(new_site, **ON)
    assert one.jar["session"] != other.jar["session"]
    assert (await one.visit(dict)).set_cookies == []
    await one.put(a=2)
    assert await one.value(dict) == {"a": 2}


@pytest.mark.needs("flask", "quart")
@pytest.mark.parametrize("plain_framework", ["flask", "quart"])
async def test_a_plain_framework_finds_no_session_in_it(
    new_site: NewSite, clock: Clock, plain_framework: str
) -> None:
    clock.now = time.time()
    visitor = await begun(new_site, **ON)
    plain = new_site(options={"init": False, "framework": plain_framework}).visitor()
    plain.jar["session"] = visitor.jar["session"]
    assert await plain.value(dict) == {}


async def test_a_cookie_with_any_character_changed_is_none_and_a_visitor_may_cause_that(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = await begun(new_site, **ON)
    cookie = visitor.jar["session"]
    spoilt = [
        cookie[:at] + ("A" if cookie[at] != "A" else "B") + cookie[at + 1 :]
        for at in range(len(cookie))
    ]
    spoilt += [cookie[:-1], cookie + "A", cookie + "=", cookie + "*", "", "AQ", "A" * 5000]
    for each in spoilt:
        assert await shown(visitor, each) == "{}", each
    assert {each.levelname for each in caplog.records if each.name == "samesession"} <= {"INFO"}
    assert await visitor.value(dict) == {"a": 1}


@pytest.mark.parametrize("permanent", [True, False])
async def test_it_ends_when_the_signed_one_does(
    new_site: NewSite, clock: Clock, *, permanent: bool
) -> None:
    settings = {"PERMANENT_SESSION_LIFETIME": 100, "SESSION_REFRESH_EACH_REQUEST": False}
    for how in ({}, ON):
        visitor = new_site(**settings, **how).visitor()
        await (visitor.put_permanent(a=1) if permanent else visitor.put(a=1))
        cookie = visitor.jar["session"]
        found: list[bool] = []
        for passing in (100, 1, -162, -1):
            clock.advance(passing)
            found.append("'a': 1" in await shown(visitor, cookie))
        # The last ones are by a clock that is behind, by a minute at most.
        assert found == [True, False, False, False]
        clock.advance(2)
        assert "'a': 1" in await shown(visitor, cookie)
        clock.advance(60)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {**ON, "SECRET_KEY": NEWER_KEY},
        {**ON, "SESSION_ENCRYPTION_KEYS": [OLD]},
        {**ON, "SESSION_KEY_PREFIX": "other:"},
    ],
    ids=str,
)
async def test_another_application_reads_none(new_site: NewSite, other: dict[str, Any]) -> None:
    visitor = await begun(new_site, **ON)
    assert not await is_live(new_site, visitor, **other)
    assert await is_live(new_site, visitor, **ON)


async def test_with_keys_of_its_own_the_secret_key_is_needed_too(new_site: NewSite) -> None:
    keys = {**ON, "SESSION_ENCRYPTION_KEYS": [OLD]}
    visitor = await begun(new_site, **keys)
    assert await is_live(new_site, visitor, **keys)
    assert not await is_live(new_site, visitor, **keys, SECRET_KEY=NEWER_KEY)


@pytest.mark.parametrize(
    ("before", "now", "after"),
    [
        (
            {},
            {"SECRET_KEY": NEWER_KEY, "SECRET_KEY_FALLBACKS": [SECRET_KEY]},
            {"SECRET_KEY": NEWER_KEY},
        ),
        (
            {"SESSION_ENCRYPTION_KEYS": [OLD]},
            {"SESSION_ENCRYPTION_KEYS": [NEW, OLD]},
            {"SESSION_ENCRYPTION_KEYS": [NEW]},
        ),
        (
            {"SESSION_ENCRYPTION_KEYS": [OLD]},
            {
                "SECRET_KEY": NEWER_KEY,
                "SECRET_KEY_FALLBACKS": [SECRET_KEY],
                "SESSION_ENCRYPTION_KEYS": [NEW, OLD],
            },
            {"SECRET_KEY": NEWER_KEY, "SESSION_ENCRYPTION_KEYS": [NEW]},
        ),
    ],
    ids=["of Flask's", "of its own", "both"],
)
async def test_new_keys_count_from_the_first_request(
    new_site: NewSite, before: dict[str, Any], now: dict[str, Any], after: dict[str, Any]
) -> None:
    visitor = await begun(new_site, **ON, **before)
    later = at(new_site, visitor, **ON, **now)
    assert len((await later.visit(dict)).set_cookies) == 1
    assert (await later.visit(dict)).set_cookies == []
    assert await is_live(new_site, visitor, **ON, **after)


async def test_a_plain_cookie_is_encrypted_at_its_first_request_until_a_moment(
    new_site: NewSite, clock: Clock
) -> None:
    moment = datetime.fromtimestamp(clock.now, UTC) + timedelta(seconds=60)
    until = {**ON, "SESSION_ENCRYPT_READ_PLAIN_UNTIL": moment}
    visitor, late = await begun(new_site), await begun(new_site)
    assert not await is_live(new_site, visitor, **ON)
    assert await at(new_site, visitor, **until).value(dict) == {"a": 1}
    assert is_encrypted(visitor)
    assert await is_live(new_site, visitor, **ON)
    clock.advance(60)
    assert not await is_live(new_site, late, **until)


async def test_processes_that_encrypt_and_such_that_only_read_it_share_a_session(
    new_site: NewSite,
) -> None:
    visitor = await begun(new_site, **ON)
    reading = at(new_site, visitor, **READING)
    assert await reading.value(dict) == {"a": 1}
    assert is_encrypted(visitor)
    await reading.put(b=2)
    assert not is_encrypted(visitor)
    assert await is_live(new_site, visitor)


async def test_what_a_browser_would_not_keep_is_an_error(new_site: NewSite) -> None:
    """No more than that fits: it is not compressed, as its length would tell what is in it."""
    visitor = await begun(new_site, **ON)
    await visitor.put(a="x" * 2900)
    assert (await visitor.visit(lambda session: session.update(a="x" * 3100))).status == 500
    assert await visitor.value(lambda session: session["a"]) == "x" * 2900
