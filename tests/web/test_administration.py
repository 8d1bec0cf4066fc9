"""Bind a session to a user, list and end the user's sessions, purge: from a view, on both."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from samesession import ConfigError, NotSupported
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor

pytestmark = pytest.mark.asyncio


async def administer(site: Site, name: str, *args: Any, **named: Any) -> Any:
    """Call one of the framework module's functions inside the application."""
    function = getattr(import_module(f"samesession.{site.framework}"), name)
    if site.framework == "flask":
        with site.app.app_context():
            return function(*args, **named)
    async with site.app.app_context():
        return await function(*args, **named)


async def _login(site: Site, owner: str, **values: Any) -> Visitor:
    user = site.visitor()
    await user.visit(lambda session: (session.update(values, name=owner), session.bind(owner)))
    return user


async def _sid(user: Visitor) -> str:
    sid = await user.value(lambda session: session.sid)
    assert isinstance(sid, str)
    return sid


@pytest.mark.owners
async def test_the_sessions_of_an_owner_are_listed_the_oldest_first(site: Site) -> None:
    ann = await _login(site, "ann")
    site.clock.advance(5)
    await _login(site, "ben")
    other = await _login(site, "ann")
    listed = await administer(site, "sessions_of", "ann")
    assert [each.sid for each in listed] == [await _sid(ann), await _sid(other)]
    began = int(site.clock()) - 5
    assert [each.created for each in listed] == [began, began + 5]
    assert [each.auth_time for each in listed] == [began, began + 5]
    assert {each.owner for each in listed} == {"ann"}
    assert await administer(site, "sessions_of", "nobody") == []


@pytest.mark.owners
async def test_a_revoked_session_is_over_at_once(site: Site, backend: Backend) -> None:
    ann, other = await _login(site, "ann"), await _login(site, "ann")
    sid = await _sid(ann)
    assert await administer(site, "revoke", sid) is True
    assert await administer(site, "revoke", sid) is False
    assert await ann.value(dict) == {}
    assert await other.value(dict) == {"name": "ann"}
    assert len(backend.records()) == 1
    listed = await administer(site, "sessions_of", "ann")
    assert [each.sid for each in listed] == [await _sid(other)]


async def test_a_session_without_an_owner_can_be_revoked(site: Site) -> None:
    user = site.visitor()
    await user.put(a=1)
    assert await administer(site, "revoke", await _sid(user)) is True
    assert await user.value(dict) == {}


@pytest.mark.parametrize("sid", ["", "x", "../../x", "A" * 22, "A" * 21 + "\n"])
async def test_revoking_what_there_is_not_ends_nothing(site: Site, sid: str) -> None:
    ann = await _login(site, "ann")
    assert await administer(site, "revoke", sid) is False
    assert await ann.value(dict) == {"name": "ann"}


@pytest.mark.owners
async def test_all_others_of_an_owner_are_revoked(site: Site) -> None:
    ann = await _login(site, "ann")
    others = [await _login(site, "ann") for _ in range(2)]
    ben = await _login(site, "ben")
    assert await administer(site, "revoke_all", "ann", keep=await _sid(ann)) == 2
    assert await ann.value(dict) == {"name": "ann"}
    assert [await other.value(dict) for other in others] == [{}, {}]
    assert await ben.value(dict) == {"name": "ben"}
    assert await administer(site, "revoke_all", "ann") == 1
    assert await administer(site, "revoke_all", "ann") == 0
    assert await ann.value(dict) == {}
    assert await administer(site, "sessions_of", "ann") == []


@pytest.mark.owners
async def test_another_owner_takes_the_session_over(site: Site) -> None:
    user = await _login(site, "ann")
    await user.visit(lambda session: session.bind("ben"))
    assert await administer(site, "sessions_of", "ann") == []
    (about,) = await administer(site, "sessions_of", "ben")
    assert about.sid == await _sid(user)


@pytest.mark.owners
async def test_a_logout_takes_the_session_off_the_list(site: Site) -> None:
    user = await _login(site, "ann")
    await user.visit(lambda session: session.clear())
    assert await administer(site, "sessions_of", "ann") == []


@pytest.mark.purges
@pytest.mark.stores("filesystem", "memory")
async def test_purge_deletes_what_has_expired_and_nothing_else(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=60)
    await _login(site, "ann")
    await site.visitor().put(a=1)
    site.clock.advance(100)
    kept = await _login(site, "ann")
    assert await administer(site, "purge") == 2
    assert await administer(site, "purge") == 0
    assert len(backend.records()) == 1
    assert await kept.value(dict) == {"name": "ann"}


@pytest.mark.stores("redis")
async def test_purge_has_nothing_to_do_where_the_store_expires_by_itself(site: Site) -> None:
    await _login(site, "ann")
    assert await administer(site, "purge") == 0


@pytest.mark.stores("cookie")
@pytest.mark.parametrize(
    ("name", "args"),
    [("sessions_of", ["ann"]), ("revoke", ["A" * 22]), ("revoke_all", ["ann"]), ("purge", [])],
)
async def test_a_session_in_the_cookie_cannot_be_administered(
    site: Site, name: str, args: list[str]
) -> None:
    with pytest.raises(NotSupported, match='choose a server-side store, such as "filesystem"'):
        await administer(site, name, *args)


@pytest.mark.stores("cookie")
async def test_a_session_in_the_cookie_cannot_be_bound(site: Site) -> None:
    error = await site.visitor().failure(lambda session: session.bind("ann"))
    assert isinstance(error, NotSupported)


@pytest.mark.stores("memory")
async def test_an_application_without_sessions_of_ours_is_told_so(new_site: NewSite) -> None:
    site = new_site(options={"init": False})
    with pytest.raises(ConfigError, match=r"call Session\(app\)"):
        await administer(site, "sessions_of", "ann")
