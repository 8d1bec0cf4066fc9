"""Idle timeouts of single sessions' own: by role, or as a user wishes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from samesession import ConfigError, NotSupported, StoreUnavailable, UnsavedWriteWarning
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer
from tests.support.server import Valkey
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("filesystem", "memory", "sqlite")]

EVERY = pytest.mark.stores("filesystem", "memory", "redis", "sqlite")
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), 86_400
WITH_OWN = {"SESSION_OWN_LIFETIMES": True}

NewOwn = Callable[..., Site]


@pytest.fixture
def new_own(new_site: NewSite) -> NewOwn:
    """Give what makes sites whose sessions may have timeouts of their own."""

    def new(**settings: Any) -> Site:
        return new_site(**{"PERMANENT_SESSION_LIFETIME": MINUTE, **WITH_OWN, **settings})

    return new


def lived(lifetime: timedelta | None, **values: Any) -> Callable[[Any], None]:
    """Give a view that sets a session's timeout and data."""

    def view(session: Any) -> None:
        if values:
            session.update(values)
        session.lifetime = lifetime

    return view


def thief(site: Site, visitor: Visitor) -> Visitor:
    """Give another browser with the same cookie, which outlives what its own says."""
    other = site.visitor()
    other.jar["session"] = visitor.jar["session"]
    return other


def expires(site: Site, answer: Answer) -> float | None:
    """Give in how many seconds the cookie of an answer ends, None for with the browser."""
    (cookie,) = answer.set_cookies
    if "Expires=" not in cookie:
        return None
    date = cookie.partition("Expires=")[2].partition(";")[0]
    return parsedate_to_datetime(date).timestamp() - site.clock()


@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize(
    ("own", "idle", "alive"),
    [
        (HOUR, 3599, True),
        (HOUR, 3600, False),
        (SECOND, 0, True),
        (SECOND, 1, False),
        (timedelta(milliseconds=1), 0, True),
        (None, 59, True),
        (None, 60, False),
    ],
)
async def test_a_session_ends_after_its_own_time(
    new_own: NewOwn, permanent: bool, own: timedelta | None, idle: int, alive: bool
) -> None:
    site = new_own(SESSION_TOUCH_INTERVAL=0)
    user = site.visitor()
    await user.visit(lived(own, a=1, _permanent=permanent))
    other = thief(site, user)
    site.clock.advance(idle)
    assert await other.value(lambda session: session.get("a")) == (1 if alive else None)


async def test_use_restarts_a_sessions_own_timeout(new_own: NewOwn) -> None:
    site = new_own()
    user = site.visitor()
    await user.visit(lived(10 * MINUTE, a=1))
    for write in (False, True, False, False):
        site.clock.advance(590)
        await user.visit(lambda session, write=write: session.update(b=2) if write else None)
    assert await user.value(dict) == {"a": 1, "b": 2}


@EVERY
async def test_a_session_says_what_time_of_its_own_it_has(new_own: NewOwn) -> None:
    user = new_own().visitor()
    assert await user.value(lambda session: session.lifetime) is None
    await user.visit(lived(timedelta(seconds=89.2), a=1))
    assert user.result is None
    assert await user.value(lambda session: session.lifetime) == timedelta(seconds=90)
    await user.visit(lambda session: session.update(b=2))
    await user.visit(lambda session: session.regenerate())
    assert await user.value(lambda session: session.lifetime) == timedelta(seconds=90)
    await user.visit(lived(None))
    assert await user.value(lambda session: session.lifetime) is None


async def test_a_changed_setting_reaches_the_sessions_that_have_no_time_of_their_own(
    new_own: NewOwn,
) -> None:
    long = new_own(PERMANENT_SESSION_LIFETIME=HOUR)
    plain, own = long.visitor(), long.visitor()
    await plain.put(a=1)
    await own.visit(lived(HOUR, a=1))
    short = new_own()
    for visitor, alive in ((plain, False), (own, True)):
        later, last = thief(short, visitor), thief(short, visitor)
        assert await later.value(lambda session: session.get("a")) == 1
        short.clock.advance(120)
        assert (await last.value(lambda session: session.get("a")) == 1) is alive


