"""Many sessions listed and ended while others log in, write and leave; and stores that hang."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.events import Event
from samesession.core.steps import Steps
from samesession.core.store import DatedRecord, Lifetimes
from samesession.stores.memory import MemoryStore
from tests.conftest import NewSite
from tests.faults.callers import watched_loop
from tests.support.backend import UNHURRIED, Backend
from tests.support.many import fill
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer

from .late import Scene

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]

MANY = 300  # in several batches
MOST = 2000  # enough to hold an event loop for 50 ms
FEW = 300  # where the suite's server is a stand-in that takes milliseconds for each
EVERYONE = pytest.param("revoke_everyone", marks=pytest.mark.lists)
STEPS = ("owned_page", "load_many", "remove_many", "delist_many")


async def log_in(scene: Scene, owner: str = "ann") -> Visitor:
    user = scene.site.visitor()
    assert (await user.visit(lambda session: session.bind(owner))).status == 200
    return user


@asynccontextmanager
async def revoking(scene: Scene, at: str, *, after: bool, nth: int = 1) -> AsyncIterator[None]:
    """Hold a revocation of all of ann's sessions up at a call; it ends with the block."""
    gate = scene.spy.pause(at, nth=nth, after=after)
    task = asyncio.create_task(scene.administer("revoke_all", "ann"))
    try:
        await gate.reached()
        yield
    finally:
        gate.open()
        await task


# --- beside others -------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", STEPS)
async def test_a_login_during_a_revocation_ends_with_it_or_with_the_next_one(
    scene: Scene, at: str, after: bool
) -> None:
    known = await log_in(scene)
    async with revoking(scene, at, after=after):
        late = await log_in(scene)
    assert await known.value(lambda session: session.info.owner) is None
    left = await scene.administer("sessions_of", "ann")
    assert len(left) in (0, 1)
    assert await scene.administer("revoke_all", "ann") == len(left)
    assert await late.value(lambda session: session.info.owner) is None
    assert await scene.administer("sessions_of", "ann") == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", STEPS)
async def test_what_is_written_during_a_revocation_saves_no_session(
    scene: Scene, at: str, after: bool
) -> None:
    user = await log_in(scene)
    async with revoking(scene, at, after=after):
        assert (await user.put(a=1)).status == 200
    assert await user.value(lambda session: (session.info.owner, session.get("a"))) in (
        (None, None),
        (None, 1),  # it came after the end, and began a session of nobody's
    )
    assert await scene.administer("sessions_of", "ann") == []


@pytest.mark.parametrize("at", STEPS)
async def test_another_users_login_waits_for_no_revocation(scene: Scene, at: str) -> None:
    await log_in(scene)
    async with revoking(scene, at, after=False):
        ben = await log_in(scene, "ben")
        assert len(await scene.administer("sessions_of", "ben")) == 1
        assert await ben.value(lambda session: session.info.owner) == "ben"
    assert len(await scene.administer("sessions_of", "ben")) == 1


async def test_of_two_revocations_at_once_each_session_is_ended_and_told_once(
    scene: Scene, backend: Backend
) -> None:
    fill(scene.site, backend, "ann", MANY)
    scene.heard.clear()
    async with revoking(scene, "load_many", after=True, nth=2):
        other = await scene.administer("revoke_all", "ann")
    ended = scene.heard.count(Event.REVOKED)
    assert ended >= MANY  # databases that cannot tell who deleted a row may tell of it twice
    assert other <= MANY
    if backend.name in {"memory", "filesystem", "redis"}:
        assert ended == MANY
    assert await scene.administer("sessions_of", "ann") == []


async def test_what_was_ended_before_a_failure_stays_ended(scene: Scene, backend: Backend) -> None:
    fill(scene.site, backend, "ann", MANY)
    scene.heard.clear()
    gate = scene.spy.pause("remove_many", nth=3, after=True)
    task = asyncio.create_task(scene.administer("revoke_all", "ann"))
    await gate.reached()
    scene.spy.fail("delist_many", StoreUnavailable("the store is down"))
    gate.open()
    with pytest.raises(StoreUnavailable):
        await task
    scene.spy.mend()
    told = scene.heard.count(Event.REVOKED)
    left = len(await scene.administer("sessions_of", "ann"))
    assert 0 < left < MANY
    assert told == MANY - left
    assert await scene.administer("revoke_all", "ann") == left


# --- a login that races --------------------------------------------------------------------


@pytest.mark.parametrize("action", ["revoke_all", EVERYONE])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", ["enlist", "create"])
async def test_a_login_is_before_a_revocation_and_ended_or_after_it_and_listed(
    scene: Scene, at: str, after: bool, action: str
) -> None:
    """The login waits at a call of the store while the whole revocation runs.

    With `erase_owner` it would be alive and not listed: the account is to be gone before.
    """
    known = await log_in(scene)
    user = scene.site.visitor()
    args = () if action == "revoke_everyone" else ("ann",)
    async with scene.late(user, lambda session: session.bind("ann"), at=at, after=after) as late:
        ended = await scene.administer(action, *args)
        assert (await late.end()).status == 200
    assert await known.value(lambda session: session.info.owner) is None
    await assert_ended_or_listed(scene, user, ended - 1)


@pytest.mark.parametrize("action", ["revoke_all", "erase_owner", EVERYONE])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", ["owned_page|keys_page", "load_many", "remove_many"])
async def test_a_login_in_the_midst_of_a_revocation_is_ended_or_listed(
    scene: Scene, at: str, after: bool, action: str
) -> None:
    """The revocation waits at a call of the store while the whole login runs."""
    known = await log_in(scene)
    gate = scene.spy.pause(at, after=after)
    args = () if action == "revoke_everyone" else ("ann",)
    task = asyncio.create_task(scene.administer(action, *args))
    await gate.reached()
    user = await log_in(scene)
    gate.open()
    ended = await task
    assert await known.value(lambda session: session.info.owner) is None
    await assert_ended_or_listed(scene, user, ended - 1)


