"""SESSION_HEADER: clients without cookies; neither kind of token is read in the other's place."""

from __future__ import annotations

from typing import Any

import pytest

from samesession import ConfigError
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer
from tests.support.clock import Clock
from tests.support.site import SECRET_KEY, Site, Visitor

pytestmark = pytest.mark.asyncio

HEADER = "X-Session-Token"


@pytest.fixture
def site(new_site: NewSite) -> Site:
    return new_site(SESSION_HEADER=HEADER)


class App(Visitor):
    """A client that keeps the token, and has no cookies."""

    def __init__(self, site: Site) -> None:
        _ = site.visitor()  # which has the site serve what visitors do
        super().__init__(site)
        self.token = ""

    async def ask(self, func: Any, **sent: str) -> Answer:
        """Have `func(session)` run in a view, and do as the answer's header says."""
        answer = await self.visit(func, headers={HEADER: self.token, **sent})
        assert answer.status == 200, answer.text
        assert answer.set_cookies == []
        self.token = (answer.all(HEADER) or [self.token])[0]
        return answer

    async def knows(self) -> dict[str, Any]:
        await self.ask(dict)
        found: dict[str, Any] = self.result
        return found


async def test_a_client_without_cookies_keeps_a_session(site: Site) -> None:
    app = App(site)
    answer = await app.ask(lambda session: session.update(a=1))
    assert len(answer.all(HEADER)) == 1
    assert answer.cache_control == "no-store"
    assert await app.knows() == {"a": 1}


async def test_only_a_token_that_is_another_one_is_sent(site: Site) -> None:
    app = App(site)
    await app.ask(lambda session: session.update(a=1, _permanent=True))
    began = app.token
    answer = await app.ask(lambda session: session.update(a=2))
    assert (answer.all(HEADER), answer.cache_control) == ([], None)
    await app.ask(lambda session: session.regenerate())
    assert app.token != began
    assert (await app.knows())["a"] == 2
    app.token = began  # whose secret was replaced
    assert await app.knows() == {}


async def test_nothing_begins_without_a_write(site: Site, backend: Backend) -> None:
    app = App(site)
    for token in ("", "forged", "a" * 5000, "é", ","):
        app.token = token
        answer = await app.ask(lambda session: session.get("a"))
        assert (answer.all(HEADER), answer.vary) == ([], f"Cookie, {HEADER}")
    assert backend.records() == {}


@pytest.mark.parametrize("end", ["clear", "end"])
async def test_a_session_that_ends_is_answered_by_an_empty_header(site: Site, end: str) -> None:
    app = App(site)
    await app.ask(lambda session: session.update(a=1))
    began = app.token
    answer = await app.ask(lambda session: getattr(session, end)())
    assert (answer.all(HEADER), answer.cache_control) == ([""], "no-store")
    app.token = began
    assert await app.knows() == {}


async def test_a_cookie_is_neither_read_nor_sent_beside_the_header(site: Site) -> None:
    browser = App(site)
    await browser.put(by="cookie")
    assert "session" in browser.jar
    browser.token = ""
    await browser.ask(lambda session: session.update(by="header", had=dict(session)))
    assert await browser.knows() == {"by": "header", "had": {}}
    assert await browser.value(dict) == {"by": "cookie"}


async def test_neither_token_is_read_in_the_others_place(site: Site) -> None:
    client = App(site)
    await client.put(by="cookie")
    cookie = client.jar["session"]
    await client.ask(lambda session: session.update(by="header"))
    token = client.token
    client.token = cookie
    assert await client.knows() == {}
    client.jar["session"] = token
    assert await client.value(dict) == {}


@pytest.mark.parametrize("place", ["url", "form", "another header", "two headers"])
async def test_a_token_counts_in_the_header_alone(site: Site, place: str) -> None:
    site.view("/seen")(lambda session, _: dict(session))
    client = App(site)
    await client.ask(lambda session: session.update(a=1))
    token = client.token
    assert (await client.driver.get("/seen", headers={HEADER: token})).json() == {"a": 1}
    options: dict[str, Any] = {
        "url": {},
        "form": {"form": {HEADER: token}},
        "another header": {"headers": {"Authorization": f"Bearer {token}"}},
        "two headers": {"headers": {HEADER: f"{token},{token}"}},
    }[place]
    query = f"?{HEADER}={token}" if place == "url" else ""
    answer = await client.driver.post(f"/seen{query}", **options)
    assert answer.json() == {}


