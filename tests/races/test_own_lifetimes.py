"""A session's own idle timeout is set while other requests write, end, or fail to be saved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.events import Event

from .blocks import Block, Steps
from .conftest import NewScene
from .late import Act, Scene

pytestmark = pytest.mark.asyncio

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def scene(new_scene: NewScene) -> Scene:
    return new_scene(SESSION_OWN_LIFETIMES=True)


def living(lifetime: timedelta | None) -> Act:
    return lambda session: setattr(session, "lifetime", lifetime)


def put(**values: Any) -> Act:
    return lambda session: session.update(values)


def all_of(session: Any) -> tuple[dict[str, Any], timedelta | None]:
    return dict(session), session.lifetime


# The slow request's change, the fast one's, and what the session has when both are over.
PAIRS: dict[str, tuple[Act, Act, timedelta | None]] = {
    "a time and data": (living(HOUR), put(b=2), HOUR),
    "data and a time": (put(b=2), living(HOUR), HOUR),
    "two times": (living(HOUR), lambda session: (living(DAY)(session), put(b=2)(session)), HOUR),
    "a time and none": (
        lambda session: (living(None)(session), put(b=2)(session)),
        living(DAY),
        DAY,  # who says what is so already says nothing
    ),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(("at", "after"), [("load", True), ("commit", False)])
async def test_a_time_and_what_others_write_meanwhile_both_stay(
    scene: Scene, name: str, at: str, after: bool
) -> None:
    slow, fast, lifetime = PAIRS[name]
    visitor = scene.site.visitor()
    await visitor.put(a=1)
    async with scene.late(visitor, slow, at=at, after=after) as late:
        assert (await scene.tab(visitor).visit(fast)).status == 200
    assert late.answer.status == 200
    assert Event.CONFLICT in scene.heard
    assert await visitor.value(all_of) == ({"a": 1, "b": 2}, lifetime)


@pytest.mark.parametrize("written", [True, False])
async def test_a_time_that_a_block_failed_to_save_is_saved_in_the_end(
    scene: Scene, written: bool
) -> None:
    visitor = scene.site.visitor()
    await visitor.put(a=1)
    mend: Act = lambda session: scene.spy.mend()  # noqa: E731  # as all acts are written
    steps = Steps(scene.site, Block(living(HOUR), StoreUnavailable), mend, put(b=2))
    scene.spy.fail("commit", StoreUnavailable("on purpose"), after=written)
    answer = await visitor.respond(steps.view)
    assert (answer.status, len(steps.caught)) == (200, 1)
    assert await visitor.value(all_of) == ({"a": 1, "b": 2}, HOUR)


@pytest.mark.owners
async def test_a_login_whose_session_ended_has_the_time_that_it_set(scene: Scene) -> None:
    visitor = scene.site.visitor()
    await visitor.put(a=1)
    await visitor.visit(living(DAY))

    def login(session: Any) -> None:
        session.bind("ann")
        session["b"] = 2
        session.lifetime = HOUR

    sid = await visitor.value(lambda session: session.sid)
    async with scene.late(visitor, login, at="commit"):
        assert await scene.administer("revoke", sid)
    assert await visitor.value(all_of) == ({"b": 2}, HOUR)


@pytest.mark.owners
async def test_a_login_whose_session_ended_has_no_time_of_that(scene: Scene) -> None:
    visitor = scene.site.visitor()
    await visitor.put(a=1)
    await visitor.visit(living(DAY))
    sid = await visitor.value(lambda session: session.sid)
    async with scene.late(visitor, lambda session: session.bind("ann"), at="commit"):
        assert await scene.administer("revoke", sid)
    assert await visitor.value(all_of) == ({}, None)
