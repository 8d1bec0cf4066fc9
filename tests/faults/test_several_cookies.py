"""A browser that holds several cookies of ours, and sends all of them: it gets well again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from samesession import StoreUnavailable
from samesession.signals import session_rejected
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer, attributes
from tests.support.site import Site, View, Visitor

from .strict_jar import StrictJar

pytestmark = pytest.mark.asyncio

HOST = "www.shop.example.com"
PARENT, OWN = {"SESSION_COOKIE_DOMAIN": "example.com"}, {"SESSION_COOKIE_DOMAIN": HOST}
MIDDLE = {"SESSION_COOKIE_DOMAIN": ".Shop.Example.com"}
PATH = {"SESSION_COOKIE_PATH": "/visit"}
SLASH, ROOT = {"SESSION_COOKIE_PATH": "/visit/"}, {"APPLICATION_ROOT": "/visit"}
SECURE = {"SESSION_COOKIE_SECURE": True}
PARTITIONED = {"SESSION_COOKIE_PARTITIONED": True, **SECURE}
NAMED = {"SESSION_COOKIE_NAME": "__Secure-s", **SECURE}
# What an application said of its cookie's scope, and what it says now.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "to a parent": ({}, PARENT),
    "from a parent": (PARENT, {}),
    "to the host by name": ({}, OWN),
    "from the host by name": (OWN, {}),
    "between domains": (MIDDLE, PARENT),
    "to a path": ({}, PATH),
    "from a path": (PATH, {}),
    "to a path with a slash": (PATH, SLASH),
    "from a path with a slash": (SLASH, PATH),
    "to an application's root": ({}, ROOT),
    "to a partition": (SECURE, PARTITIONED),
    "from a partition": (PARTITIONED, SECURE),
    "secure, from a parent": ({**PARENT, **SECURE}, SECURE),
    "a name with a prefix": ({**NAMED, **PARENT}, NAMED),
    "domain and path": ({**PARENT, **PATH}, {}),
    "domain and path the other way": ({}, {**PARENT, **PATH}),
}


@dataclass
class Browser:
    """A visitor with a jar that knows scopes."""

    visitor: Visitor
    jar: StrictJar

    @property
    def site(self) -> Site:
        return self.visitor.site

    async def visit(self, func: Callable[[Any], Any], **options: Any) -> Answer:
        """Have `func(session)` run in a view."""

        def act(session: Any, web: Any) -> str:
            self.visitor.result = func(session)
            return "visited"

        return await self.respond(act, **options)

    async def respond(self, view: View, **options: Any) -> Answer:
        self.site.actions.append(view)
        return await self.get(f"/visit/{len(self.site.actions) - 1}", **options)

    async def get(self, path: str, **options: Any) -> Answer:
        headers = {"Host": HOST, **options.pop("headers", {})}
        answer = await self.visitor.driver.get(
            path,
            cookie=self.jar.header_for(path).encode("ascii"),
            scheme="https",
            headers=headers,
            **options,
        )
        self.jar.take(answer.set_cookies, self.site.clock())
        return answer

    async def value(self, func: Callable[[Any], Any]) -> Any:
        assert (await self.visit(func)).status == 200
        return self.visitor.result

    def now_at(self, site: Site) -> Browser:
        """Give the same browser when the application has other settings."""
        return Browser(site.visitor(), self.jar)


def browser(site: Site, *, host: str = HOST) -> Browser:
    return Browser(site.visitor(), StrictJar(secure=True, host=host))


def _login(name: str) -> Callable[[Any], None]:
    def login(session: Any) -> None:
        session.clear()
        session.update(name=name, list=[])

    return login


def _nothing(_: object) -> None:
    return None


def _sets(answer: Answer) -> list[str]:
    """Give the Set-Cookie headers that delete nothing; ours comes after those that do."""
    said = [attributes(header) for header in answer.set_cookies]
    kept = [str(each["value"]) for each in said if "max-age" not in each]
    assert [str(each["value"]) for each in said][len(said) - len(kept) :] == kept
    assert len(said) <= 16
    return kept


async def _twice(new_site: NewSite, change: str) -> Browser:
    """Log in, change the settings, and log in again: the browser holds an old and a new cookie."""
    before, after = CHANGES[change]
    old = browser(new_site(**before))
    await old.visit(_login("ann"))
    new = old.now_at(new_site(**after))
    await new.visit(_login("bob"))
    assert (len(new.jar), new.jar.refused) == (2, [])
    return new


@pytest.mark.parametrize("change", CHANGES)
async def test_a_scope_that_was_changed_heals_at_the_next_request(
    new_site: NewSite, change: str
) -> None:
    user = await _twice(new_site, change)
    healed = await user.visit(_nothing)
    assert len(_sets(healed)) == 1
    assert (healed.vary, healed.cache_control) == ("Cookie", "private")
    assert len(user.jar) == 1
    (slot,) = user.jar.slots
    _, after = CHANGES[change]
    assert slot.host_only is ("SESSION_COOKIE_DOMAIN" not in after)
    assert await user.value(dict) == {"name": "bob", "list": []}
    later = await user.visit(_nothing)
    assert (later.set_cookies, later.vary) == ([], None)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_login_under_the_old_scope_is_not_lost(new_site: NewSite, change: str) -> None:
    # The live session's token is the one in another scope; its own scope has a dead one.
    before, after = CHANGES[change]
    old = browser(new_site(**before))
    await old.visit(_login("ann"))
    new = old.now_at(new_site(**after))
    other = browser(new.site)
    begun = await other.visit(_login("bob"))
    await other.visit(lambda session: session.clear())
    new.jar.take(begun.set_cookies, 0)
    assert (len(new.jar), new.jar.refused) == (2, [])
    assert await new.value(dict) == {"name": "ann", "list": []}
    assert len(new.jar) == 1
    assert await new.value(dict) == {"name": "ann", "list": []}


def _stream(session: Any, web: Any) -> Any:
    return web.Response(iter([b"a", b"b"]))


DEEDS: dict[str, tuple[View, int]] = {
    "nothing": (lambda session, web: "", 200),
    "read": (lambda session, web: repr(session["name"]), 200),
    "write": (lambda session, web: str(session.update(more=1)), 200),
    "nested": (lambda session, web: str(session["list"].append(1)), 200),
    "regenerate": (lambda session, web: str(session.regenerate()), 200),
    "bind": (lambda session, web: str(session.bind("bob")), 200),
    "permanent": (lambda session, web: str(session.update(_permanent=True)), 200),
    "redirect": (lambda session, web: web.redirect("/"), 302),
    "error": (lambda session, web: web.abort(404), 404),
    "not modified": (lambda session, web: ("", 304), 304),
    "streamed": (_stream, 200),
}


@pytest.mark.parametrize("action", DEEDS)
async def test_whatever_the_request_does_it_heals(new_site: NewSite, action: str) -> None:
    user = await _twice(new_site, "from a parent")
    view, status = DEEDS[action]
    answer = await user.respond(view)
    assert (answer.status, len(_sets(answer)), len(user.jar)) == (status, 1, 1)
    assert "Cookie" in (answer.vary or "")
    assert "private" in (answer.cache_control or "")
    assert await user.value(lambda session: session["name"]) == "bob"
    assert (await user.visit(_nothing)).set_cookies == ([] if action != "permanent" else [ANY])


async def test_a_login_and_a_logout_heal(new_site: NewSite, backend: Backend) -> None:
    user = await _twice(new_site, "from a parent")
    answer = await user.visit(_login("eve"))
    assert (len(_sets(answer)), len(user.jar)) == (1, 1)
    assert await user.value(dict) == {"name": "eve", "list": []}
    user = await _twice(new_site, "from a parent")
    answer = await user.visit(lambda session: session.clear())
    assert (_sets(answer), len(user.jar)) == ([], 0)
    assert (answer.vary, answer.cache_control) == ("Cookie", "private")


async def test_static_files_heal_where_they_have_sessions(
    new_site: NewSite, tmp_path: Path
) -> None:
    (tmp_path / "style.css").write_text("body {}")
    site = new_site(SESSION_EXEMPT_STATIC=False)
    site.app.static_folder = str(tmp_path)
    site.app.add_url_rule("/static/<path:filename>", "static", site.app.send_static_file)
    old = browser(new_site(**PARENT))
    await old.visit(_login("ann"))
    user = old.now_at(site)
    await user.visit(_login("bob"))
    answer = await user.get("/static/style.css")
    assert (answer.status, answer.text, len(_sets(answer)), len(user.jar)) == (200, "body {}", 1, 1)


# --- which one counts -----------------------------------------------------------------


async def _token(site: Site, name: str) -> str:
    """Give the token of a live session in another browser."""
    other = browser(site)
    await other.visit(_login(name))
    return other.jar.header.partition("=")[2]


async def _dead_token(site: Site) -> str:
    other = browser(site)
    await other.visit(_login("nobody"))
    token = other.jar.header.partition("=")[2]
    await other.visit(lambda session: session.clear())
    return token


def _toss(victim: Browser, token: str, *, path: str = "/", domain: str = "example.com") -> None:
    """Have a neighbour's page set a cookie in the victim's browser."""
    header = f"session={token}; Domain={domain}; Path={path}"
    victim.jar.take([header], 0, host=f"evil.{domain}")
    assert victim.jar.refused == []


async def _reasons(user: Browser, func: Callable[[Any], Any]) -> tuple[Answer, list[str]]:
    heard: list[str] = []

    def note(_: object, *, reason: str, **__: object) -> None:
        heard.append(reason)

    with session_rejected.connected_to(note, user.site.app):
        return await user.visit(func), heard


@pytest.mark.parametrize("path", ["/visit", "/"], ids=["attacker first", "victim first"])
async def test_of_two_live_sessions_none_counts_and_the_tossed_cookie_goes(
    site: Site, path: str
) -> None:
    victim = browser(site)
    await victim.visit(_login("ann"))
    _toss(victim, await _token(site, "eve"), path=path)
    answer, heard = await _reasons(victim, dict)
    assert (answer.status, victim.visitor.result, _sets(answer)) == (200, {}, [])
    assert (answer.vary, answer.cache_control) == ("Cookie", "private")
    assert heard == ["the request has two different session cookies"]
    (left,) = victim.jar.slots
    assert left.host_only
    assert await victim.value(lambda session: session["name"]) == "ann"


async def test_a_login_with_two_live_sessions_is_a_session_of_its_own(site: Site) -> None:
    victim = browser(site)
    await victim.visit(_login("ann"))
    token = await _token(site, "eve")
    _toss(victim, token)
    assert len(_sets(await victim.visit(_login("ann again")))) == 1
    assert len(victim.jar) == 1
    assert await victim.value(lambda session: session["name"]) == "ann again"
    attacker = browser(site)
    attacker.jar.take([f"session={token}; Path=/"], 0)
    assert await attacker.value(lambda session: session["name"]) == "eve"


async def test_of_dead_ones_none_counts_and_a_login_heals(site: Site) -> None:
    user = browser(site)
    user.jar.take([f"session={await _dead_token(site)}; Path=/"], 0)
    for path in ("/", "/visit", "/visit/"):
        _toss(user, await _dead_token(site), path=path)
    answer, heard = await _reasons(user, dict)
    assert (user.visitor.result, _sets(answer), len(user.jar)) == ({}, [], 1)
    assert heard == ["the request has two different session cookies"]
    await user.visit(_login("ann"))
    assert await user.value(lambda session: session["name"]) == "ann"


async def test_more_than_four_are_not_looked_up(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user = browser(site)
    await user.visit(_login("ann"))
    for path in ("/", "/visit", "/visit/"):
        _toss(user, await _dead_token(site), path=path)
    _toss(user, await _dead_token(site), domain="shop.example.com")
    spy.reset()
    answer, heard = await _reasons(user, dict)
    assert (user.visitor.result, spy.calls, _sets(answer), len(user.jar)) == ({}, [], [], 1)
    assert heard == ["the request has more than four different session cookies"]
    assert await user.value(lambda session: session["name"]) == "ann"


async def test_four_are_looked_up_and_the_live_one_counts(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user = browser(site)
    await user.visit(_login("ann"))
    for path in ("/", "/visit", "/visit/"):
        _toss(user, await _dead_token(site), path=path)
    spy.reset()
    assert await user.value(lambda session: session["name"]) == "ann"
    assert (spy.names, len(user.jar)) == (["load"] * 5, 1)
    spy.reset()
    assert await user.value(lambda session: session["name"]) == "ann"
    assert spy.names == ["load"]


async def test_the_same_token_twice_is_one(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    user = browser(site)
    await user.visit(_login("ann"))
    _toss(user, user.jar.header.partition("=")[2])
    spy.reset()
    answer = await user.visit(_nothing)
    assert (spy.names, answer.set_cookies, len(user.jar)) == (["load"], [], 2)


@pytest.mark.stores("memory", "filesystem")
async def test_the_one_that_counts_is_renewed(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=100, SESSION_TOUCH_INTERVAL=0)
    user = browser(site)
    await user.visit(_login("ann"))
    _toss(user, await _dead_token(site))
    site.clock.advance(60)
    await user.visit(_nothing)
    site.clock.advance(60)
    assert await user.value(lambda session: session["name"]) == "ann"


@pytest.mark.stores("memory", "filesystem")
async def test_of_several_that_are_live_none_is_renewed(new_site: NewSite) -> None:
    site = new_site(PERMANENT_SESSION_LIFETIME=100, SESSION_TOUCH_INTERVAL=0)
    user, attacker = browser(site), browser(site)
    await user.visit(_login("ann"))
    await attacker.visit(_login("eve"))
    _toss(user, attacker.jar.header.partition("=")[2])
    site.clock.advance(60)
    await user.visit(_nothing)
    site.clock.advance(60)
    for each in (user, attacker):
        assert (len(each.jar), await each.value(dict)) == (1, {})


@pytest.mark.stores("memory", "filesystem")
async def test_a_request_that_must_not_renew_heals_without(new_site: NewSite) -> None:
    site = new_site(
        PERMANENT_SESSION_LIFETIME=100,
        SESSION_TOUCH_INTERVAL=0,
        SESSION_NO_RENEW=lambda request: "X-Poll" in request.headers,
    )
    user = browser(site)
    await user.visit(_login("ann"))
    _toss(user, await _dead_token(site))
    site.clock.advance(60)
    answer = await user.visit(_nothing, headers={"X-Poll": "1"})
    assert (len(_sets(answer)), len(user.jar)) == (1, 1)
    site.clock.advance(60)
    assert await user.value(dict) == {}


# --- what must not happen -------------------------------------------------------------


@pytest.mark.parametrize("call", ["load", "commit"])
async def test_while_the_store_is_down_no_cookie_is_deleted(
    new_site: NewSite, backend: Backend, call: str
) -> None:
    spy = backend.spy()
    user = browser(new_site(options={"store": spy}, **PARENT))
    await user.visit(_login("ann"))
    user = user.now_at(new_site(options={"store": spy}))
    user.jar.take([f"session={await _dead_token(user.site)}; Path=/"], 0)
    spy.fail(call, StoreUnavailable("down"))
    answer = await user.visit(lambda session: session.update(b=2))
    assert (answer.status, answer.set_cookies, len(user.jar)) == (503, [], 2)
    spy.mend()
    assert await user.value(lambda session: session["name"]) == "ann"
    assert len(user.jar) == 1


async def test_a_session_that_is_replaced_meanwhile_keeps_its_new_cookie(
    new_site: NewSite, backend: Backend
) -> None:
    # Both requests bring two tokens; the one that ends last must not undo the login.
    spy = backend.spy()
    user = browser(new_site(options={"store": spy}, **PARENT))
    await user.visit(_login("ann"))
    user = user.now_at(new_site(options={"store": spy}))
    user.jar.take([f"session={await _dead_token(user.site)}; Path=/"], 0)
    sent = user.jar.header_for("/visit").encode("ascii")
    gate = spy.pause("commit")
    site = user.site
    site.actions.append(lambda session, _: str(session.update(late=1)))
    late = user.visitor.driver.start(
        "GET", f"/visit/{len(site.actions) - 1}", cookie=sent, headers={"Host": HOST}
    )
    try:
        await gate.reached()
        await user.visit(lambda session: session.regenerate())
    finally:
        gate.open()
        user.jar.take((await late).set_cookies, site.clock())
    assert len(user.jar) == 1
    assert await user.value(lambda session: session["name"]) == "ann"


@pytest.mark.parametrize("name", ["__Host-s", "__hOST-s"])
async def test_a_name_that_has_one_scope_is_deleted_in_no_other(
    new_site: NewSite, name: str
) -> None:
    site = new_site(SESSION_COOKIE_NAME=name, **SECURE)
    user = browser(site)
    await user.visit(_login("ann"))
    live = user.jar.header
    await user.visit(lambda session: session.regenerate())
    user.jar.take([f"{live}; Path=/; Secure; Partitioned"], 0)
    answer = await user.visit(_nothing)
    assert (len(_sets(answer)), len(answer.set_cookies)) == (1, 1)
    assert user.visitor.result is None


HOSTS = ["127.0.0.1:5000", "[::1]", "localhost", "example.com.", "x.1", ""]


@pytest.mark.stores("memory")
@pytest.mark.parametrize("host", HOSTS)
async def test_a_host_that_is_no_name_of_a_domain_has_cookies_of_its_own_only(
    site: Site, host: str
) -> None:
    user = browser(site)
    await user.visit(_login("ann"))
    user.jar.take([f"session={await _dead_token(site)}; Path=/visit"], 0)
    answer = await user.visit(_nothing, headers={"Host": host})
    assert (len(_sets(answer)), len(user.jar)) == (1, 1)
    assert all("domain" not in attributes(header) for header in answer.set_cookies)


@pytest.mark.stores("memory")
@pytest.mark.needs("flask")  # Quart has no TRUSTED_HOSTS
async def test_a_host_that_is_not_trusted_has_no_domains(new_site: NewSite) -> None:
    site = new_site(TRUSTED_HOSTS=[HOST])
    user = browser(site)
    await user.visit(_login("ann"))
    user.jar.take([f"session={await _dead_token(site)}; Path=/visit"], 0)
    answer = await user.visit(_nothing, headers={"Host": "www.example.net"})
    assert answer.status == 400
    assert all("domain" not in attributes(header) for header in answer.set_cookies)


@pytest.mark.needs("quart")
async def test_a_socket_takes_the_live_one_and_can_heal_nothing(site: Site) -> None:
    async def socket() -> None:
        await site.web.websocket.send(str(site.session.get("name")))

    site.app.websocket("/socket")(socket)
    user = browser(site)
    await user.visit(_login("ann"))
    _toss(user, await _dead_token(site))
    client = site.app.test_client(use_cookies=False)
    for expected in ("ann", "None"):
        headers = {"Cookie": user.jar.header_for("/socket"), "Host": HOST}
        async with client.websocket("/socket", headers=headers) as connection:
            assert await connection.receive() == expected
        _toss(user, await _token(site, "eve"))
    assert len(user.jar) == 2


@pytest.mark.stores("cookie")
async def test_of_sessions_that_browsers_keep_the_first_counts_as_in_flask(site: Site) -> None:
    one, other = browser(site), browser(site)
    await one.visit(_login("ann"))
    await other.visit(_login("eve"))
    _toss(one, other.jar.header.partition("=")[2], path="/visit")
    answer = await one.visit(lambda session: session["name"])
    assert (one.visitor.result, answer.set_cookies, len(one.jar)) == ("eve", [], 2)
