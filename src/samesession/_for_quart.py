"""What a Quart application calls besides `session`: list, end and save sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import quart

from . import _web
from ._quart_sockets import Sockets
from ._site import Site, site_of
from .core.facts import About
from .core.session import ServerSession
from .drive import arun, finished
from .errors import StoreError


async def sessions_of(owner: str) -> list[About]:
    """List the live sessions that `session.bind(owner)` made, the oldest first."""
    return await arun(_site().administration.sessions_of(owner))


async def revoke(sid: str) -> bool:
    """End one session of this application now; False if there was none."""
    return await arun(_site().administration.revoke(sid))


async def revoke_all(owner: str, *, keep: str | None = None) -> int:
    """End an owner's sessions, but the one whose sid is `keep`; tell how many."""
    return await arun(_site().administration.revoke_all(owner, keep=keep))


async def purge() -> int:
    """Delete expired sessions from a store that keeps them; tell how many."""
    return await arun(_site().administration.purge())


@asynccontextmanager
async def saving() -> AsyncIterator[ServerSession]:
    """Save the session at the end of the block, not when the response is made.

    For a WebSocket, whose session is saved only when it closes, for a view that runs
    long, and for a streamed body, where writes are refused otherwise. In a WebSocket
    and once the response has started no cookie can be sent: beginning or
    regenerating a session raises ReadOnlySession there. Raises StoreUnavailable.
    """
    site, session = _site(), cast("ServerSession", current())
    sealed = session.unseal()
    try:
        yield session
        of_socket = session.facts.of_socket
        steps = site.save(session, cookie_possible=not sealed and not of_socket)
        try:
            work = arun(steps, timeout=site.config.store_timeout)
            await (finished(work) if of_socket else work)
        except StoreError as error:
            raise site.failed(error) from error
    finally:
        if sealed:
            session.seal()


def serve(app: quart.Quart, site: Site, sockets: Sockets) -> None:
    """Internal: make the tables before the first request, let go of connections after the last."""
    _ = app.teardown_websocket(sockets.torn_down)

    @app.before_serving
    async def prepare() -> None:
        if site.config.creates:
            await arun(site.prepare())

    @app.after_serving
    async def shut() -> None:
        await arun(site.shut(), timeout=site.config.store_timeout)


def current() -> object:
    """Internal: give the session of this request itself, not its proxy."""
    return _web.unproxied(quart.session)


def _site() -> Site:
    return site_of(quart.current_app)
