"""The settings for clients without cookies: apps, scripts, other servers."""

from __future__ import annotations

from dataclasses import dataclass

from .core.cookie import NAME
from .errors import ConfigError
from .reading_settings import Setting, setting

# Headers that already have a meaning for browsers, servers, proxies or the frameworks.
_TAKEN = frozenset(
    (
        *("accept", "authorization", "cache-control", "connection", "content-length"),
        *("content-type", "cookie", "date", "expect", "forwarded", "host", "location", "origin"),
        *("referer", "server", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade"),
        *("user-agent", "vary", "via"),
    )
)


def _header(value: object, setting: Setting) -> str | None:
    if value is None:
        return None
    # A header's name has the same characters as a cookie's (RFC 9110, 5.6.2). Proxies drop names
    # with an underscore, because CGI cannot tell it from a hyphen.
    if isinstance(value, str) and NAME.fullmatch(value) is not None and "_" not in value:
        if value.lower() not in _TAKEN:
            return value
        raise ConfigError(
            f'{setting.name} must be a header with no other meaning, such as "X-Session-Token"'
        )
    raise ConfigError(f'{setting.name} must be the name of a header, such as "X-Session-Token"')


@dataclass(frozen=True, slots=True)
class HeaderSettings:
    """How a session's token comes if no cookie holds it."""

    name: str | None = setting(
        "SESSION_HEADER",
        _header,
        default=None,
        doc='The name of a header, such as `"X-Session-Token"`, in which [clients without '
        "cookies](../guides/api-clients.md) send and receive the session token. A request "
        "that has the header, even an empty one, uses only that: no cookie is read or sent.",
    )
