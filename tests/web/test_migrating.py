"""Sessions of the framework's signed cookie become ours, on both frameworks and every store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from samesession import ConfigError, signals
from samesession.core.migrated import FOLLOWED
from samesession.run.aio import arun
from samesession.run.sync import run
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer, attributes
from tests.support.old import signed_cookie
from tests.support.site import SECRET_KEY, Site, Visitor
from tests.web.test_cli import command, document

pytestmark = pytest.mark.asyncio

ON = {"SESSION_MIGRATE_FROM": ["signed-cookie"], "SESSION_COOKIE_NAME": "sid"}
DATA = {"user_id": 7, "user": "ann", "cart": [1]}
OLD_KEY = "a secret key of before, long enough"
UNTIL = "2099-01-01T00:00:00Z"


def coming(site: Site, data: dict[str, Any] = DATA, **options: Any) -> Visitor:
    """Give a browser that has the old application's cookie."""
    user = site.visitor()
    user.jar["session"] = signed_cookie(data, site.clock(), **options)
    return user


def holder(site: Site, cookie: str) -> Visitor:
    user = site.visitor()
    user.jar["session"] = cookie
    return user


@pytest.fixture
def told() -> Iterator[list[tuple[str, str | None]]]:
    found: list[tuple[str, str | None]] = []

    def hear(app: Any, *, sid: str | None, reason: str, **_: Any) -> None:
        found.append((reason, sid))

    signals.session_migrated.connect(hear)
    yield found
    signals.session_migrated.disconnect(hear)


def names(answer: Answer) -> list[tuple[str, bool]]:
    """Give the cookies that a response sets, or deletes: then True."""
    said = [attributes(each) for each in answer.set_cookies]
    return [(str(each["name"]), each.get("max-age") == "0") for each in said]


async def test_nobody_is_logged_out(new_site: NewSite, told: list[Any]) -> None:
    site = new_site(**ON)
    user = coming(site)
    assert await user.value(dict) == DATA
    assert "session" not in user.jar
    assert await user.value(dict) == DATA
    assert told == [("signed-cookie", await user.value(lambda session: session.sid))]
    await user.visit(lambda session: session["cart"].append(2))
    assert await user.value(lambda session: session["cart"]) == [1, 2]


async def test_the_old_cookie_is_deleted_with_every_attribute(new_site: NewSite) -> None:
    site = new_site(
        **ON,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_DOMAIN="example.com",
        SESSION_COOKIE_PATH="/visit",
        SESSION_COOKIE_SAMESITE="None",
        SESSION_COOKIE_PARTITIONED=True,
    )
    answer = await coming(site).visit(dict)
    old, new = map(attributes, answer.set_cookies)
    assert (old["name"], old["value"], new["name"]) == ("session", "", "sid")
    scope = ("domain", "path", "secure", "httponly", "samesite", "partitioned")
    assert [old[each] for each in scope] == [new[each] for each in scope]
    assert (old["max-age"], old["expires"]) == ("0", "Thu, 01 Jan 1970 00:00:00 GMT")
    assert answer.cache_control == "private"
    assert answer.vary == "Cookie"


async def test_a_request_that_never_looks_at_its_session_takes_it_over_too(
    new_site: NewSite,
) -> None:
    site = new_site(**ON)
    user = coming(site)
    answer = await user.visit(lambda session: "no look")
    assert names(answer) == [("session", True), ("sid", False)]
    assert await user.value(dict) == DATA


async def test_who_comes_late_with_the_old_cookie_has_the_same_session(new_site: NewSite) -> None:
    site = new_site(**ON)
    user = coming(site)
    late = holder(site, user.jar["session"])
    await user.visit(dict)
    answer = await late.visit(lambda session: session.update(late=1))
    assert names(answer) == []
    assert await user.value(dict) == {**DATA, "late": 1}
    assert await late.value(dict) == {}


