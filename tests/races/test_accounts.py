"""Unbinding, confirming and ending while other requests run: one winner, and no way back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from samesession.core.events import Event
from tests.support.backend import Backend
from tests.support.site import Visitor
from tests.web.test_accounts import is_dropped, kept, record_of

from .conftest import NewScene
from .late import Act, Scene

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]


def unbind(session: Any) -> None:
    session.unbind()


def confirm(session: Any) -> None:
    session.confirm()


def end(session: Any) -> None:
    session.end()


def end_and_write(session: Any) -> None:
    session.end()
    session["late"] = 1


def write(session: Any) -> None:
    session["b"] = 2


def regenerate(session: Any) -> None:
    session.regenerate()


def log_in_as_ben(session: Any) -> None:
    session.bind("ben", "a tablet")


async def anns(scene: Scene) -> Visitor:
    visitor = scene.site.visitor()
    await visitor.visit(lambda session: (session.update(a=1), session.bind("ann", "a phone")))
    return visitor


LATE: list[Act] = [unbind, confirm, end, end_and_write]


@pytest.mark.parametrize("change", [unbind, confirm, regenerate, log_in_as_ben])
@pytest.mark.parametrize("late_act", LATE)
async def test_of_two_that_change_an_account_the_faster_one_wins(
    scene: Scene, backend: Backend, late_act: Act, change: Act
) -> None:
    visitor = await anns(scene)
    async with scene.late(scene.tab(visitor), late_act, at="commit|remove") as late:
        await visitor.visit(change)
        cookie, stored = visitor.jar["session"], backend.records()
    assert late.answer.set_cookies == []
    assert Event.GONE in scene.heard
    assert visitor.jar["session"] == cookie
    assert backend.records() == stored
    owners: dict[Act, str | None] = {unbind: None, log_in_as_ben: "ben"}
    owner = owners.get(change, "ann")
    assert (await record_of(visitor)).owner == owner
    listed = await scene.administer("sessions_of", "ann")
    assert len(listed) == (1 if owner == "ann" else 0)


@pytest.mark.parametrize("how", ["revoked", "ended"])
@pytest.mark.parametrize("late_act", [unbind, confirm, end])
async def test_what_ended_meanwhile_stays_ended(
    scene: Scene, backend: Backend, late_act: Act, how: str
) -> None:
    visitor = await anns(scene)
    sid = (await record_of(visitor)).sid
    async with scene.late(scene.tab(visitor), late_act, at="commit|remove") as late:
        if how == "revoked":
            assert await scene.administer("revoke", sid) is True
        else:
            await scene.holder(visitor.jar["session"]).visit(end)
    assert is_dropped(late.answer)
    assert backend.records() == {}
    assert await scene.administer("sessions_of", "ann") == []


async def test_a_login_that_loses_to_an_unbinding_begins_another_session(
    scene: Scene, backend: Backend
) -> None:
    visitor = await anns(scene)
    other = scene.holder(visitor.jar["session"])
    async with scene.late(other, log_in_as_ben, at="commit"):
        await visitor.visit(unbind)
    assert await other.value(dict) == {}
    assert await visitor.value(dict) == {"a": 1}
    assert ((await record_of(other)).owner, (await record_of(visitor)).owner) == ("ben", None)
    assert len(backend.records()) == 2


@pytest.mark.parametrize("late_act", [unbind, confirm])
async def test_what_is_written_meanwhile_is_kept(scene: Scene, late_act: Act) -> None:
    visitor = await anns(scene)
    async with scene.late(scene.tab(visitor), late_act, at="commit"):
        await scene.holder(visitor.jar["session"]).visit(write)
    assert await visitor.value(dict) == {"a": 1, "b": 2}
    owner = None if late_act is unbind else "ann"
    assert (await record_of(visitor)).owner == owner


@pytest.mark.parametrize("late_act", [end, end_and_write])
async def test_what_is_written_meanwhile_ends_too(
    scene: Scene, backend: Backend, late_act: Act
) -> None:
    visitor = await anns(scene)
    async with scene.late(scene.tab(visitor), late_act, at="remove"):
        await scene.holder(visitor.jar["session"]).visit(write)
    assert await visitor.value(dict) == ({} if late_act is end else {"late": 1})
    assert len(backend.records()) == (0 if late_act is end else 1)
    assert await scene.administer("sessions_of", "ann") == []


async def test_what_is_written_while_the_session_ends_is_not_written(
    scene: Scene, backend: Backend
) -> None:
    visitor = await anns(scene)
    async with scene.late(scene.tab(visitor), write, at="commit") as late:
        await scene.holder(visitor.jar["session"]).visit(end)
    assert is_dropped(late.answer)
    assert backend.records() == {}


async def test_a_confirmation_is_not_lost_on_a_slower_write(scene: Scene) -> None:
    """It replaces the secret, so what the old cookie was slower with is lost instead."""
    visitor = await anns(scene)
    before = await record_of(visitor)
    scene.site.clock.advance(5)
    async with scene.late(scene.holder(visitor.jar["session"]), write, at="commit") as late:
        await visitor.visit(confirm)
    assert late.answer.set_cookies == []
    assert (await record_of(visitor)).auth_time == before.auth_time + 5
    assert await visitor.value(lambda session: (dict(session), kept(session) is None)) == (
        {"a": 1},
        False,
    )


# --- limits -----------------------------------------------------------------------------

PAUSES = [("create", False), ("create", True), ("owned_page", True)]


def log_in(session: Any) -> None:
    session.bind("ann")


@pytest.fixture(params=["end-oldest", "refuse"])
def limited(new_scene: NewScene, request: pytest.FixtureRequest) -> Scene:
    """A site whose users have one session each."""
    return new_scene(SESSION_MAX_PER_OWNER=1, SESSION_MAX_PER_OWNER_ACTION=request.param)


@pytest.mark.parametrize("where", PAUSES, ids=["unwritten", "written", "counted"])
async def test_of_two_logins_that_race_one_lives(
    limited: Scene, backend: Backend, where: tuple[str, bool]
) -> None:
    slow, fast = limited.site.visitor(), limited.site.visitor()
    async with limited.late(slow, log_in, at=where[0], after=where[1]) as late:
        answer = await fast.visit(log_in)
    (left,) = await limited.administer("sessions_of", "ann")
    owners = [await user.value(lambda s: s.info.owner) for user in (slow, fast)]
    assert sorted(owners, key=str) == [None, "ann"]
    winner = slow if owners[0] else fast
    assert (await record_of(winner)).sid == left.sid
    assert len(backend.records()) == 1
    assert {late.answer.status, answer.status} <= {200, 403}
    assert 200 in {late.answer.status, answer.status}


async def test_of_many_logins_at_once_no_more_live_than_may(limited: Scene) -> None:
    users = [limited.site.visitor() for _ in range(8)]
    answers = await asyncio.gather(*(user.visit(log_in) for user in users))
    assert {answer.status for answer in answers} <= {200, 403}
    assert len(await limited.administer("sessions_of", "ann")) <= 1
    owners = [await user.value(lambda s: s.info.owner) for user in users]
    assert owners.count("ann") <= 1
