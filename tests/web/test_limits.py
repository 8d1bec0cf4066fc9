"""How many sessions a user has: the oldest end, or another login is refused."""

from __future__ import annotations

from typing import Any

import pytest

from samesession import ConfigError, StoreUnavailable, TooManySessions
from samesession.signals import session_revoked
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor

from .test_accounts import is_dropped, listed, record_of
from .test_saving import saving

pytestmark = pytest.mark.asyncio


async def log_in(site: Site, owner: str = "ann", **options: Any) -> Visitor:
    """Log in from another device, a second after the last one."""
    site.clock.advance(1)
    user = site.visitor()
    assert (await user.visit(lambda s: s.bind(owner, **options))).status == 200
    return user


async def sids(users: list[Visitor]) -> list[str]:
    return [(await record_of(user)).sid for user in users]


# --- end-oldest -------------------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_a_login_ends_the_oldest_beyond_its_number(
    new_site: NewSite, backend: Backend, encrypted: bool
) -> None:
    site = new_site(SESSION_ENCRYPT=encrypted)
    users = [await log_in(site) for _ in range(4)]
    other = await log_in(site, "ben")
    known = await sids(users)
    last = await log_in(site, at_most=3)
    assert await listed(site, "ann") == [*known[2:], (await record_of(last)).sid]
    assert [await user.value(lambda s: s.info.owner) for user in users] == [
        *(None, None),
        *("ann", "ann"),
    ]
    assert (await record_of(other)).owner == "ben"
    assert len(backend.records()) == 4


@pytest.mark.owners
async def test_the_time_of_authentication_tells_which_is_the_oldest(site: Site) -> None:
    first, second = await log_in(site), await log_in(site)
    site.clock.advance(1)
    await first.visit(lambda s: s.confirm())
    await log_in(site, at_most=2)
    assert await second.value(lambda s: s.info.owner) is None
    assert await first.value(lambda s: s.info.owner) == "ann"


@pytest.mark.owners
async def test_who_logs_in_again_in_the_same_session_ends_no_other(site: Site) -> None:
    first, second = await log_in(site), await log_in(site)
    site.clock.advance(1)
    await second.visit(lambda s: s.bind("ann", at_most=2))
    assert len(await listed(site, "ann")) == 2
    await first.visit(lambda s: s.bind("ann", at_most=1))
    assert await listed(site, "ann") == [(await record_of(first)).sid]


@pytest.mark.owners
@pytest.mark.stores("memory", "filesystem")
async def test_who_has_logged_in_by_a_clock_that_was_ahead_is_older_all_the_same(
    site: Site,
) -> None:
    site.clock.advance(30)
    await log_in(site)
    site.clock.advance(-30)
    user = await log_in(site, at_most=1)
    assert await listed(site, "ann") == [(await record_of(user)).sid]


@pytest.mark.owners
async def test_a_number_of_all_logins_counts_where_they_say_no_other(new_site: NewSite) -> None:
    site = new_site(SESSION_MAX_PER_OWNER=2)
    for _ in range(3):
        await log_in(site)
    assert len(await listed(site, "ann")) == 2
    await log_in(site, at_most=3)
    assert len(await listed(site, "ann")) == 3
    await log_in(site)
    assert len(await listed(site, "ann")) == 2


@pytest.mark.owners
@pytest.mark.stores("memory")
async def test_who_was_ended_for_it_is_told(site: Site) -> None:
    told: list[tuple[str, str, str]] = []

    def receive(sender: Any, *, sid: str, owner: str, reason: str, **_: Any) -> None:
        told.append((sid, owner, reason))

    (first,) = await sids([await log_in(site)])
    with session_revoked.connected_to(receive, site.app):
        await log_in(site, at_most=1)
    assert told == [(first, "ann", "its owner had more sessions than allowed")]


@pytest.mark.owners
@pytest.mark.stores("memory")
@pytest.mark.parametrize("at_most", [0, -1, True, 1.5, "2"])
async def test_what_is_no_number_is_refused_before_a_store_is_asked(
    site: Site, at_most: Any
) -> None:
    user = site.visitor()
    error = await user.failure(lambda s: s.bind("ann", at_most=at_most))
    assert isinstance(error, TypeError | ValueError)
    assert "at_most" in str(error)
    assert await listed(site, "ann") == []


