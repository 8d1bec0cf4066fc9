"""A real Hypercorn closes the WebSocket of a session that has ended, with the code asked for."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from tests.conftest import NewSite
from tests.support.hypercorn import served

pytestmark = [pytest.mark.needs("quart"), pytest.mark.stores("memory")]


def connect(port: int, cookie: str) -> tuple[socket.socket, WSConnection]:
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    protocol = WSConnection(ConnectionType.CLIENT)
    headers: Any = [(b"cookie", cookie.encode())]
    client.sendall(protocol.send(Request("localhost", "/socket", extra_headers=headers)))
    return client, protocol


def until(client: socket.socket, protocol: WSConnection, kind: Any) -> Any:
    while True:
        for event in protocol.events():
            if isinstance(event, kind):
                return event
            assert isinstance(event, AcceptConnection | TextMessage)
        protocol.receive_data(client.recv(4096) or None)


@pytest.mark.asyncio
async def test_it_is_closed_over_the_wire(new_site: NewSite) -> None:
    site = new_site(SESSION_CLOSE_SOCKETS=True)

    async def handler() -> None:
        await site.web.websocket.send("ready")
        await asyncio.Event().wait()

    site.app.websocket("/socket")(handler)
    visitor = site.visitor()
    await visitor.put(a=1)
    with served(site.app) as url:
        port = int(url.rpartition(":")[2])
        client, protocol = connect(port, visitor.jar.header() or "")
        with client:
            ready = await asyncio.to_thread(until, client, protocol, TextMessage)
            assert ready.data == "ready"
            await visitor.visit(lambda session: session.end())  # in another event loop
            closed = await asyncio.to_thread(until, client, protocol, CloseConnection)
    assert (closed.code, closed.reason) == (4401, "the session ended meanwhile")
