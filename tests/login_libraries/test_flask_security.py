"""Flask-Security, of a released package, which logs in and out by Flask-Login."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from samesession import flask_login as ours
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.site import Site, Visitor
from tests.web.test_administration import administer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it says of packages that it could use besides
    import flask_security as library
    from flask_security import datastore
    from flask_wtf import CSRFProtect  # type: ignore[import-untyped]

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.needs("flask"),
    pytest.mark.owners,
    pytest.mark.stores("filesystem", "memory", "sqlite"),
]

PASSWORD = "a password of the tests"
SETTINGS = {
    "SECURITY_PASSWORD_SALT": "salt of the tests",
    "SECURITY_PASSWORD_HASH": "plaintext",
    "SECURITY_PASSWORD_SINGLE_HASH": True,
    "SECURITY_PASSWORD_SCHEMES": ["plaintext"],
    "SECURITY_SEND_REGISTER_EMAIL": False,
    "WTF_CSRF_ENABLED": False,
    "WTF_CSRF_CHECK_DEFAULT": False,
    "SESSION_OWN_LIFETIMES": True,
}


class User(library.UserMixin):
    fs_uniquifier = ""

    def __init__(self, name: str) -> None:
        self.email = f"{name}@example.com"
        self.password, self.active, self.fs_uniquifier = PASSWORD, True, f"uniquifier of {name}"
        self.roles: list[Any] = []


class Users(datastore.UserDatastore):
    """Users of this process, as few as a test needs."""

    def __init__(self, *users: User) -> None:
        super().__init__(User, library.RoleMixin)
        self.users = users

    def find_user(self, case_insensitive: bool = False, **named: Any) -> User | None:
        ((name, value),) = named.items()
        return next((user for user in self.users if getattr(user, name, None) == value), None)

    def put(self, model: Any) -> Any:
        return model

    def commit(self) -> None: ...


NewApp = Callable[..., Site]


@pytest.fixture
def new_app(new_site: NewSite) -> NewApp:
    def new(**settings: Any) -> Site:
        site = new_site(**{**SETTINGS, **settings})
        CSRFProtect(site.app)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library.Security(site.app, Users(User("ann"), User("ben")))
        ours.integrate(site.app)

        @site.view("/me")
        def me(session: Any, web: Any) -> str:
            return str(getattr(library.current_user, "email", None))

        return site

    return new


async def logged_in(site: Site, name: str = "ann", **form: str) -> Visitor:
    user = site.visitor()
    form = {"email": f"{name}@example.com", "password": PASSWORD, **form}
    answer = await user.driver.post("/login", form=form)
    assert answer.status == 302, answer.text
    return user


async def name_of(user: Visitor) -> str:
    return (await user.driver.get("/me")).text


async def test_its_logins_can_be_listed_and_ended(new_app: NewApp, backend: Backend) -> None:
    site = new_app()
    phone, laptop = await logged_in(site), await logged_in(site)
    ben = await logged_in(site, "ben")
    assert await name_of(phone) == "ann@example.com"
    listed = await administer(site, "sessions_of", "uniquifier of ann")
    assert len(listed) == 2
    assert await administer(site, "revoke_all", "uniquifier of ann") == 2
    assert [await name_of(each) for each in (phone, laptop)] == ["None", "None"]
    assert await name_of(ben) == "ben@example.com"
    assert len(backend.records()) == 1


async def test_a_logout_ends_the_session(new_app: NewApp, backend: Backend) -> None:
    user = await logged_in(new_app())
    await user.driver.post("/logout")
    assert "session" not in user.jar
    assert backend.records() == {}


async def test_its_cookie_against_csrf_goes_with_a_logout(
    new_app: NewApp, backend: Backend
) -> None:
    site = new_app(
        SECURITY_CSRF_COOKIE_NAME="XSRF-TOKEN",
        WTF_CSRF_ENABLED=True,
        SECURITY_CSRF_IGNORE_UNAUTH_ENDPOINTS=True,
    )
    user = await logged_in(site)
    assert "XSRF-TOKEN" in user.jar
    await user.driver.post("/logout")
    assert "XSRF-TOKEN" not in user.jar
    assert backend.records() == {}


async def test_a_remembered_login_sends_no_cookie_of_its_own(new_app: NewApp, clock: Clock) -> None:
    site = new_app(REMEMBER_COOKIE_DURATION=90 * 86_400)
    user = await logged_in(site, remember="y")
    assert "remember_token" not in user.jar
    user.jar.end_browser_session()
    clock.advance(89 * 86_400)
    assert await name_of(user) == "ann@example.com"
    assert await administer(site, "revoke_all", "uniquifier of ann") == 1
    assert await name_of(user) == "None"


async def test_a_login_is_fresh(new_app: NewApp, clock: Clock) -> None:
    user = await logged_in(new_app())
    assert (await user.visit(lambda session: session.require_fresh())).status == 200
    clock.advance(601)
    assert (await user.visit(lambda session: session.require_fresh())).status == 401
