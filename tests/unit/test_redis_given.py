"""How a client of redis-py that was given is told what to do."""

from __future__ import annotations

from typing import Any

import pytest

from samesession.run.sync import run
from samesession.stores.redis.answers import Misread
from samesession.stores.redis.commands import get, get_and_renew
from samesession.stores.redis.given_clients import GivenClient


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
