"""Paths that need no session: static files, SESSION_EXEMPT."""

from __future__ import annotations

import functools
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import BaseConverter

from samesession import ReadOnlySession
from samesession.core.request_state import Mode, state_of
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site
from tests.support.spy import SpyStore

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "filesystem", "redis")]


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "style.css").write_text("body {}")
    return folder


def _site_with_files(
    new_site: NewSite, backend: Backend, static: Path, **settings: Any
) -> tuple[Site, SpyStore]:
    spy = backend.spy()
    site = new_site(options={"store": spy}, **settings)
    shop = site.web.Blueprint(
        "shop", "shop", url_prefix="/shop", static_folder=str(static), static_url_path="/files"
    )
    site.app.register_blueprint(shop)
    site.app.static_folder = str(static)
    endpoint = site.app.send_static_file
    if site.framework == "quart":

        async def serve(filename: str) -> Any:
            return await endpoint(filename)
    else:

        def serve(filename: str) -> Any:  # type: ignore[misc]
            return endpoint(filename)

    site.app.add_url_rule("/assets/<path:filename>", "static", serve)
    return site, spy


async def test_static_files_cost_nothing(new_site: NewSite, backend: Backend, static: Path) -> None:
    site, spy = _site_with_files(new_site, backend, static)
    user = site.visitor()
    await user.put_permanent(a=1)
    spy.reset()
    for path in ("/assets/style.css", "/shop/files/style.css"):
        answer = await user.driver.get(path)
        assert (answer.status, answer.text) == (200, "body {}")
        assert (answer.set_cookies, answer.vary) == ([], None)
    assert spy.calls == []


async def test_static_files_may_have_a_session(
    new_site: NewSite, backend: Backend, static: Path
) -> None:
    site, spy = _site_with_files(new_site, backend, static, SESSION_EXEMPT_STATIC=False)
    user = site.visitor()
    await user.put_permanent(a=1)
    spy.reset()
    answer = await user.driver.get("/assets/style.css")
    assert len(answer.set_cookies) == 1
    assert answer.cache_control is not None
    assert "private" in answer.cache_control
    assert spy.names == ["load"]


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if "exempt from sessions" in line]


FORMS: dict[str, Any] = {
    "prefixes": ["/health"],
    "predicate": lambda request: request.path == "/health",
    "endpoint": ["/else", "health"],
    "view": (),
    "blueprint": (),
    "nested": (),
}


@pytest.mark.parametrize("form", FORMS)
async def test_writing_on_an_exempt_path_is_refused(
    new_site: NewSite, backend: Backend, form: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_EXEMPT=FORMS[form])

    def health(session: Any, web: Any) -> str:
        assert dict(session) == {}
        session["a"] = 2
        return "unreached"

    _serve(site, form, site.bind(health))
    user = site.visitor()
    await user.put(a=1)
    spy.reset()
    assert (await user.driver.get("/health")).status == 500
    error = site.errors[-1]
    assert isinstance(error, ReadOnlySession)
    assert "SESSION_EXEMPT" in str(error)
    assert spy.calls == []
    assert await user.value(dict) == {"a": 1}


def _serve(site: Site, form: str, view: Any) -> None:
    """Serve /health by a view that is exempt by its own mark, its blueprint's, or a setting."""
    mark = import_module(f"samesession.{site.framework}").no_session
    if form not in ("blueprint", "nested"):
        site.app.add_url_rule("/health", "health", mark(view) if form == "view" else view)
        return
    outer, inner = site.web.Blueprint("outer", "o"), site.web.Blueprint("inner", "i")
    inner.add_url_rule("/health", "health", view)
    if form == "nested":
        outer.register_blueprint(inner)
    site.app.register_blueprint(mark(outer) if form == "nested" else mark(inner))


