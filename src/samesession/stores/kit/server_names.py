"""Name where servers are by a URL, without what may be a part of a password."""

from __future__ import annotations

import re

_HOST = r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+(?:%25\w+)?\])(?::\d{1,5})?"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")
UNCLEAR = "an address that its URL does not say clearly"


def hosts_of(url: str) -> str:
    """Return the hosts and ports of a URL.

    A password whose @, / or ? is not percent-encoded can be read in two ways, and what
    follows the one is in the midst of it by the other: then neither is told.
    """
    rest = url.partition("://")[2]
    shortest = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
    longest = re.split(r"[/?#]", rest.rpartition("@")[2])[0]
    return told(shortest) if shortest == longest else UNCLEAR


def told(hosts: str) -> str:
    """Return hosts with their ports, if they are plainly so."""
    return hosts if _HOSTS.fullmatch(hosts) else UNCLEAR