async def assert_ended_or_listed(scene: Scene, user: Visitor, ended: int) -> None:
    """Assert that a login was ended once, or is alive and can be found and ended by its owner."""
    owner = await user.value(lambda session: session.info.owner)
    listed = await scene.administer("sessions_of", "ann")
    assert (owner, len(listed), ended) in {(None, 0, 1), ("ann", 1, 0)}
    assert await scene.administer("revoke_all", "ann") == len(listed)
    assert await user.value(lambda session: session.info.owner) is None


@pytest.mark.parametrize("before", [None, "ben"], ids=["begun", "taken over"])
@pytest.mark.parametrize("nth", [1, 2], ids=["first", "second"])
async def test_a_login_that_is_written_while_its_note_is_forgotten_is_ended(
    scene: Scene, nth: int, before: str | None
) -> None:
    known = await log_in(scene)
    user = scene.site.visitor() if before is None else await log_in(scene, before)
    bind, at = (lambda session: session.bind("ann")), "create" if before is None else "commit"
    async with scene.late(user, bind, at=at) as late:
        gate = scene.spy.pause("load_many", nth=nth, after=nth == 1)
        task = asyncio.create_task(scene.administer("erase_owner", "ann"))
        await gate.reached()
        assert (await late.end()).status == 200
        gate.open()
        assert await task == 2
    for each in (known, user):
        assert await each.value(lambda session: session.info.owner) is None


# --- deadlines -----------------------------------------------------------------------------


class Slow(MemoryStore):
    """Takes so many seconds for each batch."""

    seconds = 0.0

    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        yield asyncio.sleep(self.seconds)
        return (yield from super().load_many(keys))

    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        yield asyncio.sleep(self.seconds)
        return (yield from super().load_dated(keys, lifetimes=lifetimes))

    def purge(self) -> Steps[int]:
        yield asyncio.sleep(self.seconds)
        return (yield from super().purge())


@pytest.mark.needs("quart")
@pytest.mark.stores("memory")
@pytest.mark.parametrize(
    ("action", "args"),
    [
        ("sessions_of", ["ann"]),
        ("sessions_page", ["ann"]),
        ("revoke_all", ["ann"]),
        ("revoke_everyone", []),
        ("purge", []),
    ],
)
async def test_a_store_that_hangs_is_given_up_in_time(
    new_site: NewSite, backend: Backend, action: str, args: list[str]
) -> None:
    store = Slow(clock=backend.clock)
    site = new_site(options={"store": store}, SESSION_STORE_TIMEOUT=0.2)
    await site.visitor().visit(lambda session: session.bind("ann"))
    store.seconds = 60
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.2 s"):
        await administer(site, action, *args)
    assert time.monotonic() - started < 2


@pytest.mark.needs("quart")
@pytest.mark.stores("memory")
async def test_many_batches_may_take_longer_than_one_operation(
    new_site: NewSite, backend: Backend
) -> None:
    store = Slow(clock=backend.clock)
    site = new_site(options={"store": store}, SESSION_STORE_TIMEOUT=0.5)
    backend.part.kept = store  # type: ignore[attr-defined]
    sids = fill(site, _Given(store), "ann", MANY)  # type: ignore[arg-type]
    store.seconds = 0.15
    started = time.monotonic()
    assert [each.sid for each in await administer(site, "sessions_of", "ann")] == sids
    assert time.monotonic() - started > 0.5


class _Given:
    """A backend whose store is this one."""

    def __init__(self, store: Any) -> None:
        self.given = store


# --- the event loop ------------------------------------------------------------------------


@pytest.mark.needs("quart")
@pytest.mark.parametrize(
    "payload", [b"\x80", b"\xc5\x80\x00" + bytes(32_768)], ids=["small", "32 kB"]
)
async def test_the_loop_is_not_held_by_many_sessions(
    new_site: NewSite, backend: Backend, payload: bytes
) -> None:
    site = new_site(SESSION_STORE_TIMEOUT=UNHURRIED)
    count = most(backend) if len(payload) < 1000 else 200
    fill(site, backend, "ann", count, payload=payload)
    # Not by the clock: a busy machine may give the loop no turn at all.
    async with watched_loop(time.thread_time) as lag:
        assert len(await administer(site, "sessions_of", "ann")) == count
    assert lag.worst < 0.05
    async with watched_loop(time.thread_time) as lag:
        assert await administer(site, "revoke_all", "ann") == count
    assert lag.worst < 0.05


@pytest.mark.needs("quart")
async def test_other_requests_are_served_while_many_sessions_are_listed_and_ended(
    new_site: NewSite, backend: Backend
) -> None:
    """By count, not by time: as a list goes on, others get a turn at each of its batches."""
    site = new_site(SESSION_STORE_TIMEOUT=UNHURRIED)
    count = most(backend)
    fill(site, backend, "ann", count)
    other = await _visitor_with_a_session(site)
    for action, found in (("sessions_of", count), ("revoke_all", count)):
        task = asyncio.create_task(administer(site, action, "ann"))
        served = 0
        while not task.done():
            assert await other.value(lambda session: session["a"]) == 1
            served += 1
        result = await task
        assert (result if action == "revoke_all" else len(result)) == found
        assert served >= 2  # the first one may have come before


def most(backend: Backend) -> int:
    return FEW if backend.name in {"dynamodb", "mongodb"} else MOST


async def _visitor_with_a_session(site: Site) -> Visitor:
    other = site.visitor()
    await other.put(a=1)
    return other
