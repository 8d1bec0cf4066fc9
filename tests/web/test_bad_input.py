"""Cookies that no server of ours gave, and values that no session keeps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.backend import ALL_STORES, Backend
from tests.support.site import Site, Visitor

pytestmark = pytest.mark.asyncio

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# Each is the value of a cookie, made from a live session's token.
BAD_VALUES: dict[str, Any] = {  # Any: bytes, or a function that makes them
    "60 kB": lambda token: token * 430,
    "60 kB of dots": lambda _: b"." * 60_000,
    "NUL": lambda token: token + b"\0",
    "a quoted NUL": lambda _: rb'"a\000b"',
    "a quoted LF": lambda _: rb'"a\012b"',
    "the token, and a quoted LF": lambda token: b'"' + token + rb'\012"',
    "the token in quotes": lambda token: b'"' + token + b'"',
    "a leading vertical tab": lambda token: b"\v" + token,
    "a trailing no-break space": lambda token: token + b"\xa0",
    "bytes that are no text": lambda _: b"\xff\xfe",
    "text that is not ASCII": lambda _: "größe".encode(),
    "a path": lambda _: b"../../x",
    "a path as the sid": lambda token: b"../../x" + token[7:],
    "a format": lambda _: b"{x}",
    "a percent format": lambda _: b"%s%n",
    "the Kelvin sign": lambda token: b"\xe2\x84\xaa" + token[1:],
    "one character less": lambda token: token[:-1],
    "one character more": lambda token: token + b"A",
    "padding": lambda token: token + b"=",
    "another case": lambda token: token.swapcase(),
    "no signature": lambda token: token.rpartition(b".")[0],
    "an empty signature": lambda token: token.rpartition(b".")[0] + b".",
    "the sid alone": lambda token: token.partition(b".")[0],
    "the token twice": lambda token: token + b"." + token,
    "nothing": lambda _: b"",
}


async def _expect_anonymous(
    user: Visitor, spy: Any, value: bytes, *, name: str = "session"
) -> None:
    """Send a cookie, read and then write: no session, no question, no cookie before the write."""
    spy.reset()
    sent = name.encode() + b"=" + value
    seen = await user.visit(lambda session: (dict(session), session.new), cookie=sent)
    assert (seen.status, user.result) == (200, ({}, True))
    assert seen.set_cookies == []
    assert spy.calls == []
    written = await user.visit(lambda session: session.update(a=1), cookie=sent)
    assert (written.status, len(written.set_cookies)) == (200, 1)
    assert spy.names == ["create"]


@pytest.mark.parametrize("name", BAD_VALUES)
async def test_a_cookie_that_is_not_ours_asks_nothing_and_is_nobodys(
    new_site: NewSite, backend: Backend, name: str
) -> None:
    spy = backend.spy()
    user = new_site(options={"store": spy}).visitor()
    await user.put(mine=1)
    token = user.jar["session"].encode()
    await _expect_anonymous(user, spy, BAD_VALUES[name](token))
    assert user.jar["session"].partition(".")[0].encode() != token.partition(b".")[0]


@pytest.mark.needs("flask")  # Quart itself refuses the request, and every server before it
async def test_a_trailing_line_feed_is_not_taken_for_a_blank(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    user = new_site(options={"store": spy}).visitor()
    await user.put(mine=1)
    await _expect_anonymous(user, spy, user.jar["session"].encode() + b"\n")


async def test_a_token_with_one_character_changed_asks_nothing(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    user = new_site(options={"store": spy}).visitor()
    await user.put(mine=1)
    token = user.jar["session"]
    spy.reset()
    for place in range(len(token)):
        other = "." if token[place] != "." else "-"
        for changed in (other, "A" if token[place] != "A" else "B"):
            value = token[:place] + changed + token[place + 1 :]
            answer = await user.visit(dict, cookie=f"session={value}".encode())
            assert (answer.status, user.result, answer.set_cookies) == (200, {}, [])
    assert spy.calls == []


async def test_no_other_spelling_of_a_token_is_read(new_site: NewSite, backend: Backend) -> None:
    # The last character of a base64url part has spare bits: several decode alike.
    spy = backend.spy()
    user = new_site(options={"store": spy}).visitor()
    await user.put(mine=1)
    sid, secret, signature = user.jar["session"].split(".")
    spy.reset()
    for part, spare in ((sid, 16), (secret, 4), (signature, 4)):
        value = _DIGITS.index(part[-1])
        for other in range(value - value % spare, value - value % spare + spare):
            if other != value:
                respelled = part[:-1] + _DIGITS[other]
                parts = [respelled if each == part else each for each in (sid, secret, signature)]
                answer = await user.visit(dict, cookie=f"session={'.'.join(parts)}".encode())
                assert (answer.status, user.result, answer.set_cookies) == (200, {}, [])
    assert spy.calls == []


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"SESSION_KEY_PREFIX": "other:"}, "session"), ({"SESSION_COOKIE_NAME": "other"}, "other")],
    ids=["prefix", "cookie name"],
)
async def test_a_token_of_another_app_with_the_same_secret_key_asks_nothing(
    new_site: NewSite, backend: Backend, settings: dict[str, Any], name: str
) -> None:
    spy = backend.spy()
    other = new_site(options={"store": spy}, **settings).visitor()
    await other.put(theirs=1)
    user = new_site(options={"store": spy}).visitor()
    await _expect_anonymous(user, spy, other.jar[name].encode())


@pytest.mark.stores(*ALL_STORES)
async def test_what_cannot_be_kept_is_named_and_changes_nothing(
    site: Site, backend: Backend
) -> None:
    user = site.visitor()
    await user.put(a=[1], b="old")
    before, cookie = backend.records(), user.jar["session"]

    def write(session: Any) -> None:
        session["b"] = "new"
        session["a"].append({"owner": object()})

    error = await user.failure(write)
    assert isinstance(error, TypeError)
    assert "session['a'][1]['owner']" in str(error)
    assert (backend.records(), user.jar["session"]) == (before, cookie)
    assert await user.value(dict) == {"a": [1], "b": "old"}


@pytest.mark.stores(*ALL_STORES)
async def test_what_cannot_be_kept_begins_no_session(site: Site, backend: Backend) -> None:
    user = site.visitor()
    error = await user.failure(lambda session: session.update(a=1, b={1: object()}))
    assert isinstance(error, TypeError)
    assert "session['b'][1]" in str(error)
    assert backend.records() == {}
    assert user.jar.header() is None
