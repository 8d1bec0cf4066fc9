"""A real Hypercorn, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from hypercorn.asyncio import serve
from hypercorn.config import Config

from .tls import Certificates


@contextmanager
def served(
    app: Any,  # of either framework
    mode: Literal["asgi", "wsgi"] = "asgi",
    *,
    certificates: Certificates | None = None,
) -> Iterator[str]:
    """Serve an application at a free port for the length of a block, which gets its URL."""
    loop, stop, config = asyncio.new_event_loop(), asyncio.Event(), Config()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve(app, config, shutdown_trigger=stop.wait, mode=mode))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config.bind = [f"fd://{listener.detach()}"]
    if certificates is not None:
        config.certfile, config.keyfile = certificates.server, certificates.server_key
    config.errorlog = None  # a test looks at what clients get
    thread = threading.Thread(target=run, name="hypercorn")
    thread.start()
    try:
        yield f"http{'' if certificates is None else 's'}://127.0.0.1:{port}"
    finally:
        # A connection that a browser opens meanwhile gets a coroutine that nothing may run.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "coroutine 'TCPServer._idle_timeout' was never")
            loop.call_soon_threadsafe(stop.set)
            thread.join(timeout=30)
            gc.collect()
        assert not thread.is_alive()
