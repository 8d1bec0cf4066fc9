"""What the pytest plugin gives to tests of an application, with either framework's test client."""

from __future__ import annotations

import gc
import inspect
from typing import Any
from weakref import ref

import pytest

from samesession import NotSupported, Session, pytest_plugin
from samesession.pytest_plugin import assert_logged_out, logged_in
from samesession.run.clocks import system_time
from samesession.stand_ins import everywhere
from samesession.stores.memory import MemoryStore
from samesession.testing import ManualClock
from tests.conftest import NewSite
from tests.support.backend import SERVER_STORES
from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory")]

moved = pytest_plugin.clock  # by another name, as this suite's own clock has that

Failed = pytest.fail.Exception


async def done(answer: Any) -> Any:
    """Await what Quart's has to be."""
    return await answer if inspect.isawaitable(answer) else answer


async def text(client: Any, path: str, **options: Any) -> str:
    response = await done(client.get(path, **options))
    found: str = await done(response.get_data(as_text=True))
    return found


def served(site: Site) -> Any:
    """Give an application with a page that says who is there, a cart, and three logouts."""

    @site.view("/who")
    def who(session: Any, _: Any) -> str:
        return f"{session.info.owner} {session.get('cart')}"

    @site.view("/end")
    def end(session: Any, _: Any) -> str:
        session.end()
        return "ended"

    @site.view("/unbind")
    def unbind(session: Any, _: Any) -> str:
        session.unbind()
        return "unbound"

    @site.view("/forget")
    def forget(_: Any, web: Any) -> Any:
        response = web.current_app.response_class("forgotten")
        response.delete_cookie("session")
        return response

    return site.app


@pytest.fixture
def new_site_without(new_site: NewSite) -> NewSite:
    """Give a function that makes a site as an application does: without a clock and a store."""

    def make(**settings: Any) -> Site:
        site = new_site(options={"init": False}, **settings)
        Session(site.app)
        return site

    return make


@pytest.mark.stores(*SERVER_STORES)
@pytest.mark.owners
async def test_a_user_is_logged_in_and_out_again(site: Site) -> None:
    client = served(site).test_client()
    assert await text(client, "/who") == "None None"
    await done(assert_logged_out(client))
    info = await done(logged_in(client, "ann", cart=["tea"]))
    assert (info.owner, info.current) == ("ann", True)
    assert info.authenticated is not None
    assert await text(client, "/who") == "ann ['tea']"
    with pytest.raises(Failed, match=f"the session {info.sid} of 'ann'"):
        await done(assert_logged_out(client))
    assert await text(client, "/end") == "ended"
    await done(assert_logged_out(client))


async def test_a_login_of_the_applications_own_is_one(site: Site) -> None:
    client = served(site).test_client()
    site.view("/login")(lambda session, _: str(session.bind("ben")))
    await text(client, "/login")
    with pytest.raises(Failed, match="of 'ben'"):
        await done(assert_logged_out(client))


async def test_a_visitor_who_logs_in_keeps_what_was_there(site: Site) -> None:
    client = served(site).test_client()
    site.view("/put")(lambda session, _: str(session.update(cart=["tea"])))
    await text(client, "/put")
    await done(logged_in(client, "ann"))
    assert await text(client, "/who") == "ann ['tea']"
    await done(logged_in(client, "ann", more=1))
    assert await text(client, "/who") == "ann ['tea']"


async def test_another_user_begins_anew(site: Site) -> None:
    client = served(site).test_client()
    first = await done(logged_in(client, "ann", cart=["tea"]))
    second = await done(logged_in(client, "ben"))
    assert await text(client, "/who") == "ben None"
    assert first.sid != second.sid


async def test_a_cookie_that_is_merely_deleted_is_no_logout(site: Site) -> None:
    client = served(site).test_client()
    await done(logged_in(client, "ann"))
    await text(client, "/forget")
    assert await text(client, "/who") == "None None"
    with pytest.raises(Failed, match="a copy of this client's cookie would open"):
        await done(assert_logged_out(client))


async def test_who_goes_on_as_nobody_is_logged_out(site: Site) -> None:
    client = served(site).test_client()
    await done(logged_in(client, "ann", cart=["tea"]))
    await text(client, "/unbind")
    assert await text(client, "/who") == "None ['tea']"
    await done(assert_logged_out(client))


async def test_two_clients_are_two_browsers(site: Site) -> None:
    app = served(site)
    first, second = app.test_client(), app.test_client()
    await done(logged_in(first, "ann"))
    await done(logged_in(second, "ben"))
    await text(second, "/end")
    await done(assert_logged_out(second))
    assert await text(first, "/who") == "ann None"


async def test_data_may_have_any_name(site: Site) -> None:
    client = served(site).test_client()
    await done(logged_in(client, "ann", client=1, owner=2, cart=3))
    assert await text(client, "/who") == "ann 3"


async def test_what_keeps_no_owners_says_so(new_site_without: NewSite) -> None:
    client = new_site_without(SESSION_TYPE="cookie").app.test_client()
    with pytest.raises(NotSupported):
        await done(logged_in(client, "ann"))
    await done(assert_logged_out(client))


async def test_what_is_no_test_client_is_refused() -> None:
    for refused in (None, "client", object()):
        with pytest.raises(TypeError, match=r"takes a test client"):
            await done(logged_in(refused, "ann"))  # type: ignore[call-overload]
        with pytest.raises(TypeError, match=r"takes a test client"):
            await done(assert_logged_out(refused))  # type: ignore[call-overload]


