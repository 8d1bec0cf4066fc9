"""Clocks that differ between nodes, jump, or stand at the very boundary of a timeout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.site import Visitor

YEAR = 365 * 24 * 3600
IDLE = 1000
# Redis itself counts the idle time: its clock is not ours to turn.
OWN_TIME = pytest.mark.stores("filesystem", "memory")


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
    auth_time = await visitor.value(lambda session: session.about.auth_time)
    assert (clock.now - auth_time <= 300) is fresh
