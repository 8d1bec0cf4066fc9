"""Cookies as a strict browser takes them: deleted for good, never too large."""

from __future__ import annotations

from typing import Any

import pytest

from samesession import SessionTooLarge
from tests.conftest import NewSite
from tests.support.clock import Clock

from .strict_jar import StrictJar

SCOPES: dict[str, dict[str, Any]] = {  # Any: settings
    "host, partitioned": {
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_PARTITIONED": True,
        "SESSION_COOKIE_SAMESITE": "None",
    },
    "host": {"SESSION_COOKIE_NAME": "__Host-session", "SESSION_COOKIE_SECURE": True},
    "secure, path and domain": {
        "SESSION_COOKIE_NAME": "__Secure-session",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_PATH": "/visit",
        "SESSION_COOKIE_DOMAIN": "localhost.example",
    },
    "plain": {},
}


@pytest.mark.asyncio
@pytest.mark.stores("filesystem", "redis", "cookie")
@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
async def test_a_strict_jar_is_empty_after_logout(
    new_site: NewSite, clock: Clock, scope: dict[str, Any]
) -> None:
    visitor = new_site(**scope).visitor()
    jar = StrictJar(secure=True)
    for change, held in (
        (lambda session: session.update(a=1), 1),
        (lambda session: setattr(session, "permanent", True), 1),
        (lambda session: session.clear(), 0),
    ):
        answer = await visitor.visit(change, cookie=jar.header.encode(), scheme="https")
        jar.take(answer.set_cookies, clock())
        assert jar.refused == []
        assert len(jar) == held


def test_the_strict_jar_refuses_as_browsers_do() -> None:
    jar = StrictJar(secure=True)
    jar.take(["__Host-s=1; Secure; Path=/; Partitioned"], 0)
    assert len(jar) == 1
    gone = "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"
    for scope in ("Path=/", "Secure; Path=/", "Secure; Path=/; Domain=a.example; Partitioned"):
        jar.take([f"__Host-s=; {gone}; {scope}"], 0)
        assert len(jar) == 1
    jar.take([f"__Host-s=; {gone}; Secure; Path=/; Partitioned"], 0)
    assert len(jar) == 0
    jar.take(["__Secure-s=1; Path=/", "s=1; Partitioned", "s=1; SameSite=None"], 0)
    assert len(jar) == 0


@pytest.mark.asyncio
@pytest.mark.stores("cookie")
async def test_a_cookie_of_4096_bytes_is_sent_and_one_more_is_an_error(new_site: NewSite) -> None:
    def fill(session: Any) -> None:
        session["a"] = "".join(f"{number:x}" for number in range(900))

    short = new_site(SESSION_COOKIE_NAME="s").visitor()
    await short.visit(fill)
    size = len(short.jar["s"])
    fits, exceeds = "n" * (4096 - size), "n" * (4097 - size)
    visitor = new_site(SESSION_COOKIE_NAME=fits).visitor()
    answer = await visitor.visit(fill)
    (sent,) = answer.set_cookies
    assert (answer.status, len(sent.partition(";")[0])) == (200, 4096 + len("="))
    refused = new_site(SESSION_COOKIE_NAME=exceeds)
    visitor = refused.visitor()
    await visitor.put(a=1)
    before = visitor.jar[exceeds]
    answer = await visitor.visit(fill)
    assert (answer.status, answer.set_cookies) == (500, [])
    assert isinstance(refused.errors[-1], SessionTooLarge)
    assert (refused.errors[-1].size, refused.errors[-1].limit) == (4097, 4096)
    assert visitor.jar[exceeds] == before
    assert await visitor.value(lambda session: session["a"]) == 1


@pytest.mark.asyncio
@pytest.mark.stores("cookie")
async def test_what_a_cookie_would_inflate_to_is_bounded_when_it_is_written(
    new_site: NewSite,
) -> None:
    # 2,000 bytes that repeat are a small cookie; read, it would be refused for its size.
    site = new_site(SESSION_MAX_BYTES=2000)
    visitor = site.visitor()
    fits = 2000 - len('{"a":""}')
    await visitor.put(a="x" * fits)
    assert await visitor.value(lambda session: len(session["a"])) == fits
    error = await visitor.failure(lambda session: session.update(a="x" * (fits + 1)))
    assert isinstance(error, SessionTooLarge)
    assert (error.size, error.limit) == (2001, 2000)
    assert await visitor.value(lambda session: len(session["a"])) == fits