async def test_reading_on_an_exempt_path_is_empty_and_warned_of_once(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(SESSION_EXEMPT=("/health",))
    site.view("/health")(lambda session, _: str(dict(session)))
    user = site.visitor()
    await user.put(a=1)
    for _ in range(3):
        assert (await user.driver.get("/health")).text == "{}"
    assert len(_warnings(caplog)) == 1


async def test_a_hook_that_makes_every_session_permanent_harms_no_static_file(
    new_site: NewSite, backend: Backend, static: Path
) -> None:
    site, spy = _site_with_files(new_site, backend, static)
    site.before_request(lambda session, _: setattr(session, "permanent", True))
    user = site.visitor()
    await user.put(a=1)
    spy.reset()
    answer = await user.driver.get("/assets/style.css")
    assert (answer.status, answer.set_cookies, spy.calls) == (200, [], [])
    assert await user.value(lambda session: session.permanent) is True


async def test_a_hook_that_writes_harms_no_static_file(
    new_site: NewSite, backend: Backend, static: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site, spy = _site_with_files(new_site, backend, static)
    seen: list[dict[str, Any]] = []

    @site.before_request
    def last_seen(session: Any, web: Any) -> None:
        if web.request.endpoint != "visit":
            session["visits"] = session.get("visits", 0) + 1
            session.setdefault("pages", []).append(web.request.path)
            session.permanent = True
            seen.append(dict(session))

    user = site.visitor()
    await user.put(a=1)
    spy.reset()
    for path in ("/assets/style.css", "/assets/style.css", "/shop/files/style.css"):
        answer = await user.driver.get(path)
        assert (answer.status, answer.text) == (200, "body {}")
        assert (answer.set_cookies, answer.vary) == ([], None)
        expected = {"visits": 1, "pages": [path], "_permanent": True}
        assert seen.pop() == expected  # a write is seen until the request ends
    assert spy.calls == []
    (warning,) = _warnings(caplog)
    assert "'static'" in warning
    assert "SESSION_EXEMPT_STATIC = False" in warning
    assert await user.value(dict) == {"a": 1}


@pytest.mark.parametrize(
    "do",
    [
        lambda session: session.clear(),
        lambda session: session.regenerate(),
        lambda session: session.update_atomically(lambda data: data.update(b=1)),
        lambda session: session.pop("b", None),
    ],
    ids=["clear", "regenerate", "update_atomically", "pop"],
)
async def test_what_a_hook_does_on_a_static_file_ends_no_session(
    new_site: NewSite, backend: Backend, static: Path, do: Any
) -> None:
    site, spy = _site_with_files(new_site, backend, static)
    site.before_request(
        lambda session, web: None if web.request.endpoint == "visit" else do(session)
    )
    user = site.visitor()
    await user.put(a=1)
    spy.reset()
    answer = await user.driver.get("/assets/style.css")
    assert (answer.status, answer.set_cookies, spy.calls) == (200, [], [])
    assert await user.value(dict) == {"a": 1}


async def test_a_login_on_a_static_file_is_an_error(
    new_site: NewSite, backend: Backend, static: Path
) -> None:
    site, spy = _site_with_files(new_site, backend, static)
    site.before_request(lambda session, _: session.bind("ann"))
    answer = await site.user().get("/assets/style.css")
    assert (answer.status, spy.calls) == (500, [])
    assert isinstance(site.errors[-1], ReadOnlySession)
    assert "SESSION_EXEMPT_STATIC = False" in str(site.errors[-1])


# --- what routing calls static ----------------------------------------------------------


LAYOUTS: dict[str, dict[str, Any]] = {
    "usual": {},
    "at the root": {"static_url_path": ""},
    "at the root, with a slash": {"static_url_path": "/"},
    "on a host": {"host_matching": True, "static_host": "files.localhost"},
    "on subdomains": {"subdomain_matching": True, "SERVER_NAME": "localhost"},
    "mounted": {"APPLICATION_ROOT": "/app"},
}
PLACES = (
    "/style.css",
    "/static/style.css",
    "/static/missing",
    "/static",
    "/static/",
    "/static//style.css",
    "/about",
    "/about/",
    "/missing",
    "/tenant-x/cart",
    "/tenant-x/static/style.css",
    "/shop/tenant/login",
    "/shop/tenant/files/style.css",
    "/shop/tenant/files",
    "/shop/tenant",
    "/own/style.css",
    "/own/page",
    "/pages/index",
    "/moved/style.css",
    "/strict",
    "/strict/",
)


HOSTS = ("localhost", "files.localhost")


def _pages(site: Site, static: Path) -> None:
    """Have pages beside, above and below static files, in any way that there is."""
    app = site.app
    anywhere = {"host": "<host>"} if app.url_map.host_matching else {}

    def page(session: Any, web: Any, **_: Any) -> str:
        return str(session.get("a"))

    view = site.bind(page)
    for path in ("/about", "/tenant-<tenant>/cart", "/strict/"):
        app.add_url_rule(path, path, view, methods=["GET", "POST"], **anywhere)
    app.add_url_rule("/put", "put", site.bind(lambda session, _, **__: put(session)), **anywhere)
    shop = site.web.Blueprint(
        "shop", "s", url_prefix="/shop/<tenant>", static_folder=str(static), static_url_path="files"
    )

    shop.url_value_preprocessor(lambda _, values: values and values.pop("tenant", None))
    shop.add_url_rule("/login", "login", view, methods=["GET", "POST"], **anywhere)
    own = site.web.Blueprint(
        "own", "o", url_prefix="/own", static_folder=str(static), static_url_path="/"
    )
    own.add_url_rule("/page", "page", view, **anywhere)
    pages = site.web.Blueprint("static", "p", url_prefix="/pages")
    pages.add_url_rule("/index", "index", view, **anywhere)
    lone = site.web.Blueprint(
        "lone", "l", subdomain="files", static_folder=str(static), static_url_path="/own"
    )
    for each in (shop, own, pages):
        app.register_blueprint(each)
    if app.subdomain_matching:
        app.register_blueprint(lone)


def put(session: Any) -> str:
    session["a"] = 1
    return "put"


def _mount(site: Site, root: str) -> None:
    """Have the application below a path, as a dispatching server has it."""
    if site.framework == "flask":
        site.app.wsgi_app = DispatcherMiddleware(NotFound(), {root: site.app.wsgi_app})
        return
    inner = site.app.asgi_app

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "root_path": root}, receive, send)

    site.app.asgi_app = mounted


