"""Tests of applications decide what time it is, by the tools that there are for that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from freezegun import freeze_time

from samesession import Session
from samesession.stores.filesystem import FileStore
from samesession.stores.memory import MemoryStore
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Jar
from tests.support.infos import moment
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.stores("filesystem", "memory", "sqlite", "sqlalchemy-sqlite", "cookie"),
]

MINUTE = 60

Freezer = Callable[[float], AbstractContextManager[Any]]


@contextmanager
def _mocked(moment: float) -> Iterator[None]:
    with mock.patch("time.time", return_value=moment):
        yield


def _frozen(moment: float) -> AbstractContextManager[Any]:
    return freeze_time(datetime.fromtimestamp(moment, UTC))


FREEZERS: dict[str, Freezer] = {"freezegun": _frozen, "mock": _mocked}
by_each_tool = pytest.mark.parametrize("at", FREEZERS.values(), ids=FREEZERS)


@pytest.fixture
def new_own_site(new_site: NewSite) -> NewSite:
    """Give a function that makes a site as an application does: without a clock."""

    def make(*, store: Any = None, **settings: Any) -> Site:
        site = new_site(options={"init": False}, **settings)
        Session(site.app, store=store)
        return site

    return make


def visitor(site: Site) -> Visitor:
    """Give a browser that keeps each cookie, whatever it says."""
    user = site.visitor()
    user.driver.jar = Jar(lambda: 0.0)
    return user


async def is_live(site: Site, user: Visitor) -> bool:
    """Look by a copy of the cookie, so that nothing takes it away."""
    other = visitor(site)
    other.jar["session"] = user.jar["session"]
    found: object = await other.value(lambda session: session.get("a"))
    return found == 1


@by_each_tool
@pytest.mark.parametrize("permanent", [True, False])
async def test_an_idle_timeout_goes_by_the_time_that_a_test_sets(
    new_own_site: NewSite, at: Freezer, *, permanent: bool
) -> None:
    site = new_own_site(PERMANENT_SESSION_LIFETIME=MINUTE)
    user, now = visitor(site), time.time()
    with at(now):
        await user.visit(lambda session: session.update(a=1, _permanent=permanent))
    for later, live in ((58, True), (117, True), (180, False)):
        with at(now + later):
            assert await is_live(site, user) is live
            if live and not permanent:
                await user.put(seen=later)  # the type cookie is renewed by writes alone
            elif live:
                await user.visit(dict)


@by_each_tool
async def test_the_cookie_says_the_time_that_a_test_sets(
    new_own_site: NewSite, at: Freezer
) -> None:
    site = new_own_site(PERMANENT_SESSION_LIFETIME=timedelta(days=1))
    with at(datetime(2031, 5, 6, tzinfo=UTC).timestamp()):
        (cookie,) = (await visitor(site).put_permanent(a=1)).set_cookies
    assert "Expires=Wed, 07 May 2031 00:00:00 GMT" in cookie


@by_each_tool
@pytest.mark.owners
@pytest.mark.stores("filesystem", "memory", "redis", "sqlite", "sqlalchemy-sqlite")
async def test_absolute_timeouts_and_times_of_logins_go_by_it_on_every_store(
    new_own_site: NewSite, at: Freezer
) -> None:
    site = new_own_site(SESSION_ABSOLUTE_LIFETIME=3600)
    user, now = visitor(site), int(time.time())
    with at(now + 100):
        await user.visit(lambda session: (session.update(a=1), session.bind("ann")))
        info = await user.value(lambda session: session.info)
    assert (info.created, info.authenticated) == (moment(now + 100), moment(now + 100))
    assert info.expires == moment(now + 3700)
    with at(now + 3699):
        assert await is_live(site, user)
    with at(now + 3700):
        assert not await is_live(site, user)


@by_each_tool
@pytest.mark.stores("filesystem", "memory")
async def test_a_store_that_is_given_goes_by_it_too(
    new_own_site: NewSite, backend: Backend, at: Freezer
) -> None:
    files = backend.name == "filesystem"
    store = FileStore(backend.directory) if files else MemoryStore()
    site = new_own_site(store=store, PERMANENT_SESSION_LIFETIME=MINUTE)
    user, now = visitor(site), time.time()
    await user.put(a=1)
    with at(now + 50):
        assert await is_live(site, user)
    with at(now + 130):
        assert not await is_live(site, user)


@by_each_tool
@pytest.mark.owners
@pytest.mark.purges
@pytest.mark.stores("filesystem", "memory", "sqlite", "sqlalchemy-sqlite")
async def test_threads_of_the_library_go_by_it_too(new_own_site: NewSite, at: Freezer) -> None:
    site = new_own_site()
    user, later = visitor(site), time.time() + 10 * 365 * 24 * 3600
    with at(later):
        await user.visit(lambda session: (session.update(a=1), session.bind("ann")))
    with at(later + 3600):
        assert len(await administer(site, "sessions_of", "ann")) == 1
        assert await administer(site, "purge") == 0
    with at(later + 40 * 24 * 3600):
        assert await administer(site, "purge") == 1
        assert await administer(site, "sessions_of", "ann") == []


@pytest.mark.parametrize("permanent", [True, False])
async def test_a_whole_test_may_be_frozen(new_own_site: NewSite, *, permanent: bool) -> None:
    with freeze_time("2030-01-01") as frozen:
        site = new_own_site(PERMANENT_SESSION_LIFETIME=MINUTE)
        user = visitor(site)
        await user.visit(lambda session: session.update(a=1, _permanent=permanent))
        frozen.tick(58)
        assert await is_live(site, user)
        frozen.tick(140)
        assert not await is_live(site, user)
