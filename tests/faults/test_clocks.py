"""Clocks that differ between nodes, jump, or stand at the very boundary of a timeout."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from samesession.run.aio import arun
from samesession.run.sync import run
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer

DAY = 24 * 3600
YEAR = 365 * DAY
IDLE = 1000
# By how much a clock is wrong for a while, and with which timeouts, in seconds.
ERRORS = (10, 59, 61, 600, 3000, 3600, DAY, 31 * DAY, YEAR)
TIMEOUTS = (600, 3600, DAY, 31 * DAY)
# Redis itself counts the idle time: its clock is not ours to turn.
OWN_TIME = pytest.mark.stores("filesystem", "memory")
TIMED = pytest.mark.stores("filesystem", "memory", "sqlite", "sqlalchemy-sqlite")


def data(session: Any) -> Any:
    return session.get("a")


async def sees(visitor: Visitor) -> bool:
    """Look without letting a refusal take the cookie away."""
    jar = visitor.jar.copy()
    found = await visitor.value(data)
    visitor.driver.jar = jar
    return bool(found == 1)


@pytest.mark.asyncio
@pytest.mark.parametrize("skew", [-60, -59, -1, 1, 59, 60])
async def test_nodes_up_to_a_minute_apart_log_nobody_out(
    new_site: NewSite, clock: Clock, skew: int
) -> None:
    here = new_site(PERMANENT_SESSION_LIFETIME=IDLE, SESSION_ABSOLUTE_LIFETIME=10 * IDLE)
    there = new_site(
        options={"clock": Clock(clock.now + skew)},
        PERMANENT_SESSION_LIFETIME=IDLE,
        SESSION_ABSOLUTE_LIFETIME=10 * IDLE,
    )
    visitor = here.visitor()
    await visitor.put(a=1)
    elsewhere = there.visitor()
    elsewhere.jar["session"] = visitor.jar["session"]
    for _ in range(2):
        assert await sees(elsewhere)
        assert await sees(visitor)
        await elsewhere.put(b=1)
        await visitor.put(c=1)


@pytest.mark.asyncio
async def test_a_node_further_behind_does_not_take_a_session_from_the_future(
    new_site: NewSite, clock: Clock
) -> None:
    visitor = new_site().visitor()
    await visitor.put(a=1)
    clock.advance(-61)
    assert not await sees(visitor)


@pytest.mark.asyncio
@pytest.mark.parametrize("jump", [-YEAR, YEAR])
async def test_a_jump_of_a_year_never_extends_a_life(
    new_site: NewSite, clock: Clock, jump: int
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=IDLE, SESSION_ABSOLUTE_LIFETIME=2 * IDLE)
    visitor = site.visitor()
    await visitor.put(a=1)
    clock.advance(jump)
    assert not await sees(visitor)
    clock.advance(-jump + 2 * IDLE)
    assert not await sees(visitor)


@pytest.mark.asyncio
@OWN_TIME
async def test_a_use_during_a_jump_back_gives_no_longer_idle_time(
    new_site: NewSite, clock: Clock
) -> None:
    visitor = new_site(PERMANENT_SESSION_LIFETIME=IDLE).visitor()
    await visitor.put(a=1)
    clock.advance(-YEAR)
    assert not await sees(visitor)
    clock.advance(YEAR + IDLE + 1)
    assert not await sees(visitor)


@pytest.mark.asyncio
@OWN_TIME
@pytest.mark.parametrize(("wait", "live"), [(IDLE - 1, True), (IDLE, False), (IDLE + 1, False)])
async def test_the_idle_timeout_is_exact_to_the_second(
    new_site: NewSite, clock: Clock, wait: int, *, live: bool
) -> None:
    visitor = new_site(PERMANENT_SESSION_LIFETIME=IDLE).visitor()
    await visitor.put(a=1)
    clock.advance(wait)
    assert await sees(visitor) is live


# --- a clock that is wrong for a while -----------------------------------------------------


@dataclass
class Looks:
    """How a session is looked at; each look says whether it is there, and takes no cookie away."""

    site: Site
    visitor: Visitor
    owner: str
    polling: list[bool]

    async def request(self) -> bool:
        return await sees(self.visitor)

    async def poll(self) -> bool:
        """As a request that does not renew."""
        self.polling[:] = [True]
        try:
            return await sees(self.visitor)
        finally:
            self.polling.clear()

    async def listing(self) -> bool:
        """As an administrator."""
        return bool(await administer(self.site, "sessions_of", self.owner))

    async def end(self, action: str) -> bool:
        """List or end sessions; say whether this one is there then."""
        named = {"after": None, "limit": 9} if action == "sessions_page" else {}
        steps = self.site.app.session_interface.app_sessions.administration
        args = () if action == "revoke_everyone" else (self.owner,)
        work = getattr(steps, action)(*args, **named)
        if self.site.framework == "flask":
            done: Any = await asyncio.to_thread(run, work)
        else:
            done = await arun(work)
        if action.startswith("revoke"):
            return False
        return bool(done.sessions if action == "sessions_page" else done)


@pytest.fixture
def begin(new_site: NewSite) -> Callable[..., Awaitable[Looks]]:
    """Begin sessions with a timeout."""
    polling: list[bool] = []
    sites: dict[int, Site] = {}

    async def begin(lifetime: int) -> Looks:
        if lifetime not in sites:
            sites[lifetime] = new_site(
                # As it is opened by its settings: these say how long a session may live.
                options={"store": None},
                PERMANENT_SESSION_LIFETIME=lifetime,
                SESSION_NO_RENEW=lambda _: bool(polling),
            )
        visitor = sites[lifetime].visitor()
        await visitor.put(a=1)
        sid = await visitor.value(lambda session: session.sid)
        await visitor.visit(lambda session: session.bind(sid))
        return Looks(sites[lifetime], visitor, sid, polling)

    return begin


@pytest.mark.asyncio
@TIMED
@pytest.mark.parametrize("lifetime", TIMEOUTS)
@pytest.mark.parametrize("look", [Looks.request, Looks.poll])
async def test_a_clock_that_was_ahead_gives_no_life_and_brings_nothing_back(
    begin: Callable[..., Awaitable[Looks]],
    clock: Clock,
    lifetime: int,
    look: Callable[[Looks], Awaitable[bool]],
) -> None:
    for error in ERRORS:
        looks = await begin(lifetime)
        clock.advance(error)
        seen = [await looks.request()]
        clock.advance(-error)
        seen.append(await look(looks))
        clock.advance(lifetime + (61 if look is not Looks.request else 1))
        seen.append(await look(looks))
        seen.append(await looks.request())
        clock.advance(lifetime)
        seen.append(await looks.request())
        assert seen == [error < lifetime] * 2 + [False] * 3, error


@pytest.mark.asyncio
@TIMED
@pytest.mark.parametrize("end", ["sessions_of", "sessions_page", "revoke_all", "revoke_everyone"])
async def test_what_an_administrator_does_while_a_clock_is_ahead_lasts(
    begin: Callable[..., Awaitable[Looks]], clock: Clock, end: str
) -> None:
    for error in ERRORS:
        looks = await begin(3600)
        clock.advance(error)
        listed = await looks.end(end)
        clock.advance(-error)
        assert await looks.request() is await looks.listing() is listed, error


@pytest.mark.asyncio
@TIMED
@pytest.mark.parametrize("lifetime", TIMEOUTS)
async def test_a_clock_that_was_behind_gives_no_life_and_brings_nothing_back(
    begin: Callable[..., Awaitable[Looks]], clock: Clock, lifetime: int
) -> None:
    for error in ERRORS:
        looks = await begin(lifetime)
        for _ in range(3):  # so that it is older than most errors are
            clock.advance(lifetime - 1)
            assert await looks.request()
        clock.advance(-error)
        seen = [await looks.request()]
        clock.advance(error)
        seen.append(await looks.request())
        clock.advance(lifetime)
        seen.append(await looks.request())
        clock.advance(-error)
        seen.append(await looks.request())
        clock.advance(error)
        assert seen == sorted(seen, reverse=True), error
        assert seen[2:] == [False, False], error
        assert seen[0] is (error <= 3 * (lifetime - 1) + 60), error


REFUSED = [error for error in ERRORS if error > 60]


async def _begun_by_a_clock_ahead(user: Visitor, clock: Clock, error: int) -> int:
    clock.advance(error)
    await user.visit(lambda session: (session.update(a=1), session.bind("ann")))
    clock.advance(-error)
    return error


async def _logged_in_by_a_clock_ahead(user: Visitor, clock: Clock, error: int) -> int:
    await user.put(a=1)
    clock.advance(error)
    await user.visit(lambda session: session.bind("ann"))
    clock.advance(-error)
    return error


async def _read_by_a_clock_behind(user: Visitor, clock: Clock, error: int) -> int:
    await user.visit(lambda session: (session.update(a=1), session.bind("ann")))
    clock.advance(-error)
    return error


async def _past_its_absolute_timeout_by_a_clock_ahead(
    user: Visitor, clock: Clock, error: int
) -> int:
    await user.visit(lambda session: (session.update(a=1), session.bind("ann")))
    clock.advance(60 + error)
    return -60 - error


@pytest.mark.asyncio
@pytest.mark.owners
@pytest.mark.parametrize("looks", ["request", "listing"])
@pytest.mark.parametrize(
    "act",
    [
        _begun_by_a_clock_ahead,
        _logged_in_by_a_clock_ahead,
        _read_by_a_clock_behind,
        _past_its_absolute_timeout_by_a_clock_ahead,
    ],
)
async def test_a_session_that_was_refused_once_is_never_shown_again(
    new_site: NewSite, clock: Clock, act: Callable[..., Awaitable[int]], looks: str
) -> None:
    settings = {"PERMANENT_SESSION_LIFETIME": 2 * YEAR, "SESSION_ABSOLUTE_LIFETIME": 100}
    if act is not _past_its_absolute_timeout_by_a_clock_ahead:
        del settings["SESSION_ABSOLUTE_LIFETIME"]
    site = new_site(**settings)
    for error in REFUSED:
        user = site.visitor()
        back = await act(user, clock, error)
        if looks == "request":
            assert not await sees(user), error
        else:
            assert await administer(site, "sessions_of", "ann") == [], error
        clock.advance(back)
        assert not await sees(user), error
        assert await administer(site, "sessions_of", "ann") == [], error


ACTIVITIES: dict[str, Callable[[Any], object]] = {
    "nothing": lambda session: None,
    "reads": data,
    "writes": lambda session: session.update(b=session.get("b", 0) + 1),
    "regenerate": lambda session: session.regenerate(),
    "clear and write": lambda session: (session.clear(), session.update(a=1)),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("activity", ACTIVITIES.values(), ids=ACTIVITIES)
async def test_the_absolute_timeout_is_exact_whatever_the_session_does(
    new_site: NewSite, backend: Backend, clock: Clock, activity: Callable[[Any], object]
) -> None:
    visitor = new_site(SESSION_ABSOLUTE_LIFETIME=1000).visitor()
    await visitor.put(a=1)
    for _ in range(3):
        clock.advance(333)
        assert (await visitor.visit(activity)).status == 200
    assert await sees(visitor)  # a second before
    clock.advance(1)
    assert not await sees(visitor)
    clock.advance(1)
    assert not await sees(visitor)


@pytest.mark.asyncio
@pytest.mark.parametrize(("late", "kept"), [(999, True), (1000, False), (1001, False)])
async def test_a_request_that_ends_after_the_absolute_timeout_saves_nothing(
    new_site: NewSite, backend: Backend, clock: Clock, late: int, *, kept: bool
) -> None:
    visitor = new_site(SESSION_ABSOLUTE_LIFETIME=1000).visitor()
    await visitor.put(a=1)
    ((name, before),) = backend.records().items()

    def write_late(session: Any) -> None:
        session["b"] = 2
        clock.advance(late)

    answer = await visitor.visit(write_late)
    assert answer.status == 200
    assert (backend.records()[name] != before) is kept
    assert ("session" in visitor.jar) is kept


@pytest.mark.asyncio
@pytest.mark.owners
@pytest.mark.parametrize(("wait", "fresh"), [(299, True), (300, True), (301, False)])
async def test_how_long_ago_a_login_was_is_known_to_the_second(
    new_site: NewSite, clock: Clock, wait: int, *, fresh: bool
) -> None:
    visitor = new_site().visitor()
    await visitor.visit(lambda session: session.bind("alice"))
    clock.advance(wait)
    await visitor.visit(lambda session: session.regenerate())
    authenticated = await visitor.value(lambda session: session.info.authenticated)
    assert (clock.now - authenticated.timestamp() <= 300) is fresh
