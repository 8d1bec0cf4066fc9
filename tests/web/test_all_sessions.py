"""Count and list all sessions of an application, whoever's they are: from a view, on both."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from samesession import InvalidName, NotSupported, SessionInfo
from samesession.core.steps import Steps
from samesession.core.store import KeyPage
from samesession.stores.memory import MemoryStore
from tests.conftest import NewSite
from tests.support.backend import UNHURRIED, Backend
from tests.support.clock import Clock
from tests.support.infos import known_of
from tests.support.many import fill
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer

pytestmark = [pytest.mark.asyncio, pytest.mark.lists]

MANY = 450  # in several batches, and pages of some stores


async def begin(site: Site, **values: Any) -> Visitor:
    visitor = site.visitor()
    assert (await visitor.put(**(values or {"a": 1}))).status == 200
    return visitor


async def info(visitor: Visitor) -> SessionInfo:
    found = await visitor.value(lambda session: session.info)
    assert isinstance(found, SessionInfo)
    return found


async def pages(site: Site, limit: int) -> list[tuple[SessionInfo, ...]]:
    """List all sessions, page by page."""
    found: list[tuple[SessionInfo, ...]] = []
    after: str | None = None
    while True:
        page = await administer(site, "all_sessions", after=after, limit=limit)
        assert len(page.sessions) <= limit
        found.append(page.sessions)
        after = page.after
        if after is None:
            return found


async def sids(site: Site, limit: int = 100) -> list[str | None]:
    return [each.sid for page in await pages(site, limit) for each in page]


async def test_where_there_is_none_nothing_is_counted_and_one_page_is_empty(site: Site) -> None:
    assert await administer(site, "count") == 0
    assert await pages(site, 5) == [()]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_each_session_is_counted_and_in_one_page(site: Site, limit: int) -> None:
    visitors = [await begin(site) for _ in range(5)]
    await visitors[0].visit(lambda session: session.bind("ann"))
    known = {known_of(await info(each)) for each in visitors}
    assert await administer(site, "count") == 5
    listed = [each for page in await pages(site, limit) for each in page]
    assert {known_of(each) for each in listed} == known
    assert len(listed) == 5
    for each in listed:
        assert each.last_seen is not None
        assert each.expires is not None
        assert not each.current


async def test_no_other_application_s_sessions_are_counted_or_listed(new_site: NewSite) -> None:
    site, other = new_site(), new_site(SECRET_KEY="the key of another application, as long")
    mine, theirs = await begin(site), await begin(other)
    elsewhere = await begin(new_site(SESSION_KEY_PREFIX="session:two:"))
    for each, visitor in ((site, mine), (other, theirs)):
        assert await administer(each, "count") == 1
        assert await sids(each, 1) == [(await info(visitor)).sid]
    assert (await info(elsewhere)).sid is not None


@pytest.mark.owners
async def test_one_whose_time_is_over_is_not_counted(new_site: NewSite) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=100)
    await begin(site)
    site.clock.advance(100)
    later = await begin(site)
    assert await administer(site, "count") == 1
    assert await sids(site) == [(await info(later)).sid]


async def test_many_are_listed_and_counted_a_batch_at_a_time_and_nothing_is_written(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_STORE_TIMEOUT=UNHURRIED)
    known = {*fill(site, backend, None, MANY)}
    spy.reset()
    assert await administer(site, "count") == MANY
    assert {*spy.counts} == {"keys_page", "load_many"}
    assert spy.counts["load_many"] <= 60
    spy.reset()
    found = await sids(site, 100)
    assert {*found} == known
    assert len(found) == MANY
    assert {*spy.counts} == {"keys_page", "load_dated"}
    assert sum(int(key) for name, key in spy.calls if name == "load_dated") == MANY


async def test_what_is_there_from_the_first_page_to_the_last_is_in_one(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site(SESSION_STORE_TIMEOUT=UNHURRIED)
    known = fill(site, backend, None, 60)
    page = await administer(site, "all_sessions", limit=7)
    seen = {each.sid for each in page.sessions}
    ended = [*known[::3]]
    for number, sid in enumerate(ended):
        assert await administer(site, "revoke", sid)
        if number % 5 == 0:
            await begin(site)
        if page.after is not None:
            page = await administer(site, "all_sessions", after=page.after, limit=7)
            assert len(page.sessions) <= 7
            seen |= {each.sid for each in page.sessions}
    while page.after is not None:
        page = await administer(site, "all_sessions", after=page.after, limit=7)
        seen |= {each.sid for each in page.sessions}
    assert {*known} - {*ended} <= seen


async def test_a_request_s_own_session_is_the_current_one(site: Site) -> None:
    @site.view("/all")
    def show(session: Any, web: Any) -> Any:
        del session
        if site.framework == "flask":
            from samesession.flask import all_sessions, count

            return {"all": _shown(all_sessions().sessions), "count": count()}

        async def answer() -> Any:
            from samesession.quart import all_sessions, count

            return {"all": _shown((await all_sessions()).sessions), "count": await count()}

        return answer()

    first, second = await begin(site), await begin(site)
    mine, other = (await info(first)).sid, (await info(second)).sid
    answer = await first.driver.get("/all")
    assert answer.json() == {"all": {mine: True, other: False}, "count": 2}
    assert answer.vary == "Cookie"


def _shown(sessions: tuple[SessionInfo, ...]) -> dict[str | None, bool]:
    return {each.sid: each.current for each in sessions}


# --- bad input ------------------------------------------------------------------------------


def _spelt(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _forged(mark: str) -> dict[str, object]:
    raw = urlsafe_b64decode(mark + "=" * (-len(mark) % 4))
    tag, text = raw[:16], raw[16:]
    other = json.dumps([None, ["A" * 22]]).encode()
    return {
        "another position": _spelt(tag + other),
        "no tag": _spelt(other),
        "cut": mark[:-4],
        "more": mark + "AAAA",
        "spelt otherwise": _spelt(tag + text + b" "),
        "nothing": "",
        "no base64": "?",
        "beyond ASCII": "\u00fc" * 4,
        "too long": "A" * 200_000,
        "a place among an owner's": f"1800000000.{'A' * 22}",
        "bytes": mark.encode(),
        "a number": 7,
    }


NO_MARKS = [*_forged("A" * 40)]


@pytest.mark.parametrize("name", NO_MARKS)
async def test_a_mark_that_no_page_gave_is_refused(
    new_site: NewSite, backend: Backend, name: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    for _ in range(3):
        await begin(site)
    page = await administer(site, "all_sessions", limit=1)
    spy.reset()
    with pytest.raises(InvalidName, match=r"all_sessions\(\) takes as `after`"):
        await administer(site, "all_sessions", after=_forged(page.after)[name])
    assert spy.calls == []


async def test_another_application_s_mark_is_refused(new_site: NewSite) -> None:
    site, other = new_site(), new_site(SECRET_KEY="the key of another application, as long")
    for _ in range(3):
        await begin(site)
    page = await administer(site, "all_sessions", limit=1)
    with pytest.raises(InvalidName):
        await administer(other, "all_sessions", after=page.after)
    rotated = new_site(
        SECRET_KEY="a newer key of this application, as long",
        SECRET_KEY_FALLBACKS=[site.app.config["SECRET_KEY"]],
    )
    assert (await administer(rotated, "all_sessions", after=page.after)).sessions


@pytest.mark.stores("memory")
@pytest.mark.parametrize(
    ("limit", "error"), [(0, ValueError), (-1, ValueError), ("5", TypeError), (True, TypeError)]
)
async def test_a_limit_is_a_number_from_one_on(
    site: Site, limit: object, error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"all_sessions\(\) takes "):
        await administer(site, "all_sessions", limit=limit)


# --- stores by others -----------------------------------------------------------------------


@pytest.mark.stores("memory")
async def test_a_store_that_cannot_list_says_so(new_site: NewSite, clock: Clock) -> None:
    class Plain(MemoryStore):
        keys_page = None  # type: ignore[assignment]

    site = new_site(options={"store": Plain(clock=clock)})
    await begin(site)
    with pytest.raises(NotSupported, match=r"cannot list its keys, so it cannot count them"):
        await administer(site, "count")
    with pytest.raises(NotSupported, match=r"cannot list its keys, so it cannot list them"):
        await administer(site, "all_sessions")


@pytest.mark.stores("memory")
async def test_a_store_that_lists_more_than_was_asked_for_loses_none(
    new_site: NewSite, clock: Clock
) -> None:
    class Generous(MemoryStore):
        """Lists each key twice, and twenty at a time, as Redis may."""

        def keys_page(
            self, prefix: str, *, after: str | None, limit: int | None = None
        ) -> Steps[KeyPage]:
            page = yield from super().keys_page(prefix, after=after, limit=20)
            return KeyPage([*page.keys, *page.keys], page.after)

    site = new_site(options={"store": Generous(clock=clock)})
    known = [(await info(await begin(site))).sid for _ in range(50)]
    for limit in (1, 3, 7, 20, 33, 100):
        assert sorted(map(str, await sids(site, limit))) == sorted(map(str, known))
    assert await administer(site, "count") == 50


@pytest.mark.stores("memcached")
async def test_memcached_says_what_it_cannot(site: Site) -> None:
    for name in ("count", "all_sessions"):
        with pytest.raises(NotSupported, match=r"cannot list what it holds"):
            await administer(site, name)
