"""Clients of Redis belong to one process and one event loop, and have the right colour."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio

from samesession import ConfigError
from samesession.core.store import Colour, Lifetimes
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.redis import RedisStore
from samesession.testing import (
    FileForeign,
    ForeignRecordsContract,
    ListContract,
    NewStore,
    NoticesContract,
    OwnerIndexContract,
    RereadContract,
    StoreContract,
    make_record,
)
from tests.support.clock import Clock
from tests.support.foreign import filed_in_redis
from tests.support.forks import FORKS
from tests.support.server import Valkey, running
from tests.support.site import SECRET_KEY, Site

pytestmark = pytest.mark.stores("redis")

LONG = Lifetimes(browser=1000, permanent=1000)
_CHILDREN = 4
_ROUNDS = 50


@pytest.fixture(params=["url", "client"])
def source(
    request: pytest.FixtureRequest, redis_url: str
) -> Iterator[Any]:  # Any: as SESSION_REDIS
    """Give what a Flask application is configured with."""
    if request.param == "url":
        yield redis_url
        return
    with redis.Redis.from_url(redis_url) as client:
        yield client


def connections(server: Valkey) -> int:
    """Count the connections at the server, the one that asks left out."""
    with server.client() as client:
        return len(client.client_list()) - 1


@pytest.mark.parametrize("prefix", ["", "\ud800", b"app:"])
def test_a_prefix_that_cannot_be_sent_is_refused(prefix: Any) -> None:
    with pytest.raises(ConfigError, match="SESSION_KEY_PREFIX must be"):
        RedisStore("redis://127.0.0.1:1/0", prefix=prefix)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "options",
    [
        "socket_timeout=1.5&socket_connect_timeout=1",
        "socket_keepalive=off&health_check_interval=30&max_connections=20",
        "client_name=shop&retry_on_timeout=no",
        "decode_responses=no&protocol=2&encoding=utf-8",
    ],
)
async def test_options_of_a_url_reach_the_connections(
    framework: str, redis_url: str, clock: Clock, options: str
) -> None:
    url = f"{redis_url.replace('redis://', 'valkey://')}?{options}"
    site = Site(framework, {"SESSION_TYPE": "redis", "SESSION_REDIS": url}, clock=clock)
    visitor = site.visitor()
    assert (await visitor.put(user="ann")).status == 200
    assert await visitor.value(dict) == {"user": "ann"}
    await site.close()


# --- given clients -------------------------------------------------------------------------


class TestGivenSyncClient(
    StoreContract,
    OwnerIndexContract,
    ListContract,
    RereadContract,
    ForeignRecordsContract,
    NoticesContract,
):
    colours = Colour.SYNC
    own_clock = True

    @pytest.fixture
    def file_foreign(self, valkey: Valkey) -> FileForeign:
        return filed_in_redis(valkey)

    @pytest.fixture
    def new_store(self, redis_url: str) -> Iterator[NewStore]:
        with redis.Redis.from_url(redis_url) as client:
            yield lambda: RedisStore(client)


def test_a_client_of_the_other_colour_is_refused(
    framework: str, redis_url: str, clock: Clock
) -> None:
    other = redis.asyncio.Redis if framework == "flask" else redis.Redis
    client: Any = other.from_url(redis_url)  # connects when it is used, which it is not
    name = framework.capitalize()
    with pytest.raises(ConfigError, match=f"was given a client that {name} cannot use"):
        Site(framework, {"SESSION_TYPE": "redis", "SESSION_REDIS": client}, clock=clock)


@pytest.mark.parametrize("colour", [redis.Redis, redis.asyncio.Redis])
def test_a_client_that_gives_text_is_refused(colour: Any, redis_url: str) -> None:
    with pytest.raises(ConfigError, match="decode_responses=True"):
        RedisStore(colour.from_url(redis_url, decode_responses=True))


def test_what_is_no_client_and_no_url_is_refused() -> None:
    with pytest.raises(ConfigError, match="SESSION_REDIS is a dict: use a URL"):
        RedisStore({"host": "localhost"})
    with pytest.raises(ConfigError, match="is not a Redis URL"):
        RedisStore("localhost:6379")


@pytest.mark.asyncio
async def test_a_given_client_serves_an_application_and_is_not_closed_by_it(
    framework: str, redis_url: str, clock: Clock
) -> None:
    colour: Any = redis.Redis if framework == "flask" else redis.asyncio.Redis
    client = colour.from_url(redis_url)
    site = Site(framework, {"SESSION_TYPE": "redis", "SESSION_REDIS": client}, clock=clock)
    visitor = site.visitor()
    await visitor.value(lambda session: session.update(n=1))
    assert await visitor.value(lambda session: session["n"]) == 1
    await site.close()
    if framework == "flask":
        assert client.ping() is True
        client.close()
    else:
        assert await client.ping() is True
        await client.aclose()


# --- processes -----------------------------------------------------------------------------


@FORKS
def test_children_forked_from_a_process_that_used_its_store_share_no_connection(
    source: Any,
) -> None:
    """Two processes on one socket would take each other's answers."""
    store = RedisStore(source)
    assert run(store.create("parent", make_record(payload=b"parent"), lifetimes=LONG))
    children = [_fork(store, f"child {number}") for number in range(_CHILDREN)]
    for _ in range(_ROUNDS):
        assert run(store.load("parent", renew=LONG)) == make_record(payload=b"parent")
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * _CHILDREN
    run(store.close())