async def test_a_request_without_the_header_is_answered_as_ever(site: Site) -> None:
    browser = site.visitor()
    answer = await browser.put(a=1)
    assert (answer.all(HEADER), len(answer.set_cookies)) == ([], 1)
    assert answer.vary == f"Cookie, {HEADER}"
    assert await browser.value(dict) == {"a": 1}


async def test_what_the_application_said_of_caches_gives_way(site: Site) -> None:
    app = App(site)

    def act(session: Any, web: Any) -> Any:
        session["a"] = 1
        said = {"Cache-Control": "public, max-age=60", "CDN-Cache-Control": "max-age=60"}
        return "page", 200, {**said, "Vary": "accept, x-session-token"}

    answer = await app.respond(act, headers={HEADER: ""})
    assert (answer.cache_control, answer.all("CDN-Cache-Control")) == ("no-store", [])
    assert answer.vary == "accept, x-session-token, Cookie"


async def test_a_response_that_is_returned_twice_carries_no_token_to_another(site: Site) -> None:
    kept: list[Any] = []

    def act(session: Any, web: Any) -> Any:
        if not kept:
            session["a"] = 1
            kept.append(web.Response("page"))
        return kept[0]

    first = await App(site).respond(act, headers={HEADER: ""})
    second = await App(site).respond(act, headers={HEADER: ""})
    assert len(first.all(HEADER)) == 1
    assert second.all(HEADER) == []


@pytest.mark.owners
async def test_a_login_and_a_revocation_count(site: Site) -> None:
    app = App(site)
    await app.ask(lambda session: session.update(a=1))
    await app.ask(lambda session: session.bind("ada"))
    assert await app.knows() == {"a": 1}
    actions: Any = __import__(f"samesession.{site.framework}", fromlist=["revoke_all"])
    answer = await site.visitor().respond(lambda *_: _revoked(actions, site.framework))
    assert answer.text == "1"
    assert await app.knows() == {}


def _revoked(actions: Any, framework: str) -> Any:
    if framework == "flask":
        return str(actions.revoke_all("ada"))

    async def revoked() -> str:
        return str(await actions.revoke_all("ada"))

    return revoked()


@pytest.mark.stores("memory")
async def test_a_newer_key_signs_the_token_anew(framework: str) -> None:
    clock, newer = Clock(), "a newer key of the tests, long enough as well"
    site = Site(framework, {"SESSION_TYPE": "memory", "SESSION_HEADER": HEADER}, clock=clock)
    app = App(site)
    await app.ask(lambda session: session.update(a=1))
    began = app.token
    site.app.config.update(SECRET_KEY=newer, SECRET_KEY_FALLBACKS=[SECRET_KEY])
    assert await app.knows() == {"a": 1}
    assert app.token != began
    site.app.config.update(SECRET_KEY_FALLBACKS=[])
    assert await app.knows() == {"a": 1}


@pytest.mark.stores("memory")
@pytest.mark.parametrize("name", ["", "X Session", "Cookie", "authorization", "x_token", 1, "a:b"])
async def test_what_is_no_header_is_refused(framework: str, name: object) -> None:
    settings = {"SESSION_TYPE": "memory", "SESSION_HEADER": name}
    with pytest.raises(ConfigError, match=r"SESSION_HEADER must be .* such as"):
        Site(framework, settings, clock=Clock())


@pytest.mark.stores("cookie")
async def test_a_session_that_is_the_cookie_has_no_header(framework: str) -> None:
    with pytest.raises(ConfigError, match="SESSION_HEADER has no effect with SESSION_TYPE"):
        Site(framework, {"SESSION_TYPE": "cookie", "SESSION_HEADER": HEADER}, clock=Clock())


@pytest.mark.needs("quart")
@pytest.mark.stores("memory")
async def test_a_websocket_has_the_session_of_its_header(new_site: NewSite) -> None:
    site = new_site(SESSION_HEADER=HEADER)

    async def socket() -> None:
        await site.web.websocket.send_json(dict(site.session))

    site.app.add_websocket("/socket", view_func=socket)
    client = App(site)
    await client.put(by="cookie")
    await client.ask(lambda session: session.update(by="header"))
    connect = site.app.test_client(use_cookies=False).websocket
    cookie = {"Cookie": f"session={client.jar['session']}"}
    for headers, found in (
        ({HEADER: client.token, **cookie}, {"by": "header"}),
        ({HEADER: "", **cookie}, {}),
        (cookie, {"by": "cookie"}),
    ):
        async with connect("/socket", headers=headers) as connection:
            assert await connection.receive_json() == found
