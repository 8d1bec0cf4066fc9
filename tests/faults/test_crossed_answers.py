"""Redis behind what drops or doubles answers: nobody is logged out, nor shown another's data."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
import redis
import redis.asyncio

from tests.support.clock import Clock
from tests.support.server import Valkey
from tests.support.site import Site, Visitor

from .crossing import Crossing, crossing
from .effort import rounds

pytestmark = pytest.mark.asyncio

USERS = 12
TIMEOUT = 0.4
NIL = b"$-1\r\n"
NILS = (NIL, b"_\r\n")


@pytest.fixture
def between(valkey: Valkey) -> Iterator[Crossing]:
    valkey.flush()
    with crossing(valkey.port) as made:
        yield made


class Pooled:
    """Clients as an application gives them, closed at the end."""

    def __init__(self, framework: str, url: str, kind: str) -> None:
        colour: Any = redis.Redis if framework == "flask" else redis.asyncio.Redis
        options: dict[str, Any] = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
        if kind == "single":
            options["single_connection_client"] = True
        self.source = url if kind == "url" else colour.from_url(url, **options)

    async def close(self) -> None:
        if isinstance(self.source, redis.Redis):
            self.source.close()
        elif not isinstance(self.source, str):
            await self.source.aclose()


@pytest_asyncio.fixture(params=["url", "client", "single"])
async def site(
    framework: str, between: Crossing, clock: Clock, request: pytest.FixtureRequest
) -> AsyncIterator[Site]:
    given = Pooled(framework, between.url, request.param)
    settings = {
        "SESSION_TYPE": "redis",
        "SESSION_REDIS": given.source,
        "SESSION_STORE_TIMEOUT": TIMEOUT,
    }
    made = Site(framework, settings, clock=clock)
    yield made
    between.mend()
    await made.close()
    await given.close()


async def logged_in(site: Site, name: str) -> Visitor:
    visitor = site.visitor()
    assert (await visitor.visit(lambda session: session.bind(name))).status == 200
    await visitor.put(name=name, turn=0)
    return visitor


def writing(turn: int) -> Callable[[Any], Any]:
    def write(session: Any) -> Any:
        session["turn"] = turn
        return session.get("name")

    return write


class Outcomes:
    """What became of requests by users who are all logged in."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    async def visit(self, visitor: Visitor, name: str, act: Callable[[Any], Any]) -> bool:
        """Send a request; say whether it was answered as if nothing were wrong."""
        before = dict(visitor.jar.cookies)

        def view(session: Any, _: Any) -> str:
            return repr(act(session))

        visitor.site.actions.append(view)
        answer = await visitor.driver.start("GET", f"/visit/{len(visitor.site.actions) - 1}")
        if visitor.jar.cookies.keys() != before.keys():
            self.found["deletion cookie"] += 1
            visitor.jar.cookies.update(before)
        if answer.status == 503:
            self.found["503"] += 1
        elif answer.status != 200:
            self.found[f"status {answer.status}"] += 1
        elif answer.text == repr(name):
            self.found["served"] += 1
        else:
            self.found["anonymous" if answer.text == "None" else "another's"] += 1
        return answer.status == 200


def reading(session: Any) -> Any:
    return session.get("name")


@pytest.mark.parametrize("seed", range(rounds(2, 20)))
async def test_a_network_that_drops_or_doubles_answers_logs_nobody_out(
    site: Site, between: Crossing, seed: int
) -> None:
    """Of 1,065 such requests 799 were anonymous, and deletion cookies went out."""
    users = {name: await logged_in(site, name) for name in (f"user{n}" for n in range(USERS))}
    outcomes = Outcomes()
    acknowledged = dict.fromkeys(users, 0)
    between.at_random(0.05, seed)

    async def visit(name: str, turn: int) -> None:
        act = writing(turn) if turn % 3 == 0 else reading
        if await outcomes.visit(users[name], name, act) and turn % 3 == 0:
            acknowledged[name] = turn

    for turn in range(1, 9):
        await asyncio.gather(*(visit(name, turn) for name in users))
    between.mend()
    assert between.faults > 0
    await _found_out(next(iter(users.values())))
    assert set(outcomes.found) <= {"served", "503"}, outcomes.found
    assert outcomes.found["served"] > USERS * 8 / 4, outcomes.found
    for name, visitor in users.items():
        assert await visitor.value(reading) == name
        assert await visitor.value(lambda session: session["turn"]) >= acknowledged[name]


