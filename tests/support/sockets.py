"""A WebSocket at a Quart application, as an ASGI server serves it."""

from __future__ import annotations

import asyncio
from typing import Any

from .site import Visitor
from .spy import PATIENCE


class Socket:
    """One connection; the application runs in a task from the start."""

    def __init__(self, visitor: Visitor, path: str = "/socket") -> None:
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._messages.put_nowait({"type": "websocket.connect"})
        cookie = (visitor.jar.header() or "").encode()
        scope = {
            "type": "websocket", "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1", "scheme": "ws", "path": path, "raw_path": path.encode(),
            "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("localhost", 80), "headers": [(b"host", b"localhost"), (b"cookie", cookie)],
            "subprotocols": [], "extensions": {},
        }  # fmt: skip
        app = visitor.site.app
        self.task = asyncio.ensure_future(app(scope, self._messages.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        await self._sent.put(message)
        if message["type"] == "websocket.close":  # which a server confirms, as here a browser does
            self.leave()

    async def said(self) -> str:
        """Wait for the next text that the application sends."""
        while True:
            message = await asyncio.wait_for(self._sent.get(), PATIENCE)
            if message["type"] == "websocket.send":
                return str(message["text"])

    def say(self, text: str) -> None:
        self._messages.put_nowait({"type": "websocket.receive", "text": text, "bytes": None})

    def leave(self) -> None:
        """Close the connection, as a browser does whose tab is closed."""
        self._messages.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def left(self) -> None:
        """Leave, and wait until the application knows."""
        self.leave()
        await self.over()

    async def over(self) -> None:
        """Wait until the application has done all that it does with the connection."""
        await asyncio.wait_for(asyncio.shield(self.task), PATIENCE)