def _watched(site: Site) -> list[tuple[str | None, bool]]:
    """Note of each request which endpoint it comes to, and whether it has a session."""
    seen: list[tuple[str | None, bool]] = []

    @site.after_request
    def note(session: Any, web: Any, response: Any) -> Any:
        has_session = state_of(session._get_current_object()).mode is Mode.LIVE
        seen.append((web.request.endpoint, has_session))
        return response

    return seen


@pytest.mark.stores("memory")
@pytest.mark.parametrize("layout", LAYOUTS)
async def test_what_routing_calls_static_has_no_session_and_all_else_has(
    new_site: NewSite, framework: str, static: Path, layout: str
) -> None:
    options = dict(LAYOUTS[layout])
    settings = {name: options.pop(name) for name in list(options) if name.isupper()}
    kind = getattr(import_module(framework), framework.capitalize())
    app = kind("laid_out", static_folder=str(static), **options)
    site = new_site(options={"app": app}, **settings)
    _pages(site, static)
    root = settings.get("APPLICATION_ROOT", "")
    if root:
        _mount(site, root)
    seen = _watched(site)
    user = site.user()
    static_files = 0
    assert (await user.get(f"{root}/put")).text == "put"
    for host in HOSTS:
        for path in PLACES:
            for method in ("GET", "HEAD", "OPTIONS", "POST"):
                seen.clear()
                answer = await user.request(method, root + path, headers={"Host": host})
                ((endpoint, has_session),) = seen
                is_static = endpoint is not None and endpoint in STATIC
                assert has_session is not is_static, (host, method, path, endpoint)
                if is_static:
                    static_files += 1
                    assert (answer.set_cookies, answer.vary) == ([], None)
                elif answer.status == 200 and method == "GET":
                    assert answer.text == "1", path
    assert static_files >= 6
    assert site.errors == []


STATIC = ("static", "shop.static", "own.static", "lone.static")


async def test_a_converter_has_the_session_and_static_files_do_not_wait_for_it(
    new_site: NewSite, backend: Backend, static: Path
) -> None:
    """A converter is run once routing has begun, on what it is there for."""
    site, spy = _site_with_files(new_site, backend, static)
    converted: list[Any] = []

    class Mine(BaseConverter):
        regex = ".+"
        part_isolating = False
        weight = 300

        def to_python(self, value: str) -> str:
            converted.append(site.session.get("a"))
            return value

    site.app.url_map.converters["mine"] = Mine
    site.app.add_url_rule(
        "/assets/<mine:name>", "mine", site.bind(lambda session, _, name: str(session["a"]))
    )
    tenant = site.web.Blueprint(
        "tenant", "t", url_prefix="/t/<mine:tenant>", static_folder=str(static)
    )
    tenant.url_value_preprocessor(lambda _, values: values and values.pop("tenant", None))
    site.app.register_blueprint(tenant)
    user = site.visitor()
    await user.put(a=1)
    spy.reset()
    assert (await user.driver.get("/assets/style.css")).text == "body {}"
    assert (converted, spy.calls) == ([], [])
    assert (await user.driver.post("/assets/style.css")).status == 405
    assert (await user.driver.get("/t/x/static/style.css")).text == "body {}"
    assert converted == [1]


