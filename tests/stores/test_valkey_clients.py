"""Clients of valkey-py as SESSION_REDIS: of one server, a socket, TLS, Sentinels and a Cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import valkey
import valkey.asyncio
from valkey.asyncio.sentinel import Sentinel as AsyncSentinel
from valkey.sentinel import Sentinel

from samesession import ConfigError
from samesession.core.store import Colour
from samesession.stores.redis import RedisStore
from samesession.stores.redis.url import Kind
from samesession.stores.redis.valkey_clients import servers_of
from samesession.testing import (
    FileForeign,
    ForeignRecordsContract,
    ListContract,
    NewStore,
    NoticesContract,
    OwnerIndexContract,
    RereadContract,
    StoreContract,
)
from tests.support.clock import Clock
from tests.support.foreign import filed_in_redis
from tests.support.server import Valkey
from tests.support.site import Site

pytestmark = pytest.mark.stores("redis")

_sentinel: Any = Sentinel  # their parameters are not annotated
_async_sentinel: Any = AsyncSentinel
COLOURS = pytest.mark.parametrize("module", [valkey, valkey.asyncio], ids=["sync", "async"])
FACES = {valkey: Colour.SYNC, valkey.asyncio: Colour.ASYNC}


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
        with valkey.Valkey.from_url(redis_url) as client:
            yield lambda: RedisStore(client)


class TestGivenAsyncClient(
    StoreContract,
    OwnerIndexContract,
    ListContract,
    RereadContract,
    ForeignRecordsContract,
    NoticesContract,
):
    colours = Colour.ASYNC
    own_clock = True

    @pytest.fixture
    def file_foreign(self, valkey: Valkey) -> FileForeign:
        return filed_in_redis(valkey)

    @pytest.fixture
    def new_store(self, redis_url: str) -> NewStore:
        return lambda: RedisStore(valkey.asyncio.Valkey.from_url(redis_url))


def client_of(framework: str, url: str) -> Any:
    module: Any = valkey if framework == "flask" else valkey.asyncio
    parts = urlsplit(url)  # by its parts, as then it has an opinion about everything
    return module.Valkey(host=parts.hostname, port=parts.port)


@pytest.mark.asyncio
async def test_an_application_keeps_its_sessions_where_the_client_leads(
    framework: str, valkey: Valkey, redis_url: str, clock: Clock
) -> None:
    settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": client_of(framework, redis_url)}
    site = Site(framework, settings, clock=clock)
    visitor = site.visitor()
    assert (await visitor.put(user="ann")).status == 200
    assert await visitor.value(lambda session: session["user"]) == "ann"
    with valkey.client() as looking:
        assert looking.dbsize() == 1
    await site.close()


@pytest.mark.asyncio
async def test_a_client_of_the_other_colour_is_refused(
    framework: str, redis_url: str, clock: Clock
) -> None:
    other = client_of("quart" if framework == "flask" else "flask", redis_url)
    with pytest.raises(ConfigError, match=r"given a client that (Quart|Flask) cannot use"):
        Site(framework, {"SESSION_TYPE": "redis", "SESSION_REDIS": other}, clock=clock)


@COLOURS
def test_address_login_and_limits_are_the_clients(module: Any) -> None:
    found = servers_of(
        module.Valkey(
            host="h", port=7, db=3, username="u", password="p", socket_timeout=0.5, client_name="n"
        )
    )
    assert found is not None
    servers, colour = found
    assert (servers.kind, servers.tls, colour) == (Kind.SINGLE, False, FACES[module])
    wanted = {"host": "h", "port": 7, "db": 3, "username": "u", "password": "p"}
    assert wanted.items() <= servers.options.items()
    assert servers.options["socket_timeout"] == 0.5
    assert servers.options["client_name"] == "n"
    assert RedisStore(module.Valkey(host="h", port=7, db=3)).location == "redis://h:7/3"


@COLOURS
def test_tls_and_sockets_are_the_clients(module: Any, tmp_path: Path) -> None:
    tls, _ = servers_of(module.Valkey.from_url("valkeys://h?ssl_cert_reqs=none"))  # type: ignore[misc]
    plain, _ = servers_of(module.Valkey(unix_socket_path=str(tmp_path / "s")))  # type: ignore[misc]
    assert (tls.tls, tls.options["ssl_cert_reqs"]) == (True, "none")
    assert (plain.tls, plain.options["path"]) == (False, str(tmp_path / "s"))


@pytest.mark.parametrize("make", [_sentinel, _async_sentinel], ids=["sync", "async"])
def test_sentinels_are_the_clients(make: Any) -> None:
    watch = make([("a", 1), ("b", 2)], sentinel_kwargs={"password": "s"}, password="p")
    servers, _ = servers_of(watch.master_for("shop", db=3))  # type: ignore[misc]
    assert (servers.kind, servers.service) == (Kind.SENTINEL, "shop")
    assert servers.nodes == (("a", 1), ("b", 2))
    assert (servers.options["db"], servers.options["password"]) == (3, "p")
    assert servers.sentinel_options["password"] == "s"
    with pytest.raises(ConfigError, match="client of a replica"):
        _ = RedisStore(watch.slave_for("shop"))


def test_the_nodes_of_a_cluster_are_the_clients() -> None:
    client = valkey.asyncio.ValkeyCluster("h", 7, password="p", ssl=True)
    servers, colour = servers_of(client)  # type: ignore[misc]
    assert (servers.kind, servers.nodes, colour) == (Kind.CLUSTER, (("h", 7),), Colour.ASYNC)
    assert servers.tls
    assert servers.options["password"] == "p"
    asyncio.run(client.aclose())


def test_what_is_no_client_is_none() -> None:
    assert servers_of("redis://h") is None
    assert servers_of(object()) is None
    with pytest.raises(ConfigError, match="SESSION_REDIS is a Sentinel"):
        _ = RedisStore(_sentinel([("a", 1)]))
