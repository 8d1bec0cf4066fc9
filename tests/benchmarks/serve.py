"""Serve one subject with hypercorn, until SIGTERM.

Arguments: the subject's name and framework, a Redis URL, a directory, a port.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from .subjects import SUBJECTS, Place


async def main() -> None:
    name, framework, url, directory, port = sys.argv[1:]
    (subject,) = [s for s in SUBJECTS if (s.name, s.framework) == (name, framework)]
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.accesslog = None
    config.loglevel = "ERROR"
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    app: Any = subject.make(Place(url, directory))
    await serve(app, config, shutdown_trigger=over.wait)


asyncio.run(main())