async def test_no_client_is_kept(site: Site) -> None:
    client = served(site).test_client()
    await done(logged_in(client, "ann"))
    kept = ref(client)
    del client
    gc.collect()
    assert kept() is None


# --- session_transaction() --------------------------------------------------------------------


class Transaction:
    """A framework's session_transaction(), to be awaited in either."""

    def __init__(self, client: Any) -> None:
        self._inside = client.session_transaction()

    async def __aenter__(self) -> Any:
        inside = self._inside
        return await inside.__aenter__() if hasattr(inside, "__aenter__") else inside.__enter__()

    async def __aexit__(self, *error: object) -> None:
        inside = self._inside
        if hasattr(inside, "__aexit__"):
            await inside.__aexit__(*error)
        else:
            inside.__exit__(*error)


@pytest.mark.stores(*SERVER_STORES, "cookie")
async def test_a_transaction_begins_a_session_and_goes_on_with_it(site: Site) -> None:
    client = served(site).test_client()
    async with Transaction(client) as session:
        assert (session.new, dict(session)) == (True, {})
    async with Transaction(client) as session:
        assert session.new  # nothing was written, so nothing has begun
        session["cart"] = ["tea"]
    assert await text(client, "/who") == "None ['tea']"
    async with Transaction(client) as session:
        assert not session.new
        session["cart"].append("jam")
        session.permanent = True
    assert await text(client, "/who") == "None ['tea', 'jam']"
    async with Transaction(client) as session:
        assert session.permanent
        session.clear()
    async with Transaction(client) as session:
        assert session.new


async def _broken_off(client: Any) -> None:
    async with Transaction(client) as session:
        session["cart"] = 1
        raise ZeroDivisionError


@pytest.mark.stores(*SERVER_STORES)
@pytest.mark.owners
async def test_a_transaction_does_what_a_view_can(site: Site) -> None:
    client = served(site).test_client()
    async with Transaction(client) as session:
        session.bind("ann")
        sid = session.sid
    async with Transaction(client) as session:
        assert (session.sid, session.info.owner) == (sid, "ann")
        session.regenerate()
    assert await text(client, "/who") == "ann None"
    with pytest.raises(ZeroDivisionError):
        await _broken_off(client)
    assert await text(client, "/who") == "ann None"
    async with Transaction(client) as session:
        session.end()
    await done(assert_logged_out(client))


# --- the clock ----------------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["memory", "filesystem", "sqlite", "cookie"])
async def test_time_passes_when_told(
    new_site_without: NewSite,
    moved: ManualClock,
    store: str,
) -> None:
    site = new_site_without(
        SESSION_TYPE=store, SESSION_TOUCH_INTERVAL=0, PERMANENT_SESSION_LIFETIME=1800
    )
    client = served(site).test_client()
    async with Transaction(client) as session:
        session["cart"] = 1
        session.permanent = True
    for _ in range(3):
        moved.tick(minutes=29)
        assert await text(client, "/who") == "None 1"
    moved.tick(minutes=30, seconds=1)
    assert await text(client, "/who") == "None None"


async def test_time_stands_still_otherwise(moved: ManualClock) -> None:
    before = system_time()
    assert before == moved() == int(before)
    moved.tick(days=1, hours=1, minutes=1, seconds=1.5)
    assert system_time() - before == 86400 + 3600 + 60 + 1.5


async def test_a_clock_of_the_applications_own_is_left_alone(
    site: Site,
    clock: ManualClock,
    moved: ManualClock,
) -> None:
    client = served(site).test_client()
    await done(logged_in(client, "ann"))
    moved.tick(days=10_000)
    assert await text(client, "/who") == "ann None"


# --- a store for each test ------------------------------------------------------------------------


async def test_an_application_from_before_keeps_its_sessions_in_memory(
    new_site: NewSite, request: pytest.FixtureRequest
) -> None:
    site = new_site()
    app_sessions, client = served(site).session_interface.app_sessions, site.app.test_client()
    own = app_sessions.store
    await done(logged_in(client, "ann"))
    stand_in = request.getfixturevalue("session_store")
    assert isinstance(stand_in, MemoryStore)
    assert await text(client, "/who") == "None None"
    assert app_sessions.store is stand_in is not own


@pytest.mark.stores(*SERVER_STORES)
@pytest.mark.owners
async def test_what_a_test_did_is_gone_after_it(new_site: NewSite) -> None:
    site = new_site()
    client, other = served(site).test_client(), site.app.test_client()
    await done(logged_in(client, "ann", cart=1))
    with everywhere(MemoryStore()):
        made = new_site()
        served(made)
        within = made.app.test_client()
        for each in (other, within):
            await done(logged_in(each, "ben"))
            assert await text(each, "/who") == "ben None"
    assert await text(client, "/who") == "ann 1"
    for each in (other, within):
        assert await text(each, "/who") == "None None"
        await done(logged_in(each, "ben"))
        assert await text(each, "/who") == "ben None"


async def test_cookies_stay_cookies(new_site_without: NewSite, session_store: MemoryStore) -> None:
    site = new_site_without(SESSION_TYPE="cookie")
    client = served(site).test_client()
    async with Transaction(client) as session:
        session["cart"] = 1
    assert await text(client, "/who") == "None 1"
    assert not [*session_store._records]


@pytest.mark.stores("sqlalchemy-sqlite")
async def test_no_tables_are_made_for_a_store_in_memory(
    new_site_without: NewSite, session_store: MemoryStore
) -> None:
    site = new_site_without(SESSION_SQLALCHEMY_CREATE=True)
    client = served(site).test_client()
    await done(logged_in(client, "ann"))
    assert len(session_store._records) == 1
