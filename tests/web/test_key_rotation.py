"""A new SECRET_KEY with the old one as a fallback: what is in use is renewed, and outlives it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import pytest_asyncio

from samesession import StoreUnavailable
from samesession.core.events import Event
from tests.conftest import NewSite
from tests.races.late import Scene, listening
from tests.support.backend import Backend
from tests.support.browser import Answer, attributes
from tests.support.infos import known_of
from tests.support.site import SECRET_KEY, Visitor

pytestmark = pytest.mark.asyncio

NEWER_KEY = "a newer secret key of the tests, long enough"
ROTATED = {"SECRET_KEY": NEWER_KEY, "SECRET_KEY_FALLBACKS": [SECRET_KEY]}
EVERY = pytest.mark.stores("filesystem", "memory", "redis", "sqlite", "sqlalchemy-sqlite", "cookie")

READS: dict[str, Callable[[Any], Any]] = {
    "not at all": lambda session: None,
    "a key": lambda session: session["a"],
    "a list": lambda session: session["cart"],
    "all": dict,
}


class Rotation:
    """A session under an old key, and sites at which its browser goes on."""

    def __init__(self, new_site: NewSite, backend: Backend) -> None:
        self._new_site = new_site
        self.backend = backend
        self.spy = None if backend.name == "cookie" else backend.spy()
        self.old = self.visitor()

    def visitor(self, **settings: Any) -> Visitor:
        """Give the browser at a site with other settings."""
        options = {} if self.spy is None else {"store": self.spy}
        made: Visitor = self._new_site(options=options, **settings).visitor()
        if hasattr(self, "old"):
            made.driver.jar = self.old.jar
        return made

    async def is_live_without_the_old_key(self) -> bool:
        found = await self.visitor(SECRET_KEY=NEWER_KEY).value(dict)
        return "a" in found

    def records(self) -> dict[str, bytes]:
        return {} if self.spy is None else self.backend.records()

    def asked(self) -> list[str]:
        """Give the calls of the store since the last time."""
        if self.spy is None:
            return []
        names = list(self.spy.names)
        self.spy.reset()
        return names


@pytest_asyncio.fixture
async def rotation(new_site: NewSite, backend: Backend) -> Rotation:
    made = Rotation(new_site, backend)
    await made.old.put(a=1, cart=[1])
    _ = made.asked()
    return made


def renews_the_cookie(answer: Answer) -> bool:
    assert answer.status == 200
    return bool(answer.set_cookies)


@EVERY
@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize("read", READS)
async def test_a_session_that_is_only_read_is_renewed_once_and_outlives_the_old_key(
    rotation: Rotation, read: str, *, permanent: bool
) -> None:
    if permanent:
        await rotation.old.put_permanent(a=1)
        _ = rotation.asked()
    before, sid = rotation.records(), rotation.old.jar["session"].partition(".")[0]
    user = rotation.visitor(**ROTATED, SESSION_REFRESH_EACH_REQUEST=False)
    answer = await user.visit(READS[read])
    (cookie,) = (attributes(each) for each in answer.set_cookies)
    assert (answer.status, answer.vary, answer.cache_control) == (200, "Cookie", "private")
    assert ("expires" in cookie) is permanent
    if rotation.spy is not None:
        assert str(cookie["value"]).partition(".")[0] == sid
        assert rotation.asked() == ["load", "commit"]
        assert rotation.records() != before
    renewed = rotation.records()
    for again in READS.values():
        assert (await user.visit(again)).set_cookies == []
    assert set(rotation.asked()) <= {"load"}
    assert rotation.records() == renewed
    assert await rotation.is_live_without_the_old_key()
    assert await user.value(lambda session: session["cart"]) == [1]


@EVERY
async def test_a_request_that_does_not_renew_leaves_the_old_key(rotation: Rotation) -> None:
    user = rotation.visitor(**ROTATED, SESSION_NO_RENEW=("/visit",))
    for read in READS.values():
        assert not renews_the_cookie(await user.visit(read))
    assert set(rotation.asked()) <= {"load"}
    assert not await rotation.is_live_without_the_old_key()


@EVERY
async def test_a_session_that_is_written_is_renewed_by_that(rotation: Rotation) -> None:
    user = rotation.visitor(**ROTATED)
    assert renews_the_cookie(await user.put(b=2))
    assert rotation.asked() in ([], ["load", "commit"])
    assert not renews_the_cookie(await user.visit(dict))
    assert await rotation.is_live_without_the_old_key()


async def test_a_block_of_a_request_that_reads_renews_the_record_and_its_end_the_cookie(
    rotation: Rotation,
) -> None:
    user = rotation.visitor(**ROTATED)
    module = import_module(f"samesession.{user.site.framework}")

    def flask(session: Any, web: Any) -> str:
        for _ in range(2):
            with module.saving():
                _ = session["cart"]
        return ""

    async def quart(session: Any, web: Any) -> str:
        for _ in range(2):
            async with module.saving():
                _ = session["cart"]
        return ""

    answer = await user.respond(flask if user.site.framework == "flask" else quart)
    assert renews_the_cookie(answer)
    assert rotation.asked() == ["load", "commit"]
    assert await rotation.is_live_without_the_old_key()


@pytest.mark.needs("quart")
async def test_what_a_websocket_writes_gets_its_cookie_from_the_next_response(
    rotation: Rotation,
) -> None:
    user = rotation.visitor(**ROTATED)

    async def socket() -> None:
        user.site.session["b"] = 2
        await user.site.web.websocket.send("done")

    user.site.app.websocket("/socket")(socket)
    driver: Any = user.driver
    async with driver.websocket("/socket") as connection:
        assert await connection.receive() == "done"
    assert rotation.asked() == ["load", "commit"]
    assert renews_the_cookie(await user.visit(lambda session: None))
    assert rotation.asked() == ["load"]
    assert not renews_the_cookie(await user.visit(lambda session: None))
    assert await rotation.is_live_without_the_old_key()


@pytest.mark.parametrize(
    "other",
    [
        lambda session: session.update(b=2),
        lambda session: session.regenerate(),
        lambda session: session.clear(),
    ],
    ids=["written", "regenerated", "ended"],
)
async def test_a_session_that_another_request_changed_meanwhile_is_left_to_it(
    rotation: Rotation, other: Callable[[Any], Any]
) -> None:
    assert rotation.spy is not None
    user = rotation.visitor(**ROTATED)
    scene = Scene(user.site, rotation.spy)
    slow = scene.holder(rotation.old.jar["session"])
    with listening(scene):
        async with scene.late(slow, dict, at="commit") as late:
            await user.visit(other)
            stored, new = rotation.records(), rotation.old.jar.get("session")
            scene.heard.clear()
        assert (late.answer.status, late.answer.text) == (200, "{'a': 1, 'cart': [1]}")
        assert late.answer.set_cookies == []
        assert not {Event.CONFLICT, Event.GONE} & set(scene.heard)
    assert rotation.records() == stored
    assert rotation.old.jar.get("session") == new


async def test_a_renewal_that_the_store_refuses_is_left_to_the_next_request(
    rotation: Rotation,
) -> None:
    assert rotation.spy is not None
    user = rotation.visitor(**ROTATED)
    rotation.spy.fail("commit", StoreUnavailable("full"))
    for _ in range(2):
        answer = await user.visit(dict)
        assert (answer.status, answer.set_cookies) == (200, [])
    rotation.spy.mend()
    assert renews_the_cookie(await user.visit(dict))
    assert await rotation.is_live_without_the_old_key()


@pytest.mark.owners
async def test_a_renewed_session_is_still_its_owners(rotation: Rotation) -> None:
    await rotation.old.visit(lambda session: session.bind("ann"))
    before = known_of(await rotation.old.value(lambda session: session.info))
    user = rotation.visitor(**ROTATED)
    assert renews_the_cookie(await user.visit(dict))
    assert known_of(await user.value(lambda session: session.info)) == before
    assert rotation.spy is not None
    listed = await Scene(user.site, rotation.spy).administer("sessions_of", "ann")
    assert [*map(known_of, listed)] == [before]


@EVERY
async def test_each_rotation_renews_once(rotation: Rotation) -> None:
    third = "a third secret key of the tests, long enough"
    for keys in (
        {"SECRET_KEY": NEWER_KEY, "SECRET_KEY_FALLBACKS": [SECRET_KEY]},
        {"SECRET_KEY": third, "SECRET_KEY_FALLBACKS": [NEWER_KEY, SECRET_KEY]},
        ROTATED,
    ):
        user = rotation.visitor(**keys, SESSION_REFRESH_EACH_REQUEST=False)
        # The last one has no key that the session is under: it is another one by then.
        live = await user.value(lambda session: "a" in session)
        assert live is (keys is not ROTATED)
        assert not renews_the_cookie(await user.visit(dict))