@pytest.mark.owners
async def test_a_store_that_fails_after_the_login_leaves_it_standing_and_is_told(
    new_site: NewSite, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    known = await log_in(site)
    spy.fail("remove_many", StoreUnavailable("down"))
    user = await log_in(site, at_most=1)
    spy.mend()
    assert "the session store failed: " in caplog.text
    assert await listed(site, "ann") == await sids([known, user])
    last = await log_in(site, at_most=1)
    assert await listed(site, "ann") == await sids([last])


@pytest.mark.owners
async def test_a_store_that_fails_to_count_before_the_login_makes_it_a_503(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    await log_in(site)
    stored = backend.records()
    spy.fail("owned_page", StoreUnavailable("down"))
    answer = await site.visitor().visit(lambda s: s.bind("ann", at_most=1))
    spy.mend()
    assert (answer.status, answer.set_cookies) == (503, [])
    assert backend.records() == stored


# --- refuse -----------------------------------------------------------------------------


REFUSE = {"SESSION_MAX_PER_OWNER": 2, "SESSION_MAX_PER_OWNER_ACTION": "refuse"}


@pytest.mark.owners
async def test_a_login_beyond_the_number_is_a_403_that_changes_nothing(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site(**REFUSE)
    users = [await log_in(site), await log_in(site)]
    user = site.visitor()
    await user.put(cart=[1])
    cookie, stored = user.jar["session"], backend.records()
    answer = await user.visit(lambda s: (s["cart"].append(2), s.bind("ann", "a phone")))
    assert answer.status == 403
    assert backend.records() == stored
    assert user.jar["session"] == cookie
    assert await user.value(dict) == {"cart": [1]}
    new = await site.visitor().visit(lambda s: (s.update(a=1), s.bind("ann")))
    assert (new.status, new.set_cookies) == (403, [])
    await users[0].visit(lambda s: s.end())
    assert (await user.visit(lambda s: s.bind("ann"))).status == 200
    assert set(await listed(site, "ann")) == {*await sids([users[1], user])}


@pytest.mark.owners
async def test_an_application_makes_a_page_of_it(new_site: NewSite) -> None:
    site = new_site(**REFUSE)
    caught: list[TooManySessions] = []

    def full(session: Any, web: Any, error: TooManySessions) -> Any:
        caught.append(error)
        session["told"] = True
        return web.jsonify(limit=error.limit), 409

    site.errorhandler(TooManySessions)(full)
    for _ in range(2):
        await log_in(site)
    user = site.visitor()
    answer = await user.visit(lambda s: s.bind("ann"))
    assert (answer.status, answer.json()) == (409, {"limit": 2})
    assert [error.owner for error in caught] == ["ann"]
    assert "ann" not in str(caught[0])
    assert await user.value(dict) == {"told": True}
    assert len(await listed(site, "ann")) == 2


@pytest.mark.owners
async def test_a_view_catches_it_at_the_end_of_a_block(new_site: NewSite) -> None:
    site = new_site(**REFUSE)
    for _ in range(2):
        await log_in(site)
    user = site.visitor()
    work = saving(site, lambda s: s.bind("ann"))

    def flask(session: Any, web: Any) -> str:
        try:
            work()
        except TooManySessions as error:
            session["full"] = error.limit
        return "handled"

    async def quart(session: Any, web: Any) -> str:
        try:
            await work()
        except TooManySessions as error:
            session["full"] = error.limit
        return "handled"

    answer = await user.respond(flask if site.framework == "flask" else quart)
    assert (answer.status, answer.text) == (200, "handled")
    assert await user.value(lambda s: (dict(s), s.info.owner)) == ({"full": 2}, None)


@pytest.mark.owners
async def test_who_is_logged_in_may_log_in_again(new_site: NewSite) -> None:
    site = new_site(**REFUSE)
    users = [await log_in(site), await log_in(site)]
    assert (await users[0].visit(lambda s: s.bind("ann"))).status == 200
    assert (await users[1].visit(lambda s: (s.end(), s.bind("ann")))).status == 200
    assert len(await listed(site, "ann")) == 2


@pytest.mark.owners
async def test_a_refusal_does_not_take_an_end_back(new_site: NewSite) -> None:
    site = new_site(**REFUSE)
    for _ in range(2):
        await log_in(site)
    user = await log_in(site, "ben")
    answer = await user.visit(lambda s: (s.end(), s.bind("ann")))
    assert answer.status == 403
    assert is_dropped(answer)
    assert await listed(site, "ben") == []


# --- settings ---------------------------------------------------------------------------


WRONG: list[dict[str, Any]] = [
    {"SESSION_MAX_PER_OWNER": 0},
    {"SESSION_MAX_PER_OWNER": "5"},
    {"SESSION_MAX_PER_OWNER": True},
    {"SESSION_MAX_PER_OWNER_ACTION": "end"},
    {"SESSION_MAX_PER_OWNER_ACTION": None},
]


@pytest.mark.stores("memory")
@pytest.mark.parametrize("settings", WRONG)
async def test_a_wrong_number_is_told_at_the_start(
    new_site: NewSite, settings: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        new_site(**settings)


@pytest.mark.stores("cookie")
async def test_a_number_needs_a_store_that_can_count(new_site: NewSite) -> None:
    with pytest.raises(ConfigError, match='SESSION_TYPE = "filesystem"'):
        new_site(SESSION_MAX_PER_OWNER=3)


@pytest.mark.stores("memcached")
async def test_memcached_cannot_count(new_site: NewSite) -> None:
    with pytest.raises(ConfigError, match='SESSION_TYPE = "filesystem"'):
        new_site(SESSION_MAX_PER_OWNER=3)
