"""Quart-Auth, of a released package, on sessions that can be listed and ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import quart_auth as library

from samesession import ConfigError, InvalidName, StoreUnavailable
from samesession.quart_auth import QuartAuth
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer
from tests.support.clock import Clock
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.needs("quart"),
    pytest.mark.owners,
]

FEW = pytest.mark.stores("filesystem", "memory")
DAY = 86_400
REMEMBERING = {"SESSION_OWN_LIFETIMES": True, "QUART_AUTH_DURATION": 90 * DAY}
LATER = {"SESSION_MIGRATE_UNTIL": "2099-01-01T00:00:00Z", **REMEMBERING}

NewApp = Callable[..., Site]


def with_logins(site: Site, **options: Any) -> Site:
    QuartAuth(site.app, **options)

    @site.view("/me")
    def me(session: Any, web: Any) -> str:
        return str(library.current_user.auth_id)

    @site.view("/private")
    async def private(session: Any, web: Any) -> Any:
        async def view() -> str:
            return "private"

        return await library.login_required(view)()

    @site.view("/plain")
    def plain(session: Any, web: Any) -> str:
        return "plain"

    return site


@pytest.fixture
def new_app(new_site: NewSite) -> NewApp:
    def new(*, options: dict[str, Any] | None = None, **settings: Any) -> Site:
        return with_logins(new_site(**settings), **(options or {}))

    return new


def log_in(name: str = "ann", **options: Any) -> Callable[[Any], Any]:
    return lambda _: library.login_user(library.AuthUser(name), **options)


def log_out(_: Any) -> None:
    library.logout_user()


async def logged_in(site: Site, name: str = "ann", **options: Any) -> Visitor:
    user = site.visitor()
    await user.value(log_in(name, **options))
    return user


async def name_of(user: Visitor) -> str:
    return (await user.driver.get("/me")).text


def remembered(site: Site, name: Any) -> Visitor:
    """Give a browser with the cookie that Quart-Auth sent before."""
    user = site.visitor()
    (extension,) = site.app.extensions["QUART_AUTH"]
    user.jar["QUART_AUTH"] = extension.dump_token(name, app=site.app)
    return user


async def owners(site: Site, name: str = "ann") -> int:
    return len(await administer(site, "sessions_of", name))


def cookies_named(answer: Answer, name: str) -> list[str]:
    return [each for each in answer.set_cookies if each.startswith(f"{name}=")]


async def test_a_login_can_be_listed_and_ended(new_app: NewApp, backend: Backend) -> None:
    site = new_app()
    phone, laptop = await logged_in(site), await logged_in(site)
    assert [await name_of(each) for each in (phone, laptop)] == ["ann", "ann"]
    assert (await phone.driver.get("/private")).text == "private"
    assert await owners(site) == 2
    assert await administer(site, "revoke_all", "ann") == 2
    assert [await name_of(each) for each in (phone, laptop)] == ["None", "None"]
    assert (await phone.driver.get("/private")).status == 401
    assert backend.records() == {}


async def test_the_request_that_logs_in_or_out_knows_it(new_app: NewApp) -> None:
    user = new_app().visitor()

    def both(session: Any) -> list[Any]:
        before = library.current_user.auth_id
        library.login_user(library.AuthUser("ann"))
        during = library.current_user.auth_id
        library.logout_user()
        return [before, during, library.current_user.auth_id]

    assert await user.value(both) == [None, "ann", None]
    assert await name_of(user) == "None"


async def test_no_cookie_of_its_own_is_sent(new_app: NewApp) -> None:
    site = new_app(**REMEMBERING)
    user = site.visitor()
    for view in (log_in(), log_in(remember=True), lambda _: library.renew_login(), log_out):
        answer = await user.visit(view)
        assert cookies_named(answer, "QUART_AUTH") == []
    assert "session" not in user.jar


async def test_a_login_ends_the_cookie_from_before_and_is_fresh(new_app: NewApp) -> None:
    site = new_app()
    user = site.visitor()
    await user.put(a=1)
    other = site.visitor()
    other.jar["session"] = user.jar["session"]
    await user.visit(log_in())
    assert await name_of(other) == "None"
    assert (await user.visit(lambda session: session.require_fresh())).status == 200


@FEW
async def test_a_request_that_asks_for_nobody_does_not_vary(new_app: NewApp) -> None:
    user = await logged_in(new_app())
    assert (await user.driver.get("/plain")).vary is None
    assert (await user.driver.get("/me")).vary == "Cookie"


async def test_a_remembered_login_is_a_session_that_lives_longer(new_app: NewApp) -> None:
    site = new_app(PERMANENT_SESSION_LIFETIME=DAY, **REMEMBERING)
    user = await logged_in(site, remember=True)

    def told(session: Any) -> Any:
        return session.permanent, session.lifetime

    assert await user.value(told) == (True, timedelta(days=90))
    await user.visit(log_in("ben"))
    assert await user.value(told) == (False, None)
    await user.visit(lambda _: library.renew_login())
    assert await user.value(told) == (True, timedelta(days=90))
    user.jar.end_browser_session()
    assert await name_of(user) == "ben"


@FEW
async def test_nobody_is_not_renewed(new_app: NewApp, backend: Backend) -> None:
    await new_app(**REMEMBERING).visitor().visit(lambda _: library.renew_login())
    assert backend.records() == {}


@FEW
@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({}, "write SESSION_OWN_LIFETIMES = True"),
        ({**REMEMBERING, "QUART_AUTH_DURATION": 0}, "QUART_AUTH_DURATION must be"),
        ({**REMEMBERING, "QUART_AUTH_DURATION": True}, "QUART_AUTH_DURATION must be"),
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
@pytest.mark.parametrize("name", [None, "", 5])
async def test_an_id_that_is_no_owner_logs_nobody_in(new_app: NewApp, name: Any) -> None:
    user = new_app().visitor()
    assert isinstance(await user.failure(log_in(name)), InvalidName)
    assert await name_of(user) == "None"


@FEW
async def test_a_login_has_a_label(new_app: NewApp) -> None:
    site = new_app(options={"label": lambda: "Firefox on Linux"}, **LATER)
    await logged_in(site)
    await name_of(remembered(site, "ann"))
    listed = await administer(site, "sessions_of", "ann")
    assert [each.label for each in listed] == ["Firefox on Linux"] * 2


@FEW
async def test_who_the_application_binds_is_the_user(new_app: NewApp) -> None:
    user = new_app().visitor()

    def bind(session: Any) -> Any:
        session.bind("ann")
        return library.current_user.auth_id

    assert await user.value(bind) == "ann"
    assert await name_of(user) == "ann"


# --- cookies from before ----------------------------------------------------------------------


async def test_a_cookie_from_before_logs_in_once_and_goes(new_app: NewApp) -> None:
    site = new_app(**LATER)
    user = remembered(site, "ann")
    answer = await user.driver.get("/me")
    assert answer.text == "ann"
    (cookie,) = cookies_named(answer, "QUART_AUTH")
    for part in ("Max-Age=0", "Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "QUART_AUTH" not in user.jar
    assert await name_of(user) == "ann"
    assert await owners(site) == 1
    assert await user.value(lambda session: session.lifetime) == timedelta(days=90)
    assert await administer(site, "revoke_all", "ann") == 1
    assert await name_of(user) == "None"


async def test_it_is_no_login(new_app: NewApp) -> None:
    user = remembered(new_app(**LATER), "ann")
    assert await name_of(user) == "ann"
    assert (await user.visit(lambda session: session.require_fresh())).status == 401
    assert await user.value(lambda session: session.info.authenticated) is None


@pytest.mark.parametrize("name", ["ann", 5, None, ["ann"]])
@pytest.mark.parametrize("until", [None, "2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
async def test_what_is_not_honoured_logs_nobody_in_and_goes(
    new_app: NewApp, backend: Backend, name: Any, until: str | None
) -> None:
    if name == "ann" and until is not None and until > "2027":
        return
    user = remembered(new_app(**{**REMEMBERING, "SESSION_MIGRATE_UNTIL": until}), name)
    assert await name_of(user) == "None"
    assert "QUART_AUTH" not in user.jar
    assert backend.records() == {}


@FEW
async def test_a_forged_one_is_nobodys(new_app: NewApp) -> None:
    user = remembered(new_app(**LATER), "ann")
    user.jar["QUART_AUTH"] = user.jar["QUART_AUTH"][:-1]
    assert await name_of(user) == "None"
    assert "QUART_AUTH" not in user.jar


@FEW
async def test_it_ends_in_time(new_app: NewApp, clock: Clock) -> None:
    until = datetime.fromtimestamp(clock() + 100, UTC)
    site = new_app(**{**LATER, "SESSION_MIGRATE_UNTIL": until})
    clock.advance(99)
    assert await name_of(remembered(site, "ann")) == "ann"
    clock.advance(1)
    assert await name_of(remembered(site, "ann")) == "None"


@FEW
async def test_beside_a_login_it_only_goes(new_app: NewApp) -> None:
    site = new_app(**LATER)
    user = await logged_in(site)
    user.jar["QUART_AUTH"] = remembered(site, "ben").jar["QUART_AUTH"]
    assert await name_of(user) == "ann"
    assert "QUART_AUTH" not in user.jar


@FEW
async def test_a_logout_in_the_request_that_brings_it_logs_out(new_app: NewApp) -> None:
    user = remembered(new_app(**LATER), "ann")
    await user.visit(log_out)
    assert "QUART_AUTH" not in user.jar
    assert await name_of(user) == "None"


@FEW
async def test_it_stays_where_the_store_is_down(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = with_logins(new_site(options={"store": spy}, **LATER))
    user = remembered(site, "ann")
    spy.fail("create", StoreUnavailable("down"))
    assert (await user.driver.get("/me")).status == 503
    assert "QUART_AUTH" in user.jar
    spy.mend()
    assert await name_of(user) == "ann"


@FEW
async def test_where_sessions_have_no_time_of_their_own_it_lives_as_any_permanent_one(
    new_app: NewApp,
) -> None:
    user = remembered(new_app(SESSION_MIGRATE_UNTIL="2099-01-01T00:00:00Z"), "ann")
    assert await name_of(user) == "ann"
    assert await user.value(lambda session: session.permanent) is True


@FEW
async def test_a_path_without_sessions_leaves_it(new_app: NewApp) -> None:
    user = remembered(new_app(SESSION_EXEMPT=["/me"], **LATER), "ann")
    assert await name_of(user) == "None"
    assert "QUART_AUTH" in user.jar


@FEW
async def test_a_websocket_knows_who_it_is_and_takes_no_cookie_over(new_app: NewApp) -> None:
    site = new_app(**LATER)

    async def socket() -> None:
        await site.web.websocket.send(str(library.current_user.auth_id))

    site.app.add_websocket("/socket", "socket", socket)

    user, other = await logged_in(site), remembered(site, "ben")
    for visitor, name in ((user, "ann"), (other, "None")):
        async with visitor.driver.websocket("/socket") as connection:  # type: ignore[attr-defined]  # Quart's alone
            assert await connection.receive() == name
    assert await name_of(other) == "ben"


@FEW
async def test_nobody_logs_in_or_out_where_no_cookie_can_be_sent(new_app: NewApp) -> None:
    site = new_app()
    async with site.app.app_context():
        assert library.current_user.auth_id is None
        for action in (lambda: log_in()(None), lambda: log_out(None)):
            with pytest.raises(RuntimeError, match="outside of a request"):
                action()


# --- mistakes, and tests of applications ------------------------------------------------------


@FEW
@pytest.mark.parametrize(
    ("settings", "options"), [({"QUART_AUTH_MODE": "bearer"}, {}), ({}, {"mode": "bearer"})]
)
async def test_a_bearer_has_no_session(
    new_app: NewApp, settings: dict[str, Any], options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=r"write quart_auth.QuartAuth"):
        new_app(options=options, **settings)


@FEW
async def test_one_of_several_has_the_session(new_app: NewApp) -> None:
    site = new_app()
    library.QuartAuth(
        site.app, attribute_name="_other", cookie_name="OTHER", salt="other", singleton=False
    )
    user = await logged_in(site)
    assert await name_of(user) == "ann"
    with pytest.raises(ConfigError, match="one owner"):
        QuartAuth(site.app, attribute_name="_third", cookie_name="THIRD", salt="third")


@FEW
async def test_without_sessions_of_ours_it_says_what_to_write(new_site: NewSite) -> None:
    site = with_logins(new_site(options={"init": False}))
    assert (await site.visitor().driver.get("/me")).status == 500
    assert "Session(app)" in str(site.errors[-1])


@FEW
async def test_a_test_of_an_application_logs_in(new_app: NewApp) -> None:
    site = new_app()
    client = site.app.test_client()
    async with library.authenticated_client(client, "ann"):
        assert await (await client.get("/me")).get_data(as_text=True) == "ann"
        assert await owners(site) == 1
    assert await (await client.get("/me")).get_data(as_text=True) == "None"
    assert await owners(site) == 0