async def _found_out(visitor: Visitor) -> None:
    """Visit until a connection that is owed an answer from before is left."""
    for _ in range(3):
        if (await visitor.visit(reading)).status == 200:
            return


def doubling(first: int = 1, *, what: Callable[[bytes], bool]) -> Callable[[bytes], int]:
    """Double the next answers of a kind."""
    left = [first]

    def fate(answer: bytes) -> int:
        if left[0] and what(answer):
            left[0] -= 1
            return 2
        return 1

    return fate


def clients_of(valkey: Valkey) -> set[str]:
    with valkey.client() as client:
        mine = client.client_id()
        return {each["id"] for each in client.client_list() if int(each["id"]) != mine}


async def test_an_answer_of_nothing_that_is_doubled_logs_nobody_out(
    site: Site, between: Crossing
) -> None:
    """The cookie of an ended session gets one answer too many, and a live one the other."""
    gone, ann = await logged_in(site, "gone"), await logged_in(site, "ann")
    cookies = dict(gone.jar.cookies)
    await gone.visit(lambda session: session.clear())
    gone.jar.cookies.update(cookies)
    outcomes = Outcomes()
    for _ in range(5):
        between.fate = doubling(what=lambda answer: answer in NILS)
        await asyncio.gather(
            outcomes.visit(gone, "None", lambda session: str(session.get("name"))),
            *(outcomes.visit(ann, "ann", reading) for _ in range(3)),
        )
    assert set(outcomes.found) <= {"served", "503"}, outcomes.found


@pytest.mark.parametrize(
    "answer", [NIL, b":1\r\n", b":0\r\n", b"-WRONGTYPE other\r\n", b"*2\r\n$1\r\nx\r\n:0\r\n"]
)
async def test_another_answer_than_a_commits_is_an_outage_and_no_logout(
    site: Site, between: Crossing, answer: bytes, request: pytest.FixtureRequest
) -> None:
    swaps = request.node.callspec.params["site"] == "url"
    ann = await logged_in(site, "ann")
    outcomes = Outcomes()

    def committed(session: Any) -> Any:
        between.replace_next(answer)
        return writing(1)(session)

    await outcomes.visit(ann, "ann", committed)
    between.mend()
    # A refusal is no answer: what was sent is asked about again, and that it was done is true.
    assert outcomes.found == {"served" if answer[:1] == b"-" and swaps else "503": 1}
    assert await ann.value(reading) == "ann"


async def test_a_record_that_others_planted_cuts_nobody_off(
    site: Site, between: Crossing, valkey: Valkey
) -> None:
    admin, eve, ann = [await logged_in(site, name) for name in ("admin", "eve", "ann")]
    sids = {
        name: visitor.jar["session"].partition(".")[0]
        for name, visitor in (("admin", admin), ("eve", eve))
    }
    with valkey.client() as client:
        stolen: Any = client.get(f"session:{sids['admin']}")
        client.set(f"session:{sids['eve']}", stolen, keepttl=True)
    outcomes = Outcomes()
    await outcomes.visit(ann, "ann", reading)
    connected = clients_of(valkey)
    for _ in range(5):
        assert (await eve.visit(reading)).status == 200
        assert eve.result is None
        await asyncio.gather(*(outcomes.visit(ann, "ann", reading) for _ in range(3)))
    assert connected <= clients_of(valkey)
    assert outcomes.found == {"served": 16}


async def test_a_session_that_has_ended_costs_no_connection(
    site: Site, between: Crossing, valkey: Valkey
) -> None:
    gone = await logged_in(site, "gone")
    cookies = dict(gone.jar.cookies)
    await gone.visit(lambda session: session.clear())
    connected = clients_of(valkey)
    valkey.reset_commands()
    for _ in range(3):
        gone.jar.cookies.update(cookies)
        assert await gone.value(reading) is None
    asked = valkey.commands()
    assert clients_of(valkey) >= connected
    words = asked.pop("ping", 0) + asked.pop("echo", 0)
    assert (asked, words) == ({"getex": 3, "get": 3}, 6)
