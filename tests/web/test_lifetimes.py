"""How long a session lives: the server decides, whatever the cookie says."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.server import Valkey

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.stores("filesystem", "memory", "sqlite", "sqlalchemy-sqlite"),
]

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize(("idle", "alive"), [(59, True), (60, False), (3600, False)])
async def test_an_idle_session_ends(
    new_site: NewSite, permanent: bool, idle: int, alive: bool
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=MINUTE)
    user, thief = site.visitor(), site.visitor()
    await user.visit(lambda session: session.update(a=1, _permanent=permanent))
    thief.jar["session"] = user.jar["session"]
    site.clock.advance(idle)
    assert await thief.value(lambda session: session.get("a")) == (1 if alive else None)


async def test_use_keeps_a_session_alive(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=MINUTE)
    user = site.visitor()
    await user.put(a=1)
    for _ in range(5):
        site.clock.advance(50)
        # The server's renewal needs no access, as Flask's needs none.
        await user.visit(lambda _: None)
    assert await user.value(dict) == {"a": 1}


async def test_no_renew_paths_keep_nothing_alive(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=MINUTE, SESSION_NO_RENEW=["/poll"])
    site.view("/poll")(lambda session, _: str(session.get("a")))
    site.view("/polling")(lambda session, _: str(session.get("a")))
    user = site.visitor()
    await user.put_permanent(a=1)
    site.clock.advance(40)
    answer = await user.driver.get("/poll")
    assert (answer.text, answer.set_cookies) == ("1", [])
    assert len((await user.driver.get("/polling")).set_cookies) == 1
    for _ in range(2):
        site.clock.advance(40)
        answer = await user.driver.get("/poll")
    assert answer.text == "None"


async def test_a_write_on_a_no_renew_path_is_saved(new_site: NewSite) -> None:
    site = new_site(
        PERMANENT_SESSION_LIFETIME=MINUTE,
        SESSION_NO_RENEW=lambda request: request.args.get("poll") == "1",
    )
    site.view("/write")(lambda session, _: str(session.update(b=2)))
    user = site.visitor()
    await user.put(a=1)
    site.clock.advance(40)
    await user.driver.get("/write?poll=1")
    site.clock.advance(19)
    kept = user.jar.copy()
    assert await user.value(dict) == {"a": 1, "b": 2}
    user.driver.jar = kept
    await user.driver.get("/write?poll=1")
    site.clock.advance(61)
    assert await user.value(dict) == {}


async def test_browser_sessions_may_have_another_lifetime(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=MINUTE * 10, SESSION_BROWSER_LIFETIME=60)
    stay, leave = site.visitor(), site.visitor()
    await stay.put_permanent(a=1)
    await leave.put(a=1)
    site.clock.advance(61)
    assert await stay.value(lambda session: session.get("a")) == 1
    assert await leave.value(lambda session: session.get("a")) is None


@pytest.mark.parametrize("at", [-1, 0, 1])
async def test_the_absolute_lifetime_survives_activity_and_regenerate(
    new_site: NewSite, at: int
) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=timedelta(hours=1))
    user = site.visitor()
    await user.put(a=1)
    for turn in range(6):
        site.clock.advance(590)
        await user.visit(lambda session, turn=turn: session.update(turn=turn))
        await user.visit(lambda session: session.regenerate())
    site.clock.advance(60 + at)
    assert await user.value(lambda session: session.get("a")) == (1 if at < 0 else None)


async def test_a_new_login_restarts_the_absolute_lifetime(new_site: NewSite) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=3600)
    user = site.visitor()
    await user.put(a=1)
    site.clock.advance(3000)
    await user.visit(lambda session: session.bind("ann"))
    site.clock.advance(3000)
    assert await user.value(lambda session: session.get("a")) == 1
    site.clock.advance(600)
    assert await user.value(lambda session: session.get("a")) is None


@pytest.mark.parametrize(("idle", "alive"), [(59, True), (66, False)])
async def test_a_shortened_timeout_cuts_a_session_and_does_not_end_it(
    new_site: NewSite, idle: int, alive: bool
) -> None:
    user = new_site().visitor()
    await user.put_permanent(a=1)
    site = new_site(PERMANENT_SESSION_LIFETIME=MINUTE)
    later, thief = site.visitor(), site.visitor()
    later.jar["session"] = thief.jar["session"] = user.jar["session"]
    assert await later.value(lambda session: session.get("a")) == 1
    site.clock.advance(idle)
    assert await thief.value(lambda session: session.get("a")) == (1 if alive else None)


async def test_writing_to_an_expired_session_begins_a_new_one(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=MINUTE)
    user = site.visitor()
    await user.put(a=1)
    sid = await user.value(lambda session: session.sid)
    site.clock.advance(61)
    await user.put(b=2)
    assert await user.value(dict) == {"b": 2}
    assert await user.value(lambda session: session.sid) != sid
    assert len(backend.records()) <= 2


@pytest.mark.stores("redis")
async def test_redis_ends_an_idle_session_by_itself(new_site: NewSite, valkey: Valkey) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=1)
    user = site.visitor()
    await user.put(a=1)
    assert await user.value(dict) == {"a": 1}
    with valkey.client() as client:
        (key,) = client.keys("session:*")  # type: ignore[misc,unused-ignore]
        left = client.pttl(key)
        assert 0 < left <= 1000  # type: ignore[operator,unused-ignore]
        await asyncio.sleep((left + 50) / 1000)  # type: ignore[operator,unused-ignore]
        assert not client.exists(key)
    assert await user.value(dict) == {}


@pytest.mark.stores("redis")
@pytest.mark.parametrize("permanent", [True, False])
async def test_redis_is_told_the_lifetime_with_each_use(
    new_site: NewSite, valkey: Valkey, permanent: bool
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=1000, SESSION_BROWSER_LIFETIME=100)
    user = site.visitor()
    with valkey.client() as client:
        for use in (lambda s: s.update(a=1, _permanent=permanent), dict, lambda s: s.update(b=2)):
            await user.visit(use)
            (key,) = client.keys("session:*")  # type: ignore[misc,unused-ignore]
            left = client.ttl(key)
            assert left in ((999, 1000) if permanent else (99, 100))
            client.expire(key, 50)


@pytest.mark.stores("cookie")
@pytest.mark.parametrize(("idle", "alive"), [(60, True), (62, False)])
async def test_a_session_in_the_cookie_ends_as_flasks_does(
    new_site: NewSite, idle: int, alive: bool
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=MINUTE)
    user, thief = site.visitor(), site.visitor()
    await user.put(a=1)
    thief.jar["session"] = user.jar["session"]
    site.clock.advance(idle)
    assert await thief.value(lambda session: session.get("a")) == (1 if alive else None)


@pytest.mark.stores("cookie")
@pytest.mark.parametrize(("behind", "alive"), [(1, True), (60, True), (61, False)])
async def test_a_node_whose_clock_is_behind_reads_the_cookie(
    new_site: NewSite, behind: int, alive: bool
) -> None:
    site = new_site()
    user = site.visitor()
    await user.put(a=1)
    site.clock.advance(-behind)
    assert await user.value(lambda session: session.get("a")) == (1 if alive else None)
