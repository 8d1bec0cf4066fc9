"""Requests whose store's server fails under them: a 503 or a true success, and no logout.

The same for each store that a network reaches; `networks` says what differs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.backend import UNHURRIED
from tests.support.clock import Clock
from tests.support.site import Site

from .callers import SLACK, expect_back, expect_refusal
from .networks.base import NETWORKS, Network
from .proxy import Fault, Proxy

pytestmark = [pytest.mark.stores(*NETWORKS), pytest.mark.asyncio]

# After so many bytes the server's answers are cut off, by an end or by a reset.
ANSWERED = pytest.mark.parametrize("answered", [0, 1, 2, 4, 6, 200])


@pytest.fixture
def timeout() -> float:
    """Seconds for an operation: nothing has to be waited for, and the machine may be busy."""
    return UNHURRIED


@pytest_asyncio.fixture
async def behind(
    framework: str, network: Network, proxy: Proxy, clock: Clock, timeout: float
) -> AsyncIterator[Site]:
    """Give a site whose server is behind the proxy; afterwards each record has an end."""
    settings = {**network.settings(proxy.port), "SESSION_STORE_TIMEOUT": timeout}
    site = Site(framework, settings, clock=clock)
    yield site
    proxy.mend()
    await site.close()
    left = {key: network.seconds_left(key) for key in network.part.records()}
    assert all(seconds > 0 for seconds in left.values()), left


def lost(answered: int) -> Fault:
    return Fault(reply_bytes=answered, once=True, reset=answered % 2 == 1)


@ANSWERED
@pytest.mark.owners
async def test_a_login_whose_answer_is_lost_succeeds_or_says_that_it_failed(
    behind: Site, proxy: Proxy, answered: int
) -> None:
    visitor = behind.visitor()
    assert (await visitor.put(a=1)).status == 200

    def login(session: Any) -> None:
        session.bind("alice")
        # In Redis the first four bytes answer for the owner's index, the next for the record.
        proxy.inflict(lost(answered))

    answer = await visitor.visit(login)
    proxy.mend()
    assert answer.status in (200, 503)
    if answer.status == 200:
        found = await visitor.value(lambda session: (session.get("a"), session.info.owner))
        assert found == (1, "alice")


@ANSWERED
async def test_an_append_whose_answer_is_lost_is_done_once(
    behind: Site, proxy: Proxy, answered: int
) -> None:
    visitor = behind.visitor()
    assert (await visitor.put(cart=[])).status == 200
    acknowledged = 0
    for turn in range(5):

        def append(session: Any, turn: int = turn) -> None:
            session.update_atomically(lambda data: data["cart"].append(turn))
            proxy.inflict(Fault(reply_bytes=answered, once=True, reset=turn % 2 == 1))

        answer = await visitor.visit(append)
        proxy.mend()
        assert answer.status in (200, 503)
        acknowledged += answer.status == 200
    cart: list[int] = await visitor.value(lambda session: session["cart"])
    assert sorted(set(cart)) == sorted(cart)
    assert acknowledged <= len(cart) <= 5


@ANSWERED
async def test_a_logout_whose_answer_is_lost_ends_the_session_or_says_that_it_failed(
    behind: Site, network: Network, proxy: Proxy, answered: int
) -> None:
    visitor = behind.visitor()
    assert (await visitor.put(a=1)).status == 200

    def logout(session: Any) -> None:
        session.clear()
        proxy.inflict(lost(answered))

    answer = await visitor.visit(logout)
    if answer.status == 200:
        assert not network.part.records()
        assert len(visitor.jar.cookies) == 0
    else:
        assert (answer.status, answer.set_cookies) == (503, [])


@ANSWERED
async def test_the_first_write_whose_answer_is_lost_gives_a_session_that_works(
    behind: Site, proxy: Proxy, answered: int
) -> None:
    visitor = behind.visitor()
    _ = await visitor.visit(lambda session: session.get("a"))

    def write(session: Any) -> None:
        session["a"] = 1
        proxy.inflict(lost(answered))

    answer = await visitor.visit(write)
    proxy.mend()
    if answer.status == 200:
        assert await visitor.value(lambda session: session["a"]) == 1
    else:
        assert (answer.status, answer.set_cookies) == (503, [])


def refuse(proxy: Proxy) -> None:
    proxy.inflict(Fault(refuse=True, request_bytes=0))
    proxy.cut()


def swallow(proxy: Proxy) -> None:
    proxy.inflict(Fault(hole=True))


class TestOutage:
    @pytest.fixture
    def timeout(self, network: Network) -> float:
        return network.timeout

    @pytest.mark.parametrize("begin", [refuse, swallow], ids=["refused", "black hole"])
    async def test_an_outage_is_a_503_in_time_and_the_cookie_outlives_it(
        self, behind: Site, network: Network, proxy: Proxy, begin: Any
    ) -> None:
        limit = network.timeout + SLACK
        visitor = behind.visitor()
        assert (await visitor.put(a=1)).status == 200
        begin(proxy)
        await expect_refusal(visitor.visit(lambda session: session.get("a")), limit)
        await expect_refusal(visitor.put(a=2), limit)
        proxy.mend()
        await expect_back(visitor, 1, within=network.recovery)

        def write(session: Any) -> None:
            session["a"] = 2
            begin(proxy)

        await expect_refusal(visitor.visit(write), limit)
        proxy.mend()
        await expect_back(visitor, 1, within=network.recovery)
