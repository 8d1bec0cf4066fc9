"""Views that stream, and browsers that read a response chunk by chunk, or leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import copy_context
from typing import Any

from werkzeug.test import Client

from .browser import Answer
from .site import Site, Visitor
from .spy import PATIENCE

Part = Callable[[Any], object]  # Any: the session is a proxy


def streaming(site: Site, *parts: Part, first: Part | None = None, ends: Part | None = None) -> Any:
    """Give a view whose body has a chunk for each part, which is done before the chunk is sent.

    What a part gives is the chunk's text. `first`: done in the view; `ends`: done when the
    body ends, however it does.
    """

    def done(part: Part) -> str:
        result = part(site.session)
        return "." if result is None else str(result)

    def sync() -> Iterator[str]:
        try:
            for part in parts:
                yield done(part)
        finally:
            if ends is not None:
                ends(site.session)

    async def coroutine() -> AsyncIterator[bytes]:
        try:
            for part in parts:
                yield done(part).encode()
        finally:
            if ends is not None:
                ends(site.session)

    def view(session: Any, web: Any) -> Any:
        if first is not None:
            first(session)
        if site.framework == "flask":
            return web.Response(web.stream_with_context(sync()))
        return web.Response(web.stream_with_context(coroutine)())

    return view


class Reading:
    """A request whose response is read chunk by chunk."""

    def __init__(self, visitor: Visitor, path: str, method: str) -> None:
        self.visitor = visitor
        self.path = path
        self.method = method

    @classmethod
    async def of(cls, visitor: Visitor, view: Any, *, method: str = "GET") -> Reading:
        """Send the request, and wait for what comes before the body."""
        visitor.site.actions.append(view)
        path = f"/visit/{len(visitor.site.actions) - 1}"
        kind = _InFlask if visitor.site.framework == "flask" else _InQuart
        reading = kind(visitor, path, method)
        answer = await reading.started()
        visitor.jar.take(answer.set_cookies)
        return reading

    async def started(self) -> Answer:
        raise NotImplementedError

    async def chunk(self) -> str | None:
        """Give the next chunk that is not empty; None at the end."""
        raise NotImplementedError

    async def leave(self) -> None:
        """Close the connection, and wait until the application has done all that it does."""
        raise NotImplementedError

    async def rest(self) -> str:
        """Read to the end."""
        chunks: list[str] = []
        while (chunk := await self.chunk()) is not None:
            chunks.append(chunk)
        await self.leave()
        return "".join(chunks)


class _InFlask(Reading):
    async def started(self) -> Answer:
        sent = self.visitor.jar.header()
        # As in a thread of its own: the body has its request's context until it ends.
        self._context = copy_context()
        self._response = self._context.run(
            Client(self.visitor.site.app, use_cookies=False).open,
            self.path,
            method=self.method,
            environ_overrides={} if sent is None else {"HTTP_COOKIE": sent},
        )
        self._chunks: Iterator[Any] = iter(self._response.response)  # Any: bytes
        return Answer(self._response.status_code, list(self._response.headers), b"")

    async def chunk(self) -> str | None:
        while (chunk := self._context.run(next, self._chunks, None)) is not None:
            if chunk:
                return str(chunk.decode())
        return None

    async def leave(self) -> None:
        self._context.run(self._response.close)


class _InQuart(Reading):
    async def started(self) -> Answer:
        self._gone = asyncio.Event()
        self._asked = asyncio.Semaphore(0)
        self._has_begun = False
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._request = [{"type": "http.request", "body": b"", "more_body": False}]
        cookie = (self.visitor.jar.header() or "").encode()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
            "method": self.method, "scheme": "http", "path": self.path,
            "raw_path": self.path.encode(), "query_string": b"", "root_path": "",
            "client": ("127.0.0.1", 1), "server": ("localhost", 80),
            "headers": [(b"host", b"localhost"), (b"cookie", cookie)], "extensions": {},
        }  # fmt: skip
        self._task = asyncio.ensure_future(self.visitor.site.app(scope, self._receive, self._send))
        message = await self._next()
        headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
        return Answer(message["status"], headers, b"")

    async def _receive(self) -> dict[str, Any]:
        if self._request:
            return self._request.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        """As a connection does that takes no more than is read."""
        self._sent.put_nowait(message)
        await self._asked.acquire()

    async def _next(self) -> dict[str, Any]:
        if self._has_begun:
            self._asked.release()
        self._has_begun = True
        sent = asyncio.ensure_future(self._sent.get())
        # A body that fails sends no more.
        await asyncio.wait((sent, self._task), timeout=PATIENCE, return_when="FIRST_COMPLETED")
        if not sent.done():
            sent.cancel()
            self._task.result()
        return sent.result()

    async def chunk(self) -> str | None:
        while (message := await self._next()).get("more_body"):
            if message["body"]:
                return str(message["body"].decode())
        self._asked.release()
        return None

    async def leave(self) -> None:
        self._gone.set()
        await asyncio.wait_for(asyncio.shield(self._task), PATIENCE)
