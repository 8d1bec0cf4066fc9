"""Name the servers in a URL, without any part of a password."""

from __future__ import annotations

import re

_HOST = r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+(?:%25\w+)?\])(?::\d{1,5})?"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*")
UNCLEAR = "an address that its URL does not show clearly"


def hosts_of(url: str) -> str:
    """Return the hosts and ports of a URL.

    If a password contains @, / or ? without percent-encoding, there are two ways to read the URL,
    and the host in one reading may be part of the password in the other. Then neither is shown.
    """
    rest = url.partition("://")[2]
    shortest = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
    longest = re.split(r"[/?#]", rest.rpartition("@")[2])[0]
    return told(shortest) if shortest == longest else UNCLEAR


def told(hosts: str) -> str:
    """Return hosts with their ports, if they are clear."""
    return hosts if _HOSTS.fullmatch(hosts) else UNCLEAR
