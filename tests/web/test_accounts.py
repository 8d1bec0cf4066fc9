"""What a session does for an account: log in with a label, out, off, and confirm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from markupsafe import Markup

from samesession import InvalidName, NotBound, NotSupported, ReadOnlySession
from samesession.core.names import is_sid
from samesession.core.record import Record
from samesession.core.request_state import state_of
from samesession.core.token import SID_BYTES
from samesession.signals import session_created, session_ended
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer, attributes
from tests.support.clock import Entropy
from tests.support.site import Site, Visitor

from .test_administration import administer
from .test_saving import saving

pytestmark = pytest.mark.asyncio

Act = Callable[[Any], Any]
DAY = 24 * 3600


def kept(session: Any) -> Record | None:
    """Return what is stored of a session, as it was when the request came."""
    loaded = state_of(session).loaded
    return None if loaded is None else loaded.record


async def login(site: Site, owner: str, label: str | None = None, **values: Any) -> Visitor:
    user = site.visitor()
    await user.visit(lambda s: (s.update(values), s.bind(owner, label)))
    return user


async def record_of(user: Visitor) -> Record:
    found = await user.value(kept)
    assert isinstance(found, Record)
    return found


async def listed(site: Site, owner: str) -> list[str]:
    return [each.sid for each in await administer(site, "sessions_of", owner)]


def is_dropped(answer: Answer) -> bool:
    (cookie,) = answer.set_cookies
    return attributes(cookie)["value"] == ""


# --- labels ---------------------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_a_login_has_a_label_that_stays_until_the_next_one(
    new_site: NewSite, encrypted: bool
) -> None:
    site = new_site(SESSION_ENCRYPT=encrypted)
    user = await login(site, "ann", "Firefox on Linux")
    assert (await record_of(user)).label == "Firefox on Linux"
    await user.visit(lambda s: (s.update(a=1), s.regenerate()))
    await user.visit(lambda s: s.confirm())
    assert (await record_of(user)).label == "Firefox on Linux"
    await user.visit(lambda s: s.bind("ann", label="Ann\u2019s phone"))
    assert (await record_of(user)).label == "Ann\u2019s phone"
    await user.visit(lambda s: s.bind("ann"))
    assert (await record_of(user)).label is None


WRONG_LABELS = ["", 5, b"a phone", "x" * 257, "é" * 129, "a\0b", "\ud800", Markup("a")]


@pytest.mark.owners
@pytest.mark.stores("memory")
@pytest.mark.parametrize("label", WRONG_LABELS)
async def test_no_store_is_asked_about_what_cannot_be_a_label(site: Site, label: Any) -> None:
    user = site.visitor()
    error = await user.failure(lambda s: s.bind("ann", label))
    assert isinstance(error, InvalidName)
    assert 'label="Firefox on Linux"' in str(error)
    assert await listed(site, "ann") == []


@pytest.mark.owners
async def test_a_label_of_256_bytes_is_kept(site: Site) -> None:
    user = await login(site, "ann", "é" * 128)
    assert (await record_of(user)).label == "é" * 128


# --- unbind ---------------------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_unbinding_keeps_the_data_and_nothing_of_the_owner(
    new_site: NewSite, backend: Backend, encrypted: bool
) -> None:
    site = new_site(SESSION_ENCRYPT=encrypted, SESSION_ABSOLUTE_LIFETIME=DAY)
    user = await login(site, "ann", "a phone", cart=[1])
    before, cookie = await record_of(user), user.jar["session"]
    site.clock.advance(5)
    await user.visit(lambda s: (s["cart"].append(2), s.unbind()))
    after = await record_of(user)
    assert (after.owner, after.label, after.auth_time) == (None, None, 0)
    assert (after.sid, after.created, after.deadline) == (
        before.sid,
        before.created,
        before.deadline,
    )
    assert await user.value(dict) == {"cart": [1, 2]}
    assert await listed(site, "ann") == []
    assert await administer(site, "revoke_all", "ann") == 0
    user.jar["session"] = cookie
    assert await user.value(dict) == {}
    assert len(backend.records()) == 1


@pytest.mark.owners
async def test_unbinding_a_session_without_data_deletes_it(site: Site, backend: Backend) -> None:
    user = await login(site, "ann")
    answer = await user.visit(lambda s: s.unbind())
    assert is_dropped(answer)
    assert backend.records() == {}


@pytest.mark.owners
async def test_unbinding_what_is_nobodys_is_a_regeneration(site: Site) -> None:
    user = site.visitor()
    assert (await user.visit(lambda s: s.unbind())).set_cookies == []
    await user.put(a=1)
    before = await record_of(user)
    await user.visit(lambda s: s.unbind())
    after = await record_of(user)
    assert (after.sid, after.owner) == (before.sid, None)
    assert after.secret_hash != before.secret_hash
    assert await user.value(dict) == {"a": 1}


@pytest.mark.owners
async def test_the_last_change_of_an_account_counts(site: Site) -> None:
    user = await login(site, "ann", a=1)
    await user.visit(lambda s: (s.unbind(), s.bind("ben", "a phone")))
    assert (await record_of(user))[8::3] == ("ben", "a phone")
    assert await listed(site, "ann") == []
    await user.visit(lambda s: (s.bind("cat"), s.confirm(), s.unbind()))
    assert (await record_of(user)).owner is None
    assert [await listed(site, owner) for owner in ("ann", "ben", "cat")] == [[], [], []]
    await user.visit(lambda s: (s.bind("dan", "a tablet"), s.confirm()))
    assert (await record_of(user))[8::3] == ("dan", "a tablet")


# --- end ------------------------------------------------------------------------------


async def test_the_end_deletes_the_record_and_drops_the_cookie(
    site: Site, backend: Backend
) -> None:
    user = site.visitor()
    await user.put(a=1)
    cookie = user.jar["session"]
    assert is_dropped(await user.visit(lambda s: s.end()))
    assert backend.records() == {}
    assert "session" not in user.jar
    user.jar["session"] = cookie
    assert await user.value(dict) == {}


@pytest.mark.owners
async def test_the_end_takes_the_session_off_the_owners_list(site: Site) -> None:
    user, other = await login(site, "ann"), await login(site, "ann")
    await user.visit(lambda s: s.end())
    assert await listed(site, "ann") == [(await record_of(other)).sid]


async def test_the_end_of_nothing_is_no_error(site: Site, backend: Backend) -> None:
    user = site.visitor()
    await user.visit(lambda s: s.end())
    await user.visit(lambda s: (s.update(a=1), s.end(), s.end()))
    assert backend.records() == {}


async def test_an_ended_session_is_empty_at_once(site: Site) -> None:
    user = site.visitor()
    await user.put(a=1)
    seen = await user.value(lambda s: (s.end(), dict(s), kept(s), s.modified))
    assert seen[1:] == ({}, None, True)


async def test_what_is_written_after_the_end_is_another_session(
    site: Site, backend: Backend
) -> None:
    user = site.visitor()
    await user.put(a=1, _permanent=True)
    before = await record_of(user)
    site.clock.advance(5)
    answer = await user.visit(lambda s: (s.update(b=2), s.end(), s.update(c=3)))
    assert len(answer.set_cookies) == 1
    after = await record_of(user)
    assert after.sid != before.sid
    assert after.created == before.created + 5
    assert not after.permanent
    assert await user.value(dict) == {"c": 3}
    assert len(backend.records()) == 1


@pytest.mark.owners
async def test_a_login_after_the_end_is_another_session(site: Site, backend: Backend) -> None:
    user = await login(site, "ann", "a phone", a=1)
    before = await record_of(user)
    await user.visit(lambda s: (s.bind("cat"), s.end(), s.bind("ben")))
    after = await record_of(user)
    assert after.sid != before.sid
    assert (after.owner, after.label) == ("ben", None)
    assert [await listed(site, owner) for owner in ("ann", "cat")] == [[], []]
    assert await listed(site, "ben") == [after.sid]
    assert len(backend.records()) == 1


@pytest.mark.stores("memory", "filesystem")
async def test_the_end_and_what_follows_are_told(site: Site) -> None:
    told: list[str] = []

    def ended(sender: Any, *, reason: str, **_: Any) -> None:
        told.append(reason)

    def created(sender: Any, **_: Any) -> None:
        told.append("created")

    user = site.visitor()
    await user.put(a=1)
    with (
        session_ended.connected_to(ended, site.app),
        session_created.connected_to(created, site.app),
    ):
        await user.visit(lambda s: (s.end(), s.update(b=2)))
    assert told == ["the application ended the session", "created"]


async def test_the_end_in_a_block_is_at_the_blocks_end(site: Site, backend: Backend) -> None:
    user = site.visitor()
    await user.put(a=1)
    there: list[int] = []
    work = saving(site, lambda s: s.end())

    def flask(session: Any, web: Any) -> str:
        work()
        there.append(len(backend.records()))
        return "bye"

    async def quart(session: Any, web: Any) -> str:
        await work()
        there.append(len(backend.records()))
        return "bye"

    assert is_dropped(await user.respond(flask if site.framework == "flask" else quart))
    assert there == [0]


@pytest.mark.stores("cookie")
async def test_the_end_drops_the_cookie_that_is_the_session(site: Site) -> None:
    user = site.visitor()
    await user.put(a=1)
    assert is_dropped(await user.visit(lambda s: s.end()))
    await user.put(a=1)
    assert not is_dropped(await user.visit(lambda s: (s.end(), s.update(b=2))))
    assert await user.value(dict) == {"b": 2}


# --- confirm --------------------------------------------------------------------------


@pytest.mark.owners
async def test_a_confirmation_is_a_new_authentication_of_the_same_session(
    new_site: NewSite,
) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=DAY)
    user = await login(site, "ann", "a phone", a=1)
    before, cookie = await record_of(user), user.jar["session"]
    site.clock.advance(50)
    await user.visit(lambda s: s.confirm())
    after = await record_of(user)
    assert (after.sid, after.owner, after.label) == (before.sid, "ann", "a phone")
    assert after.created == before.created
    assert after.auth_time == before.auth_time + 50
    assert after.deadline == before.deadline + 50
    assert await user.value(dict) == {"a": 1}
    assert await listed(site, "ann") == [after.sid]
    user.jar["session"] = cookie
    assert await user.value(dict) == {}


@pytest.mark.owners
@pytest.mark.parametrize("name", ["nobody's", "unbind", "clear", "end"])
async def test_only_an_owner_confirms(site: Site, name: str) -> None:
    user = site.visitor()
    if name == "nobody's":
        await user.put(a=1)
    else:
        await user.visit(lambda s: (s.update(a=1), s.bind("ann")))

    def act(session: Any) -> None:
        getattr(session, name, lambda: None)()
        session.confirm()

    error = await user.failure(act)
    assert isinstance(error, NotBound)
    assert "session.bind(user)" in str(error)
    assert await user.value(dict) == ({} if name in ("clear", "end") else {"a": 1})


# --- all of them ----------------------------------------------------------------------

ACTS: dict[str, Act] = {
    "unbind": lambda s: s.unbind(),
    "confirm": lambda s: s.confirm(),
    "bind": lambda s: s.bind("ann", "a phone"),
}
ALL: dict[str, Act] = {**ACTS, "end": lambda s: s.end()}


@pytest.mark.owners
@pytest.mark.parametrize("name", ALL)
async def test_that_nothing_is_modified_changes_nothing_of_it(site: Site, name: str) -> None:
    user = await login(site, "ann", a=1)
    before = await record_of(user)

    def act(session: Any) -> None:
        ALL[name](session)
        session.modified = False

    await user.visit(act)
    found = await user.value(kept)
    if name == "end":
        assert found is None
    else:
        assert found.secret_hash != before.secret_hash
        assert found.owner == (None if name == "unbind" else "ann")
        assert await user.value(dict) == {"a": 1}


@pytest.mark.parametrize("path", ["/visit", "static"])
@pytest.mark.parametrize("name", ALL)
@pytest.mark.owners
@pytest.mark.stores("memory")
async def test_nothing_of_it_is_said_to_be_done_where_no_session_is(
    new_site: NewSite, name: str, path: str
) -> None:
    site = new_site(SESSION_EXEMPT=["/visit"] if path == "/visit" else [])
    user = site.visitor()
    if path == "/visit":
        error = await user.failure(ALL[name])
    else:
        site.app.add_url_rule(
            "/static/<path:filename>", "static", site.bind(lambda s, web, filename: ALL[name](s))
        )
        assert (await user.driver.get("/static/a.css")).status == 500
        error = site.errors[-1]
    assert isinstance(error, ReadOnlySession)


@pytest.mark.stores("cookie")
@pytest.mark.parametrize("name", ACTS)
async def test_what_needs_an_owner_index_says_so(site: Site, name: str) -> None:
    error = await site.visitor().failure(ACTS[name])
    assert isinstance(error, NotSupported)
    assert "filesystem" in str(error)


# --- the sid ----------------------------------------------------------------------------


async def test_the_sid_is_known_in_the_request_that_begins_the_session(
    site: Site, backend: Backend
) -> None:
    user = site.visitor()
    sids = await user.value(lambda s: (s.sid, s.update(a=1), s.sid))
    assert is_sid(sids[0])
    assert sids[2] == sids[0]
    assert await user.value(lambda s: s.sid) == sids[0]
    assert len(backend.records()) == 1


async def test_to_ask_for_the_sid_begins_no_session(site: Site, backend: Backend) -> None:
    user = site.visitor()
    answer = await user.visit(lambda s: s.sid)
    sid = user.result
    assert is_sid(sid)
    assert (answer.set_cookies, answer.vary) == ([], "Cookie")
    assert backend.records() == {}
    assert await user.value(lambda s: s.sid) != sid


@pytest.mark.owners
async def test_the_sid_of_a_login_is_the_one_that_it_was_told(site: Site) -> None:
    user = site.visitor()
    sid = await user.value(lambda s: (s.bind("ann"), s.sid)[1])
    assert await listed(site, "ann") == [sid]


async def test_another_session_has_another_sid(site: Site) -> None:
    user = site.visitor()
    await user.put(a=1)
    sids = await user.value(lambda s: (s.sid, s.end(), s.sid, s.update(b=1), s.sid))
    assert sids[0] != sids[2] == sids[4]
    assert await user.value(lambda s: s.sid) == sids[2]


async def test_a_session_that_a_block_has_emptied_begins_under_another_sid(site: Site) -> None:
    user = site.visitor()
    kept = saving(site, lambda s: s.update(a=1))
    emptied = saving(site, lambda s: s.clear())

    def flask(session: Any, web: Any) -> dict[str, Any]:
        kept()
        before = session.sid
        emptied()
        return {"before": before, "after": session.sid}

    async def quart(session: Any, web: Any) -> dict[str, Any]:
        await kept()
        before = session.sid
        await emptied()
        return {"before": before, "after": session.sid}

    answer = await user.respond(flask if site.framework == "flask" else quart)
    told = answer.json()
    assert is_sid(told["before"])
    assert is_sid(told["after"])
    assert told["before"] != told["after"]


class OneSid:
    """Draws the same sid again and again, with other secrets."""

    def __init__(self) -> None:
        self._secrets = Entropy()

    def __call__(self, size: int) -> bytes:
        return b"1" * size if size == SID_BYTES else self._secrets(size)


@pytest.mark.parametrize("asks", [True, False], ids=["asked for", "not asked for"])
async def test_a_sid_that_is_taken_is_a_503_and_not_another_one(
    new_site: NewSite, backend: Backend, asks: bool
) -> None:
    site = new_site(options={"entropy": OneSid()})
    first, second = site.visitor(), site.visitor()
    await first.put(a=1)
    stored = backend.records()
    answer = await second.visit(lambda s: (s.sid if asks else None, s.update(b=2)))
    assert (answer.status, answer.set_cookies) == (503, [])
    assert backend.records() == stored
    assert await first.value(dict) == {"a": 1}


@pytest.mark.stores("cookie")
async def test_a_session_that_the_browser_keeps_has_no_sid(site: Site) -> None:
    user = site.visitor()
    await user.put(a=1)
    assert await user.value(lambda s: s.sid) is None
    assert await site.visitor().value(lambda s: s.sid) is None


@pytest.mark.stores("memory")
async def test_where_no_session_can_begin_there_is_no_sid(new_site: NewSite) -> None:
    site = new_site(SESSION_EXEMPT=["/visit"])
    assert await site.visitor().value(lambda s: s.sid) is None
