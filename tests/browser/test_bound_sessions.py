"""Sessions that are bound to a device, in a real Chromium over https."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from examples.devices.https import Certificate, flags
from examples.devices.one_chunk import with_a_chunk
from samesession.core.steps import Steps, wait
from tests.support.clock import Clock
from tests.support.hypercorn import served
from tests.support.site import Site
from tests.support.tls import Certificates

from .bound import HOST, Visit, pinned
from .conftest import launch_options

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

pytestmark = pytest.mark.browser

FRESHNESS = 600
SETTINGS = {
    "SESSION_TYPE": "memory",
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_DEVICE_BOUND": "require",
    "SESSION_DEVICE_FRESHNESS": FRESHNESS,
}
# Another site, of the same server.
ELSEWHERE = f"--host-resolver-rules=MAP elsewhere.test {HOST}"
PLAIN = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def pin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Certificates, Certificate]:
    return pinned(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def binding(playwright: Playwright, pin: tuple[Certificates, Certificate]) -> Iterator[Browser]:
    """Start a Chromium that binds sessions."""
    browser = playwright.chromium.launch(**launch_options(*flags(pin[1].pin), ELSEWHERE))
    yield browser
    browser.close()


@pytest.fixture
def serve(
    framework: str, clock: Clock, pin: tuple[Certificates, Certificate]
) -> Iterator[Callable[..., str]]:
    """Serve an application whose sessions are bound, and return its URL."""
    with ExitStack() as stack:

        def start(**settings: Any) -> str:
            site = Site(framework, {**SETTINGS, **settings}, clock=clock)
            add_views(site)
            if framework == "quart":
                return stack.enter_context(served(site.app, certificates=pin[0]))
            app = with_a_chunk(site.app)
            return stack.enter_context(served(app, "wsgi", certificates=pin[0]))

        yield start


def add_views(site: Site) -> None:
    @site.view("/login")
    def login(session: Any, web: Any) -> Any:
        session.bind("Ada")
        session.permanent = True  # it outlives the browser's window
        return "logged in", PLAIN

    @site.view("/who")
    def who(session: Any, web: Any) -> Any:
        owner, bound = session.info.owner, session.info.device_bound
        return f"{owner or 'nobody'}{' on this device' if bound else ''}", PLAIN

    @site.view("/logout")
    def logout(session: Any, web: Any) -> Any:
        session.end()
        return "logged out", PLAIN

    @site.view("/form")
    def form(session: Any, web: Any) -> Any:
        return "<form method=post action=/pay><input name=sum value=5><button>Pay</button></form>"

    def pay(session: Any, web: Any) -> Steps[Any]:
        sent = yield from wait(web.request.form)
        return f"paid {sent.get('sum', 'nothing')}", PLAIN

    ours = import_module(f"samesession.{site.framework}")
    proved_now = ours.device_bound_now(site.bind(pay))
    site.app.add_url_rule("/pay", "pay", proved_now, methods=["GET", "POST"])

    @site.view("/links")
    def links(session: Any, web: Any) -> Any:
        # Another host's page; it is the same server, by a name that the browser is told.
        port = web.request.host.rpartition(":")[2]
        paths = ("/who?a=1", "/pay")
        return "".join(f'<p><a href="https://{HOST}:{port}{path}">{path}</a>' for path in paths)

    @site.view("/revoke/<sid>")
    def revoke(session: Any, web: Any, sid: str) -> Steps[Any]:
        done = yield from wait(ours.revoke(sid))
        return f"revoked {done}", PLAIN


@pytest.fixture
def visit(binding: Browser) -> Iterator[Callable[[str], Visit]]:
    """Open a browser that was never here, each time another one."""
    with ExitStack() as stack:

        def open_(url: str) -> Visit:
            return Visit(stack.enter_context(binding.new_context()), url)

        yield open_


def test_a_copied_cookie_jar_is_refused_at_the_end_of_its_freshness(
    serve: Callable[..., str], visit: Callable[[str], Visit], clock: Clock
) -> None:
    url = serve()
    own, thief = visit(url), visit(url)
    own.log_in()
    assert own.go("/who") == "Ada on this device"
    thief.context.add_cookies(own.context.cookies())  # type: ignore[arg-type]  # one is what the other takes
    assert thief.go("/who") == "Ada on this device"  # until the last proof is old
    clock.now += FRESHNESS + 1
    own.forget_bound_cookie()
    assert own.go("/who") == "Ada on this device"
    assert own.watch.refreshes == ["Success"]
    assert thief.go("/who") == "nobody"
    assert thief.go("/who") == "nobody"
    assert own.go("/who") == "Ada on this device"
    assert own.watch.refreshes == ["Success"]
    assert own.watch.endings == []
    assert thief.watch.events == []


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"SESSION_COOKIE_NAME": "__Host-session"},
        {"SESSION_COOKIE_NAME": "__Secure-session", "SESSION_COOKIE_SAMESITE": "Strict"},
        {"SESSION_COOKIE_SAMESITE": None},
        {"SESSION_COOKIE_SAMESITE": "None"},
        {"SESSION_COOKIE_HTTPONLY": False},
    ],
    ids=str,
)
def test_the_browser_knows_the_bound_cookie_as_it_is_described(
    serve: Callable[..., str], visit: Callable[[str], Visit], settings: dict[str, Any]
) -> None:
    own = visit(serve(**settings))
    own.log_in()
    session, bound = own.named("session"), own.named("bound")
    assert bound["name"] == f"{session['name']}_bound"
    assert bound["secure"]
    assert bound["httpOnly"]
    for same in ("domain", "path", "sameSite"):
        assert bound[same] == session[same]
    # One that it did not know would be refreshed before each request.
    for _ in range(2):
        assert own.go("/who") == "Ada on this device"
    assert own.watch.refreshes == []
    own.forget_bound_cookie()
    assert own.go("/who") == "Ada on this device"
    assert own.go("/who") == "Ada on this device"
    assert own.watch.refreshes == ["Success"]


def test_requests_at_once_share_a_refresh_and_none_is_refused(
    serve: Callable[..., str], visit: Callable[[str], Visit], clock: Clock
) -> None:
    own = visit(serve())
    own.log_in()
    second = Visit(own.context, own.url)
    second.go("/who")
    clock.now += FRESHNESS + 1
    own.forget_bound_cookie()
    ask = "() => Promise.all([...'12345'].map(n => fetch('/who?' + n).then(a => a.text())))"
    # Begun on both pages before either is waited for.
    for each in (own, second):
        each.page.evaluate(f"() => {{ window.asked = ({ask})() }}")
    for each in (own, second):
        assert each.page.evaluate("() => window.asked") == ["Ada on this device"] * 5
    assert set(own.watch.refreshes + second.watch.refreshes) == {"Success"}
    assert own.watch.endings == []


def test_the_session_and_its_key_outlive_a_restart_of_the_browser(
    serve: Callable[..., str],
    playwright: Playwright,
    pin: tuple[Certificates, Certificate],
    clock: Clock,
    tmp_path: Path,
) -> None:
    url = serve()

    @contextmanager
    def started() -> Iterator[Visit]:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", **launch_options(*flags(pin[1].pin))
        )
        with context:
            yield Visit(context, url)

    with started() as own:
        sid = own.log_in()
    clock.now += FRESHNESS + 1
    with started() as own:
        own.forget_bound_cookie()
        assert own.go("/who") == "Ada on this device"
        assert own.watch.known == [sid]
        assert own.watch.refreshes == ["Success"]


def test_a_logout_ends_the_session_in_the_browser(
    serve: Callable[..., str], visit: Callable[[str], Visit]
) -> None:
    own = visit(serve())
    own.log_in()
    assert own.go("/logout") == "logged out"
    assert own.cookies() == {}
    assert own.go("/who") == "nobody"
    own.watch.wait_until(lambda: own.watch.endings, "ending")
    assert own.watch.endings == ["ServerRequested"]
    seen = len(own.watch.events)
    assert own.go("/who") == "nobody"
    assert len(own.watch.events) == seen  # the browser asks no more


def test_a_second_login_is_bound_anew(
    serve: Callable[..., str], visit: Callable[[str], Visit], clock: Clock
) -> None:
    own = visit(serve())
    first = own.log_in()
    own.go("/logout")
    own.watch.events.clear()
    second = own.log_in()
    assert second != first
    clock.now += FRESHNESS + 1
    own.forget_bound_cookie()
    assert own.go("/who") == "Ada on this device"
    # The browser had the first one still, if nothing was asked for between.
    assert set(own.watch.endings) <= {"ServerRequested"}


def test_a_browser_without_it_goes_on(
    serve: Callable[..., str], chromium: Browser, clock: Clock
) -> None:
    with chromium.new_context(ignore_https_errors=True) as context:
        own = Visit(context, serve())
        assert own.go("/login") == "logged in"
        for _ in range(2):
            assert own.go("/who") == "Ada"
            clock.now += FRESHNESS + 1
        assert own.watch.events == []


def test_a_revoked_session_ends_in_the_browser(
    serve: Callable[..., str], visit: Callable[[str], Visit], clock: Clock
) -> None:
    own, admin = visit(serve()), None
    sid = own.log_in()
    admin = visit(own.url)
    assert admin.go(f"/revoke/{sid}") == "revoked True"
    own.forget_bound_cookie()
    assert own.go("/who") == "nobody"
    assert own.watch.refreshes == ["ServerRequestedTermination"]
    assert own.watch.endings == ["ServerRequested"]


def test_a_view_that_wants_a_proof_at_once_gets_one(
    serve: Callable[..., str], visit: Callable[[str], Visit], clock: Clock
) -> None:
    own, thief = visit(serve()), visit("")
    thief.url = own.url
    own.log_in()
    thief.context.add_cookies(own.context.cookies())  # type: ignore[arg-type]
    clock.now += 60
    assert own.go("/pay") == "paid nothing"
    assert own.watch.refreshes == ["Success"]
    assert own.go("/pay") == "paid nothing"  # it was proved a moment ago
    assert own.watch.refreshes == ["Success"]
    clock.now += 60
    own.go("/form")
    own.page.get_by_role("button").click()
    own.page.wait_for_url("**/pay")
    assert own.page.locator("body").inner_text() == "paid 5"  # what was sent is sent again
    assert own.watch.refreshes == ["Success"] * 2
    clock.now += 60
    assert thief.go("/who") == "Ada on this device"  # the last proof is not old
    answer = thief.page.goto(f"{own.url}/pay")
    assert answer is not None
    assert answer.status == 403
    assert thief.go("/pay") != "paid nothing"


def test_a_link_on_another_sites_page_leads_there_with_a_proof(
    serve: Callable[..., str], visit: Callable[[str], Visit], clock: Clock
) -> None:
    own = visit(serve())
    own.log_in()
    elsewhere = own.url.replace(HOST, "elsewhere.test")
    for path, said in (("/who?a=1", "Ada on this device"), ("/pay", "paid nothing")):
        clock.now += FRESHNESS + 1
        own.forget_bound_cookie()
        own.watch.events.clear()
        own.page.goto(f"{elsewhere}/links")
        own.page.get_by_role("link", name=path).click()
        own.page.get_by_text(said, exact=True).wait_for()
        assert own.page.url == f"{own.url}{path}"
        assert own.watch.refreshes == ["Success"]
        own.page.go_back()  # the page between is not in the way
        assert own.page.url == f"{elsewhere}/links"
    # Nor is the bound cookie that was proved a while ago enough for a view that wants one now.
    clock.now += 60
    own.page.get_by_role("link", name="/pay").click()
    own.page.get_by_text("paid nothing", exact=True).wait_for()
