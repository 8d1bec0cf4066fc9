"""Servers that take a connection and say nothing, asked whether they answer.

Beside the other faults, as each kind of server needs its client.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.support.clock import Clock
from tests.support.site import Site
from tests.web.test_health import expect_down

pytestmark = pytest.mark.asyncio


@pytest.fixture
def silent() -> Iterator[int]:
    """Give the port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("kind", ["redis", "memcached", "mongodb", "dynamodb"])
async def test_a_server_that_says_nothing(
    framework: str, kind: str, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    at = f"127.0.0.1:{silent}"
    settings = {
        "redis": {"SESSION_REDIS": f"redis://{at}/0"},
        "memcached": {"SESSION_MEMCACHED": at},
        "mongodb": {"SESSION_MONGODB": f"mongodb://{at}/app"},
        "dynamodb": {
            "SESSION_DYNAMODB_REGION": "eu-west-1",
            "SESSION_DYNAMODB_ENDPOINT_URL": f"http://{at}",
        },
    }[kind]
    chosen = {"SESSION_TYPE": kind, "SESSION_STORE_TIMEOUT": 0.4, **settings}
    site = Site(framework, chosen, clock=Clock())
    await expect_down(site, within=1.0 if kind == "dynamodb" else 0.5)
    await site.close()
