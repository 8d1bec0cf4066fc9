"""Settings that change while the application runs: Flask's count when Flask reads them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer, attributes
from tests.support.site import SECRET_KEY, Site, Visitor
from tests.web.test_administration import administer
from tests.web.test_cookie_settings import SETTINGS

pytestmark = pytest.mark.asyncio

OTHER_KEY = "another secret key of the tests, long enough"
FIVE_MINUTES = timedelta(minutes=5)
DAY = 24 * 3600
WITH_A_CLOCK = pytest.mark.stores("filesystem", "memory", "sqlite", "sqlalchemy-sqlite")
EVERY = pytest.mark.stores("filesystem", "memory", "redis", "sqlite", "sqlalchemy-sqlite", "cookie")


def changing(site: Site, **settings: Any) -> dict[str, Any]:
    """Set what this gives, as applications do, before each request."""

    @site.before_request
    def before(session: Any, web: Any) -> None:
        for name, value in settings.items():
            if name.isupper():
                site.app.config[name] = value
            else:
                setattr(site.app, name, value)

    return settings


def said(answer: Answer) -> dict[str, Any]:
    (header,) = answer.set_cookies
    return attributes(header)


def expiry(site: Site, answer: Answer) -> float:
    """Give for how many seconds a cookie is to be kept."""
    return parsedate_to_datetime(said(answer)["expires"]).timestamp() - site.clock.now


def thief(site: Site, user: Visitor) -> Visitor:
    """Give another browser with a copy of the cookie, which that browser keeps for ever."""
    other = site.visitor()
    other.jar["session"] = user.jar["session"]
    return other


# --- lifetimes --------------------------------------------------------------------------


@EVERY
async def test_a_lifetime_set_before_each_request_counts_from_the_first_one_on(site: Site) -> None:
    changing(site, permanent_session_lifetime=FIVE_MINUTES)
    user = site.visitor()
    answer = await user.put_permanent(a=1)
    assert expiry(site, answer) == 300
    assert expiry(site, await user.visit(dict)) == 300


@WITH_A_CLOCK
@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize(("idle", "alive"), [(299, True), (301, False)])
async def test_a_lifetime_set_before_each_request_is_the_servers_from_the_first_one_on(
    new_site: NewSite, idle: int, *, permanent: bool, alive: bool
) -> None:
    site = new_site()
    changing(site, permanent_session_lifetime=FIVE_MINUTES)
    user = site.visitor()
    await user.visit(lambda session: session.update(a=1, _permanent=permanent))
    copy = thief(site, user)
    site.clock.advance(idle)
    assert await copy.value(lambda session: session.get("a")) == (1 if alive else None)


READS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda session: None,
    "reads": dict,
    "reads what may change": lambda session: session["list"],
}


@WITH_A_CLOCK
@pytest.mark.parametrize("do", READS.values(), ids=READS)
@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize(("idle", "alive"), [(299, True), (301, False)])
async def test_a_request_that_only_reads_ends_under_the_lifetime_that_it_set(
    new_site: NewSite, do: Callable[[Any], Any], idle: int, *, permanent: bool, alive: bool
) -> None:
    site = new_site()
    settings = changing(site)
    user = site.visitor()
    await user.visit(lambda session: session.update(a=1, list=[], _permanent=permanent))
    settings.update(permanent_session_lifetime=FIVE_MINUTES)
    await user.visit(do)
    copy = thief(site, user)
    site.clock.advance(idle)
    assert await copy.value(lambda session: session.get("a")) == (1 if alive else None)


@WITH_A_CLOCK
async def test_a_longer_lifetime_counts_in_a_request_that_only_reads(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=60)
    settings = changing(site)
    user = site.visitor()
    await user.put_permanent(a=1)
    settings.update(PERMANENT_SESSION_LIFETIME=timedelta(hours=1))
    assert expiry(site, await user.visit(dict)) == 3600
    site.clock.advance(3599)
    assert await user.value(lambda session: session.get("a")) == 1


@pytest.mark.stores("redis")
@pytest.mark.parametrize("permanent", [True, False])
async def test_redis_is_told_the_lifetime_that_a_reading_request_set(
    site: Site, backend: Backend, *, permanent: bool
) -> None:
    settings = changing(site)
    user = site.visitor()
    await user.visit(lambda session: session.update(a=1, _permanent=permanent))
    settings.update(permanent_session_lifetime=FIVE_MINUTES)
    await user.visit(lambda session: None)
    for server in backend.redis_servers:
        with server.client() as client:
            assert [client.ttl(key) for key in client.keys("session:*")] in ([300], [299])


async def test_a_change_costs_a_read_once_and_nothing_while_it_stays(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    settings = changing(site)
    user = site.visitor()
    await user.put_permanent(a=1)
    settings.update(permanent_session_lifetime=FIVE_MINUTES)
    spy.reset()
    await user.visit(dict)
    await user.visit(dict)
    await user.put(b=2)
    assert spy.names == ["load", "load", "load", "load", "commit"]


@WITH_A_CLOCK
async def test_requests_that_do_not_renew_do_not_for_another_lifetime_either(
    new_site: NewSite,
) -> None:
    site = new_site(SESSION_NO_RENEW=["/poll"], PERMANENT_SESSION_LIFETIME=60)
    site.view("/poll")(lambda session, _: str(session.get("a")))
    settings = changing(site)
    user = site.visitor()
    await user.put_permanent(a=1)
    settings.update(PERMANENT_SESSION_LIFETIME=3600)
    site.clock.advance(50)
    answer = await user.driver.get("/poll")
    assert (answer.text, answer.set_cookies) == ("1", [])
    copy = thief(site, user)
    site.clock.advance(11)
    assert await copy.value(lambda session: session.get("a")) is None


@WITH_A_CLOCK
async def test_a_lifetime_of_browser_sessions_that_was_set_stays(new_site: NewSite) -> None:
    site = new_site(SESSION_BROWSER_LIFETIME=3600)
    changing(site, permanent_session_lifetime=FIVE_MINUTES)
    user = site.visitor()
    await user.put(a=1)
    site.clock.advance(3599)
    assert await user.value(lambda session: session.get("a")) == 1


async def test_a_session_that_ended_before_it_was_renewed_again_gets_no_cookie(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    settings = changing(site)
    user, other = site.visitor(), site.visitor()
    await user.put_permanent(a=1)
    other.driver.jar = user.jar.copy()
    settings.update(permanent_session_lifetime=FIVE_MINUTES)
    gate = spy.pause("load", nth=2)
    site.actions.append(lambda session, _: str(session.get("a")))
    task = user.driver.start("GET", f"/visit/{len(site.actions) - 1}")
    try:
        await gate.reached()
        await other.visit(lambda session: session.clear())
    finally:
        gate.open()
        answer = await task
    assert (answer.status, answer.text, answer.set_cookies) == (200, "1", [])
    assert backend.records() == {}


@WITH_A_CLOCK
async def test_lifetimes_by_role_keep_each_session_for_its_own(new_site: NewSite) -> None:
    site = new_site()
    months = timedelta(days=31)

    @site.before_request
    def before(session: Any, web: Any) -> None:
        session.permanent = True
        role = FIVE_MINUTES if session.get("role") == "admin" else months
        site.app.permanent_session_lifetime = role

    admin, user = site.visitor(), site.visitor()
    roles = {"admin": admin, "user": user}
    for role, visitor in roles.items():
        await visitor.put(role=role)
    for _ in range(4):
        for role, visitor in roles.items():
            answer = await visitor.visit(lambda session: session["role"])
            assert visitor.result == role
            assert expiry(site, answer) == (300 if role == "admin" else 31 * DAY)
        site.clock.advance(290)
    copies = {role: thief(site, visitor) for role, visitor in roles.items()}
    site.clock.advance(300)
    # Whose request came last decides under what the next one is opened, as in Flask.
    assert await copies["user"].value(lambda session: session.get("role")) == "user"
    assert await copies["admin"].value(lambda session: session.get("role")) is None


@pytest.mark.owners
@WITH_A_CLOCK
async def test_a_login_under_a_shorter_lifetime_is_listed_as_long_as_it_lives(
    new_site: NewSite,
) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=300)
    user = site.visitor()
    await user.visit(lambda session: (session.bind("ann"), session.update(_permanent=True)))
    site.app.permanent_session_lifetime = timedelta(days=31)
    await user.visit(dict)
    site.clock.advance(DAY)
    assert len(await administer(site, "sessions_of", "ann")) == 1
    assert await administer(site, "revoke_all", "ann") == 1
    assert await user.value(dict) == {}


@EVERY
async def test_refreshing_the_cookie_stops_in_the_request_that_says_so(site: Site) -> None:
    user = site.visitor()
    await user.put_permanent(a=1)

    def stop(session: Any) -> None:
        site.app.config["SESSION_REFRESH_EACH_REQUEST"] = False

    assert len((await user.visit(dict)).set_cookies) == 1
    assert (await user.visit(stop)).set_cookies == []


# --- the cookie's scope -----------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("where", ["before", "view", "after"])
@pytest.mark.parametrize("name", SETTINGS)
async def test_the_scope_of_the_cookie_counts_in_the_request_that_changes_it(
    new_site: NewSite, name: str, where: str
) -> None:
    settings, expected = SETTINGS[name]
    site = new_site()
    turned: list[str] = []

    def configure(here: str) -> None:
        if here in turned:
            site.app.config.update(settings)

    @site.before_request
    def before(session: Any, web: Any) -> None:
        configure("before")

    @site.after_request
    def after(session: Any, web: Any, response: Any) -> Any:
        configure("after")
        return response

    def write(session: Any) -> None:
        session["b"] = 2
        configure("view")

    user = site.visitor()
    await user.put(a=1)
    turned.append(where)
    answer = said(await user.visit(write))
    assert len(answer.pop("value")) > 20
    assert answer == expected
    # What was opened under the old name was saved under the new one.
    assert await user.value(dict) == {"a": 1, "b": 2}
    assert said(await user.visit(lambda session: session.clear()))["name"] == expected["name"]


# --- keys -------------------------------------------------------------------------------


KEY_CHANGES: dict[str, dict[str, Any]] = {
    "with a fallback": {"SECRET_KEY": OTHER_KEY, "SECRET_KEY_FALLBACKS": [SECRET_KEY]},
    "without one": {"SECRET_KEY": OTHER_KEY},
    "by the attribute": {"secret_key": OTHER_KEY},
}


@EVERY
@pytest.mark.parametrize("name", KEY_CHANGES)
@pytest.mark.parametrize("write", [True, False])
async def test_a_key_counts_in_the_request_that_changes_it(
    new_site: NewSite, name: str, *, write: bool
) -> None:
    site = new_site()
    settings = changing(site)
    user = site.visitor()
    await user.put_permanent(a=1)
    settings.update(**KEY_CHANGES[name])
    await user.visit(lambda session: session.update(b=2) if write else session.get("a"))
    rotated = new_site(SECRET_KEY=OTHER_KEY).visitor()
    rotated.driver.jar = user.jar.copy()
    assert await rotated.value(lambda session: (session.get("a"), session.get("b"))) == (
        (1, 2) if write else (1, None)
    )
    assert await user.value(lambda session: session.get("a")) == 1


@EVERY
async def test_a_browser_session_that_is_only_read_outlives_the_change_of_the_key(
    new_site: NewSite,
) -> None:
    site = new_site()
    settings = changing(site)
    user = site.visitor()
    await user.put(a=1)
    settings.update(SECRET_KEY=OTHER_KEY)
    answer = await user.visit(dict)
    assert (said(answer)["path"], answer.vary, answer.cache_control) == ("/", "Cookie", "private")
    for _ in range(2):
        assert await user.value(dict) == {"a": 1}
    assert (await user.visit(dict)).set_cookies == []


@EVERY
async def test_a_list_of_fallbacks_that_changes_in_place_is_noticed(new_site: NewSite) -> None:
    old = new_site(SECRET_KEY=OTHER_KEY).visitor()
    await old.put(a=1)
    site = new_site(SECRET_KEY_FALLBACKS=[])
    user = site.visitor()
    user.driver.jar = old.jar.copy()
    assert await user.value(dict) == {}
    user.driver.jar = old.jar.copy()
    site.app.config["SECRET_KEY_FALLBACKS"].append(OTHER_KEY)
    assert await user.value(dict) == {"a": 1}
    user.driver.jar = old.jar.copy()
    site.app.config["SECRET_KEY_FALLBACKS"].clear()
    assert await user.value(dict) == {}


@EVERY
async def test_attributes_of_the_applications_class_count_as_in_flask(
    framework: str, new_site: NewSite
) -> None:
    chosen = {"key": SECRET_KEY, "lifetime": timedelta(days=1)}
    own = {
        "secret_key": property(lambda _: chosen["key"]),
        "permanent_session_lifetime": property(lambda _: chosen["lifetime"]),
    }
    kind = type("Own", (getattr(import_module(framework), framework.capitalize()),), own)
    site = new_site(options={"app": kind("own", static_folder=None)}, SECRET_KEY=None)
    user = site.visitor()
    assert expiry(site, await user.put_permanent(a=1)) == DAY
    chosen["lifetime"] = FIVE_MINUTES
    assert expiry(site, await user.visit(dict)) == 300
    chosen["key"] = OTHER_KEY
    assert await user.value(dict) == {}


# --- what cannot be ---------------------------------------------------------------------

WRONG: dict[str, list[Any]] = {
    "SECRET_KEY": [None, "short", 5, ""],
    "SECRET_KEY_FALLBACKS": [SECRET_KEY, ["short"], {SECRET_KEY}],
    "PERMANENT_SESSION_LIFETIME": [None, 0, timedelta(-1), "300", float("nan")],
    "SESSION_COOKIE_NAME": [None, "a b", 5],
    "SESSION_COOKIE_PATH": ["app", 5],
    "SESSION_COOKIE_DOMAIN": [5],
    "SESSION_COOKIE_SAMESITE": ["None", "lexical"],
    "SESSION_COOKIE_SECURE": ["False"],
    "SESSION_COOKIE_PARTITIONED": [True],
    "SESSION_REFRESH_EACH_REQUEST": ["no"],
}


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [each for each in caplog.records if each.name == "samesession"]
    return [each.getMessage() for each in ours if each.levelno >= logging.ERROR]


@pytest.mark.stores("memory", "cookie")
@pytest.mark.parametrize("by_turns", [True, False])
@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_value_changes_nothing_and_is_told_of_once(
    site: Site, caplog: pytest.LogCaptureFixture, name: str, *, by_turns: bool
) -> None:
    settings, right = changing(site), site.app.config.get(name)
    user = site.visitor()
    before = said(await user.put_permanent(a=1))
    for number, value in enumerate(WRONG[name], 1):
        settings[name] = value
        for turn in range(3):
            answer = await user.visit(lambda session, turn=turn: session.update(turn=turn))
            assert answer.status == 200
            assert {**said(answer), "value": ""} == {**before, "value": ""}
            assert await user.value(lambda session: session["turn"]) == turn
            if by_turns:
                site.app.config[name] = right
        assert len(errors(caplog)) == number
        assert name in errors(caplog)[-1]
        assert SECRET_KEY not in caplog.text


@WITH_A_CLOCK
async def test_beside_a_wrong_value_the_others_count(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    settings = changing(site)
    user = site.visitor()
    await user.put_permanent(a=1)
    settings.update(
        SESSION_COOKIE_SAMESITE="None",  # right, as Secure comes with it
        SESSION_COOKIE_PATH="nowhere",
        SESSION_COOKIE_SECURE=True,
        permanent_session_lifetime=FIVE_MINUTES,
    )
    answer = await user.visit(dict)
    assert (said(answer)["path"], said(answer)["samesite"]) == ("/", "None")
    assert expiry(site, answer) == 300
    settings["permanent_session_lifetime"] = timedelta(minutes=10)
    assert expiry(site, await user.visit(dict)) == 600
    assert [each.partition(" ")[0] for each in errors(caplog)] == ["SESSION_COOKIE_PATH"]


OURS: dict[str, Any] = {
    "SESSION_TYPE": "mongodb",
    "SESSION_KEY_PREFIX": "other:",
    "SESSION_ABSOLUTE_LIFETIME": 60,
    "SESSION_BROWSER_LIFETIME": 60,
    "SESSION_STORE_TIMEOUT": 3.0,
    "SESSION_PERMANENT": True,
    "SESSION_EXEMPT": ["/visit"],
    "SESSION_MAX_BYTES": 2048,
}


@EVERY
@pytest.mark.parametrize("name", OURS)
async def test_a_setting_of_ours_that_changes_too_late_is_told_of_once(
    site: Site, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    user = site.visitor()
    await user.put(a=1)
    assert errors(caplog) == []
    # A site over MongoDB has the value already.
    changed = OURS[name] if site.app.config.get(name) != OURS[name] else "redis"
    site.app.config[name] = changed
    for turn in range(3):
        await user.put(turn=turn)
    site.app.config["UNRELATED"] = True
    assert await user.value(dict) == {"a": 1, "turn": 2}
    (error,) = errors(caplog)
    assert error.startswith(f"{name} was changed after the first request")


async def test_a_list_of_ours_that_changes_in_place_is_told_of(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    paths = ["/health"]
    site = new_site(SESSION_EXEMPT=paths)
    user = site.visitor()
    await user.put(a=1)
    paths.append("/visit")
    assert await user.value(dict) == {"a": 1}
    (error,) = errors(caplog)
    assert error.startswith("SESSION_EXEMPT was changed")


@EVERY
async def test_settings_until_the_first_request_are_told_of_by_nobody(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site()
    site.app.config.update(
        SESSION_PERMANENT=True, SESSION_COOKIE_NAME="late", PERMANENT_SESSION_LIFETIME=60
    )
    user = site.visitor()
    assert expiry(site, await user.put(a=1)) == 60
    assert (list(user.jar.cookies), errors(caplog)) == (["late"], [])


# --- what it costs ----------------------------------------------------------------------


@EVERY
async def test_settings_by_turns_build_nothing_anew_and_the_store_stays(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = site.app.session_interface.app_sessions
    settings = changing(site)
    user = site.visitor()
    await user.put_permanent(a=1)
    store, built = ours._store, list[object]()
    make = ours._current._build

    def build(config: Any) -> Any:
        built.append(config)
        return make(config)

    monkeypatch.setattr(ours._current, "_build", build)
    for seconds in [60, 3600] * 5:
        settings["permanent_session_lifetime"] = timedelta(seconds=seconds)
        await user.visit(dict)
    assert len(built) == 2
    assert ours._store is store


async def test_ever_other_settings_are_not_kept_for_ever(site: Site) -> None:
    user = site.visitor()
    await user.visit(dict)
    current = site.app.session_interface.app_sessions._current
    for seconds in range(60, 160):
        site.app.config["PERMANENT_SESSION_LIFETIME"] = seconds
        site.app.config["SESSION_COOKIE_DOMAIN"] = seconds  # and a wrong one each time
        await user.visit(dict)
    assert len(current._built) <= 32
    for seconds in range(600):
        current._tell(str(seconds), "told")
    assert len(current._told) <= 256


async def test_keys_are_derived_once_whatever_else_changes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = site.visitor()
    await user.put(a=1)
    monkeypatch.setattr("samesession.core.token.derive", None)  # would raise
    for seconds in range(60, 70):
        site.app.config["PERMANENT_SESSION_LIFETIME"] = seconds
        assert await user.value(dict) == {"a": 1}
