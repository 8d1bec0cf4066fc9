"""A response object that an application makes once and returns for one request after another."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException

from samesession import StoreUnavailable
from tests.conftest import NewSite
from tests.support.backend import ALL_STORES, Backend
from tests.support.browser import Answer, attributes
from tests.support.site import Site, Visitor

pytestmark = [pytest.mark.asyncio, pytest.mark.stores(*ALL_STORES)]

Do = Callable[[Any], Any]

PUBLIC = "public, max-age=60"


def _write(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1


def _leave(session: Any) -> None:
    pass


def _page(site: Site) -> Any:
    headers = {
        "Vary": "Accept-Language",
        "Cache-Control": PUBLIC,
        "CDN-Cache-Control": "max-age=60",
    }
    page = site.web.Response("a page", headers=headers)
    page.set_cookie("theme", "dark")
    return page


def _redirect(site: Site) -> Any:
    return site.web.redirect("/elsewhere")


def _raised(site: Site) -> Any:
    return HTTPException(response=_page(site))


PAGES: dict[str, Callable[[Site], Any]] = {
    "returned": _page,
    "of Werkzeug": _redirect,
    "raised": _raised,
}


async def _visit(user: Visitor, page: Any, do: Do) -> Answer:
    def view(session: Any, web: Any) -> Any:
        do(session)
        if isinstance(page, Exception):
            raise page
        return page

    return await user.respond(view)


def _ours(answer: Answer) -> list[str]:
    return [each for each in answer.set_cookies if not each.startswith("theme=")]


@pytest.mark.parametrize("name", PAGES)
async def test_each_answer_carries_its_own_cookie_alone(site: Site, name: str) -> None:
    page = PAGES[name](site)
    ann, bob = site.visitor(), site.visitor()
    values: list[object] = []
    await bob.put(name="bob")
    for user in (ann, ann, bob, ann):
        (cookie,) = _ours(await _visit(user, page, _write))
        values.append(attributes(cookie)["value"])
        assert user.jar["session"] == values[-1]
    assert values[2] not in (values[0], values[1], values[3])
    assert await ann.value(dict) == {"n": 3}
    assert await bob.value(dict) == {"name": "bob", "n": 1}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    "before", [_write, lambda session: session.clear()], ids=["set", "deleted"]
)
async def test_a_cookie_does_not_stay_for_the_next_visitor(
    site: Site, name: str, before: Do
) -> None:
    fresh = await _visit(site.visitor(), PAGES[name](site), _leave)
    page = PAGES[name](site)
    ann, bob = site.visitor(), site.visitor()
    await ann.put(n=1)
    for _ in range(2):
        assert len(_ours(await _visit(ann, page, before))) == 1
        answer = await _visit(bob, page, _leave)
        assert sorted(answer.headers) == sorted(fresh.headers)
    assert bob.jar.get("session") is None
    assert await bob.value(dict) == {}


async def test_who_only_reads_is_answered_as_by_a_response_of_their_own(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    page = _page(site)
    for do in (dict, dict, _write):
        await _visit(site.visitor(), page, do)
    assert caplog.records == []
    answer = await _visit(site.visitor(), page, dict)
    assert (_ours(answer), answer.cache_control) == ([], PUBLIC)
    assert answer.vary == "Accept-Language, Cookie"


async def test_cookies_and_headers_of_others_stay(site: Site) -> None:
    page = site.web.Response("a page")
    page.set_cookie("theme", "dark")
    page.set_cookie("session", "its own", path="/elsewhere")
    page.set_cookie("session", "its own too")
    own = page.headers.getlist("Set-Cookie")
    user = site.visitor()
    for _ in range(3):
        answer = await _visit(user, page, _write)
        assert answer.set_cookies[:3] == own
        assert len(answer.set_cookies) == 4
    assert (await _visit(site.visitor(), page, _leave)).set_cookies == own


async def test_what_the_application_says_later_stays(site: Site) -> None:
    page = _page(site)
    said = iter(range(10))

    @site.after_request
    def after(session: Any, web: Any, response: Any) -> Any:
        response.headers["Vary"] = f"X-{next(said)}"
        response.headers["Cache-Control"] = "no-store"
        return response

    for number, (do, vary) in enumerate([(_write, ", Cookie"), (_leave, ""), (_write, ", Cookie")]):
        answer = await _visit(site.visitor(), page, do)
        assert (answer.vary, answer.cache_control) == (f"X-{number}{vary}", "no-store")


async def test_an_exempt_path_sends_no_cookie_of_another(new_site: NewSite) -> None:
    site = new_site(SESSION_EXEMPT=["/exempt"])
    page = _page(site)
    site.view("/exempt")(lambda session, web: page)
    await _visit(site.visitor(), page, _write)
    answer = await site.user().get("/exempt")
    assert (_ours(answer), answer.cache_control) == ([], PUBLIC)


async def test_applications_may_share_a_response(new_site: NewSite) -> None:
    shop = new_site(SESSION_COOKIE_NAME="shop", SESSION_COOKIE_DOMAIN="localhost.example")
    blog = new_site(SESSION_COOKIE_NAME="blog", SESSION_COOKIE_PATH="/visit")
    page = _page(shop)
    for site, name in ((shop, "shop"), (blog, "blog"), (shop, "shop")):
        (cookie,) = _ours(await _visit(site.visitor(), page, _write))
        assert attributes(cookie)["name"] == name


@pytest.mark.stores("memory", "filesystem", "redis")
async def test_deletions_in_other_scopes_do_not_stay(new_site: NewSite) -> None:
    site = new_site(SESSION_COOKIE_PATH="/visit")
    page = _page(site)
    tokens = []
    for _ in range(2):
        user = site.visitor()
        await user.put(n=1)
        tokens.append(f"session={user.jar['session']}")

    def view(session: Any, web: Any) -> Any:
        return page

    several = await site.visitor().respond(view, cookie="; ".join(tokens).encode())
    assert len(_ours(several)) > 1
    assert _ours(await _visit(site.visitor(), page, _leave)) == []


@pytest.mark.stores("memory", "filesystem", "redis")
@pytest.mark.parametrize("name", ["returned", "of Werkzeug"])
async def test_the_page_of_an_outage_does_not_stay(
    new_site: NewSite, backend: Backend, name: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    fresh = await _visit(site.visitor(), PAGES[name](site), _leave)
    page = PAGES[name](site)
    await _visit(site.visitor(), page, _write)
    spy.fail("create", StoreUnavailable("on purpose"))
    for _ in range(2):
        assert (await _visit(site.visitor(), page, _write)).status == 503
    spy.mend()
    after = await _visit(site.visitor(), page, _leave)
    assert (after.status, after.body) == (fresh.status, fresh.body)
    assert sorted(after.headers) == sorted(fresh.headers)


@pytest.mark.stores("memory")
async def test_it_is_told_once_as_threads_could_mix_the_answers(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    page, other = _page(site), _page(site)
    user = site.visitor()
    for _ in range(3):
        await _visit(user, page, _write)
        await _visit(user, other, _write)
    (line,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "make a new response for each request" in line.getMessage()


@pytest.mark.stores("memory")
async def test_blocks_and_several_saves_of_one_request_are_no_reuse(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A save that is refused is tried again with the page of the error: another object."""
    block = import_module(f"samesession.{site.framework}").saving

    def sync(session: Any, web: Any) -> Any:
        with block():
            session["a"] = 1
        session["b"] = 2
        return _page(site)

    async def coroutine(session: Any, web: Any) -> Any:
        async with block():
            session["a"] = 1
        session["b"] = 2
        return _page(site)

    user = site.visitor()
    for _ in range(2):
        view = sync if site.framework == "flask" else coroutine
        assert len(_ours(await user.respond(view))) == 1
    assert caplog.records == []
