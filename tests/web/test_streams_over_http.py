"""Streams over real servers: Hypercorn, in either of its modes, and Werkzeug's own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

from tests.support.hypercorn import served
from tests.support.site import Site
from tests.support.spy import PATIENCE

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.stores("filesystem", "redis"),
    pytest.mark.parametrize(
        "server", ["hypercorn", pytest.param("werkzeug", marks=pytest.mark.needs("flask"))]
    ),
]

CHUNK = "x" * 200_000  # a connection buffers only so many
MOST_CHUNKS = 200


@contextmanager
def by_werkzeug(app: Any) -> Iterator[str]:
    """Serve an application by Werkzeug's development server, for the length of a block."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="werkzeug")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


def serve(site: Site) -> None:
    """Serve "/count/<times>", which counts in the session, once for each chunk."""

    def view(session: Any, web: Any, times: int) -> Any:
        text = "." if times < MOST_CHUNKS else CHUNK

        def sync() -> Iterator[str]:
            try:
                for _ in range(times):
                    session["count"] += 1
                    yield text
            finally:
                session["left"] = True

        async def coroutine() -> AsyncIterator[str]:
            try:
                for _ in range(times):
                    session["count"] += 1
                    yield text
            finally:
                session["left"] = True

        body = coroutine if site.framework == "quart" else sync
        return web.Response(web.stream_with_context(body)())

    site.app.add_url_rule("/count/<int:times>", "count", site.bind(view))
    site.view("/begin")(lambda session, web: session.update(count=0) or "begun")
    site.view("/read")(lambda session, web: dict(session))


async def over_http(site: Site, server: str, do: Callable[[httpx.Client], None]) -> None:
    """Have a browser do something at the served site, in a thread beside this loop."""
    mode: Any = "wsgi" if site.framework == "flask" else "asgi"

    def run() -> None:
        started = by_werkzeug(site.app) if server == "werkzeug" else served(site.app, mode)
        with (
            started as url,
            httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as client,
        ):
            assert client.get("/begin").text == "begun"
            do(client)

    serve(site)
    await asyncio.to_thread(run)


async def test_what_a_stream_did_is_there_when_it_has_been_read(site: Site, server: str) -> None:
    def read(client: httpx.Client) -> None:
        answer = client.get("/count/3")
        assert (answer.status_code, answer.text) == (200, "...")
        assert "Cookie" in answer.headers["Vary"]
        assert client.get("/read").json() == {"count": 3, "left": True}

    await over_http(site, server, read)


async def test_what_a_stream_did_is_there_when_its_client_has_left(site: Site, server: str) -> None:
    def leave(client: httpx.Client) -> None:
        with client.stream("GET", f"/count/{MOST_CHUNKS}") as answer:
            _ = next(answer.iter_raw(1))
        deadline = time.monotonic() + PATIENCE
        found: dict[str, Any] = {}
        while "left" not in found and time.monotonic() < deadline:
            found = client.get("/read").json()  # a server notices in its own time
        assert found["left"]
        # Hypercorn does not tell a WSGI application that a client has left.
        ends = site.framework == "flask" and server == "hypercorn"
        assert found["count"] == MOST_CHUNKS if ends else 0 < found["count"] < MOST_CHUNKS

    await over_http(site, server, leave)
