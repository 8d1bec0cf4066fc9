"""A save that the store refuses turns every kind of response into a 503 without a cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from samesession import StoreUnavailable
from tests.conftest import NewSite
from tests.support.backend import Backend

RESPONSES: dict[str, Callable[[Any], Any]] = {  # Any: the framework
    "text": lambda web: "text",
    "redirect": lambda web: web.redirect("/elsewhere"),
    "error page": lambda web: web.abort(404),
    "json": lambda web: {"a": 1},
    "response": lambda web: web.Response("text", headers={"X-Mine": "1"}),
    "own status": lambda web: ("text", 201),
}


@pytest.mark.asyncio
@pytest.mark.stores("memory")
@pytest.mark.parametrize("handled", [False, True], ids=["no handler", "own handler"])
@pytest.mark.parametrize("respond", RESPONSES.values(), ids=RESPONSES)
async def test_a_refused_save_is_a_503_whatever_the_view_gives(
    new_site: NewSite, backend: Backend, respond: Callable[[Any], Any], *, handled: bool
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    if handled:
        site.errorhandler(503)(lambda session, web, error: ("our own page", 503))
    visitor = site.visitor()
    await visitor.put(a=1)
    cookie = visitor.jar["session"]
    spy.fail("commit", StoreUnavailable("the store is down"))

    def act(session: Any, web: Any) -> Any:
        session["b"] = 2
        return respond(web)

    answer = await visitor.respond(act)
    assert (answer.status, answer.set_cookies) == (503, [])
    assert (answer.text == "our own page") is handled
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.header("Location") is None
    spy.mend()
    assert visitor.jar["session"] == cookie
    assert await visitor.value(dict) == {"a": 1}


@pytest.mark.asyncio
@pytest.mark.stores("memory")
async def test_a_refused_regenerate_leaves_the_old_cookie_usable(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    visitor = new_site(options={"store": spy}).visitor()
    await visitor.put(a=1)
    spy.fail("commit", StoreUnavailable("the store is down"))
    for change in (lambda session: session.regenerate(), lambda session: session.bind("alice")):
        answer = await visitor.visit(change)
        assert (answer.status, answer.set_cookies) == (503, [])
    spy.mend()
    assert await visitor.value(dict) == {"a": 1}
    assert await visitor.value(lambda session: session.info.owner) is None


@pytest.mark.asyncio
@pytest.mark.stores("memory")
async def test_a_read_that_fails_comes_before_all_that_the_application_does_first(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy, "init": False})
    begun: list[str] = []
    site.before_request(lambda session, _: begun.append("before"))
    site.init()
    site.before_request(lambda session, _: begun.append("after"))
    visitor = site.visitor()
    await visitor.put(a=1)
    assert begun == ["before", "after"]
    registered = list(site.app.before_request_funcs[None])
    spy.fail("load", StoreUnavailable("the store is down"))
    assert [(await visitor.visit(dict)).status for _ in range(2)] == [503, 503]
    spy.mend()
    assert await visitor.value(dict) == {"a": 1}
    assert begun == ["before", "after"] * 2
    # An outage registers nothing while requests are served.
    assert site.app.before_request_funcs[None] == registered
