"""Create the clients of a URL: of one server, of the Sentinels of one, or of a Cluster.

redis-py opens the connections, with our options; hiredis packs and parses. This module is loaded by
the first use of the store, and only if no client of redis-py was given, because that needs no
hiredis. A client of valkey-py is treated like a URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
import redis.asyncio
from redis import sentinel
from redis.asyncio import sentinel as async_sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from ...core.store import Colour
from ..kit.deadline import Deadline
from .client import Client
from .commands import HELLO
from .single import SingleClient
from .timed import timed
from .url import Address, Kind, Servers

# Any, here and below: redis-py has no type that its modules of both colours share, and annotates
# pools and Sentinels only in part.
_sync: Any = redis
_async: Any = redis.asyncio


class Maker:
    """Creates clients for one colour; `timeout` is in seconds."""

    def __init__(
        self, servers: Servers, *, colour: Colour, timeout: float, deadline: Deadline
    ) -> None:
        self._servers = servers
        self._colour = colour
        self._timeout = timeout
        self._deadline = deadline
        self._library = _async if colour is Colour.ASYNC else _sync

    def client(self) -> Client:
        """Create a client; it connects on first use."""
        match self._servers.kind:
            case Kind.SINGLE:
                return self._client_of(self._pool(self._servers.options))
            case Kind.SENTINEL:
                return self._client_of_master()
            case Kind.CLUSTER:
                from .cluster import Cluster

                return Cluster(self._servers.nodes, self._client_of_node)

    def _client_of(self, pool: Any, sentinels: Sequence[Client] = ()) -> SingleClient:
        if self._colour is Colour.ASYNC:
            from .multiplexed import MultiplexedConnection

            shared = MultiplexedConnection(pool, timeout=self._timeout)
            return SingleClient(shared, sentinels=sentinels)
        from .pooled import PooledConnections

        return SingleClient(PooledConnections(pool, self._deadline), sentinels=sentinels)

    def _client_of_node(self, node: Address) -> SingleClient:
        return self._client_of(self._pool({**self._servers.options, **_address(node)}))

    def _pool(self, options: dict[str, Any], timeout: float | None = None) -> Any:
        kind = "UnixDomainSocketConnection" if "path" in options else "Connection"
        base = getattr(self._library, "SSLConnection" if self._servers.tls else kind)
        return self._library.ConnectionPool(
            connection_class=self._timed(base), **{**self._settings(timeout), **options}
        )

    def _client_of_master(self) -> SingleClient:
        """Create a client whose connections first ask the Sentinels for the master."""
        from .given_clients import GivenClient

        servers = self._servers
        module: Any = async_sentinel if self._colour is Colour.ASYNC else sentinel
        manager = module.Sentinel([])
        manager.sentinels = self._sentinels()
        name = "SentinelManagedSSLConnection" if servers.tls else "SentinelManagedConnection"
        greet = _greet_master_async if self._colour is Colour.ASYNC else _greet_master
        pool = module.SentinelConnectionPool(
            servers.service,
            manager,
            connection_class=self._timed(getattr(module, name)),
            redis_connect_func=greet,
            **{**self._settings(None), **servers.options},
        )
        return self._client_of(pool, [GivenClient(each) for each in manager.sentinels])

    def _sentinels(self) -> list[Any]:
        # A Sentinel that hangs must leave time for the others, and for the master.
        share = self._timeout / (len(self._servers.nodes) + 1)
        options = self._servers.sentinel_options
        return [
            self._library.Redis.from_pool(self._pool({**options, **_address(node)}, share))
            for node in self._servers.nodes
        ]

    def _timed(self, base: type[Any]) -> type[Any]:
        return base if self._colour is Colour.ASYNC else timed(base, self._deadline)

    def _settings(self, timeout: float | None) -> dict[str, Any]:
        seconds = self._timeout if timeout is None else timeout
        retry = AsyncRetry if self._colour is Colour.ASYNC else Retry
        return {
            "protocol": 2,  # no pushed messages between the answers
            "socket_timeout": seconds,
            "socket_connect_timeout": seconds,
            # Once, for a connection that the server closed while it was idle; a timeout is not
            # retried, or the deadline would be exceeded.
            "retry": retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        }


def _address(node: Address) -> dict[str, Any]:
    return {"host": node[0], "port": node[1]}


def _greet_master(connection: Any) -> None:
    connection.on_connect()
    connection.send_command(*HELLO)
    _check_role(connection.read_response())


async def _greet_master_async(connection: Any) -> None:
    await connection.on_connect()
    await connection.send_command(*HELLO)
    _check_role(await connection.read_response())


def _check_role(hello: list[Any]) -> None:
    """Refuse a demoted master, which a Sentinel that missed the failover still names.

    It would serve reads of sessions that have ended since.
    """
    role = dict(zip(hello[::2], hello[1::2], strict=True)).get(b"role")
    if role != b"master":
        raise redis.ConnectionError("the server is not a master")
