"""Call an application in this process: a WSGI environ or an ASGI scope straight into it."""

from __future__ import annotations

import asyncio
import gc
import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, TypeAlias

from samesession.run.aio import arun
from samesession.run.sync import run


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request cost, in microseconds: CPU of this process, and wall time."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: enough to see that the application did its work."""

    status: int
    body: bytes
    cookies: tuple[str, ...]  # each `name=value`


# Of each of the requests that are sent at a time, the Cookie headers one after the other.
Cookies: TypeAlias = Sequence[Iterator[str | None]]


class Caller(Protocol):
    """Sends requests to one application."""

    def once(self, path: str, cookie: str | None) -> Response:
        """Send one request."""
        ...

    def many(self, path: str, cookies: Cookies, total: int) -> Cost:
        """Send `total` requests, as many at a time as there are iterators of cookies."""
        ...

    def close(self) -> None:
        """Let go of the connections of ours that the application has."""
        ...


class FlaskCaller:
    """Calls a WSGI application, from as many threads as requests are sent at a time."""

    def __init__(self, app: Any) -> None:  # Any: a Flask
        self._app = app
        self._threads = ThreadPoolExecutor(32)

    def once(self, path: str, cookie: str | None) -> Response:
        told: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            told.append((status, headers))

        body = _consumed(self._app(_environ(path, cookie), start))
        ((status, headers),) = told
        return Response(int(status[:3]), body, _cookies(headers))

    def many(self, path: str, cookies: Cookies, total: int) -> Cost:
        each = total // len(cookies)

        def send(brought: Iterator[str | None]) -> None:
            environ = _environ(path, None)
            app = self._app
            for cookie in islice(brought, each):
                sent = {} if cookie is None else {"HTTP_COOKIE": cookie}
                _ = _consumed(app({**environ, **sent}, _ignore))

        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        if len(cookies) == 1:
            send(cookies[0])
        else:
            for _ in self._threads.map(send, cookies):
                pass
        return _cost(wall, cpu, each * len(cookies))

    def close(self) -> None:
        self._threads.shutdown()
        site = getattr(self._app.session_interface, "app_sessions", None)
        if site is not None:
            run(site.shut())


class AsgiCaller:
    """Calls an ASGI application, in tasks of one event loop."""

    def __init__(self, app: Any, runner: asyncio.Runner) -> None:  # Any: a Quart, a Starlette
        self._app = app
        self._runner = runner
        if hasattr(app, "startup"):
            runner.run(app.startup())

    def once(self, path: str, cookie: str | None) -> Response:
        messages: list[Any] = []

        async def note(message: Any) -> None:
            messages.append(message)

        self._runner.run(self._call(_scope(path, cookie), note))
        start, *bodies = messages
        headers = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
        body = b"".join(message.get("body", b"") for message in bodies)
        return Response(start["status"], body, _cookies(headers))

    def many(self, path: str, cookies: Cookies, total: int) -> Cost:
        return self._runner.run(self._many(path, cookies, total))

    def close(self) -> None:
        site = getattr(getattr(self._app, "session_interface", None), "app_sessions", None)
        if site is not None:
            self._runner.run(arun(site.shut()))

    async def _many(self, path: str, cookies: Cookies, total: int) -> Cost:
        each = total // len(cookies)

        async def send(brought: Iterator[str | None]) -> None:
            scope = _scope(path, None)
            for cookie in islice(brought, each):
                sent = [] if cookie is None else [(b"cookie", cookie.encode("latin-1"))]
                headers = [*scope["headers"], *sent]
                await self._call({**scope, "headers": headers}, _swallow)

        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        if len(cookies) == 1:
            await send(cookies[0])
        else:
            _ = await asyncio.gather(*map(send, cookies))
        return _cost(wall, cpu, each * len(cookies))

    async def _call(self, scope: dict[str, Any], send: Callable[[Any], Any]) -> None:
        waiting = [{"type": "http.request", "body": b"", "more_body": False}]
        over: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def receive() -> Any:
            return waiting.pop() if waiting else await over

        async def answer(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                over.set_result({"type": "http.disconnect"})  # as servers do; Quart 0.23 waits

        await self._app(scope, receive, answer)


def _cost(wall: float, cpu: float, total: int) -> Cost:
    now_wall, now_cpu = time.perf_counter(), time.process_time()
    return Cost((now_cpu - cpu) / total * 1e6, (now_wall - wall) / total * 1e6)


def _cookies(headers: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(value.partition(";")[0] for name, value in headers if name.lower() == "set-cookie")


def _environ(path: str, cookie: str | None) -> dict[str, Any]:
    sent = {} if cookie is None else {"HTTP_COOKIE": cookie}
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_ACCEPT": "*/*",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **sent,
    }


def _scope(path: str, cookie: str | None) -> dict[str, Any]:
    sent = [] if cookie is None else [(b"cookie", cookie.encode("latin-1"))]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"accept", b"*/*"), *sent],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        "extensions": {},
    }


def _ignore(status: str, headers: Any, exc_info: Any = None) -> Any:
    del status, headers, exc_info


async def _swallow(message: Any) -> None:
    del message


def _consumed(iterable: Any) -> bytes:
    try:
        return b"".join(iterable)
    finally:
        close = getattr(iterable, "close", None)
        if close is not None:
            close()
