"""A session with types in requests, in either framework, shared with code that has none."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest

from samesession.typed_session import typed
from tests.conftest import NewSite
from tests.support.backend import ALL_STORES
from tests.support.site import Site

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "cookie")]


@dataclass
class Address:
    city: str = "Rome"
    lines: list[str] = field(default_factory=list)


@dataclass
class Shop:
    user: str | None = None
    cart: list[str] = field(default_factory=list)
    address: Address = field(default_factory=Address)


async def test_a_reading_begins_no_session_and_varies_by_the_cookie(site: Site) -> None:
    user = site.visitor()
    answer = await user.visit(lambda session: (typed(Shop)(session).cart, site.errors))
    assert user.result == ([], [])
    assert (answer.set_cookies, answer.vary) == ([], "Cookie")


@pytest.mark.stores(*ALL_STORES)
async def test_a_change_within_is_saved(site: Site) -> None:
    user = site.visitor()
    shop = typed(Shop)
    await user.visit(lambda session: shop(session).cart.append("tea"))
    assert await user.value(dict) == {"cart": ["tea"]}
    await user.visit(lambda session: shop(session).cart.append("jam"))
    await user.visit(lambda session: shop(session).address.lines.append("a"))
    await user.visit(lambda session: setattr(shop(session).address, "city", "Bern"))
    assert await user.value(dict) == {
        "cart": ["tea", "jam"],
        "address": {"city": "Bern", "lines": ["a"]},
    }
    await user.visit(lambda session: session["cart"].append("milk"))
    assert await user.value(lambda session: [*shop(session).cart]) == ["tea", "jam", "milk"]


async def test_a_reading_of_what_is_there_writes_nothing(site: Site) -> None:
    user = site.visitor()
    await user.put(cart=["tea"], address={"city": "Bern"})

    def read(session: Any) -> tuple[object, ...]:
        view = typed(Shop)(session)
        shown = (view.user, [*view.cart], view.address.city, [*view.address.lines])
        return (*shown, session.modified)

    answer = await user.visit(read)
    assert user.result == (None, ["tea"], "Bern", [], False)
    assert answer.set_cookies == []


async def test_one_view_shows_the_session_of_each_request(site: Site, framework: str) -> None:
    proxies = [site.web.session, import_module(f"samesession.{framework}").session]
    ann, ben = site.visitor(), site.visitor()
    for proxy in proxies:
        shop = typed(Shop)(proxy)  # made outside of all requests
        for user, name in ((ann, "ann"), (ben, "ben")):
            await user.visit(lambda _, name=name, shop=shop: setattr(shop, "user", name))
        assert await ann.value(lambda _, shop=shop: shop.user) == "ann"
        assert await ben.value(lambda session: session["user"]) == "ben"


async def test_a_wrong_type_is_an_error_of_the_view(site: Site) -> None:
    user = site.visitor()
    await user.put(cart="tea")
    error = await user.failure(lambda session: typed(Shop)(session).cart)
    assert str(error) == "session['cart'] is str, not list[str]: see Shop.cart"
    assert await user.value(dict) == {"cart": "tea"}


@pytest.mark.stores("filesystem", "redis")
@pytest.mark.needs("flask", "quart")
async def test_the_other_framework_reads_it_without_types(new_site: NewSite) -> None:
    first = new_site()
    other = new_site(options={"framework": "quart" if first.framework == "flask" else "flask"})
    user, elsewhere = first.visitor(), other.visitor()
    await user.visit(lambda session: typed(Shop)(session).cart.append("tea"))
    elsewhere.driver.jar = user.jar
    assert await elsewhere.value(dict) == {"cart": ["tea"]}
    await elsewhere.put(user="ann")
    assert await user.value(lambda session: typed(Shop)(session).user) == "ann"


@pytest.mark.stores("memory")
async def test_two_requests_that_add_to_different_names_both_win(site: Site) -> None:
    user = site.visitor()
    await user.put(user="ann")
    first = await user.value(lambda session: session.sid)
    await user.visit(lambda session: typed(Shop)(session).cart.append("tea"))
    await user.visit(lambda session: typed(Shop)(session).address.lines.append("a"))
    assert await user.value(lambda session: session.sid) == first
    assert len(await user.value(dict)) == 3