async def test_sessions_follow_the_settings_where_none_may_have_a_time_of_its_own(
    new_own: NewOwn,
) -> None:
    user = new_own().visitor()
    await user.visit(lived(HOUR, a=1))
    site = new_own(SESSION_OWN_LIFETIMES=False)
    later, last = thief(site, user), thief(site, user)
    assert await later.value(lambda session: (session["a"], session.lifetime)) == (1, None)
    site.clock.advance(120)
    assert await last.value(dict) == {}


@EVERY
async def test_a_time_set_again_is_no_write(new_own: NewOwn, backend: Backend) -> None:
    user = new_own().visitor()
    await user.visit(lived(HOUR, a=1))
    before = backend.records()
    answer = await user.visit(lived(HOUR))
    assert answer.set_cookies == []
    assert backend.records() == before


@EVERY
async def test_a_time_alone_begins_no_session(new_own: NewOwn, backend: Backend) -> None:
    answer = await new_own().visitor().visit(lived(HOUR))
    assert answer.set_cookies == []
    assert backend.records() == {}


@EVERY
async def test_a_time_alone_is_written_to_a_session_that_is_there(new_own: NewOwn) -> None:
    user = new_own().visitor()
    await user.put(a=1)

    def change(session: Any) -> bool:
        session.lifetime = HOUR
        session.modified = False  # which is about the data
        return bool(session.modified)

    assert await user.value(change) is True
    assert await user.value(lambda session: (dict(session), session.lifetime)) == ({"a": 1}, HOUR)


async def test_a_time_set_where_nothing_is_renewed_counts_at_once(new_own: NewOwn) -> None:
    site = new_own(SESSION_NO_RENEW=lambda request: request.args.get("poll") == "1")

    @site.view("/shorten")
    def shorten(session: Any, web: Any) -> str:
        session.lifetime = timedelta(seconds=10)
        return "shortened"

    user = site.visitor()
    await user.put(a=1)
    site.clock.advance(30)
    await user.driver.get("/shorten?poll=1")
    site.clock.advance(11)
    assert await user.value(dict) == {}


async def test_a_request_that_renews_nothing_leaves_a_long_time_alone(new_own: NewOwn) -> None:
    """Not even as one that a clock which was ahead gave."""
    site = new_own(SESSION_NO_RENEW=["/visit"])
    user = site.visitor()
    await user.visit(lived(timedelta(days=90), a=1))
    for _ in range(2):
        site.clock.advance(40 * DAY)
        assert await thief(site, user).value(dict) == {"a": 1}
    site.clock.advance(11 * DAY)
    assert await thief(site, user).value(dict) == {}


@EVERY
@pytest.mark.parametrize("own", [timedelta(days=90), SECOND * 30, None])
async def test_the_cookie_of_a_permanent_session_lives_as_long(
    new_own: NewOwn, own: timedelta | None
) -> None:
    site = new_own()
    user = site.visitor()
    seconds = (own or MINUTE).total_seconds()
    for view in (lived(own, a=1, _permanent=True), dict, lived(own, b=2)):
        answer = await user.visit(view)
        found = expires(site, answer)
        assert found is not None
        assert abs(found - seconds) <= 1
    assert expires(site, await user.visit(lived(own, _permanent=False))) is None


async def test_no_cookie_lives_longer_than_browsers_let_it(new_own: NewOwn) -> None:
    site = new_own()
    answer = await site.visitor().visit(lived(timedelta(days=4000), a=1, _permanent=True))
    assert expires(site, answer) == 400 * DAY


async def test_the_absolute_lifetime_ends_a_session_with_a_time_of_its_own(
    new_own: NewOwn,
) -> None:
    site = new_own(SESSION_ABSOLUTE_LIFETIME=100)
    user = site.visitor()
    await user.visit(lived(HOUR, a=1))
    site.clock.advance(99)
    assert await thief(site, user).value(dict) == {"a": 1}
    site.clock.advance(1)
    assert await thief(site, user).value(dict) == {}


@EVERY
async def test_a_cleared_session_has_no_time_of_its_own(new_own: NewOwn) -> None:
    user = new_own().visitor()
    await user.visit(lived(HOUR, a=1))

    def begin_anew(session: Any) -> list[Any]:
        session.lifetime = 2 * HOUR
        session.clear()
        session["b"] = 2
        return [session.lifetime]

    assert await user.value(begin_anew) == [None]
    assert await user.value(lambda session: session.lifetime) is None
    await user.visit(lambda session: (session.clear(), lived(HOUR, c=3)(session)))
    assert await user.value(lambda session: session.lifetime) == HOUR


