"""Requests with one old cookie at once, on both frameworks and every store, held up at each call.

Every order of many calls is played in test_old_cookies, on a store in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.events import Event
from samesession.old_cookie import OWNER_OF
from tests.support.browser import Answer, Jar, attributes
from tests.support.old import signed_cookie
from tests.support.site import Visitor

from .conftest import NewScene
from .late import Act, Scene

pytestmark = pytest.mark.asyncio

ON = {"SESSION_MIGRATE_FROM": ["signed-cookie"], "SESSION_COOKIE_NAME": "sid"}
DATA = {"user_id": "ann", "cart": [1]}
# Where the first request stands: before the nth call, or after it.
CALLS = [("load|load_many", 1), ("create", 1), ("create", 2), ("commit", 1)]
STAGES = [(name, nth, after) for name, nth in CALLS for after in (False, True)]
STAGE = pytest.mark.parametrize(("name", "nth", "after"), STAGES)


class Users:
    """Browsers that hold one old cookie."""

    def __init__(self, new_scene: NewScene, **settings: Any) -> None:
        self.scene: Scene = new_scene(**{**ON, **settings})
        self.site = self.scene.site
        self.site.app.extensions[OWNER_OF] = lambda data: data.get("user_id")
        self.cookie = signed_cookie(DATA, self.site.clock())

    def user(self) -> Visitor:
        user = self.site.visitor()
        user.driver.jar = Jar(self.site.clock)
        user.jar["session"] = self.cookie
        return user

    async def sees(self, user: Visitor) -> dict[str, Any]:
        found: dict[str, Any] = await user.value(dict)
        return found

    def late(self, user: Visitor, act: Act, name: str, *, nth: int, after: bool) -> Any:
        return self.scene.late_view(
            user, lambda session, _: str(act(session)), at=name, nth=nth, after=after
        )


@pytest.fixture
def users(new_scene: NewScene) -> Users:
    return Users(new_scene)


def sent(answer: Answer) -> str | None:
    """Give the cookie that a response sends."""
    said = [attributes(each) for each in answer.set_cookies]
    values = [each["value"] for each in said if each["name"] == "sid"]
    return str(values[0]) if values and values[0] else None


@STAGE
async def test_nobody_is_logged_out_by_two_requests_at_once(
    users: Users, name: str, nth: int, after: bool
) -> None:
    one, other = users.user(), users.user()
    async with users.late(one, dict, name, nth=nth, after=after) as late:
        answer = await other.visit(lambda session: session.update(other=1))
        assert other.result is None
    assert "ann" in late.answer.text
    (cookie,) = [each for each in map(sent, (late.answer, answer)) if each is not None]
    last = users.scene.holder(cookie)
    last.driver.jar = Jar(users.site.clock)
    last.jar["sid"] = cookie
    assert await users.sees(last) == {**DATA, "other": 1}


def _end(session: Any) -> None:
    assert session["user_id"] == "ann"
    session.end()


def _regenerate(session: Any) -> None:
    assert session["user_id"] == "ann"
    session.regenerate()


def _bind(session: Any) -> None:
    assert session["user_id"] == "ann"
    session.bind("ann")


@STAGE
@pytest.mark.parametrize("act", [_end, _regenerate, pytest.param(_bind, marks=pytest.mark.owners)])
async def test_what_another_request_ends_or_renews_is_final(
    users: Users, act: Callable[[Any], None], name: str, nth: int, after: bool
) -> None:
    one, other = users.user(), users.user()
    async with users.late(one, dict, name, nth=nth, after=after) as late:
        answer = await other.visit(act)
        assert answer.status == 200
    for _ in range(2):
        assert await users.sees(users.user()) == {}
    if act is _end:
        assert await users.sees(one) == {}
        assert await users.sees(other) == {}
    else:
        assert sent(answer) is not None
        assert await users.sees(other) == DATA
    assert late.answer.status == 200


@STAGE
async def test_a_logout_that_is_held_up_is_final(
    users: Users, name: str, nth: int, after: bool
) -> None:
    one, other = users.user(), users.user()
    async with users.late(one, lambda session: session.end(), name, nth=nth, after=after):
        assert await users.sees(other) == DATA
    assert await users.sees(users.user()) == {}
    assert await users.sees(other) == {}


@STAGE
@pytest.mark.owners
async def test_what_was_revoked_meanwhile_is_final(
    users: Users, name: str, nth: int, after: bool
) -> None:
    one, other = users.user(), users.user()
    async with users.late(one, dict, name, nth=nth, after=after):
        assert await users.sees(other) == DATA
        assert await users.scene.administer("revoke_all", "ann") == 1
    for each in (one, other, users.user()):
        assert await users.sees(each) == {}


@pytest.mark.parametrize(("name", "after"), [(each[0], each[2]) for each in STAGES if each[1] == 1])
async def test_a_store_that_fails_in_between_logs_nobody_out(
    users: Users, name: str, after: bool
) -> None:
    user = users.user()
    for each in name.split("|"):
        users.scene.spy.fail(each, StoreUnavailable("down"), after=after)
    assert (await user.visit(dict)).status == 503
    users.scene.spy.mend()
    assert await users.sees(user) == DATA


async def test_a_session_is_taken_over_once_and_told_of_once(users: Users) -> None:
    user = users.user()
    for _ in range(3):
        assert await users.sees(user) == DATA
    assert await users.sees(users.user()) == {}
    heard = [each for each in users.scene.heard if each is not Event.REJECTED]
    assert heard[0] is Event.MIGRATED
    assert {*heard[1:]} <= {Event.BOUND}


async def test_what_it_costs(users: Users) -> None:
    spy, user = users.scene.spy, users.user()
    spy.reset()
    await user.visit(dict)
    looks = ["load_many"] if "load_many" in spy.names else ["load", "load"]
    begins = [*looks, "create", "create", *["enlist"] * users.scene.has_owners, "commit"]
    assert spy.names == begins
    spy.reset()
    await user.visit(dict)
    assert spy.names == ["load", "commit"]  # the first with the new cookie, and no other
    spy.reset()
    await user.visit(dict)
    assert spy.names == ["load"]
    user.jar["session"] = users.cookie
    spy.reset()
    await user.visit(dict)
    assert spy.names == ["load"]  # of ours: the old cookie is not looked up
    spy.reset()
    await users.site.visitor().visit(dict)
    assert spy.names == []


async def test_off_it_costs_nothing(new_scene: NewScene) -> None:
    users = Users(new_scene, SESSION_MIGRATE_FROM=[])
    assert await users.sees(users.user()) == {}
    assert users.scene.spy.names == []
    assert users.site.app.session_interface.app_sessions._current.parts().old_cookie is None