async def test_rules_may_be_added_until_the_last_moment_and_after_it(
    new_site: NewSite, backend: Backend, static: Path
) -> None:
    site, spy = _site_with_files(new_site, backend, static)
    mark = import_module(f"samesession.{site.framework}").no_session
    user = site.visitor()
    await user.put(a=1)  # the first request
    site.app._got_first_request = False
    late = site.web.Blueprint("late", "late", url_prefix="/late", static_folder=str(static))
    site.app.register_blueprint(late)
    site.view("/assets/page")(lambda session, _: str(session["a"]))
    site.app.add_url_rule("/lone", "lone", mark(site.bind(lambda session, _: str(dict(session)))))
    spy.reset()
    assert (await user.driver.get("/late/static/style.css")).text == "body {}"
    assert (await user.driver.get("/lone")).text == "{}"
    assert spy.calls == []
    assert (await user.driver.get("/assets/page")).text == "1"


async def test_only_the_endpoint_that_is_exempt_is(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    """Not another rule of the same path, of another method, or a blueprint beside it."""
    site = new_site(SESSION_EXEMPT=["poll", "missing", "shop"])
    mark = import_module(f"samesession.{site.framework}").no_session

    views = import_module(f"{site.framework}.views")

    class Ping(views.View):  # type: ignore[misc, name-defined]  # of either framework
        def dispatch_request(self) -> str:
            return str(dict(site.session))

    view = site.bind(lambda session, _, **__: str(dict(session)))
    site.app.add_url_rule("/poll/<name>", "poll", view)
    site.app.add_url_rule("/poll/<name>", "write", view, methods=["POST"])
    site.app.add_url_rule("/poll/all", "all", view)
    site.app.add_url_rule("/ping", view_func=mark(Ping).as_view("ping"))
    shop = site.web.Blueprint("shop", "shop", url_prefix="/shop")
    shop.add_url_rule("/health", "poll", view)
    site.app.register_blueprint(shop)
    site.app.add_url_rule("/", "index", mark(site.bind(lambda session, _: str(dict(session)))))
    user = site.visitor()
    await user.put(a=1)
    for path in ("/poll/x", "/ping", "/"):
        assert (await user.driver.get(path)).text == "{}", path
    for path in ("/poll/all", "/shop/health"):
        assert (await user.driver.get(path)).text == "{'a': 1}", path
    assert (await user.driver.post("/poll/x")).text == "{'a': 1}"
    errors = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert len(errors) == 2
    assert all(name in error for name, error in zip(("'missing'", "'shop'"), errors, strict=True))


async def test_a_decorator_above_the_mark_keeps_it(new_site: NewSite) -> None:
    site = new_site()
    mark = import_module(f"samesession.{site.framework}").no_session
    view = mark(site.bind(lambda session, _: str(dict(session))))
    if site.framework == "flask":

        @functools.wraps(view)
        def decorated() -> Any:
            return view()
    else:

        @functools.wraps(view)
        async def decorated() -> Any:
            return await view()

    site.app.add_url_rule("/decorated", "decorated", decorated)
    user = site.visitor()
    await user.put(a=1)
    assert (await user.driver.get("/decorated")).text == "{}"


async def test_a_page_that_routing_calls_static_can_have_its_session_back(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    for exempt, text in ((True, "{'b': 2}"), (False, "{'a': 1, 'b': 2}")):
        caplog.clear()
        site = new_site(SESSION_EXEMPT_STATIC=exempt)
        my = site.web.Blueprint("my", "my")
        my.add_url_rule("/my", "static", site.bind(_written))
        site.app.register_blueprint(my)
        user = site.visitor()
        await user.put(a=1)
        assert (await user.driver.get("/my")).text == text
        assert len(_warnings(caplog)) == exempt


def _written(session: Any, web: Any) -> str:
    session["b"] = 2
    return str(dict(session))


async def test_what_the_application_exempts_itself_is_not_static(
    new_site: NewSite, backend: Backend, static: Path
) -> None:
    site, _ = _site_with_files(new_site, backend, static, SESSION_EXEMPT=["static", "/shop/files"])
    site.before_request(lambda session, _: session.update(a=1))
    for path in ("/assets/style.css", "/shop/files/style.css"):
        assert (await site.user().get(path)).status == 500
        assert isinstance(site.errors.pop(), ReadOnlySession)


@pytest.mark.needs("quart")
async def test_a_websocket_may_be_exempt(site: Site) -> None:
    mark = import_module("samesession.quart").no_session

    async def socket() -> None:
        await site.web.websocket.send(str(dict(site.session)))

    site.app.add_websocket("/marked", "marked", mark(functools.partial(socket)))
    site.app.add_websocket("/other", "other", socket)
    user = site.visitor()
    await user.put(a=1)
    driver: Any = user.driver
    for path, text in (("/marked", "{}"), ("/other", "{'a': 1}")):
        async with driver.websocket(path) as connection:
            assert await connection.receive() == text