@pytest.mark.owners
async def test_a_user_is_listed_as_long_as_a_session_of_theirs_lives(new_own: NewOwn) -> None:
    site = new_own()
    first, then = site.visitor(), site.visitor()
    await first.visit(lambda session: (session.bind("ann"), lived(DAY * SECOND, a=1)(session)))
    await then.visit(lambda session: session.bind("ann"))
    await then.visit(lived(DAY * SECOND, a=1))
    site.clock.advance(DAY - 60)
    assert len(await administer(site, "sessions_of", "ann")) == 2
    assert await administer(site, "revoke_all", "ann") == 2
    assert await first.value(dict) == {}


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (timedelta(0), ValueError),
        (-SECOND, ValueError),
        (timedelta(seconds=2**31), ValueError),
        (60, TypeError),
        (True, TypeError),
        ("60", TypeError),
    ],
)
async def test_what_is_no_time_is_refused(
    new_own: NewOwn, wrong: Any, kind: type[Exception]
) -> None:
    user = new_own().visitor()
    error = await user.failure(lived(wrong, a=1))
    assert type(error) is kind
    assert str(error).startswith("session.lifetime ")
    assert await user.value(lambda session: session.lifetime) is None


@EVERY
async def test_without_the_setting_it_is_an_error_that_says_so(new_site: NewSite) -> None:
    user = new_site().visitor()
    for lifetime in (HOUR, None):
        error = await user.failure(lived(lifetime))
        assert isinstance(error, NotSupported)
        assert "SESSION_OWN_LIFETIMES = True" in str(error)
    assert await user.value(lambda session: session.lifetime) is None


@pytest.mark.stores("cookie")
async def test_the_cookie_alone_can_keep_no_time(new_site: NewSite) -> None:
    with pytest.raises(ConfigError, match="SESSION_OWN_LIFETIMES"):
        new_site(**WITH_OWN)
    user = new_site().visitor()
    error = await user.failure(lived(HOUR))
    assert isinstance(error, NotSupported)
    assert "server-side store" in str(error)
    assert await user.value(lambda session: session.lifetime) is None


async def test_where_no_session_is_needed_it_is_dropped(new_own: NewOwn, backend: Backend) -> None:
    site = new_own(SESSION_EXEMPT=["/visit"])
    assert (await site.visitor().visit(lived(HOUR))).status == 200
    assert backend.records() == {}


async def test_on_the_page_of_an_outage_it_is_a_throwaways(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, **WITH_OWN)

    @site.errorhandler(503)
    def page(session: Any, *_: Any) -> tuple[str, int]:
        session.lifetime = HOUR
        return str(session.lifetime), 503

    user = site.visitor()
    await user.put(a=1)
    spy.fail("load", StoreUnavailable("on purpose"))
    answer = await user.visit(lived(HOUR))
    assert (answer.status, answer.text) == (503, "1:00:00")
    spy.mend()
    assert await user.value(lambda session: session.lifetime) is None


async def test_after_the_response_it_is_a_warning(new_own: NewOwn) -> None:
    site = new_own()
    user = site.visitor()
    await user.put(a=1)
    kept = await user.value(lambda session: session._get_current_object())
    with pytest.warns(UnsavedWriteWarning):
        kept.lifetime = HOUR


@pytest.mark.stores("redis")
@pytest.mark.parametrize("own", [timedelta(seconds=500), None])
async def test_redis_is_told_a_sessions_own_time_with_each_use(
    new_own: NewOwn, valkey: Valkey, own: timedelta | None
) -> None:
    site = new_own(SESSION_BROWSER_LIFETIME=100)
    user = site.visitor()
    with valkey.client() as client:
        for use in (lived(own, a=1), dict, lambda session: session.update(b=2)):
            await user.visit(use)
            (key,) = client.keys("session:*")  # type: ignore[misc,unused-ignore]
            assert client.ttl(key) in ((499, 500) if own else (99, 100))
            client.expire(key, 50)


@pytest.mark.stores("redis")
async def test_redis_reads_in_one_command_where_no_session_has_a_time_of_its_own(
    new_site: NewSite, valkey: Valkey
) -> None:
    user = new_site().visitor()
    await user.put(a=1)
    with valkey.client() as client:
        client.config_resetstat()
        await user.visit(dict)
        counted = client.info("commandstats")
    assert "cmdstat_getex" in counted
    assert "cmdstat_evalsha" not in counted
