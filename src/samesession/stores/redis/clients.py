"""Make the clients of the redis store: from a URL, or one more like a client that was given.

Knows redis-py's classes, no command of the store but what tells a master.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

import redis
import redis.asyncio
from redis import sentinel
from redis.asyncio import sentinel as async_sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from ...core.steps import Steps, wait
from ...core.store import Colour
from ...errors import ConfigError
from ..kit.deadline import Deadline, kept
from .cluster import Cluster
from .url import Kind, Node, Servers, one_place

# Part of samesession[redis], though redis-py works without it.
_HAS_HIREDIS = find_spec("hiredis") is not None

# Any: redis-py has no type that its clients of both colours share, and annotates
# pools and Sentinels only in part.
Client = Any
_sync: Any = redis
_async: Any = redis.asyncio


class Maker:
    """Makes clients for one colour; `timeout` is seconds."""

    def __init__(
        self, servers: Servers, *, colour: Colour, timeout: float, deadline: Deadline
    ) -> None:
        self._servers = servers
        self._colour = colour
        self._timeout = timeout
        self._deadline = deadline
        self._library = _async if colour is Colour.ASYNC else _sync

    def client(self) -> Client:
        """Make a client; it connects when it is used."""
        match self._servers.kind:
            case Kind.SINGLE:
                return self._over(self._pool(self._servers.options))
            case Kind.SENTINEL:
                return self._over(self._master())
            case Kind.CLUSTER:
                return Cluster(self._servers.nodes, self._node, colour=self._colour)

    def _over(self, pool: Any) -> Client:
        if self._colour is Colour.ASYNC and _HAS_HIREDIS:
            return import_module("samesession.stores.redis.multiplexed").Channel(
                pool, timeout=self._timeout
            )
        if _HAS_HIREDIS:
            return import_module("samesession.stores.redis.pooled").Line(pool, self._deadline)
        return self._library.Redis.from_pool(pool)

    def _node(self, node: Node) -> Client:
        return self._over(self._pool({**self._servers.options, **_address(node)}))

    def _pool(self, options: dict[str, Any], timeout: float | None = None) -> Any:
        kind = "UnixDomainSocketConnection" if "path" in options else "Connection"
        base = getattr(self._library, "SSLConnection" if self._servers.tls else kind)
        return self._library.ConnectionPool(
            connection_class=self._timely(base), **{**self._settings(timeout), **options}
        )

    def _master(self) -> Any:
        """Give a pool whose connections each ask the Sentinels first who is master."""
        servers = self._servers
        module: Any = async_sentinel if self._colour is Colour.ASYNC else sentinel
        manager = module.Sentinel([])
        # One that hangs must leave time for the others, and for the master.
        share = self._timeout / (len(servers.nodes) + 1)
        manager.sentinels = [
            self._library.Redis.from_pool(
                self._pool({**servers.sentinel_options, **_address(node)}, share)
            )
            for node in servers.nodes
        ]
        name = "SentinelManagedSSLConnection" if servers.tls else "SentinelManagedConnection"
        greet = _greet_master_async if self._colour is Colour.ASYNC else _greet_master
        return module.SentinelConnectionPool(
            servers.service,
            manager,
            connection_class=self._timely(getattr(module, name)),
            redis_connect_func=greet,
            **{**self._settings(None), **servers.options},
        )

    def _timely(self, base: type[Any]) -> type[Any]:
        return base if self._colour is Colour.ASYNC else kept(base, self._deadline)

    def _settings(self, timeout: float | None) -> dict[str, Any]:
        seconds = self._timeout if timeout is None else timeout
        retry = AsyncRetry if self._colour is Colour.ASYNC else Retry
        return {
            "protocol": 2,  # no pushed messages between the answers
            "socket_timeout": seconds,
            "socket_connect_timeout": seconds,
            # Once, for a connection that the server closed while it was idle; a
            # time-out is not tried again, or the deadline would be passed.
            "retry": retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        }


def _address(node: Node) -> dict[str, Any]:
    return {"host": node[0], "port": node[1]}


def _greet_master(connection: Any) -> None:
    connection.on_connect()
    connection.send_command("HELLO")
    _check_role(connection.read_response())


async def _greet_master_async(connection: Any) -> None:
    await connection.on_connect()
    await connection.send_command("HELLO")
    _check_role(await connection.read_response())


def _check_role(hello: list[Any]) -> None:
    """Refuse a master of yesterday: a Sentinel that missed the failover still names it.

    It would serve reads of sessions that have ended since. HELLO says what ROLE
    does, and needs no further permission.
    """
    role = dict(zip(hello[::2], hello[1::2], strict=True)).get(b"role")
    if role != b"master":
        raise redis.ConnectionError("the server is no master")


# --- clients that the application gave -----------------------------------------------------


def colour_of(client: Client) -> Colour:
    """Say which callers a client serves; refuse one that would not give bytes, or old ones."""
    if isinstance(client, redis.asyncio.Redis | redis.asyncio.RedisCluster):
        colour = Colour.ASYNC
    elif isinstance(client, redis.Redis | redis.RedisCluster):
        colour = Colour.SYNC
    else:
        raise ConfigError(
            f"SESSION_REDIS is a {type(client).__name__}: give it a URL, a redis.Redis or "
            "redis.RedisCluster (Flask), or one of redis.asyncio (Quart), or of valkey-py"
        )
    if _connection_kwargs(client).get("decode_responses"):
        raise ConfigError(
            "SESSION_REDIS is a client with decode_responses=True, which would break records, "
            "as they are bytes: make one without it"
        )
    if not getattr(getattr(client, "connection_pool", None), "is_master", True):
        raise ConfigError("SESSION_REDIS is a client of a replica: give it Sentinel.master_for()")
    if getattr(client, "read_from_replicas", False) or getattr(
        client, "load_balancing_strategy", None
    ):
        raise ConfigError(
            "SESSION_REDIS is a client that reads from replicas, where a session lives on for "
            "a while after its end: make one without read_from_replicas"
        )
    return colour


def place_of(client: Client) -> str:
    """Name a given client's servers and database, without a user or password."""
    if isinstance(client, redis.RedisCluster | redis.asyncio.RedisCluster):
        known: Any = client.nodes_manager.startup_nodes
        hosts = {f"{node.host}:{node.port}" for node in known.values()}
        return f"redis+cluster://{','.join(sorted(hosts))}"
    pool = client.connection_pool
    service = getattr(pool, "service_name", None)
    if service is not None:
        return f"the service {service} of Redis Sentinels"
    return one_place(pool.connection_kwargs)


