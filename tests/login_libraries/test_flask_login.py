"""Flask-Login, of a released package, on sessions that can be listed and ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import flask_login as library  # type: ignore[import-untyped]  # it has no types
import pytest

from samesession import ConfigError
from samesession import flask_login as ours
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer
from tests.support.clock import Clock
from tests.support.old import signed_cookie
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.needs("flask"),
    pytest.mark.owners,
]

FEW = pytest.mark.stores("filesystem", "memory")
DAY = 86_400
REMEMBERING = {"SESSION_OWN_LIFETIMES": True, "REMEMBER_COOKIE_DURATION": timedelta(days=90)}
LATER = {"SESSION_MIGRATE_UNTIL": "2099-01-01T00:00:00Z", **REMEMBERING}
BROWSER = {"User-Agent": "Firefox"}


class User(library.UserMixin):  # type: ignore[misc]  # it has no types
    def __init__(self, name: str) -> None:
        self.id = name


NewApp = Callable[..., Site]


def with_logins(site: Site, *, integrated: bool = True, **options: Any) -> Site:
    """Give an application Flask-Login, and `ours`."""
    manager = library.LoginManager(site.app)
    manager.user_loader(lambda name: User(name) if name in ("ann", "ben") else None)
    if integrated:
        ours.integrate(site.app, **options)

    @site.view("/me")
    def me(session: Any, web: Any) -> str:
        return str(library.current_user.get_id())

    @site.view("/secret")
    def secret(session: Any, web: Any) -> Any:
        return library.fresh_login_required(lambda: "fresh")()

    return site


@pytest.fixture
def new_app(new_site: NewSite) -> NewApp:
    def new(*, options: dict[str, Any] | None = None, **settings: Any) -> Site:
        return with_logins(new_site(**settings), **(options or {}))

    return new


def log_in(name: str = "ann", **options: Any) -> Callable[[Any], Any]:
    return lambda _: library.login_user(User(name), **options)


def log_out(_: Any) -> Any:
    return library.logout_user()


async def logged_in(site: Site, name: str = "ann", **options: Any) -> Visitor:
    user = site.visitor()
    assert await user.value(log_in(name, **options)) is True
    return user


async def name_of(user: Visitor, **options: Any) -> str:
    return (await user.driver.get("/me", **options)).text


def remembered(site: Site, name: str, *, key: str | None = None) -> Visitor:
    """Give a browser with the remember cookie that Flask-Login sent before."""
    user = site.visitor()
    with site.app.app_context():
        user.jar["remember_token"] = library.encode_cookie(name, key=key)
    return user


async def owners(site: Site, name: str = "ann") -> int:
    return len(await administer(site, "sessions_of", name))


def cookies_named(answer: Answer, name: str) -> list[str]:
    return [each for each in answer.set_cookies if each.startswith(f"{name}=")]


async def test_a_login_can_be_listed_and_ended(new_app: NewApp, backend: Backend) -> None:
    site = new_app()
    phone, laptop = await logged_in(site), await logged_in(site)
    assert [await name_of(each) for each in (phone, laptop)] == ["ann", "ann"]
    assert await owners(site) == 2
    assert await administer(site, "revoke_all", "ann") == 2
    assert [await name_of(each) for each in (phone, laptop)] == ["None", "None"]
    assert backend.records() == {}


async def test_a_login_ends_the_cookie_from_before(new_app: NewApp) -> None:
    site = new_app()
    user = site.visitor()
    await user.put(a=1)
    other = site.visitor()
    other.jar["session"] = user.jar["session"]
    await user.visit(log_in())
    assert await name_of(other) == "None"
    assert await user.value(lambda session: session["a"]) == 1


async def test_a_logout_ends_the_session(new_app: NewApp, backend: Backend) -> None:
    user = await logged_in(new_app())
    await user.put(a=1)
    answer = await user.visit(log_out)
    assert "session" not in user.jar
    assert cookies_named(answer, "remember_token") == []
    assert backend.records() == {}


async def test_what_is_written_after_a_logout_is_kept(new_app: NewApp) -> None:
    site = new_app()
    user = await logged_in(site)

    def leave(session: Any) -> None:
        session["cart"] = [1]
        library.logout_user()
        session["said"] = "bye"

    await user.visit(leave)
    assert await user.value(dict) == {"said": "bye"}
    assert await owners(site) == 0


async def test_one_application_is_not_anothers(new_app: NewApp, new_site: NewSite) -> None:
    new_app()
    plain = with_logins(new_site(), integrated=False)
    user = await logged_in(plain)
    assert await name_of(user) == "ann"
    assert await owners(plain) == 0


async def test_who_was_logged_in_before_is_listed_from_the_next_request(
    new_app: NewApp, new_site: NewSite, backend: Backend
) -> None:
    user = await fresh(with_logins(new_site(), integrated=False))
    site = new_app(**REMEMBERING)
    later, beside = site.visitor(), site.visitor()
    for each in (later, beside):
        each.jar["session"] = user.jar["session"]
    assert await owners(site) == 0
    assert await name_of(later, headers=BROWSER) == "ann"
    assert await owners(site) == 1
    assert await name_of(beside, headers=BROWSER) == "ann"  # the cookie is as it was
    assert await later.value(lambda session: session.info.authenticated) is None
    assert not await is_fresh(later)
    assert await administer(site, "revoke_all", "ann") == 1
    assert await name_of(beside, headers=BROWSER) == "None"
    assert backend.records() == {}


@FEW
async def test_who_was_revoked_meanwhile_is_not_brought_back(
    new_site: NewSite, backend: Backend
) -> None:
    user = await fresh(with_logins(new_site(), integrated=False))
    site = with_logins(new_site())

    sid = await user.value(lambda session: session.sid)
    later = site.visitor()
    later.jar["session"] = user.jar["session"]

    def view(session: Any) -> None:
        from samesession.flask import revoke

        assert revoke(sid)

    await later.visit(view)
    assert backend.records() == {}


@FEW
async def test_a_login_has_a_label(new_app: NewApp) -> None:
    import flask

    site = new_app(options={"label": lambda: flask.request.headers.get("User-Agent")}, **LATER)
    await fresh(site)
    old = remembered(site, "ann")
    await old.driver.get("/me", headers={"User-Agent": "Opera"})
    listed = await administer(site, "sessions_of", "ann")
    assert {each.label for each in listed} == {"Firefox", "Opera"}


@FEW
async def test_who_logs_in_without_credentials_has_not_authenticated(
    new_app: NewApp, clock: Clock
) -> None:
    site = new_app()
    user = await fresh(site, fresh=False)
    assert await name_of(user, headers=BROWSER) == "ann"
    assert await user.value(lambda session: session.info.authenticated) is None
    await fresh(site)
    await user.visit(lambda session: session.update(cart=[1]), headers=BROWSER)
    await user.visit(log_in("ben", fresh=False), headers=BROWSER)
    assert await name_of(user, headers=BROWSER) == "ben"
    assert await user.value(lambda session: (session.info.owner, "cart" in session)) == (
        "ben",
        False,
    )
    assert not await is_fresh(user)
    await user.visit(lambda _: library.confirm_login(), headers=BROWSER)
    assert await is_fresh(user)


# --- fresh ------------------------------------------------------------------------------------


async def is_fresh(user: Visitor) -> bool:
    answer = await user.driver.get("/secret", headers=BROWSER)
    assert answer.status in (200, 401)
    return answer.status == 200


async def fresh(site: Site, **options: Any) -> Visitor:
    """Give a user who has logged in with the browser that asks later."""
    user = site.visitor()
    await user.visit(log_in(**options), headers=BROWSER)
    return user


@pytest.mark.parametrize(("age", "expected"), [(0, True), (600, True), (601, False)])
async def test_a_login_is_fresh_for_its_minutes(
    new_app: NewApp, clock: Clock, age: int, expected: bool
) -> None:
    user = await fresh(new_app())
    clock.advance(age)
    assert await is_fresh(user) is expected
    assert await name_of(user, headers=BROWSER) == "ann"


@FEW
async def test_a_stale_login_is_confirmed(new_app: NewApp, clock: Clock) -> None:
    site = new_app(options={"fresh_minutes": 1})
    user = await fresh(site)
    clock.advance(61)
    assert not await is_fresh(user)
    await user.visit(lambda _: library.confirm_login(), headers=BROWSER)
    assert await is_fresh(user)
    assert (await user.visit(lambda session: session.require_fresh(1))).status == 200
    assert await owners(site) == 1


@FEW
async def test_login_fresh_says_the_same_though_nobody_asks_for_the_user(
    new_app: NewApp, clock: Clock
) -> None:
    user = await fresh(new_app())
    assert await user.value(lambda _: library.login_fresh()) is True
    clock.advance(601)
    assert await user.value(lambda _: library.login_fresh()) is False


@FEW
async def test_a_request_that_asks_for_nobody_does_not_vary(new_app: NewApp) -> None:
    site = new_app()

    @site.view("/plain")
    def plain(session: Any, web: Any) -> Any:
        return web.Response("plain")

    site.app.after_request_funcs[None].remove(site.app.login_manager._update_remember_cookie)
    user = await fresh(site)
    assert (await user.driver.get("/plain", headers=BROWSER)).vary is None


# --- remembered ---------------------------------------------------------------------------------


async def test_a_remembered_login_is_a_session_that_lives_longer(
    new_app: NewApp, clock: Clock
) -> None:
    site = new_app(PERMANENT_SESSION_LIFETIME=DAY, **REMEMBERING)
    user, plain = site.visitor(), site.visitor()
    answer = await user.visit(log_in(remember=True))
    assert cookies_named(answer, "remember_token") == []
    assert await user.value(lambda session: session.lifetime) == timedelta(days=90)
    assert await user.value(lambda session: (session.permanent, "_remember" in session)) == (
        True,
        False,
    )
    await plain.visit(log_in())
    assert await plain.value(lambda session: (session.permanent, session.lifetime)) == (False, None)
    user.jar.end_browser_session()
    assert await name_of(user) == "ann"
    assert await administer(site, "revoke_all", "ann") == 2
    assert await name_of(user) == "None"


@pytest.mark.stores("filesystem", "memory", "sqlite")
async def test_it_lives_as_long_as_the_setting_says(new_app: NewApp, clock: Clock) -> None:
    site = new_app(PERMANENT_SESSION_LIFETIME=DAY, **REMEMBERING)
    user, plain = await logged_in(site, remember=True), await logged_in(site)
    clock.advance(89 * DAY)
    assert [await name_of(each) for each in (user, plain)] == ["ann", "None"]
    clock.advance(90 * DAY)
    assert await name_of(user) == "None"


@FEW
@pytest.mark.parametrize(
    ("duration", "asked", "expected"),
    [
        (3600, None, timedelta(hours=1)),
        (timedelta(days=2), None, timedelta(days=2)),
        (timedelta(days=2), timedelta(days=3), timedelta(days=3)),
    ],
)
async def test_for_how_long_a_login_is_remembered(
    new_app: NewApp, duration: Any, asked: timedelta | None, expected: timedelta
) -> None:
    site = new_app(**{**REMEMBERING, "REMEMBER_COOKIE_DURATION": duration})
    user = await logged_in(site, remember=True, duration=asked)
    assert await user.value(lambda session: session.lifetime) == expected


@FEW
async def test_without_the_setting_a_year(new_app: NewApp) -> None:
    user = await logged_in(new_app(SESSION_OWN_LIFETIMES=True), remember=True)
    assert await user.value(lambda session: session.lifetime) == timedelta(days=365)


@FEW
async def test_who_logs_in_after_another_is_remembered_only_if_they_say_so(
    new_app: NewApp,
) -> None:
    user = await logged_in(new_app(**REMEMBERING), remember=True)
    await user.visit(log_in("ben"))
    assert await user.value(lambda session: (session.permanent, session.lifetime)) == (False, None)


@FEW
@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({}, "write SESSION_OWN_LIFETIMES = True"),
        ({**REMEMBERING, "REMEMBER_COOKIE_DURATION": "long"}, "REMEMBER_COOKIE_DURATION must be"),
        ({**REMEMBERING, "REMEMBER_COOKIE_DURATION": -1}, "REMEMBER_COOKIE_DURATION must be"),
        ({**REMEMBERING, "REMEMBER_COOKIE_DURATION": 1e300}, "REMEMBER_COOKIE_DURATION must be"),
    ],
)
async def test_what_cannot_be_remembered_logs_nobody_in(
    new_app: NewApp, settings: dict[str, Any], advice: str
) -> None:
    site = new_app(**settings)
    user = site.visitor()
    error = await user.failure(log_in(remember=True))
    assert isinstance(error, ConfigError)
    assert advice in str(error)
    assert await name_of(user) == "None"
    assert await owners(site) == 0


@FEW
async def test_an_id_that_is_no_owner_logs_nobody_in(new_app: NewApp) -> None:
    user = new_app().visitor()
    assert (await user.visit(log_in("x" * 2000))).status == 500
    assert await name_of(user) == "None"
    assert await user.value(lambda session: "_user_id" in session) is False


@FEW
async def test_no_remember_cookie_is_sent_whatever_the_settings(new_app: NewApp) -> None:
    site = new_app(REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True, **REMEMBERING)
    user = site.visitor()
    for view in (log_in(remember=True), dict, log_out, log_in(), dict):
        answer = await user.visit(view)
        assert cookies_named(answer, "remember_token") == []


# --- remember cookies from before -----------------------------------------------------------------


async def test_a_remember_cookie_from_before_logs_in_once_and_goes(
    new_app: NewApp, clock: Clock
) -> None:
    site = new_app(**LATER)
    user = remembered(site, "ann")
    answer = await user.driver.get("/me")
    assert answer.text == "ann"
    assert "remember_token" not in user.jar
    assert answer.vary == "Cookie"
    assert await name_of(user) == "ann"
    assert await owners(site) == 1
    assert await user.value(lambda session: (session.permanent, session.lifetime)) == (
        True,
        timedelta(days=90),
    )
    assert await administer(site, "revoke_all", "ann") == 1
    assert await name_of(user) == "None"


async def test_it_is_deleted_with_what_it_was_sent_with(new_app: NewApp) -> None:
    site = new_app(
        REMEMBER_COOKIE_SECURE=True,
        REMEMBER_COOKIE_SAMESITE="Strict",
        REMEMBER_COOKIE_PATH="/me",
        REMEMBER_COOKIE_DOMAIN="localhost",
        REMEMBER_COOKIE_NAME="__Secure-me",
        **LATER,
    )
    user = site.visitor()
    with site.app.app_context():
        user.jar["__Secure-me"] = library.encode_cookie("ann")
    answer = await user.driver.get("/me")
    assert answer.text == "ann"
    (cookie,) = cookies_named(answer, "__Secure-me")
    for part in ("Domain=localhost", "Max-Age=0", "Secure", "HttpOnly", "Path=/me", "Strict"):
        assert part in cookie


async def test_it_is_no_login(new_app: NewApp) -> None:
    site = new_app(**LATER)
    user = remembered(site, "ann")
    assert await name_of(user, headers=BROWSER) == "ann"
    assert not await is_fresh(user)
    assert (await user.visit(lambda session: session.require_fresh())).status == 401
    assert await user.value(lambda session: session.info.authenticated) is None


@pytest.mark.parametrize(
    ("settings", "name", "key"),
    [
        ({}, "ann", None),
        ({**LATER, "SESSION_MIGRATE_UNTIL": "2001-01-01T00:00:00Z"}, "ann", None),
        (LATER, "nobody", None),
        (LATER, "ann", "another key of the tests"),
        (
            {**LATER, "SECRET_KEY_FALLBACKS": ["another key of the tests"]},
            "ann",
            "another key of the tests",
        ),
    ],
)
async def test_what_is_not_honoured_logs_nobody_in_and_goes(
    new_app: NewApp, backend: Backend, settings: dict[str, Any], name: str, key: str | None
) -> None:
    user = remembered(new_app(**settings), name, key=key)
    assert await name_of(user) == "None"
    assert "remember_token" not in user.jar
    assert backend.records() == {}


@FEW
@pytest.mark.parametrize("cookie", ["", "ann", "|", "ann|", "ann|\xff", "ann|0", "\x00|\x00"])
async def test_nonsense_in_its_place_is_nobody(new_app: NewApp, cookie: str) -> None:
    site = new_app(**LATER)
    user = site.visitor()
    raw = f"remember_token={cookie}".encode("latin-1")
    answer = await user.driver.get("/me", cookie=raw)
    assert (answer.status, answer.text) == (200, "None")


@FEW
async def test_it_ends_in_time(new_app: NewApp, clock: Clock) -> None:
    until = clock() + 100
    site = new_app(**{**LATER, "SESSION_MIGRATE_UNTIL": _moment(until)})
    clock.advance(99)
    assert await name_of(remembered(site, "ann")) == "ann"
    clock.advance(1)
    assert await name_of(remembered(site, "ann")) == "None"


async def test_who_is_logged_in_besides_is_remembered_by_the_session(new_app: NewApp) -> None:
    site = new_app(**LATER)
    user = await logged_in(site)
    user.jar["remember_token"] = remembered(site, "ann").jar["remember_token"]
    assert await name_of(user) == "ann"
    assert "remember_token" not in user.jar
    assert await user.value(lambda session: session.lifetime) == timedelta(days=90)
    assert await owners(site) == 1


@FEW
async def test_anothers_beside_a_login_only_goes(new_app: NewApp) -> None:
    site = new_app(**LATER)
    user = await logged_in(site)
    user.jar["remember_token"] = remembered(site, "ben").jar["remember_token"]
    assert await name_of(user) == "ann"
    assert "remember_token" not in user.jar
    assert await user.value(lambda session: session.lifetime) is None


@FEW
async def test_where_sessions_have_no_time_of_their_own_it_lives_as_any_permanent_one(
    new_app: NewApp,
) -> None:
    user = remembered(new_app(SESSION_MIGRATE_UNTIL="2099-01-01T00:00:00Z"), "ann")
    assert await name_of(user) == "ann"
    assert await user.value(lambda session: session.permanent) is True


@FEW
async def test_a_logout_in_the_request_that_brings_it_logs_out(new_app: NewApp) -> None:
    site = new_app(**LATER)
    user = remembered(site, "ann")
    await user.visit(log_out)
    assert "remember_token" not in user.jar
    assert await name_of(user) == "None"


@FEW
async def test_it_stays_where_the_store_is_down(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = with_logins(new_site(options={"store": spy}, **LATER))
    user = remembered(site, "ann")
    from samesession import StoreUnavailable

    spy.fail("create", StoreUnavailable("down"))
    assert (await user.driver.get("/me")).status == 503
    assert "remember_token" in user.jar
    spy.mend()
    assert await name_of(user) == "ann"


@FEW
async def test_it_stays_where_its_user_cannot_be_loaded_and_no_frame_shows_it(
    new_app: NewApp,
) -> None:
    site = new_app(**LATER)

    def fail(name: str) -> None:
        raise LookupError(name)

    site.app.login_manager.user_loader(fail)
    user = remembered(site, "ann")
    _, _, signature = user.jar["remember_token"].partition("|")
    assert (await user.driver.get("/me")).status == 500
    frame = site.errors[-1].__traceback__
    shown = []
    while frame is not None:
        if "samesession" in frame.tb_frame.f_code.co_filename:
            shown.append(repr(frame.tb_frame.f_locals))
        frame = frame.tb_next
    assert len(shown) > 1
    assert signature not in "".join(shown)
    assert "remember_token" in user.jar


@FEW
async def test_a_path_without_sessions_leaves_it(new_app: NewApp) -> None:
    site = new_app(SESSION_EXEMPT=["/me"], **LATER)
    user = remembered(site, "ann")
    assert await name_of(user) == "None"
    assert "remember_token" in user.jar


# --- protection -------------------------------------------------------------------------------


@FEW
@pytest.mark.parametrize("remember", [False, True])
async def test_strong_protection_ends_the_session_in_another_browser(
    new_app: NewApp, backend: Backend, remember: bool
) -> None:
    site = new_app(SESSION_PROTECTION="strong", **REMEMBERING)
    user = await fresh(site, remember=remember)
    assert await name_of(user, headers=BROWSER) == "ann"
    thief = site.visitor()
    thief.jar["session"] = user.jar["session"]
    assert await name_of(thief, headers={"User-Agent": "curl"}) == "None"
    assert await owners(site) == 0
    assert backend.records() == {}
    assert await name_of(user, headers=BROWSER) == "None"


@FEW
async def test_basic_protection_has_another_browser_log_in_anew(new_app: NewApp) -> None:
    user = await fresh(new_app())
    assert await is_fresh(user)
    await name_of(user, headers={"User-Agent": "curl"})
    assert not await is_fresh(user)
    assert await name_of(user) == "ann"


@FEW
async def test_strong_protection_keeps_a_remember_cookie_that_was_taken_over(
    new_app: NewApp,
) -> None:
    user = remembered(new_app(SESSION_PROTECTION="strong", **LATER), "ann")
    for _ in range(3):
        assert await name_of(user, headers=BROWSER) == "ann"


# --- mistakes -----------------------------------------------------------------------------------


@FEW
async def test_it_may_come_before_flask_login_and_before_the_sessions(new_site: NewSite) -> None:
    site = new_site(options={"init": False})
    ours.integrate(site.app)
    site.init()
    manager = library.LoginManager(site.app)
    manager.user_loader(User)
    await logged_in(site)
    assert await owners(site) == 1


@FEW
async def test_twice_is_a_mistake(new_app: NewApp) -> None:
    with pytest.raises(ConfigError, match="once"):
        ours.integrate(new_app().app)


@FEW
async def test_without_flask_login_or_sessions_it_says_what_to_write(new_site: NewSite) -> None:
    site = new_site()
    ours.integrate(site.app)
    error = await site.visitor().failure(dict)
    assert "write LoginManager(app)" in str(error)
    site = new_site(options={"init": False})
    with_logins(site)
    error = await site.visitor().failure(dict)
    assert "Session(app)" in str(error)


@FEW
@pytest.mark.parametrize("wrong", [0, "10", True])
async def test_minutes_are_checked(new_site: NewSite, wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="minutes"):
        ours.integrate(new_site().app, fresh_minutes=wrong)


@pytest.mark.stores("cookie")
async def test_where_no_session_has_an_owner_nobody_logs_in(new_app: NewApp) -> None:
    user = new_app().visitor()
    error = await user.failure(log_in())
    assert "choose another" in str(error)
    assert await name_of(user) == "None"


def _moment(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat()


# --- sessions of another library, in which somebody is logged in --------------------------------

COMING = {"SESSION_MIGRATE_FROM": ["signed-cookie"], "SESSION_COOKIE_NAME": "sid"}


def coming(site: Site, name: str = "ann") -> Visitor:
    """Give a browser that plain Flask-Login has logged in before."""
    user = site.visitor()
    data = {"_user_id": name, "_fresh": True, "_id": "a" * 128}
    user.jar["session"] = signed_cookie(data, site.clock())
    return user


async def test_an_old_session_is_its_users_on_the_way(new_app: NewApp) -> None:
    site = new_app(**COMING, SESSION_PROTECTION=None)
    phone, copy = coming(site), coming(site)
    # Though its view never looks, nor comes to its end.
    answer = await phone.visit(lambda session: 1 / 0)
    assert answer.status == 500
    assert await owners(site) == 1
    assert await name_of(phone) == "ann"
    assert await phone.value(lambda session: session.info.authenticated) is None
    assert not await is_fresh(phone)
    assert await administer(site, "revoke_all", "ann") == 1
    assert [await name_of(each) for each in (phone, copy)] == ["None", "None"]


async def test_an_old_session_of_nobody_is_nobodys(new_app: NewApp) -> None:
    site = new_app(**COMING)
    user = site.visitor()
    user.jar["session"] = signed_cookie({"cart": [1]}, site.clock())
    assert await user.value(lambda session: session["cart"]) == [1]
    assert await user.value(lambda session: session.info.owner) is None
    assert await user.value(log_in("ben")) is True
    assert await owners(site, "ben") == 1


async def test_a_logout_of_an_old_session_is_final(new_app: NewApp) -> None:
    site = new_app(**COMING, SESSION_PROTECTION=None)
    user, copy = coming(site), coming(site)
    assert await user.value(log_out) is True
    assert [await name_of(each) for each in (user, copy)] == ["None", "None"]
