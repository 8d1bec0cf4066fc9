"""Views for fresh logins only: what a thief of a session cannot do."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException

from samesession import NotSupported, ReauthenticationRequired, StoreUnavailable
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.site import Site, Visitor

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]

MINUTE = 60
FEW = pytest.mark.stores("filesystem", "memory")


async def logged_in(site: Site) -> Visitor:
    user = site.visitor()
    await user.visit(lambda session: session.bind("ann"))
    return user


async def is_fresh(user: Visitor, minutes: float = 10, **options: Any) -> bool:
    """Return whether a view passes that asks for a fresh login; without one it is a 401."""
    answer = await user.visit(lambda session: session.require_fresh(minutes), **options)
    assert answer.status in (200, 401)
    return answer.status == 200


@pytest.mark.parametrize(
    ("age", "fresh"), [(0, True), (599, True), (600, True), (601, False), (86_400, False)]
)
async def test_a_login_is_fresh_for_its_minutes(
    new_site: NewSite, clock: Clock, age: int, fresh: bool
) -> None:
    user = await logged_in(new_site(PERMANENT_SESSION_LIFETIME=100_000))
    clock.advance(age)
    assert await is_fresh(user) is fresh


@FEW
@pytest.mark.parametrize("fraction", [0.001, 0.5, 0.999])
async def test_no_login_passes_for_fresher_than_it_is(
    site: Site, clock: Clock, fraction: float
) -> None:
    clock.advance(fraction)
    user = await logged_in(site)
    clock.advance(MINUTE + 0.001)
    assert not await is_fresh(user, 1)


@FEW
@pytest.mark.parametrize(
    ("ahead", "age", "fresh"),
    [
        (59, 0, True),
        (-59, 0, True),
        (-59, 600, True),
        (59, 542, False),
        (-59, 659, True),
        (-59, 660, False),
    ],
)
async def test_by_clocks_a_minute_apart_it_is_a_minute_off_at_most(
    new_site: NewSite, clock: Clock, ahead: int, age: int, fresh: bool
) -> None:
    """`ahead`: the clock of the node that checks, of the one where the login was."""
    user = await logged_in(new_site())
    other = new_site().visitor()
    other.jar["session"] = user.jar["session"]
    clock.advance(age + ahead)
    assert await is_fresh(other) is fresh


async def test_only_a_login_makes_it_fresh_again(site: Site, clock: Clock) -> None:
    user = await logged_in(site)
    clock.advance(601)
    await user.visit(lambda session: (session.regenerate(), session.update(a=1)))
    assert not await is_fresh(user)
    await user.visit(lambda session: session.bind("ann"))
    assert await is_fresh(user)


async def test_the_request_that_logs_in_is_fresh_itself(site: Site) -> None:
    user = site.visitor()
    await user.value(lambda session: (session.bind("ann"), session.require_fresh()))
    assert await is_fresh(user)


async def test_nobody_is_not_fresh(site: Site) -> None:
    user = site.visitor()
    assert not await is_fresh(user)
    await user.put(a=1)
    assert not await is_fresh(user)
    await user.visit(lambda session: session.bind("ann"))

    def log_out(session: Any) -> None:
        session.clear()
        session.require_fresh()

    assert (await user.visit(log_out)).status == 401
    assert not await is_fresh(user)


@FEW
@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (0, ValueError),
        (-1, ValueError),
        (math.inf, ValueError),
        (math.nan, ValueError),
        ("10", TypeError),
        (True, TypeError),
        (None, TypeError),
    ],
)
async def test_minutes_are_a_positive_number(site: Site, wrong: Any, kind: type[Exception]) -> None:
    error = await site.visitor().failure(lambda session: session.require_fresh(wrong))
    assert type(error) is kind
    assert "write minutes=10" in str(error)
    with pytest.raises(kind, match="write minutes=10"):
        import_module(f"samesession.{site.framework}").fresh_required(wrong)


@FEW
async def test_a_part_of_a_minute_counts(site: Site, clock: Clock) -> None:
    user = await logged_in(site)
    clock.advance(30)
    assert await is_fresh(user, 0.5)
    clock.advance(1)
    assert not await is_fresh(user, 0.5)


@FEW
async def test_the_page_of_an_application_tells_it_from_other_401s(site: Site) -> None:
    @site.errorhandler(401)
    def nobody(session: Any, web: Any, error: Any) -> Any:
        return "who are you?", 401

    @site.errorhandler(ReauthenticationRequired)
    def stale(session: Any, web: Any, error: Any) -> Any:
        assert isinstance(error, HTTPException)
        assert isinstance(error, ReauthenticationRequired)
        return f"show your password, {session['name']}: {error.minutes:g}", error.code

    @site.view("/nobody")
    def refused(session: Any, web: Any) -> Any:
        return web.abort(401)

    user = site.visitor()
    await user.put(name="ann")
    answer = await user.visit(lambda session: session.require_fresh(5))
    assert (answer.status, answer.text) == (401, "show your password, ann: 5")
    assert answer.vary == "Cookie"
    assert (await user.driver.get("/nobody")).text == "who are you?"


@FEW
async def test_without_a_page_it_is_a_401_that_says_nothing_of_the_code(site: Site) -> None:
    answer = await site.visitor().visit(lambda session: session.require_fresh())
    assert answer.status == 401
    assert "log in again" in answer.text
    assert "bind" not in answer.text


@FEW
@pytest.mark.parametrize("kind", ["function", "coroutine"])
async def test_a_decorated_view_is_for_fresh_logins(site: Site, clock: Clock, kind: str) -> None:
    fresh_required: Any = import_module(f"samesession.{site.framework}").fresh_required
    called: list[str] = []

    def view(word: str) -> str:
        called.append(word)
        return word

    async def coroutine(word: str) -> str:
        called.append(word)
        return word

    chosen: Any = fresh_required(5)(coroutine if kind == "coroutine" else view)
    assert chosen.__name__ == kind.replace("function", "view")
    site.app.add_url_rule("/guarded/<word>", "guarded", chosen)
    user = site.visitor()
    assert (await user.driver.start("GET", "/guarded/one")).status == 401
    await user.visit(lambda session: session.bind("ann"))
    clock.advance(300)
    assert (await user.driver.start("GET", "/guarded/two")).text == "two"
    clock.advance(1)
    assert (await user.driver.start("GET", "/guarded/three")).status == 401
    assert called == ["two"]


@FEW
@pytest.mark.needs("quart")
async def test_a_websocket_that_needs_a_fresh_login_is_refused(site: Site) -> None:
    fresh_required: Any = import_module("samesession.quart").fresh_required

    async def socket() -> None:
        await site.web.websocket.send("welcome")

    site.app.add_websocket("/socket", "socket", fresh_required()(socket))
    user = site.visitor()
    driver: Any = user.driver
    from quart.testing import WebsocketResponseError

    with pytest.raises(WebsocketResponseError) as found:
        async with driver.websocket("/socket") as connection:
            await connection.receive()
    assert found.value.response.status_code == 401
    await user.visit(lambda session: session.bind("ann"))
    async with driver.websocket("/socket") as connection:
        assert await connection.receive() == "welcome"


@FEW
async def test_a_decorator_without_brackets_says_what_to_write(site: Site) -> None:
    fresh_required: Any = import_module(f"samesession.{site.framework}").fresh_required
    with pytest.raises(TypeError, match=r"@fresh_required\(\)"):
        fresh_required(print)


@FEW
async def test_an_outage_is_no_reason_to_log_in(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    errors: list[BaseException] = []

    @site.errorhandler(StoreUnavailable)
    def down(session: Any, web: Any, error: Any) -> Any:
        try:
            session.require_fresh()
        except StoreUnavailable as found:
            errors.append(found)
        return "down", 503

    user = await logged_in(site)
    spy.fail("load", StoreUnavailable("down"))
    answer = await user.visit(lambda session: session.require_fresh())
    assert answer.status == 503
    assert len(errors) == 1


@FEW
async def test_on_a_path_without_sessions_it_is_a_mistake_that_says_so(new_site: NewSite) -> None:
    site = new_site(SESSION_EXEMPT=["/visit"])
    error = await site.visitor().failure(lambda session: session.require_fresh())
    assert isinstance(error, NotSupported)
    assert "exempt" in str(error)


@pytest.mark.stores("cookie")
async def test_where_no_session_has_an_owner_it_is_a_mistake_that_says_so(
    new_site: NewSite,
) -> None:
    error = await new_site().visitor().failure(lambda session: session.require_fresh())
    assert isinstance(error, NotSupported)
