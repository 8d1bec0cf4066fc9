"""Bound sessions beside all else that applications do with sessions; no key is needed for that.

What a browser's key does is in test_devices.py: here the record is told of one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from samesession import ConfigError
from samesession.core import device_notes
from samesession.headers import unproxied
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer
from tests.support.clock import Clock
from tests.support.site import Site, Visitor
from tests.support.spy import PATIENCE
from tests.web.test_administration import administer

pytestmark = pytest.mark.asyncio

OFFER = "Secure-Session-Registration"
REQUIRED: dict[str, Any] = {"SESSION_DEVICE_BOUND": "require"}
SETTLED = 31  # seconds after a binding, from when on it counts
KEY = b"a browser's key"


@pytest.fixture
def site(new_site: NewSite) -> Site:
    return new_site(**REQUIRED)


def challenge_in(answer: Answer) -> str:
    (offer,) = answer.all(OFFER)
    found = re.fullmatch(
        r'\(ES256 RS256\);path="/_session/device/register";challenge="([\w-]{43})"', offer
    )
    assert found is not None, offer
    return found[1]


async def secured(user: Visitor, func: Callable[[Any], Any], **options: Any) -> Answer:
    """Have `func(session)` run in a view, over https."""
    answer = await user.visit(func, scheme="https", **options)
    assert answer.status == 200, answer.text
    return answer


async def bound(user: Visitor, answer: Answer | None = None) -> None:
    """Bind a session that is offered it, as the endpoint does."""
    if answer is None:
        answer = await secured(user, lambda session: session.update(a=1))
        answer = await secured(user, lambda session: session.offer_device_binding())
    challenge = challenge_in(answer)

    def register(session: Any) -> None:
        ours: Any = unproxied(session)
        assert device_notes.note_registration(ours, "ES256", KEY, challenge)

    registered = await secured(user, register)
    assert len(bound_cookies(registered)) == 1


def bound_cookies(answer: Answer) -> list[str]:
    return [each for each in answer.set_cookies if each.startswith("session_bound=")]


async def known(user: Visitor) -> dict[str, Any]:
    await secured(user, dict)
    found: dict[str, Any] = user.result
    return found


async def test_a_bound_session_goes_on_with_its_bound_cookie_alone(
    site: Site, clock: Clock
) -> None:
    user = site.visitor()
    await bound(user)
    clock.now += SETTLED
    assert await known(user) == {"a": 1}
    del user.jar["session_bound"]
    answer = await secured(user, dict)
    assert (user.result, answer.set_cookies) == ({}, [])


async def test_each_session_says_whether_it_is_bound(site: Site) -> None:
    one, other = site.visitor(), site.visitor()
    await bound(one)
    await secured(other, lambda session: session.update(a=1))
    for user, expected in ((one, True), (other, False)):
        await secured(user, lambda session: session.info.device_bound)
        assert user.result is expected


@pytest.mark.owners
async def test_a_list_says_which_sessions_are_bound(new_site: NewSite) -> None:
    site = new_site(**REQUIRED)
    one, other = site.visitor(), site.visitor()
    for user in (one, other):
        answer = await secured(user, lambda session: session.bind("ann"))
        if user is one:
            await bound(user, answer)

    listed = await administer(site, "sessions_of", "ann")
    assert sorted(each.device_bound for each in listed) == [False, True]


async def test_a_block_that_saves_has_its_offer_in_the_response(site: Site) -> None:
    user = site.visitor()
    saving = pytest.importorskip(f"samesession.{site.framework}").saving

    @site.view("/early")
    def early(session: Any, web: Any) -> Any:
        if site.framework == "flask":
            with saving():
                _write(session)
            return "early"

        async def later() -> str:
            async with saving():
                _write(session)
            return "early"

        return later()

    answer = await user.driver.get("/early", scheme="https")
    await bound(user, answer)
    assert await known(user) == {"a": 1}


def _write(session: Any) -> None:
    session["a"] = 1
    session.offer_device_binding()


async def test_a_response_for_several_requests_hands_no_offer_on(site: Site) -> None:
    kept: list[Any] = []

    @site.view("/offer")
    def offer(session: Any, web: Any) -> Any:
        _write(session)
        kept.append(site.app.response_class("kept"))
        return kept[-1]

    site.view("/kept")(lambda session, web: kept[-1])
    user = site.visitor()
    first = await user.driver.get("/offer", scheme="https")
    assert first.cache_control == "no-store"
    again = await site.user().get("/kept", scheme="https")
    assert (again.all(OFFER), again.set_cookies, again.cache_control) == ([], [], None)


async def test_a_streamed_body_comes_with_the_offer(site: Site) -> None:
    @site.view("/stream")
    def stream(session: Any, web: Any) -> Any:
        _write(session)
        return site.app.response_class(iter([b"a", b"b"]))

    user = site.visitor()
    answer = await user.driver.get("/stream", scheme="https")
    assert answer.body == b"ab"
    await bound(user, answer)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"SESSION_DEVICE_BOUND": True}, "SESSION_DEVICE_BOUND"),
        ({"SESSION_DEVICE_BOUND": "on"}, "SESSION_DEVICE_BOUND"),
        ({"SESSION_DEVICE_FRESHNESS": 9}, "at least 10"),
        ({"SESSION_DEVICE_GRACE": -1}, "SESSION_DEVICE_GRACE"),
        ({"SESSION_DEVICE_GRACE": False}, "SESSION_DEVICE_GRACE"),
        ({"SESSION_DEVICE_PATH": ""}, "SESSION_DEVICE_PATH"),
        ({"SESSION_DEVICE_PATH": "/"}, "SESSION_DEVICE_PATH"),
        ({"SESSION_DEVICE_PATH": "/a/"}, "SESSION_DEVICE_PATH"),
        ({"SESSION_DEVICE_PATH": '/a"b'}, "SESSION_DEVICE_PATH"),
        ({"SESSION_DEVICE_PATH": "/ä"}, "SESSION_DEVICE_PATH"),
        (
            {**REQUIRED, "SESSION_COOKIE_PARTITIONED": True, "SESSION_COOKIE_SECURE": True},
            "Partitioned",
        ),
        ({"SESSION_DEVICE": "offer"}, "SESSION_DEVICE_BOUND"),
    ],
)
@pytest.mark.stores("memory")
async def test_a_setting_that_cannot_be_meant_is_refused(
    new_site: NewSite, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        _ = new_site(**settings)


@pytest.mark.stores("cookie")
async def test_what_the_browser_keeps_is_bound_to_no_device(new_site: NewSite) -> None:
    with pytest.raises(ConfigError, match="server-side store"):
        _ = new_site(**REQUIRED)


@pytest.mark.stores("memory")
@pytest.mark.parametrize("grace", [0, 30])
async def test_settings_take_seconds_and_the_paths_another_beginning(
    new_site: NewSite, clock: Clock, grace: int
) -> None:
    site = new_site(
        **REQUIRED,
        SESSION_DEVICE_FRESHNESS=40,
        SESSION_DEVICE_GRACE=grace,
        SESSION_DEVICE_PATH="/prove/here",
        SESSION_COOKIE_NAME="__Secure-s",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Strict",
    )
    user = site.visitor()
    answer = await user.visit(_write)  # over http: a proxy has the https, as Secure says
    (offer,) = answer.all(OFFER)
    assert 'path="/prove/here/register"' in offer
    challenge = offer.partition('challenge="')[2].rstrip('"')

    def register(session: Any) -> None:
        ours: Any = unproxied(session)
        assert device_notes.note_registration(ours, "ES256", KEY, challenge)

    answer = await user.visit(register)
    (cookie,) = [each for each in answer.set_cookies if each.startswith("__Secure-s_bound=")]
    assert cookie.partition("; ")[2] == "Max-Age=30; Secure; HttpOnly; Path=/; SameSite=Strict"
    clock.now += SETTLED
    del user.jar["__Secure-s_bound"]
    skips = {"Secure-Session-Skipped": "unreachable;session_identifier=x"}
    await user.visit(dict, headers=skips)
    assert user.result == ({"a": 1} if grace else {})


@pytest.mark.needs("quart")
@pytest.mark.parametrize("path", ["/socket", "/_session/device/refresh"])
async def test_a_websocket_needs_the_bound_cookie_too(site: Site, clock: Clock, path: str) -> None:
    async def socket() -> None:
        await site.web.websocket.send(str(dict(site.session)))

    site.app.websocket(path)(socket)
    user = site.visitor()
    await bound(user)
    clock.now += SETTLED
    for said in ("{'a': 1}", "{}"):
        driver: Any = user.driver
        async with driver.websocket(path) as connection:
            assert await connection.receive() == said
            await asyncio.wait_for(asyncio.shield(connection._task), PATIENCE)
        _ = user.jar.cookies.pop("session_bound", None)


@pytest.mark.parametrize("mode", ["offer", "require"])
async def test_a_bound_session_asks_the_store_for_no_more(
    new_site: NewSite, backend: Backend, mode: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_DEVICE_BOUND=mode)
    user = site.visitor()
    await bound(user)
    for do, calls in (
        (dict, ["load"]),
        (lambda session: session.update(b=1), ["load", "commit"]),
        (lambda session: session.offer_device_binding(), ["load"]),
    ):
        spy.reset()
        await secured(user, do)
        assert spy.names == calls
