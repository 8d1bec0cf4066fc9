"""How a client of redis-py that was given is told what to do."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio.sentinel import Sentinel

from samesession.run.sync import run
from samesession.stores.redis.answers import Misread
from samesession.stores.redis.commands import get, get_and_renew
from samesession.stores.redis.given_clients import GivenClient
from samesession.stores.redis.given_copies import another

_sentinel: Any = Sentinel  # its parameters are not annotated


class Caching:
    """A client that keeps what it has read, which Valkey does not serve."""

    def execute_command(self, *command: Any, keys: list[str] | None = None) -> bytes:
        if command[0] == "GET" and keys is None:
            raise ValueError("Cannot create cache key.")  # as redis-py's CacheProxyConnection
        return repr((command, keys)).encode()


def test_a_client_that_caches_is_told_the_key_of_what_it_may_keep() -> None:
    client = GivenClient(Caching())
    assert run(client.send(get("a"))) == b"(('GET', 'a'), ['a'])"
    assert run(client.send(get_and_renew("a", 9))) == b"(('GETEX', 'a', 'EX', 9), None)"


class Stumbling:
    """A client that fails on whatever it is told."""

    def execute_command(self, *_: Any, **__: Any) -> None:
        raise ValueError("invalid literal for int() with base 10")


def test_what_a_client_stumbles_over_is_an_answer_or_an_argument() -> None:
    client = GivenClient(Stumbling())
    with pytest.raises(Misread):
        run(client.send(get("a")))
    with pytest.raises(ValueError, match="invalid literal"):
        run(client.send(get("\ud800")))


def test_a_copy_of_a_sentinels_client_has_sentinels_of_its_own_and_all_that_they_were_told() -> (
    None
):
    watch = _sentinel(
        [("127.0.0.1", 1), ("127.0.0.1", 2)],
        min_other_sentinels=1,
        sentinel_kwargs={"password": "p"},
        force_master_ip="127.0.0.9",
    )
    client = watch.master_for("service", db=3)
    made = another(client)
    manager = made.connection_pool.sentinel_manager
    assert made.connection_pool.service_name == "service"
    assert made.get_connection_kwargs()["db"] == 3
    assert {**vars(manager), "sentinels": None} == {**vars(watch), "sentinels": None}
    for one, other in zip(manager.sentinels, watch.sentinels, strict=True):
        assert one is not other
        assert one.connection_pool is not other.connection_pool
        for name in ("host", "port", "password"):
            assert one.get_connection_kwargs()[name] == other.get_connection_kwargs()[name]
