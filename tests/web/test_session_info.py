"""What is known of a session: what it says of itself, and what lists say of it, on both."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from samesession import ServerSession, SessionInfo
from samesession.core.steps import Steps, wait
from tests.conftest import NewSite
from tests.support.infos import known_of, moment
from tests.support.site import Site, Visitor

pytestmark = pytest.mark.asyncio

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
        listed = yield from wait(web.sessions_of("ann"))
        page = yield from wait(web.sessions_page("ann"))
        assert page.sessions == tuple(listed)
        return {each.sid: each.current for each in listed}

    first, second = await log_in(site), await log_in(site)
    sids = [(await info(each)).sid for each in (first, second)]
    for visitor, sid in ((first, sids[0]), (second, sids[1])):
        answer = await visitor.driver.get("/mine")
        assert answer.json() == {each: each == sid for each in sids}
        assert answer.vary == "Cookie"
    stranger = await site.user().get("/mine")
    assert stranger.json() == dict.fromkeys(sids, False)


@pytest.mark.owners
async def test_outside_of_a_request_no_session_is_the_current_one(site: Site) -> None:
    visitor, web = await log_in(site), actions(site)
    if site.framework == "flask":
        with site.app.app_context():
            (listed,) = web.sessions_of("ann")
    else:
        async with site.app.app_context():
            (listed,) = await web.sessions_of("ann")
    assert not listed.current
    assert known_of(listed) == known_of(await info(visitor))
