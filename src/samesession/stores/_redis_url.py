"""Read SESSION_REDIS as a URL: one server, the Sentinels of one, or the nodes of a Cluster.

Knows addresses and options only; opens nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

from redis import connection

from ..errors import ConfigError

Node = tuple[str, int]

_HELP = (
    'SESSION_REDIS is no Redis URL: write "redis://127.0.0.1:6379/0", "rediss://..." for TLS, '
    '"unix:///path/to/socket", "redis+sentinel://host:26379,host:26379/service/0" '
    'or "redis+cluster://host:6379,host:6379"'
)
_SENTINEL_PORT = 26379
_REDIS_PORT = 6379
# What the store decides, as its records are bytes and its answers RESP2.
_FIXED = ("decode_responses", "encoding", "legacy_responses", "protocol")


class Kind(enum.Enum):
    """What the addresses of a URL are."""

    SINGLE = enum.auto()
    SENTINEL = enum.auto()
    CLUSTER = enum.auto()


@dataclass(frozen=True, slots=True)
class Servers:
    """Where sessions are, and how connections are made.

    `options` are keywords of redis-py's connections and pools. `nodes` are empty
    for one server, whose address stands in the options.
    """

    kind: Kind
    tls: bool
    options: dict[str, Any] = field(repr=False)  # Any: keywords of several types
    nodes: tuple[Node, ...] = ()
    service: str = ""
    sentinel_options: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)


def read(url: str) -> Servers:
    """Read a URL; raises ConfigError, which shows none of it, as it may hold a password."""
    try:
        return _read(url)
    except ConfigError:
        raise
    except ValueError:
        raise ConfigError(_HELP) from None


def place_of(servers: Servers) -> str:
    """Name servers and database, without a user or password."""
    database = servers.options.get("db", 0)
    hosts = ",".join(f"{host}:{port}" for host, port in servers.nodes)
    match servers.kind:
        case Kind.SINGLE:
            return one_place(servers.options)
        case Kind.SENTINEL:
            return f"redis+sentinel://{hosts}/{servers.service}/{database}"
        case Kind.CLUSTER:
            return f"redis+cluster://{hosts}"


def one_place(options: Mapping[str, Any]) -> str:
    """Name the server that options of redis-py's connections are for, and the database."""
    database = options.get("db") or 0
    if "path" in options:
        return f"unix://{options['path']}?db={database}"
    host, port = options.get("host", "localhost"), options.get("port", _REDIS_PORT)
    return f"redis://{host}:{port}/{database}"


def _read(url: str) -> Servers:
    scheme, _, rest = url.partition("://")
    transport, _, kind = scheme.partition("+")
    if not kind:
        options = _options(url)
        return Servers(Kind.SINGLE, transport == "rediss", options)
    if kind not in ("sentinel", "cluster") or transport not in ("redis", "rediss"):
        raise ValueError(scheme)
    parts = urlsplit(f"{transport}://{rest}")
    if kind == "sentinel":
        return _sentinels(parts)
    if parts.path not in ("", "/", "/0"):
        raise ConfigError("SESSION_REDIS names a database, and a Cluster has only 0: leave it out")
    options = _options(_single(parts, ""))
    return Servers(Kind.CLUSTER, transport == "rediss", options, _nodes(parts, _REDIS_PORT))


def _sentinels(parts: SplitResult) -> Servers:
    service, _, database = parts.path.removeprefix("/").partition("/")
    if not service:
        raise ConfigError(
            "SESSION_REDIS names no service of the Sentinels: "
            'write "redis+sentinel://host:26379,host:26379/service/0"'
        )
    options = _options(_single(parts, database))
    # Passwords of Sentinels are apart from those of the servers that they watch.
    login = {
        name: options.pop(f"sentinel_{name}")
        for name in ("username", "password")
        if f"sentinel_{name}" in options
    }
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return Servers(
        Kind.SENTINEL,
        parts.scheme == "rediss",
        options,
        _nodes(parts, _SENTINEL_PORT),
        unquote(service),
        {**tls, **login},
    )


def _single(parts: SplitResult, database: str) -> str:
    """Make a URL of one server of the parts, for redis-py to read the options from."""
    login = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{login[0]}{login[1]}none/{database}?{parts.query}"


def _nodes(parts: SplitResult, default: int) -> tuple[Node, ...]:
    found: list[Node] = []
    for each in parts.netloc.rpartition("@")[2].split(","):
        address = urlsplit(f"redis://{each}")
        if not address.hostname:
            raise ValueError(each)
        found.append((address.hostname, address.port or default))
    return tuple(found)


def _options(url: str) -> dict[str, Any]:
    # redis-py's is not annotated.
    options: dict[str, Any] = cast("Any", connection).parse_url(url)
    for name in _FIXED:
        if name in options:
            raise ConfigError(f"SESSION_REDIS must not say {name}: leave it out of the URL")
    _ = options.pop("connection_class", None)
    if url.startswith("rediss://"):
        # Releases of redis-py before 6 trust any certificate that the CA signed.
        verified = options.get("ssl_cert_reqs") != "none"
        _ = options.setdefault("ssl_check_hostname", verified)
    if options.get("host") == "none":
        del options["host"]
        _ = options.pop("port", None)
    return options
