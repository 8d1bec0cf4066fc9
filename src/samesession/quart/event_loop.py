"""Refuse a Quart application that does not run on asyncio, before it fails at each request."""

from __future__ import annotations

import asyncio
from typing import Any

from ..errors import ConfigError

# The parts of Quart for connections and waits; quart-trio replaces them all.
_PARTS = (
    "asgi_http_class",
    "asgi_websocket_class",
    "asgi_lifespan_class",
    "event_class",
    "lock_class",
)
_OTHERS = ("trio", "quart_trio")
_HELP = (
    "sessions need asyncio, because the clients of their stores do: create the application as a "
    "quart.Quart, and serve it with a worker that runs asyncio or uvloop"
)


def on_asyncio(app: Any) -> Any:
    """Return an application; raise ConfigError if it is made for another event loop."""
    parts = (getattr(app, name, None) for name in _PARTS)
    for kind in (*type(app).__mro__, *filter(None, parts)):
        if str(getattr(kind, "__module__", "")).partition(".")[0] in _OTHERS:
            raise ConfigError(f"{type(app).__name__} runs on trio, but {_HELP}")
    return app


def check_running_loop() -> None:
    """Raise ConfigError if the server runs another event loop."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop of asyncio runs here
        task = None
    if task is None:
        raise ConfigError(f"this server does not run the application on asyncio, but {_HELP}")