@pytest.mark.stores("filesystem", "memory", "sqlite")
async def test_60_seconds_are_the_end_of_that(new_site: NewSite) -> None:
    site = new_site(**ON)
    user = coming(site)
    late = holder(site, user.jar["session"])
    await user.visit(dict)
    site.clock.advance(FOLLOWED - 0.5)
    assert await late.value(dict) == DATA
    site.clock.advance(0.5)
    answer = await late.visit(lambda session: session.get("user"))
    assert late.result is None
    assert names(answer) == [("session", True)]
    assert await user.value(dict) == DATA


async def test_a_logout_is_final(new_site: NewSite) -> None:
    site = new_site(**ON)
    for by_late in (False, True):
        user = coming(site, {"user_id": f"ann {by_late}"})
        late = holder(site, user.jar["session"])
        copies = [holder(site, user.jar["session"]) for _ in range(2)]
        await user.visit(dict)
        answer = await (late if by_late else user).visit(lambda session: session.end())
        assert ("sid", True) in names(answer)
        for each in (user, late, *copies):
            assert await each.value(dict) == {}


async def test_a_cookie_that_is_none_is_one_line_in_the_log(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(**ON)
    good = signed_cookie(DATA, site.clock())
    forged = signed_cookie(DATA, site.clock(), key=OLD_KEY)
    for value in ("garbage", good[:-1], good[1:], forged, ".eJ", good + "x" * 4000):
        caplog.clear()
        with caplog.at_level(logging.INFO, "samesession"):
            user = holder(site, value)
            assert await user.value(dict) == {}
        (line,) = caplog.records
        assert line.levelno == logging.INFO
        assert "another library" in line.getMessage()
        assert value not in line.getMessage()
        assert user.jar["session"] == value


async def test_fallback_keys_read_what_was_signed_before(new_site: NewSite) -> None:
    site = new_site(**ON, SECRET_KEY_FALLBACKS=[OLD_KEY])
    user = coming(site, key=OLD_KEY)
    late = holder(site, user.jar["session"])
    assert await user.value(dict) == DATA
    assert await late.value(dict) == DATA
    await user.visit(lambda session: session.end())
    assert await late.value(dict) == {}


async def test_a_key_that_is_rotated_in_between_lets_nothing_in_twice(new_site: NewSite) -> None:
    before = new_site(**ON, SECRET_KEY=OLD_KEY)
    user = coming(before, key=OLD_KEY)
    copy = user.jar["session"]
    await user.visit(lambda session: session.end())
    after = new_site(**ON, SECRET_KEY=SECRET_KEY, SECRET_KEY_FALLBACKS=[OLD_KEY])
    assert await holder(after, copy).value(dict) == {}


async def test_encrypted_sessions_come_over_as_well(new_site: NewSite, backend: Backend) -> None:
    pytest.importorskip("cryptography")
    site = new_site(**ON, SESSION_ENCRYPT=True)
    user = coming(site)
    assert await user.value(dict) == DATA
    assert not any(b"ann" in each for each in backend.records().values())
    assert await user.value(dict) == DATA


@pytest.mark.lists
async def test_stats_tells_who_has_come_with_what(new_site: NewSite) -> None:
    site = new_site(**ON)
    users = [coming(site, {"user": str(number)}) for number in range(3)]
    for user in users:
        await user.visit(dict)
    await users[0].visit(lambda session: session.end())
    found = await document(site, "stats")
    assert (found["sessions"], found["migrated"], found["waiting"]) == (
        2,
        {"signed-cookie": 3},
        {},
    )
    code, said = await command(site, "stats")
    assert (code, said.splitlines()[-1]) == (0, "migrated    3 of signed-cookie")
    off = new_site(SESSION_COOKIE_NAME="sid")
    await off.visitor().visit(dict)
    assert "migrated" not in await document(off, "stats")


@pytest.mark.lists
async def test_a_note_is_no_session_for_anybody(new_site: NewSite) -> None:
    site = new_site(**ON)
    user = coming(site)
    await user.visit(lambda session: session.end())
    late = user.jar.get("session")
    assert late is None
    admin = site.app.session_interface.app_sessions.administration
    assert (await _run(site, admin.count()), await _run(site, admin.revoke_everyone())) == (0, 0)
    page = await _run(site, admin.all_sessions())
    assert page.sessions == ()


async def _run(site: Site, steps: Any) -> Any:  # Any: as the steps differ
    if site.framework == "flask":
        return await asyncio.to_thread(run, steps)
    return await arun(steps)


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.stores("memory")
async def test_after_the_date_nobody_is_read_and_one_line_tells(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(**ON, SESSION_MIGRATE_UNTIL=UNTIL)
    user = coming(site)
    assert await user.value(dict) == DATA
    site.clock.now = 4_070_908_800 - 1.0
    assert await coming(site).value(dict) == DATA
    site.clock.advance(1)
    for _ in range(2):
        assert await coming(site).value(dict) == {}
    (line,) = caplog.records
    assert line.getMessage() == (
        "SESSION_MIGRATE_UNTIL has passed: sessions of other libraries are not read any more. "
        "Remove SESSION_MIGRATE_FROM from the settings"
    )


@pytest.mark.stores("memory")
async def test_another_cookie_name_of_before(new_site: NewSite) -> None:
    site = new_site(**ON, SESSION_MIGRATE_COOKIE_NAME="before")
    user = coming(site)
    assert await user.value(dict) == {}
    user.jar["before"] = user.jar["session"]
    answer = await user.visit(dict)
    assert user.result == DATA
    assert names(answer) == [("before", True), ("sid", False)]


@pytest.mark.stores("memory")
async def test_off_the_old_cookie_is_nothing_at_all(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(SESSION_COOKIE_NAME="sid")
    with caplog.at_level(logging.DEBUG, "samesession"):
        assert await coming(site).value(dict) == {}
    assert caplog.records == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SESSION_MIGRATE_FROM": "signed-cookie"}, "must be a list of some of 'flask-session'"),
        ({"SESSION_MIGRATE_FROM": ["django"]}, "must be a list of some of 'flask-session'"),
        ({"SESSION_MIGRATE_FROM": ["signed-cookie"] * 2}, "each once"),
        (
            {"SESSION_COOKIE_NAME": "session"},
            "a name for the new cookie other than 'session', which is the name of the old one",
        ),
        ({"SESSION_MIGRATE_COOKIE_NAME": "sid"}, "needs a name"),
        ({"SESSION_MIGRATE_COOKIE_NAME": "a b"}, "must be the name of a cookie"),
        ({"SESSION_MIGRATE_KEY_PREFIX": 5}, "must be printable text"),
        ({"SESSION_MIGRATE_USE_SIGNER": 1}, "must be True or False"),
        ({"SESSION_MIGRATE_FROM": [], "SESSION_MIGRATE_COOKIE_NAME": "a"}, "has no effect without"),
        ({"SESSION_MIGRATE_FROM": [], "SESSION_MIGRATE_KEY_PREFIX": ""}, "has no effect without"),
        ({"SESSION_MIGRATE_FROM": [], "SESSION_MIGRATE_USE_SIGNER": True}, "has no effect without"),
    ],
)
@pytest.mark.stores("memory")
async def test_a_wrong_setting_says_what_to_write(
    new_site: NewSite, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        _ = new_site(**{**ON, **settings})
    assert said in str(raised.value)


@pytest.mark.stores("cookie")
async def test_where_the_browser_keeps_the_session_there_is_nothing_to_migrate(
    new_site: NewSite,
) -> None:
    with pytest.raises(ConfigError, match="has no effect with SESSION_TYPE 'cookie'"):
        _ = new_site(**ON)


@pytest.mark.stores("memory")
async def test_a_prefix_may_be_empty_as_airflows_is(new_site: NewSite) -> None:
    _ = new_site(**ON, SESSION_MIGRATE_KEY_PREFIX="")
