"""Read SESSION_REDIS as a URL: one server, the Sentinels of one, or the nodes of a Cluster.

This module handles addresses and options only, and opens nothing.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from ...core.store import Colour
from ...errors import ConfigError

Address = tuple[str, int]

_HELP = (
    'SESSION_REDIS is not a Redis URL: write "redis://127.0.0.1:6379/0", "rediss://..." for TLS '
    '(valkey://... and valkeys://... are the same), "unix:///path/to/socket", '
    '"redis+sentinel://host:26379,host:26379/service/0" or "redis+cluster://host:6379,host:6379"'
)
_SENTINEL_PORT = 26379
_REDIS_PORT = 6379
_TRANSPORTS = {"valkey": "redis", "valkeys": "rediss"}  # valkey-py's names for them
_KINDS = ("", "cluster", "sentinel")
_ENCODE = "percent-encode special characters in a user or password, as %23 for # and %2F for /"


class Kind(enum.Enum):
    """The kind of a URL's addresses."""

    SINGLE = enum.auto()
    SENTINEL = enum.auto()
    CLUSTER = enum.auto()


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of the sessions, and how to connect.

    `options` are keywords of redis-py's connections and pools. `nodes` is empty for one server,
    whose address is in the options.
    """

    kind: Kind
    tls: bool
    options: dict[str, Any] = field(repr=False)  # Any: keywords of several types
    nodes: tuple[Address, ...] = ()
    service: str = ""
    sentinel_options: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)


def read(url: str, colour: Colour = Colour.SYNC) -> Servers:
    """Read a URL for callers of a colour.

    Raises ConfigError without quoting the URL, which may hold a password.
    """
    try:
        return _read(url, colour)
    except ConfigError:
        raise
    except ValueError:
        raise ConfigError(_HELP) from None


def location_of(servers: Servers) -> str:
    """Name servers and database, without a user or password."""
    database = servers.options.get("db", 0)
    hosts = ",".join(f"{host}:{port}" for host, port in servers.nodes)
    match servers.kind:
        case Kind.SINGLE:
            return location_of_one(servers.options)
        case Kind.SENTINEL:
            return f"redis+sentinel://{hosts}/{servers.service}/{database}"
        case Kind.CLUSTER:
            return f"redis+cluster://{hosts}"


def location_of_one(options: Mapping[str, Any]) -> str:
    """Name the server and the database in options of redis-py's connections."""
    database = options.get("db") or 0
    if "path" in options:
        return f"unix://{options['path']}?db={database}"
    host, port = options.get("host", "localhost"), options.get("port", _REDIS_PORT)
    return f"redis://{host}:{port}/{database}"


def _read(url: str, colour: Colour) -> Servers:
    scheme, separator, rest = url.partition("://")
    transport, _, kind = scheme.lower().partition("+")
    transport = _TRANSPORTS.get(transport, transport)
    if not separator or transport not in ("redis", "rediss", "unix") or kind not in _KINDS:
        raise ValueError(scheme)
    if transport == "unix" and kind:
        raise ValueError(scheme)
    parts = _split_list(transport, rest) if kind else urlsplit(f"{transport}://{rest}")
    if parts.fragment or "#" in rest:
        raise ConfigError(f"SESSION_REDIS has a # in it: {_ENCODE}")
    match kind:
        case "sentinel":
            return _sentinels(parts, colour)
        case "cluster":
            return _cluster(parts, colour)
        case _:
            return _single(parts, colour)


def _split_list(transport: str, rest: str) -> SplitResult:
    """Split a URL with a list of hosts.

    CPython since 3.11.12, 3.12.9 and 3.13.2 refuses an IPv6 address in brackets with text before it
    (CVE-2025-0938). `_nodes` checks the hosts one by one.
    """
    hosts = re.split("[/?#]", rest, maxsplit=1)[0]
    return urlsplit(f"{transport}://host{rest[len(hosts) :]}")._replace(netloc=hosts)


def _single(parts: SplitResult, colour: Colour) -> Servers:
    options = _options(parts, colour)
    if parts.scheme == "unix":
        if parts.hostname or not parts.path:
            raise ConfigError(
                'SESSION_REDIS names no socket: write "unix:///path/to/socket", with three slashes'
            )
        options["path"] = unquote(parts.path)
    else:
        _take_database(options, parts.path.removeprefix("/"))
        # Those of the address take precedence, as in redis-py.
        if parts.hostname:
            options["host"] = unquote(parts.hostname)
        if parts.port is not None:
            options["port"] = parts.port
    return Servers(Kind.SINGLE, parts.scheme == "rediss", options)


def _cluster(parts: SplitResult, colour: Colour) -> Servers:
    options = _options(parts, colour)
    _take_database(options, parts.path.removeprefix("/"))
    if options.pop("db", 0) != 0:
        raise ConfigError("SESSION_REDIS names a database, and a Cluster has only 0: leave it out")
    nodes = _nodes(parts, _REDIS_PORT)
    return Servers(Kind.CLUSTER, parts.scheme == "rediss", options, nodes)


def _sentinels(parts: SplitResult, colour: Colour) -> Servers:
    service, _, database = parts.path.removeprefix("/").partition("/")
    if not service:
        raise ConfigError(
            "SESSION_REDIS names no service of the Sentinels: "
            'write "redis+sentinel://host:26379,host:26379/service/0"'
        )
    options = _options(parts, colour, sentinels=True)
    _take_database(options, database)
    # Passwords of Sentinels are separate from those of the servers that they watch.
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


def _take_database(options: dict[str, Any], path: str) -> None:
    """Return the database of a URL's path; redis-py ignores one that it cannot read."""
    if not path:
        return
    if not re.fullmatch(r"\d{1,9}", path, re.ASCII) or options.get("db", int(path)) != int(path):
        raise ConfigError(
            "SESSION_REDIS names no database, or two: write a number, as in "
            f'"redis://127.0.0.1:6379/0"; {_ENCODE}'
        )
    options["db"] = int(path)


def _nodes(parts: SplitResult, default: int) -> tuple[Address, ...]:
    found: list[Address] = []
    for each in parts.netloc.rpartition("@")[2].split(","):
        address = urlsplit(f"redis://{each}")
        if not address.hostname:
            raise ValueError(each)
        found.append((address.hostname, address.port or default))
    return tuple(found)


def _options(parts: SplitResult, colour: Colour, *, sentinels: bool = False) -> dict[str, Any]:
    kind = {"rediss": "SSLConnection", "unix": "UnixDomainSocketConnection"}.get(
        parts.scheme, "Connection"
    )
    options: dict[str, Any] = {}
    if parts.query:
        from .url_options import read_options

        options = read_options(parts.query, kind, colour=colour, sentinels=sentinels)
    login = parts.netloc.rpartition("@")[0]
    user, _, password = login.partition(":")
    if user:
        options["username"] = unquote(user)
    if password:
        options["password"] = unquote(password)
    if parts.scheme == "rediss":
        # Releases of redis-py before 6 trust any certificate that the CA has signed.
        verified = options.get("ssl_cert_reqs") != "none"
        _ = options.setdefault("ssl_check_hostname", verified)
    return options