def _fork(store: RedisStore, name: str) -> int:
    child = os.fork()
    if child:
        return child
    try:
        record = make_record(payload=name.encode())
        assert run(store.create(name, record, lifetimes=LONG))
        for _ in range(_ROUNDS):
            assert run(store.load(name, renew=LONG)) == record
        run(store.close())
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


# --- event loops ---------------------------------------------------------------------------


def test_nothing_connects_before_the_first_use(valkey: Valkey, clock: Clock) -> None:
    before = connections(valkey)
    store = RedisStore(valkey.url)
    for colour in (Colour.SYNC, Colour.ASYNC):
        assert store.open_for(colour).colours is colour
    assert connections(valkey) == before


async def _use(store: RedisStore, number: int) -> bool:
    record = make_record(payload=b"%d" % number)
    made = await arun(store.create(f"key {number}", record, lifetimes=LONG))
    loads = (arun(store.load(f"key {number}", renew=LONG)) for _ in range(10))
    return made and await asyncio.gather(*loads) == [record] * 10


def test_a_loop_that_was_closed_without_its_connection_harms_no_later_one(redis_url: str) -> None:
    """In a process of its own: asyncio warns of such a connection when it is collected."""
    code = (
        "import asyncio\n"
        "from tests.stores.test_redis_clients import Colour, RedisStore, _use\n"
        f"store = RedisStore({redis_url!r}, colour=Colour.ASYNC)\n"
        "print([asyncio.run(_use(store, number)) for number in range(3)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "[True, True, True]\n", done.stderr


def test_a_store_closed_in_each_loop_leaves_nothing_behind(redis_url: str, valkey: Valkey) -> None:
    before = connections(valkey)
    store = RedisStore(redis_url, colour=Colour.ASYNC)
    for number in range(3):
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            assert runner.run(_use(store, number)) is True
            runner.run(arun(store.close()))
    assert any(connections(valkey) <= before for _ in range(1000))


def test_two_event_loops_may_use_a_store_in_turns(redis_url: str) -> None:
    store = RedisStore(redis_url, colour=Colour.ASYNC)
    record = make_record()

    async def load() -> bytes | None:
        return await arun(store.load("key", renew=LONG))

    fresh = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=fresh) as one, asyncio.Runner(loop_factory=fresh) as other:
        assert one.run(arun(store.create("key", record, lifetimes=LONG))) is True
        for _ in range(3):
            assert other.run(load()) == record
            assert one.run(load()) == record
        for runner in (one, other):
            runner.run(arun(store.close()))


@pytest.mark.needs("quart")
@pytest.mark.asyncio
async def test_quart_closes_its_connection_after_serving(valkey: Valkey, clock: Clock) -> None:
    before = connections(valkey)
    site = Site("quart", {"SESSION_TYPE": "redis", "SESSION_REDIS": valkey.url}, clock=clock)
    async with site.app.test_app():
        await site.visitor().value(lambda session: session.update(n=1))
        assert connections(valkey) == before + 1
    # The server notices a closed socket a moment after it was closed.
    assert any(connections(valkey) == before for _ in range(1000))


# --- addresses and packages ----------------------------------------------------------------


def test_a_unix_socket_is_an_address(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with running(unixsocket=str(path)):
        store = RedisStore(f"unix://{path}")
        assert run(store.create("key", make_record(), lifetimes=LONG)) is True
        run(store.close())
        mirror = store.open_for(Colour.ASYNC)

        async def load() -> bytes | None:
            found = await arun(mirror.load("key", renew=LONG))
            await arun(mirror.close())
            return found

        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            assert runner.run(load()) == make_record()


def test_a_missing_package_is_told_with_the_extra_that_installs_it() -> None:
    """In a process of its own: here the package is imported already."""
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from samesession import ConfigError\n"
        "from samesession.stores import open_store, read_config\n"
        f"config = read_config({{'SECRET_KEY': {SECRET_KEY!r}, 'SESSION_TYPE': 'redis',"
        " 'SESSION_REDIS': 'redis://127.0.0.1'})\n"
        "try:\n    open_store(config, clock=float)\n"
        "except ConfigError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "pip install 'samesession[redis]'" in done.stdout, done.stderr


def test_all_but_a_client_of_redis_py_need_hiredis(redis_url: str) -> None:
    """In a process of its own: here the package is imported already."""
    code = (
        "import sys; sys.modules['hiredis'] = None\n"
        "import redis, valkey\n"
        "from tests.stores.test_redis_clients import LONG, ConfigError, make_record, run\n"
        "from samesession.stores.redis import RedisStore\n"
        "for source in ('redis://127.0.0.1', valkey.Valkey()):\n"
        "    try:\n        RedisStore(source)\n"
        "    except ConfigError as error:\n        print(error)\n"
        f"with redis.Redis.from_url({redis_url!r}) as client:\n"
        "    print(run(RedisStore(client).create('key', make_record(), lifetimes=LONG)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    refusal = (
        "SESSION_REDIS is not a client of redis-py, so it needs the package hiredis: "
        "pip install 'samesession[redis]', or use such a client\n"
    )
    assert done.stdout == f"{refusal}{refusal}True\n", done.stderr
