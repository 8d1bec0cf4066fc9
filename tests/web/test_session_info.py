"""What is known of a session: what it says of itself, and what lists say of it, on both."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from samesession import ServerSession, SessionInfo
from samesession.core.steps import Steps, wait
from samesession.stores.memory import MemoryStore
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.infos import known_of, moment
from tests.support.site import Site, Visitor
from tests.support.sockets import Socket
from tests.web.test_administration import administer

pytestmark = pytest.mark.asyncio

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
NOTHING = SessionInfo(None, None, None, None, None, None, None, current=True)


async def info(visitor: Visitor) -> SessionInfo:
    found = await visitor.value(lambda session: session.info)
    assert isinstance(found, SessionInfo)
    return found


async def log_in(site: Site, owner: str = "ann") -> Visitor:
    visitor = site.visitor()
    await visitor.visit(lambda session: session.bind(owner))
    return visitor


def live_for_nine_days(session: ServerSession) -> None:
    session.lifetime = 9 * DAY


def actions(site: Site) -> Any:
    return import_module(f"samesession.{site.framework}")


async def test_nothing_is_known_of_a_session_that_is_not_stored(site: Site) -> None:
    assert await info(site.visitor()) == NOTHING


async def test_a_session_says_when_it_was_seen_and_when_it_ends(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=DAY)
    visitor, began = site.visitor(), site.clock()
    await visitor.put(a=1)
    site.clock.advance(3600)
    found = await info(visitor)
    assert found.sid is not None
    assert (found.owner, found.label, found.authenticated) == (None, None, None)
    assert (found.created, found.last_seen) == (moment(began), moment(began + 3600))
    assert found.expires == moment(began + 3600) + DAY
    assert found.current


@pytest.mark.owners
async def test_the_absolute_timeout_ends_it_if_that_is_earlier(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=DAY, SESSION_ABSOLUTE_LIFETIME=DAY * 1.5)
    visitor, began = await log_in(site), moment(site.clock())
    assert (await info(visitor)).expires == began + DAY
    site.clock.advance(DAY.total_seconds() - 100)
    found = await info(visitor)
    assert (found.authenticated, found.expires) == (began, began + DAY * 1.5)


async def test_a_timeout_of_its_own_counts(new_site: NewSite) -> None:
    site = new_site(SESSION_OWN_LIFETIMES=True, PERMANENT_SESSION_LIFETIME=DAY)
    visitor, began = site.visitor(), moment(site.clock())
    await visitor.put(a=1)
    await visitor.visit(live_for_nine_days)
    assert (await info(visitor)).expires == began + 9 * DAY


async def test_a_request_that_does_not_renew_does_not_count_as_seeing(new_site: NewSite) -> None:
    site = new_site(SESSION_NO_RENEW=["/visit"], SESSION_ABSOLUTE_LIFETIME=DAY)
    visitor, began = site.visitor(), moment(site.clock())
    await visitor.put(a=1)
    site.clock.advance(60)
    found = await info(visitor)
    assert (found.created, found.last_seen, found.expires) == (began, None, began + DAY)


async def test_what_a_block_saved_was_seen_then(site: Site) -> None:
    saving = actions(site).saving

    @site.view("/long")
    def long(session: ServerSession, web: Any) -> Steps[str]:
        block = saving()
        yield from wait(_enter(block))
        session["a"] = 1
        site.clock.advance(50)
        yield from wait(_leave(block))
        site.clock.advance(50)
        seen.append(session.info)
        return ""

    seen: list[SessionInfo] = []
    began = site.clock()
    assert (await site.user().get("/long")).status == 200
    (found,) = seen
    assert (found.created, found.last_seen) == (moment(began + 50), moment(began + 50))


def _enter(block: Any) -> Any:
    return block.__enter__() if hasattr(block, "__enter__") else block.__aenter__()


def _leave(block: Any) -> Any:
    nothing = (None, None, None)
    return block.__exit__(*nothing) if hasattr(block, "__exit__") else block.__aexit__(*nothing)


@pytest.mark.owners
async def test_the_request_s_own_session_is_the_current_one_of_a_list(site: Site) -> None:
    web = actions(site)

    @site.view("/mine")
    def mine(session: ServerSession, _: Any) -> Steps[dict[str, Any]]:
        found = yield from wait(web.sessions_of("ann"))
        page = yield from wait(web.sessions_page("ann"))
        shown = {each.sid: each.current for each in found}
        assert shown == {each.sid: each.current for each in page.sessions}
        return shown

    first, second = await log_in(site), await log_in(site)
    sids = [(await info(each)).sid for each in (first, second)]
    for visitor, sid in ((first, sids[0]), (second, sids[1])):
        answer = await visitor.driver.get("/mine")
        assert answer.json() == {each: each == sid for each in sids}
        assert answer.vary == "Cookie"
    stranger = await site.user().get("/mine")
    assert stranger.json() == dict.fromkeys(sids, False)


@pytest.mark.owners
@pytest.mark.stores("memory")
@pytest.mark.needs("quart")
async def test_a_websocket_s_own_session_is_the_current_one_too(site: Site) -> None:
    web = actions(site)

    async def socket() -> None:
        found = await web.sessions_of("ann")
        await site.web.websocket.send(" ".join(str(each.sid) for each in found if each.current))

    site.app.websocket("/socket")(socket)
    await log_in(site)
    visitor = await log_in(site)
    connection = Socket(visitor)
    assert await connection.said() == (await info(visitor)).sid
    await connection.over()


@pytest.mark.owners
async def test_outside_of_a_request_no_session_is_the_current_one(site: Site) -> None:
    visitor, web = await log_in(site), actions(site)
    if site.framework == "flask":
        with site.app.app_context():
            (found,) = web.sessions_of("ann")
    else:
        async with site.app.app_context():
            (found,) = await web.sessions_of("ann")
    assert not found.current
    assert known_of(found) == known_of(await info(visitor))


# --- in lists -------------------------------------------------------------------------------


async def listed(site: Site, owner: str = "ann") -> list[SessionInfo]:
    found = await administer(site, "sessions_of", owner)
    page = await administer(site, "sessions_page", owner)
    assert [*map(known_of, page.sessions)] == [*map(known_of, found)]
    assert page.after is None
    return [*found]


@pytest.mark.owners
async def test_a_list_says_when_a_session_was_seen_and_when_it_ends(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=DAY)
    visitor, began = await log_in(site), site.clock()
    site.clock.advance(3600)
    await visitor.value(dict)
    site.clock.advance(1800)
    (found,) = await listed(site)
    own_clock = not backend.part.clocked
    assert found.last_seen is not None
    assert found.expires is not None
    # A server counts the seconds that truly passed, which are none.
    seen = site.clock() if own_clock else began + 3600
    assert abs(found.last_seen - moment(seen)) <= 5 * SECOND
    assert abs(found.expires - moment(seen) - DAY) <= MINUTE + 5 * SECOND
    assert (found.created, found.authenticated) == (moment(began), moment(began))


@pytest.mark.owners
async def test_to_list_writes_nothing_and_renews_nothing(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, PERMANENT_SESSION_LIFETIME=DAY)
    visitor = await log_in(site)
    await visitor.value(dict)
    spy.reset()
    (before,) = await listed(site)
    site.clock.advance(600)
    (after,) = await listed(site)
    assert {*spy.counts} == {"owned_page", "load_dated"}
    if backend.part.clocked:
        assert after == before


@pytest.mark.owners
async def test_the_absolute_timeout_is_the_end_in_a_list_too(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=DAY, SESSION_ABSOLUTE_LIFETIME=DAY / 2)
    await log_in(site)
    (found,) = await listed(site)
    assert found.expires == moment(site.clock()) + DAY / 2


@pytest.mark.owners
@pytest.mark.stores("filesystem", "memory", "redis", "sqlite")
async def test_a_timeout_that_was_another_one_since_gives_no_moment_that_was_not(
    new_site: NewSite, clock: Clock
) -> None:
    await log_in(new_site(PERMANENT_SESSION_LIFETIME=DAY))
    clock.advance(30)
    (longer,) = await listed(new_site(PERMANENT_SESSION_LIFETIME=10 * DAY))
    assert longer.last_seen is None
    (shorter,) = await listed(new_site(PERMANENT_SESSION_LIFETIME=MINUTE))
    # Who reads a record whose life is too long may cut it.
    assert shorter.last_seen in (None, moment(clock()))


@pytest.mark.owners
@pytest.mark.stores("memory")
async def test_a_store_by_others_that_cannot_tell_tells_nothing_else(
    new_site: NewSite, clock: Clock
) -> None:
    class Plain(MemoryStore):
        load_dated = None  # type: ignore[assignment]

    site = new_site(options={"store": Plain(clock=clock)})
    await log_in(site)
    (found,) = await listed(site)
    assert (found.last_seen, found.expires) == (None, None)
    assert found.created == moment(site.clock())
