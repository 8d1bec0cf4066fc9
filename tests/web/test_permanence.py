"""A session that holds nothing but whether it is permanent is not stored, and sets no cookie."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from samesession.core import steps
from tests.conftest import NewSite
from tests.races.blocks import Block, Steps
from tests.support.backend import ALL_STORES, Backend
from tests.support.browser import attributes
from tests.support.site import Site, Visitor

from .test_websockets import _said, _serve

pytestmark = [pytest.mark.asyncio, pytest.mark.stores(*ALL_STORES)]

Do = Callable[[Any], Any]


def _acts(*acts: Do) -> Do:
    return lambda session: [act(session) for act in acts] and None


def _permanent(session: Any) -> None:
    session.permanent = True


def _not_permanent(session: Any) -> None:
    session.permanent = False


def _not_modified(session: Any) -> None:
    session.modified = False


def _put_a(session: Any) -> None:
    session["a"] = 1


def _clear(session: Any) -> None:
    session.clear()


def _refused(session: Any) -> None:
    with pytest.raises(TypeError):
        session[5] = 1
    with pytest.raises(KeyError):
        del session["missing"]


NOTHING: dict[str, Do] = {
    "permanent": _permanent,
    "not permanent": _not_permanent,
    "by turns": _acts(_permanent, _not_permanent),
    "by its name": lambda s: s.__setitem__("_permanent", True),
    "updated": lambda s: s.update(_permanent=True),
    "joined": lambda s: s.__ior__({"_permanent": True}),
    "by default": lambda s: s.setdefault("_permanent", True),
    "and read": _acts(_permanent, dict, lambda s: s.permanent),
    "and what is not there": _acts(_permanent, lambda s: s.pop("x", None)),
    "and a name that cannot be": _acts(_permanent, _refused),
    "and regenerated": _acts(_permanent, lambda s: s.regenerate()),
    "not modified": _acts(_permanent, _not_modified),
}


@pytest.mark.parametrize("name", NOTHING)
async def test_a_new_session_is_not_begun_for_it(site: Site, backend: Backend, name: str) -> None:
    user = site.visitor()
    for _ in range(2):
        answer = await user.visit(NOTHING[name])
        assert (answer.status, answer.set_cookies, answer.cache_control) == (200, [], None)
        assert answer.vary == "Cookie"
    assert backend.records() == {}


async def test_robots_preflights_and_missing_pages_leave_nothing(
    site: Site, backend: Backend
) -> None:
    site.before_request(lambda session, _: _permanent(session))
    user = site.visitor()
    site.view("/page", methods=("GET",))(lambda session, _: "a page")
    for method, path in (
        *(("GET", "/page"), ("HEAD", "/page"), ("OPTIONS", "/page")),
        *(("GET", "/nowhere"), ("POST", "/page"), ("GET", "/page")),
    ):
        assert (await user.driver.request(method, path)).set_cookies == []
    assert backend.records() == {}
    # From the first thing to keep on all is as ever, and it outlives the browser.
    (cookie,) = (await user.put(a=1)).set_cookies
    assert "expires" in attributes(cookie)
    user.jar.end_browser_session()
    assert await user.value(dict) == {"a": 1, "_permanent": True}


@pytest.mark.parametrize("default", [True, False])
async def test_nor_where_sessions_are_permanent_by_default(
    new_site: NewSite, backend: Backend, default: bool
) -> None:
    user = new_site(SESSION_PERMANENT=default).visitor()
    assert (await user.visit(_permanent)).set_cookies == []
    assert backend.records() == {}


async def test_in_a_block_that_saves_it_is_nothing_either(site: Site, backend: Backend) -> None:
    user = site.visitor()
    answer = await user.respond(Steps(site, Block(_permanent)).view)
    assert (answer.status, answer.set_cookies, backend.records()) == (200, [], {})
    answer = await user.respond(Steps(site, Block(_permanent), _permanent, _put_a).view)
    assert (len(answer.set_cookies), await user.value(lambda s: s["a"])) == (1, 1)


@pytest.mark.needs("quart")
async def test_a_socket_that_says_so_has_nothing_to_save(
    site: Site, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    _serve(site, _permanent)
    await _said(site.visitor())
    assert (caplog.records, backend.records()) == ([], {})


async def test_a_transaction_of_the_test_client_begins_none(site: Site, backend: Backend) -> None:
    client = site.app.test_client()
    if site.framework == "flask":
        with client.session_transaction() as session:
            session.permanent = True
    else:
        async with client.session_transaction() as session:
            session.permanent = True
    assert backend.records() == {}


@pytest.mark.owners
@pytest.mark.stores("memory", "filesystem", "redis")
async def test_an_owner_is_something_to_keep(site: Site, backend: Backend) -> None:
    user = site.visitor()
    answer = await user.visit(_acts(_permanent, lambda s: s.bind("ann")))
    assert (len(answer.set_cookies), len(backend.records())) == (1, 1)
    assert await user.value(lambda s: (s.info.owner, s.permanent)) == ("ann", True)


EMPTYING: dict[str, Do] = {
    "cleared": _acts(_clear, _permanent),
    "cleared after": _acts(_permanent, _clear),
    "popped": _acts(_permanent, lambda s: s.pop("a")),
    "deleted": _acts(_permanent, lambda s: s.__delitem__("a")),
    "by a function": lambda s: s.update_atomically(lambda data: data.pop("a")),
}


@pytest.mark.parametrize("name", EMPTYING)
async def test_a_session_that_loses_all_else_is_deleted_with_its_cookie(
    site: Site, backend: Backend, name: str
) -> None:
    user = site.visitor()
    await user.put_permanent(a=1)
    await user.visit(EMPTYING[name])
    assert "session" not in user.jar
    assert backend.records() == {}
    assert (await user.visit(_permanent)).set_cookies == []


async def test_a_message_that_was_shown_leaves_no_session(site: Site, backend: Backend) -> None:
    site.before_request(lambda session, _: _permanent(session))

    def flash(session: Any, web: Any) -> steps.Steps[str]:
        yield from steps.wait(web.flash("saved"))
        return "ok"

    user = site.visitor()
    await user.respond(flash)
    shown = await user.respond(lambda _, web: str(web.get_flashed_messages()))
    assert shown.text == "['saved']"
    assert ("session" in user.jar, backend.records()) == (False, {})
    assert (await user.respond(lambda _, web: str(web.get_flashed_messages()))).set_cookies == []


@pytest.mark.stores("memory", "filesystem", "redis")
@pytest.mark.parametrize("refresh", [True, False])
async def test_a_stored_session_is_not_written_each_time_that_it_is_said(
    new_site: NewSite, backend: Backend, refresh: bool
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_REFRESH_EACH_REQUEST=refresh)
    site.before_request(lambda session, _: _permanent(session))
    user: Visitor = site.visitor()
    await user.put(a=1)
    for do in (dict, lambda _: None, _permanent):
        assert len((await user.visit(do)).set_cookies) == 1  # as Flask does: it was modified
    assert (spy.counts["create"], spy.counts["commit"]) == (1, 0)
    await user.visit(_not_permanent)
    assert spy.counts["commit"] == 1


@pytest.mark.stores("cookie")
async def test_a_cookie_of_the_frameworks_that_holds_no_more_is_left_to_its_end(
    new_site: NewSite,
) -> None:
    site = new_site()
    site.clock.now = time.time()  # the plain framework goes by it
    plain = new_site(options={"init": False}).visitor()
    await plain.visit(_permanent)
    user = site.visitor()
    user.jar["session"] = plain.jar["session"]
    for do in (dict, _permanent, lambda _: None):
        assert (await user.visit(do)).set_cookies == []
    await user.put(a=1)
    assert await user.value(dict) == {"_permanent": True, "a": 1}
    await user.visit(lambda session: session.pop("a"))
    assert "session" not in user.jar