def _connection_kwargs(client: Client) -> dict[str, Any]:
    owner: Any = client
    if isinstance(client, redis.RedisCluster):
        owner = client.nodes_manager
    elif not isinstance(client, redis.asyncio.RedisCluster):
        owner = client.connection_pool
    options: dict[str, Any] = owner.connection_kwargs
    return options


def another(client: Client) -> Client:
    """Make a client like the one given, for another process or loop.

    A client serves the process and loop that used it first; its connections must
    never be shared with another.
    """
    if isinstance(client, redis.RedisCluster):
        return client  # its pools notice a fork, and a thread needs no other
    if isinstance(client, redis.asyncio.RedisCluster):
        return _another_cluster(client)
    kind = cast("Any", type(client))
    pool = client.connection_pool
    options = {
        "connection_class": pool.connection_class,
        "max_connections": pool.max_connections,
        **pool.connection_kwargs,
    }
    manager = getattr(pool, "sentinel_manager", None)
    if manager is None:
        return kind.from_pool(type(pool)(**options))
    del options["connection_pool"]
    forced = getattr(manager, "_force_master_ip", None)
    own = type(manager)(
        [
            (each["host"], each["port"])
            for each in (one.connection_pool.connection_kwargs for one in manager.sentinels)
        ],
        manager.min_other_sentinels,
        manager.sentinel_kwargs,
        **({} if forced is None else {"force_master_ip": forced}),
        **manager.connection_kwargs,
    )
    check = pool.check_connection if hasattr(pool, "check_connection") else False
    made = type(pool)(pool.service_name, own, check_connection=check, **options)
    return kind.from_pool(made)


