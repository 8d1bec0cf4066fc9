"""The endpoints of devices in applications of all kinds, and what no other site learns by them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from werkzeug.exceptions import Forbidden

from samesession import ConfigError, StoreUnavailable, signals
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer
from tests.support.clock import Clock
from tests.support.device import BOUND, DeviceBrowser, owner
from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.owners, pytest.mark.stores("memory")]

REGISTER, REFRESH = "/_session/device/register", "/_session/device/refresh"
ON = {"SESSION_DEVICE_BOUND": "require"}


@pytest.fixture
def site(new_site: NewSite) -> Site:
    return new_site(**ON)


async def expect_a_life(site: Site, root: str = "") -> None:
    """Bind a session, and prove it, and end it, as a browser does."""
    browser = DeviceBrowser(site, root=root)
    await browser.log_in()
    site.clock.advance(700)
    assert (await browser.go(owner)).status == 200
    assert browser.visitor.result == "ada"
    _ = await browser.visit(lambda session: session.end())
    assert (await browser.ask()).json()["continue"] is False
    assert site.errors == []


def expect_protected(answer: Answer) -> None:
    assert answer.cache_control == "no-store"
    assert answer.all("X-Frame-Options") == ["DENY"]
    assert answer.all("Content-Security-Policy") == ["default-src 'none'; frame-ancestors 'none'"]
    assert answer.all("Cross-Origin-Resource-Policy") == ["same-origin"]
    assert answer.all("X-Content-Type-Options") == ["nosniff"]
    assert [name for name, _ in answer.headers if name.lower().startswith("access-control")] == []


async def every_answer(site: Site) -> list[Answer]:
    """Give an answer of each kind."""
    browser = DeviceBrowser(site)
    offer = await browser.visit(lambda session: session.bind("ada"))
    answers = [await browser.post(REGISTER, Secure_Session_Response="x")]
    answers += [await browser.register(offer), await browser.ask(), await browser.prove()]
    answers += [await browser.ask(Secure_Session_Response="x"), await browser.ask(sid="another")]
    answers += [await browser.post(REFRESH)]
    assert [answer.status for answer in answers] == [400, 200, 403, 200, 403, 200, 400]
    return answers


async def test_no_answer_lets_another_site_in(site: Site) -> None:
    """Whatever the application adds to each response."""

    @site.after_request
    def allow(session: Any, web: Any, response: Any) -> Any:
        response.headers["Access-Control-Allow-Origin"] = "https://attacker.example"
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["access-control-expose-headers"] = "*"
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        response.headers["Content-Security-Policy"] = "default-src *"
        response.headers["Cache-Control"] = "public, max-age=60"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    for answer in await every_answer(site):
        expect_protected(answer)
    page = await DeviceBrowser(site).visit(owner)
    assert page.all("Access-Control-Allow-Credentials") == ["true"]


async def test_no_login_or_check_of_the_applications_is_in_the_way(site: Site) -> None:
    seen: list[str] = []
    counts: list[bool] = []

    @site.before_request
    def check(session: Any, web: Any) -> Any:
        if counts:
            raise Forbidden
        return None

    @site.before_request
    def required(session: Any, web: Any) -> Any:
        return web.redirect("/login") if counts else None

    def take(endpoint: str | None, values: Any) -> None:
        if counts:
            seen.append(values.pop("lang_code") or "none")  # as Flask's documentation has it
            assert values["lang_code"] is None

    site.app.url_value_preprocessor(take)
    browser = DeviceBrowser(site)
    offer = await browser.visit(lambda session: session.bind("ada"))
    counts.append(True)
    assert (await browser.register(offer)).status == 200
    assert (await browser.ask()).status == 403
    assert (await browser.prove()).status == 200
    assert seen == ["none"] * 3
    assert site.errors == []


async def test_no_rule_for_any_path_is_in_the_way(site: Site) -> None:
    """Nor what its blueprint does before, after and at errors."""
    blueprint = site.web.Blueprint("all", __name__)
    site.view("/<path:path>", on=blueprint)(lambda session, web, path: f"page {path}")
    blueprint.before_request(site.bind(lambda session, web: "before"))
    blueprint.register_error_handler(Exception, site.bind(lambda session, web, error: "error"))
    site.app.register_blueprint(blueprint)
    site.errorhandler(Exception)(lambda session, web, error: "error")
    _ = site.visitor()
    await expect_a_life(site)


async def test_no_route_is_needed_whatever_hosts_and_subdomains_have(new_site: NewSite) -> None:
    web = new_site().web
    made = web.Flask if new_site().framework == "flask" else web.Quart
    for options in (
        {"host_matching": True, "static_host": "localhost"},
        {"subdomain_matching": True},
    ):
        app = made("matching", static_folder=None, **options)
        settings = {} if "host_matching" in options else {"SERVER_NAME": "localhost"}
        site = new_site(options={"app": app}, **ON, **settings)
        if "host_matching" in options:
            site.app.add_url_rule(
                "/visit/<int:turn>", "visit", site.bind(site._act), host="localhost"
            )
            site._actions_served = True
        await expect_a_life(site)


@pytest.mark.parametrize(
    "settings",
    [
        {"TRAP_HTTP_EXCEPTIONS": True},
        {"SESSION_EXEMPT": ["/_session"]},
        {"SESSION_DEVICE_PATH": "/a/b"},
        {"SESSION_COOKIE_NAME": "__Host-id", "SESSION_COOKIE_SECURE": True},
        {"SESSION_REFRESH_EACH_REQUEST": True, "SESSION_PERMANENT": True},
        {"MAX_CONTENT_LENGTH": 1},
    ],
    ids=lambda settings: next(iter(settings)),
)
async def test_other_settings_are_not_in_the_way(
    new_site: NewSite, settings: dict[str, Any]
) -> None:
    site = new_site(**ON, **settings)
    browser = DeviceBrowser(site)
    answer = await browser.log_in()
    (credential,) = answer.json()["credentials"]
    name = settings.get("SESSION_COOKIE_NAME", "session") + "_bound"
    assert credential["name"] == name
    (set_cookie,) = answer.set_cookies
    assert set_cookie.startswith(f"{name}=")
    assert name in browser.jar
    site.clock.advance(100)
    assert (await browser.refresh()).status == 200
    assert await browser.value(owner) == "ada"


async def test_below_another_path_all_is_below_that(new_site: NewSite) -> None:
    site = new_site(**ON)
    wsgi = site.app

    class Mounted:
        """The application as a server has it that mounts it below a path."""

        def test_client(self, **options: Any) -> Any:
            return wsgi.test_client(**options)

        def __call__(self, environ: Any, start_response: Any) -> Any:
            return wsgi({**environ, "SCRIPT_NAME": "/below it"}, start_response)

    browser = DeviceBrowser(site, root="/below%20it")
    if site.framework == "flask":
        browser.visitor.driver.app = Mounted()  # type: ignore[attr-defined]
    else:
        opened = wsgi.test_client

        def test_client(**options: Any) -> Any:
            client = opened(**options)
            open_there = client.open

            async def below(path: str, **more: Any) -> Any:
                base = {**(more.pop("scope_base") or {}), "root_path": "/below it"}
                return await open_there(f"/below it{path}", scope_base=base, **more)

            client.open = below
            return client

        site.app.test_client = test_client
    answer = await browser.log_in()
    said = answer.json()
    assert said["refresh_url"] == "/below%20it/_session/device/refresh"
    (rule,) = said["scope"]["scope_specification"]
    assert rule["path"] == "/below%20it/_session/device"
    site.clock.advance(700)
    assert (await browser.go(owner)).status == 200
    assert browser.visitor.result == "ada"


async def test_only_what_a_browser_sends_looks_a_session_up(
    new_site: NewSite, backend: Backend
) -> None:
    """A page of another site can neither set these headers, nor find out by the time it takes."""
    spy = backend.spy()
    site = new_site(options={"store": spy}, **ON)
    browser = DeviceBrowser(site)
    await browser.log_in()
    nobody = DeviceBrowser(site)
    spy.reset()
    for path, status in ((REGISTER, 400), (REFRESH, 400)):
        known, unknown = await browser.post(path), await nobody.post(path)
        assert known.status == status
        assert (known.body, known.headers) == (unknown.body, unknown.headers)
    proof = browser.device.proof("c" * 43)
    answer = await browser.post(REFRESH, Secure_Session_Response=proof)
    assert answer.status == 400
    assert spy.names == []


async def test_who_has_no_session_causes_no_signal(site: Site) -> None:
    """Or anybody could write lines into an audit."""
    heard: list[str] = []

    def note(sender: Any, *, reason: str, **_: Any) -> None:
        if sender is site.app:
            heard.append(reason)

    nobody = DeviceBrowser(site)
    with signals.session_device_refused.connected_to(note):
        for said in ("x", nobody.device.proof("c" * 43), nobody.device.proof("c" * 43, new=True)):
            assert (await nobody.post(REGISTER, Secure_Session_Response=said)).status == 400
            proving = {"Sec_Secure_Session_Id": "a", "Secure_Session_Response": said}
            assert (await nobody.post(REFRESH, **proving)).status == 200
    assert heard == []


async def test_two_round_trips_to_the_store_are_what_each_step_costs(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, **ON)
    browser = DeviceBrowser(site)
    offer = await browser.visit(lambda session: session.bind("ada"))
    for step in ("register", "ask", "prove"):
        spy.reset()
        _ = await getattr(browser, step)(*([offer] if step == "register" else []))
        assert spy.names == ["load", "commit"]
    spy.reset()
    assert await browser.value(owner) == "ada"
    assert spy.names == ["load"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_other_methods_are_left_to_the_application(site: Site, method: str) -> None:
    site.view("/_session/device/refresh", methods=["GET"])(lambda session, web: "mine")
    answer = await site.user().request(method, REFRESH, scheme="https")
    assert answer.status == (405 if method == "PUT" else 200)


async def test_what_is_written_before_the_endpoint_is_not_there(site: Site) -> None:
    answer = await site.user().post("/_session/device/other", scheme="https")
    assert answer.status == 404


@pytest.mark.parametrize("calls", ["load", "commit"])
async def test_while_the_store_is_down_a_browser_is_to_ask_again(
    new_site: NewSite, backend: Backend, calls: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, **ON)
    browser = DeviceBrowser(site)
    await browser.log_in()
    await browser.ask()
    spy.fail(calls, StoreUnavailable("down"))
    assert (await browser.prove(browser.challenge)).status == 503
    assert (await browser.ask()).status == 503
    spy.mend()
    assert (await browser.prove()).status == 200
    assert site.errors == []


async def test_an_application_without_the_setting_has_no_endpoints(new_site: NewSite) -> None:
    site = new_site()
    for path in (REGISTER, REFRESH):
        answer = await site.user().post(
            path, headers={"Sec-Secure-Session-Id": "a"}, scheme="https"
        )
        assert answer.status == 404


async def test_the_setting_needs_its_package(
    framework: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ConfigError, match=r"pip install 'samesession\[device\]'"):
        Site(framework, {"SESSION_TYPE": "memory", **ON}, clock=Clock())
    _ = Site(framework, {"SESSION_TYPE": "memory"}, clock=Clock())


async def test_a_test_that_logs_in_over_http_sees_nothing_of_it(site: Site) -> None:
    visitor = site.visitor()
    answer = await visitor.visit(lambda session: session.bind("ada"))
    assert answer.header("Secure-Session-Registration") is None
    assert await visitor.value(owner) == "ada"
    assert BOUND not in visitor.jar
