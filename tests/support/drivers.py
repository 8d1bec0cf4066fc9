"""Drive a Flask or a Quart application in this process, through one interface.

Each driver is one browser with a jar of its own. The frameworks are imported
by whoever made the application, never here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from werkzeug.datastructures import Headers
from werkzeug.test import Client

from .browser import Answer, Jar


class Driver(Protocol):
    """One browser at one application."""

    jar: Jar

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | str | None = None,
        form: Mapping[str, str] | None = None,
        cookie: bytes | None = None,
        scheme: str = "http",
    ) -> Answer:
        """Send a request with the jar's cookies, or with a raw Cookie header."""
        ...

    async def get(self, path: str, **options: Any) -> Answer: ...  # Any: as in request

    async def post(self, path: str, **options: Any) -> Answer: ...  # Any: as in request

    def start(self, method: str, path: str, **options: Any) -> asyncio.Task[Answer]:
        """Send a request beside others: in a thread for Flask, in a task for Quart."""
        ...


class FlaskDriver:
    """Calls the WSGI application, in the thread of the caller."""

    def __init__(self, app: Any, jar: Jar) -> None:  # Any: a Flask, unknown here
        self.app = app
        self.jar = jar

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | str | None = None,
        form: Mapping[str, str] | None = None,
        cookie: bytes | None = None,
        scheme: str = "http",
    ) -> Answer:
        """Do what `request` does, for callers without an event loop."""
        sent = self.jar.header() if cookie is None else cookie.decode("latin-1")
        # Werkzeug's client drops a Cookie header unless it keeps no jar; in the
        # environment the header may hold any byte.
        client = Client(self.app, use_cookies=False)
        response = client.open(
            path,
            method=method,
            headers=Headers(list((headers or {}).items())),
            data=dict(form) if form is not None else data,
            base_url=f"{scheme}://localhost",
            environ_overrides={} if sent is None else {"HTTP_COOKIE": sent},
        )
        try:
            answer = Answer(response.status_code, list(response.headers), response.get_data())
        finally:
            response.close()
        self.jar.take(answer.set_cookies)
        return answer

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        return self.send(method, path, **options)

    async def get(self, path: str, **options: Any) -> Answer:
        return self.send("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return self.send("POST", path, **options)

    def start(self, method: str, path: str, **options: Any) -> asyncio.Task[Answer]:
        return asyncio.create_task(asyncio.to_thread(self.send, method, path, **options))


class QuartDriver:
    """Calls the ASGI application, in the event loop of the caller."""

    def __init__(self, app: Any, jar: Jar) -> None:  # Any: a Quart, unknown here
        self.app = app
        self.jar = jar

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | str | None = None,
        form: Mapping[str, str] | None = None,
        cookie: bytes | None = None,
        scheme: str = "http",
    ) -> Answer:
        sent = Headers(list((headers or {}).items()))
        base: dict[str, object] | None = None
        jar = self.jar.header()
        if cookie is not None:
            # In the scope the header may hold any byte.
            raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in sent]
            host = [] if "Host" in sent else [(b"host", b"localhost")]
            base = {"headers": [*host, *raw, (b"cookie", cookie)]}
        elif jar is not None:
            sent.add("Cookie", jar)
        client = self.app.test_client(use_cookies=False)
        response = await client.open(
            path,
            method=method,
            headers=sent,
            data=data,
            form=None if form is None else dict(form),
            scheme=scheme,
            scope_base=base,
        )
        body: bytes = await response.get_data(as_text=False)
        answer = Answer(response.status_code, list(response.headers), body)
        self.jar.take(answer.set_cookies)
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return await self.request("POST", path, **options)

    def start(self, method: str, path: str, **options: Any) -> asyncio.Task[Answer]:
        return asyncio.create_task(self.request(method, path, **options))

    def websocket(self, path: str) -> Any:  # Any: Quart's test connection
        """Open a WebSocket with the jar's cookies, as an async context manager."""
        headers = Headers()
        jar = self.jar.header()
        if jar is not None:
            headers.add("Cookie", jar)
        return self.app.test_client(use_cookies=False).websocket(path, headers=headers)