def _another_cluster(client: Any) -> Client:
    known = inspect.signature(type(client).__init__).parameters
    kept_back = client.connection_kwargs
    options = {name: value for name, value in kept_back.items() if name in known}
    seeds: list[Any] = [
        ClusterNode(node.host, node.port) for node in client.nodes_manager.startup_nodes.values()
    ]
    return type(client)(
        startup_nodes=seeds,
        ssl=issubclass(kept_back["connection_class"], redis.asyncio.SSLConnection),
        require_full_coverage=client.nodes_manager.require_full_coverage,
        reinitialize_steps=client.reinitialize_steps,
        address_remap=client.nodes_manager.address_remap,
        **options,
    )


# --- both --------------------------------------------------------------------------------


def reconnect(client: Client, *, crossed: bool | int | None = False) -> Steps[None]:
    """Drop open connections: the server there is a replica, or says what makes no sense.

    `crossed`: answers are not those of their questions; a Channel's mark, or None, where
    only that connection gave them. What is under way elsewhere is not disturbed.
    """
    for each in _parts(client):
        pool = getattr(each, "connection_pool", None)
        if hasattr(each, "drop_connection"):  # ours, whose connections are not in the pool
            if crossed is False:
                each.drop_connection()
            else:
                each.mistrust(None if crossed is True else crossed)
        elif isinstance(pool, redis.ConnectionPool | redis.asyncio.ConnectionPool):
            yield from wait(cast("Any", pool).disconnect(inuse_connections=False))
            yield from _drop_single(each)
        elif isinstance(each, ClusterNode):
            yield from _drop_free(each)


def _parts(client: Client) -> Iterable[Client]:
    """Give the clients of the nodes of a Cluster that were asked so far, or the only one."""
    if isinstance(client, redis.RedisCluster):
        nodes = cast("Any", client).get_nodes()
        return [each.redis_connection for each in nodes if each.redis_connection is not None]
    if isinstance(client, redis.asyncio.RedisCluster):
        return client.get_nodes()
    found: Iterable[Client] = getattr(client, "nodes", (client,))
    return found


def _drop_single(client: Client) -> Steps[None]:
    """Drop the only connection of a client made with `single_connection_client=True`."""
    connection = getattr(client, "connection", None)
    # Neither has a public name: its turn at the connection a command takes by it, too.
    lock = getattr(client, "single_connection_lock", None) or getattr(
        client, "_single_conn_lock", None
    )
    if connection is None or lock is None:
        return
    _ = yield from wait(lock.acquire())
    try:
        yield from wait(connection.disconnect())
    finally:
        lock.release()


def _drop_free(node: Any) -> Steps[None]:
    """Drop the connections that a node of redis-py's asyncio Cluster does not use just now."""
    free = node._free  # noqa: SLF001  # there is no public way
    dropped: list[Any] = []
    while free:
        connection = free.popleft()
        yield from wait(connection.disconnect())
        dropped.append(connection)
    free.extend(dropped)


def close(client: Client, colour: Colour) -> Steps[None]:
    """Close a client that this module made, and the Sentinels' that it asks."""
    pool = getattr(client, "connection_pool", None)
    manager = getattr(pool, "sentinel_manager", None)
    for each in (client, *(manager.sentinels if manager is not None else ())):
        yield from wait(each.aclose() if colour is Colour.ASYNC else each.close())
