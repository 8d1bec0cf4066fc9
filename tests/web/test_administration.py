"""Bind a session to a user, list and end the user's sessions, purge: from a view, on both."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from samesession import ConfigError, InvalidName, NotSupported, SessionPage
from samesession.signals import session_rejected
from tests.conftest import NewSite
from tests.support.backend import UNHURRIED, Backend
from tests.support.infos import moment
from tests.support.many import fill
from tests.support.site import Site, Visitor
from tests.unit.test_names import NO_KEEPS, NO_OWNERS, NO_SIDS

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
    now = site.clock()
    assert [each.created for each in listed] == [moment(now - 5), moment(now)]
    assert [each.authenticated for each in listed] == [moment(now - 5), moment(now)]
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
    [
        ("sessions_of", ["ann"]),
        ("sessions_page", ["ann"]),
        ("revoke", ["A" * 22]),
        ("revoke_all", ["ann"]),
        ("export_owner", ["ann"]),
        ("erase_owner", ["ann"]),
        ("revoke_everyone", []),
        ("purge", []),
    ],
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


# --- names ---------------------------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.parametrize("name", NO_OWNERS)
async def test_no_store_is_asked_about_what_cannot_be_an_owner(
    new_site: NewSite, backend: Backend, name: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    ann = await _login(site, "ann")
    spy.reset()
    owner = NO_OWNERS[name]
    for ask in ("sessions_of", "sessions_page", "revoke_all"):
        with pytest.raises(InvalidName, match=rf"write {ask}\(str\(user\.id\)\)"):
            await administer(site, ask, owner)
    assert spy.calls == []
    error = await ann.failure(lambda session: session.bind(owner))
    assert isinstance(error, InvalidName)
    assert await ann.value(dict) == {"name": "ann"}


@pytest.mark.owners
@pytest.mark.parametrize("name", NO_KEEPS)
async def test_nobody_is_logged_out_for_want_of_the_session_to_keep(
    new_site: NewSite, backend: Backend, name: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    ann = await _login(site, "ann")
    spy.reset()
    with pytest.raises(InvalidName, match=r"write keep=session\.sid"):
        await administer(site, "revoke_all", "ann", keep=NO_KEEPS[name])
    assert spy.calls == []
    assert await ann.value(dict) == {"name": "ann"}


@pytest.mark.parametrize("name", NO_SIDS)
async def test_what_is_no_text_is_no_sid(site: Site, name: str) -> None:
    with pytest.raises(InvalidName, match=r"write session\.sid"):
        await administer(site, "revoke", NO_SIDS[name])


# --- many ----------------------------------------------------------------------------------

MANY = 450  # in several batches, and pages of some stores


@pytest.mark.owners
async def test_many_sessions_are_listed_and_ended_a_batch_at_a_time(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_STORE_TIMEOUT=UNHURRIED)
    sids = fill(site, backend, "ann", MANY)
    ben = await _login(site, "ben")
    spy.reset()
    assert [each.sid for each in await administer(site, "sessions_of", "ann")] == sids
    batches = spy.counts["load_dated"]
    assert 0 < batches <= 10
    assert spy.counts == {"owned_page": spy.counts["owned_page"], "load_dated": batches}
    spy.reset()
    assert await administer(site, "revoke_all", "ann", keep=sids[7]) == MANY - 1
    assert spy.counts["load_many"] == batches
    assert 0 < spy.counts["remove_many"] <= batches
    assert 0 < spy.counts["delist_many"] <= batches
    assert not {"load", "remove", "delist"} & spy.counts.keys()
    (kept,) = await administer(site, "sessions_of", "ann")
    assert kept.sid == sids[7]
    assert await administer(site, "revoke_all", "ann") == 1
    assert await ben.value(dict) == {"name": "ben"}
    assert len(backend.records()) == 1


@pytest.mark.owners
@pytest.mark.parametrize("limit", [1, 7, 8, 9, 50])
async def test_pages_hold_all_sessions_the_oldest_first(
    site: Site, backend: Backend, limit: int
) -> None:
    sids = fill(site, backend, "ann", 24)
    fill(site, backend, "ben", 5, series=1)
    pages: list[list[str]] = []
    after: str | None = None
    while not pages or after is not None:
        page = await administer(site, "sessions_page", "ann", after=after, limit=limit)
        assert len(page.sessions) == limit or page.after is None
        pages.append([each.sid for each in page.sessions])
        after = page.after
    assert [sid for page in pages for sid in page] == sids
    assert len(pages) == -(-24 // limit)
    assert await administer(site, "sessions_page", "nobody") == SessionPage((), None)


@pytest.mark.owners
async def test_a_page_begins_where_the_last_one_ended_whatever_happened_since(
    site: Site, backend: Backend
) -> None:
    sids = fill(site, backend, "ann", 12)
    first = await administer(site, "sessions_page", "ann", limit=4)
    assert [each.sid for each in first.sessions] == sids[:4]
    for ended in (sids[3], sids[0], sids[5]):  # its last one, too
        assert await administer(site, "revoke", ended) is True
    site.clock.advance(1)
    late = await _sid(await _login(site, "ann"))
    second = await administer(site, "sessions_page", "ann", after=first.after, limit=4)
    assert [each.sid for each in second.sessions] == [sids[4], *sids[6:9]]
    last = await administer(site, "sessions_page", "ann", after=second.after, limit=4)
    assert [each.sid for each in last.sessions] == [*sids[9:], late]
    assert last.after is None


@pytest.mark.owners
async def test_sessions_of_one_second_are_on_one_page_each(site: Site) -> None:
    sids = {await _sid(await _login(site, "ann")) for _ in range(5)}
    found, after = [], None
    for _ in range(5):
        page = await administer(site, "sessions_page", "ann", after=after, limit=1)
        found += [each.sid for each in page.sessions]
        after = page.after
    assert (set(found), len(found), after) == (sids, 5, None)


@pytest.mark.stores("memory")
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"limit": 0}, ValueError),
        ({"limit": -1}, ValueError),
        ({"limit": True}, TypeError),
        ({"limit": "10"}, TypeError),
        ({"limit": 2.0}, TypeError),
        ({"limit": None}, TypeError),
        ({"after": ""}, InvalidName),
        ({"after": "A" * 22}, InvalidName),
        ({"after": "1." + "A" * 21 + "B"}, InvalidName),
        ({"after": "-1." + "A" * 22}, InvalidName),
        ({"after": "1." + "A" * 22 + "\n"}, InvalidName),
        ({"after": "\u0661." + "A" * 22}, InvalidName),
        ({"after": "9" * 10_000 + "." + "A" * 22}, InvalidName),
        ({"after": 5}, InvalidName),
        ({"after": b"1." + b"A" * 22}, InvalidName),
    ],
    ids=str,
)
async def test_a_page_that_cannot_be_asked_for_is_an_error(
    site: Site, options: dict[str, Any], error: type[Exception]
) -> None:
    await _login(site, "ann")
    with pytest.raises(error, match=r"sessions_page\(\)") as caught:
        await administer(site, "sessions_page", "ann", **options)
    assert type(caught.value) is error


@pytest.mark.lists
async def test_everyones_sessions_are_ended_and_no_other_applications(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site()
    others = {
        "prefix": new_site(SESSION_KEY_PREFIX="session:two:"),
        "longer name": new_site(SESSION_KEY_PREFIX="session"),
        "pattern": new_site(SESSION_KEY_PREFIX="*"),
        "cookie": new_site(SESSION_COOKIE_NAME="other"),
        "key": new_site(SECRET_KEY="another key, and long enough for it"),
    }
    theirs = [await _login(other, "ann") for other in others.values()]
    fill(site, backend, None, 20)
    ours = [await _login(site, owner) for owner in ("ann", "ben")]
    anonymous = site.visitor()
    await anonymous.put(cart=[1])
    assert await administer(site, "revoke_everyone") == 23
    assert await administer(site, "revoke_everyone") == 0
    assert [await user.value(dict) for user in (*ours, anonymous)] == [{}, {}, {}]
    assert [await user.value(dict) for user in theirs] == [{"name": "ann"}] * len(others)
    again = await _login(site, "ann")
    assert [each.sid for each in await administer(site, "sessions_of", "ann")] == [
        await _sid(again)
    ]


# --- applications that share a store --------------------------------------------------------


@pytest.mark.owners
@pytest.mark.parametrize(
    "other",
    [
        {"SESSION_KEY_PREFIX": "session:two:"},
        {"SESSION_KEY_PREFIX": "ses"},
        {"SESSION_COOKIE_NAME": "other"},
        {"SECRET_KEY": "another key, and long enough for it"},
    ],
    ids=str,
)
async def test_another_applications_sessions_of_a_user_are_nothing_to_speak_of(
    new_site: NewSite, caplog: pytest.LogCaptureFixture, other: dict[str, str]
) -> None:
    here, there = new_site(), new_site(**other)
    ours, theirs = await _login(here, "ann"), await _login(there, "ann")
    heard: list[str] = []

    def note(_: object, *, reason: str, **__: object) -> None:
        heard.append(reason)

    with session_rejected.connected_to(note):
        for site, user in ((here, ours), (there, theirs)):
            listed = await administer(site, "sessions_of", "ann")
            assert [each.sid for each in listed] == [await _sid(user)]
            assert await administer(site, "revoke", "A" * 22) is False
        assert await administer(here, "revoke", await _sid(theirs)) is False
        assert await administer(there, "revoke_all", "ann") == 1
        assert await administer(there, "revoke_all", "ann") == 0
    assert await ours.value(dict) == {"name": "ann"}
    assert await theirs.value(dict) == {}
    assert heard == []
    assert [line for line in caplog.messages if "rejected" in line] == []
