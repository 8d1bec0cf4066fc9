"""Read where a client of valkey-py connects to, and how: redis-py connects in its place.

The two libraries' clients have the same methods, but their errors and connections are unrelated.
This module does not import valkey-py: an application with such a client has done so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.store import Colour
from ...errors import ConfigError
from .url import Address, Kind, Servers

# Objects that text cannot express, and that redis-py accepts as they are.
_OBJECTS = ("credential_provider", "socket_keepalive_options")
# The name of the connecting library, which is redis-py.
_OWN = ("lib_name", "lib_version")


def servers_of(client: Any) -> tuple[Servers, Colour] | None:  # Any: valkey-py is not imported
    """Return the servers and colour of a client of valkey-py; None if it is not one.

    Raises ConfigError for a client of a replica.
    """
    bases: tuple[type, ...] = type(client).__mro__
    theirs = [base for base in bases if base.__module__.startswith("valkey.")]
    names = {base.__name__ for base in theirs}
    if names.isdisjoint(("Valkey", "ValkeyCluster")):
        return None
    is_async = any(base.__module__.startswith("valkey.asyncio.") for base in theirs)
    colour = Colour.ASYNC if is_async else Colour.SYNC
    if "ValkeyCluster" in names:
        return _cluster(client, colour), colour
    pool = client.connection_pool
    if hasattr(pool, "sentinel_manager"):
        return _sentinels(pool, colour), colour
    tls = _is_tls(pool)
    return Servers(Kind.SINGLE, tls, _options(pool.connection_kwargs, colour, tls=tls)), colour


def _cluster(client: Any, colour: Colour) -> Servers:
    manager = client.nodes_manager
    kwargs = client.connection_kwargs if colour is Colour.ASYNC else manager.connection_kwargs
    nodes = [(node.host, int(node.port)) for node in manager.startup_nodes.values()]
    tls = "SSL" in getattr(kwargs.get("connection_class"), "__name__", "") or bool(
        kwargs.get("ssl")
    )
    options = _options(kwargs, colour, tls=tls)
    for name in ("host", "port", "db", "path"):
        _ = options.pop(name, None)
    return Servers(Kind.CLUSTER, tls, options, tuple(nodes))


def _sentinels(pool: Any, colour: Colour) -> Servers:
    if not pool.is_master:
        raise ConfigError("SESSION_REDIS is a client of a replica: use Sentinel.master_for()")
    tls = _is_tls(pool)
    watchers = [each.connection_pool.connection_kwargs for each in pool.sentinel_manager.sentinels]
    nodes: list[Address] = [(each["host"], int(each["port"])) for each in watchers]
    own = _options(watchers[0], colour, tls=tls) if watchers else {}
    for name in ("host", "port"):
        _ = own.pop(name, None)
    options = _options(pool.connection_kwargs, colour, tls=tls)
    return Servers(Kind.SENTINEL, tls, options, tuple(nodes), pool.service_name, own)


def _is_tls(pool: Any) -> bool:
    return "SSL" in pool.connection_class.__name__


def _options(kwargs: Mapping[str, Any], colour: Colour, *, tls: bool) -> dict[str, Any]:
    kind = "SSLConnection" if tls else "Connection"
    if "path" in kwargs:
        kind = "UnixDomainSocketConnection"
    from .url_options import options_of

    known = {*options_of(kind, colour), *_OBJECTS} - {*_OWN}
    # valkey-py writes its own defaults as None, and as no limit of connections.
    return {
        name: value
        for name, value in kwargs.items()
        if name in known and value is not None and name != "max_connections"
    }
