"""Find where SESSION_REDIS says that the sessions are: by a URL, or by a library's client."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...core.store import Colour
from ...errors import ConfigError
from . import url, valkey_clients

if TYPE_CHECKING:
    from .given_checks import Given


def servers_of(source: str | Given, colour: Colour) -> tuple[url.Servers | None, Colour]:
    """Return where to connect, None for a client that does so itself, and the colour."""
    if isinstance(source, str):
        servers = url.read(source, colour)
    elif (found := valkey_clients.servers_of(source)) is not None:
        servers, colour = found
    else:
        from .given_checks import colour_of

        return None, colour_of(source)
    if servers.tls:
        from .url_options import check_tls

        check_tls(servers.options)
    if find_spec("hiredis") is None:  # an error now, not at the first request
        raise ConfigError(
            "SESSION_REDIS is not a client of redis-py, so it needs the package hiredis: pip "
            "install 'samesession[redis]', or use such a client"
        )
    return servers, colour
