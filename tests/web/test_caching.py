"""What shared caches are told: Vary, and Cache-Control beside a session cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import NewSite
from tests.support.site import Site
from tests.web.test_mapping import READS

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "cookie")]


@pytest.mark.parametrize("name", sorted(set(READS) - {"modified"}))
@pytest.mark.parametrize("known", [True, False], ids=["live", "anonymous"])
async def test_every_kind_of_read_varies_by_cookie(site: Site, name: str, known: bool) -> None:
    user = site.visitor()
    if known:
        await user.put(a=[1])
    read = READS[name][0]

    def touch(session: Any) -> None:
        try:
            read(session)
        except KeyError:
            assert not known

    assert (await user.visit(touch)).vary == "Cookie"


@pytest.mark.parametrize("known", [True, False], ids=["live", "anonymous"])
async def test_a_session_left_alone_says_nothing(site: Site, known: bool) -> None:
    user = site.visitor()
    if known:
        await user.put(a=1)
    answer = await user.visit(lambda _: None)
    assert (answer.vary, answer.cache_control, answer.set_cookies) == (None, None, [])


async def test_marking_a_session_accessed_is_no_access(site: Site) -> None:
    # Quart 0.23 does so for each request.
    answer = await site.visitor().visit(lambda session: setattr(session, "accessed", True))
    assert answer.vary is None


CHANGES: list[Callable[[Any], Any]] = [
    lambda session: session.update(b=2),
    lambda session: session.clear(),
    lambda session: session.pop("a"),
    lambda session: setattr(session, "permanent", True),
]


@pytest.mark.parametrize("change", CHANGES, ids=["update", "clear", "pop", "permanent"])
async def test_every_change_varies_by_cookie_and_is_private(
    site: Site, change: Callable[[Any], Any]
) -> None:
    user = site.visitor()
    await user.put(a=1)
    answer = await user.visit(change)
    assert (answer.vary, answer.cache_control) == ("Cookie", "private")
    assert len(answer.set_cookies) == 1


async def test_renewing_the_cookie_unread_varies_and_is_private(site: Site) -> None:
    user = site.visitor()
    await user.put_permanent(a=1)
    answer = await user.visit(lambda _: None)
    assert (answer.vary, answer.cache_control) == ("Cookie", "private")
    assert len(answer.set_cookies) == 1


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("Accept-Language", "Accept-Language, Cookie"),
        ("*", "*"),
        ("Cookie", "Cookie"),
        ("cookie", "cookie"),
        (["Accept-Language", "Origin"], "Accept-Language, Origin, Cookie"),
        (["Accept-Language", "*"], "Accept-Language, *"),
        (["Accept-Language", "COOKIE, Origin"], "Accept-Language, COOKIE, Origin"),
    ],
    ids=str,
)
async def test_an_existing_vary_is_kept(site: Site, said: str | list[str], then: str) -> None:
    def view(session: Any, web: Any) -> Any:
        session["a"] = 1
        return "", {"Vary": said}

    assert (await site.visitor().respond(view)).vary == then


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("no-store", "no-store"),
        ("private, max-age=60", "private, max-age=60"),
        ("public", "private"),
        ("public, max-age=60", "private, max-age=60"),
        ("public, private", "private"),
        ("s-maxage=60", "private"),
        ("no-cache", "no-cache, private"),
        ("PUBLIC, S-MaxAge=60", "private"),
        ("private, s-maxage=60", "private"),
        ("no-store, s-maxage=60", "no-store"),
        ("no-store, public", "no-store"),
        ('private="x-user"', "private"),
        ('Private="X-User", max-age=60', "private, max-age=60"),
        ('private, private="x-user"', "private"),
        ("no-store, must-understand", "no-store, must-understand, private"),
        ('no-cache="set-cookie"', 'no-cache="set-cookie", private'),
        ("", "private"),
        ('ext="a, public", max-age=60', 'ext="a, public", max-age=60, private'),
        (["private", "s-maxage=60"], "private"),
        (["max-age=60", "public", "s-maxage=60"], "private, max-age=60"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "change", [lambda s: s.update(a=1), lambda s: s.clear()], ids=["set", "delete"]
)
async def test_a_response_with_the_cookie_is_not_for_shared_caches(
    site: Site, said: str | list[str], then: str, change: Callable[[Any], Any]
) -> None:
    def view(session: Any, web: Any) -> Any:
        change(session)
        return "", {"Cache-Control": said}

    answer = await site.visitor().respond(view)
    assert len(answer.set_cookies) == 1
    assert answer.cache_control is not None
    assert set(answer.cache_control.split(", ")) == set(then.split(", "))


INSTEAD = {
    "CDN-Cache-Control": "max-age=600",  # RFC 9213
    "cdn-cache-control": "public",
    "Surrogate-Control": "max-age=600",
    "Cloudflare-CDN-Cache-Control": "max-age=600",
    "Netlify-CDN-Cache-Control": "public, durable",
    "X-LiteSpeed-Cache-Control": "public, max-age=600",
    "Edge-Control": "!no-store, max-age=600",
    "X-Accel-Expires": "600",
}


@pytest.mark.parametrize("name", INSTEAD)
@pytest.mark.parametrize(
    "change", [lambda s: s.update(a=1), lambda s: s.clear()], ids=["set", "delete"]
)
async def test_no_header_beside_the_cookie_is_heeded_in_place_of_cache_control(
    site: Site, name: str, change: Callable[[Any], Any]
) -> None:
    def view(session: Any, web: Any) -> Any:
        change(session)
        return "", {name: [INSTEAD[name], "max-age=1"], "Cache-Control": "no-cache"}

    answer = await site.visitor().respond(view)
    assert answer.all(name) == []
    assert answer.cache_control == "no-cache, private"


@pytest.mark.parametrize("name", INSTEAD)
async def test_headers_for_caches_are_the_applications_without_the_cookie(
    site: Site, name: str
) -> None:
    def view(session: Any, web: Any) -> tuple[str, dict[str, str]]:
        _ = session.get("a")
        return "", {name: INSTEAD[name]}

    assert (await site.visitor().respond(view)).all(name) == [INSTEAD[name]]


async def test_cache_control_is_the_applications_without_the_cookie(site: Site) -> None:
    def view(session: Any, web: Any) -> tuple[str, dict[str, str]]:
        _ = session.get("a")
        return "", {"Cache-Control": "public, max-age=60"}

    answer = await site.visitor().respond(view)
    assert (answer.cache_control, answer.vary) == ("public, max-age=60", "Cookie")


async def test_a_template_that_reads_the_session_varies(new_site: NewSite) -> None:
    site = new_site()

    def view(session: Any, web: Any) -> Any:
        return web.render_template_string("{{ session.get('a') }}")

    async def coroutine(session: Any, web: Any) -> Any:
        return await web.render_template_string("{{ session.get('a') }}")

    answer = await site.visitor().respond(view if site.framework == "flask" else coroutine)
    assert (answer.text, answer.vary) == ("None", "Cookie")
