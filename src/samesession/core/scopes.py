"""The scopes in which a browser may hold a cookie of one name: domain, path, partition.

A browser keeps one cookie for each name and scope. It sends all that match a request, without their
scopes (RFC 6265bis, 5.7.3). A cookie can only be deleted by naming its exact scope, so the scope
has to be guessed from the request's host and path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HEADERS = 16  # our Set-Cookie headers in one response

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_MAX_NAME = 253  # characters; RFC 1035, 2.3.4
_PORT = re.compile(r":[0-9]*\Z", re.ASCII)
# How the last part of an IPv4 address differs from a name (WHATWG URL, 3.5).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_ENOUGH = MAX_HEADERS  # domains or paths: there are not enough headers for more
_LONGEST = 256  # characters of a path: 15 headers must fit into what proxies accept
# Characters that no Path attribute holds: quoting them would name a path without requests.
NO_PATH = re.compile(r"[\0-\x1f\x7f-\x9f;\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a request: its host, perhaps with a port, and its whole path."""

    host: str
    path: str


@dataclass(frozen=True, slots=True)
class Scope:
    """The scope of a cookie; without a domain, only the host that set it."""

    domain: str | None
    path: str
    partitioned: bool


def host_name(text: str) -> str | None:
    """Return a host's name in ASCII and lower case, without its port.

    None if the text is not a name; an IPv4 address counts as one here.
    """
    name = _PORT.sub("", text)
    try:
        name = name.encode("idna").decode("ascii").lower() if len(name) <= _MAX_NAME else ""
    except UnicodeError:
        return None
    labels = name.split(".")
    return name if len(name) <= _MAX_NAME and all(map(_LABEL.fullmatch, labels)) else None


def cookie_domain(text: str) -> str | None:
    """Return the host name that a Domain attribute means, None if it means none."""
    return host_name(text.lstrip("."))


def other_scopes(own: Scope, address: Address) -> list[Scope]:
    """Guess the scopes of cookies that came with those of our scope.

    The likeliest come first: scopes that differ only in the domain or the path, then only in the
    partition, then in domain and path, then the rest.
    """
    domains = (None, own.domain, *_parents(address.host), *_parents(own.domain or ""))
    paths = (*_prefixes(address.path), *_prefixes(own.path))
    guesses = dict.fromkeys(
        Scope(domain, path, partitioned)
        for path in sorted(dict.fromkeys(paths), key=len)[:_ENOUGH]
        for domain in list(dict.fromkeys(domains))[:_ENOUGH]
        for partitioned in (False, True)
    )
    others = [scope for scope in guesses if scope != own]
    return sorted(others, key=lambda scope: _differences(scope, own))


def _differences(one: Scope, other: Scope) -> tuple[int, bool]:
    """Return in how many parts two scopes differ, and whether the partition is one."""
    partition = one.partitioned != other.partitioned
    return (one.domain != other.domain) + (one.path != other.path) + partition, partition


def _parents(host: str) -> list[str]:
    """List a host and the domains that contain it, the widest first.

    An address is in no domain, and browsers accept no cookie for a single label such as "com".
    """
    labels = (host_name(host) or "").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return []
    return [".".join(labels[start:]) for start in range(len(labels) - 2, -1, -1)]


def _prefixes(path: str) -> list[str]:
    """List the paths whose cookies are sent with a request for `path` (RFC 6265, 5.1.4)."""
    refused = NO_PATH.search(path)
    clean = path[:_LONGEST] if refused is None else path[: min(refused.start(), _LONGEST)]
    slashes = [at for at, character in enumerate(clean) if character == "/"]
    ends = {end for at in slashes[:_ENOUGH] for end in (at, at + 1)}
    if clean == path:
        ends.add(len(path))
    return [path[:end] for end in sorted(ends) if end and path[0] == "/"]
