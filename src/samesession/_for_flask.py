"""What a Flask application calls besides `session`: list, end and save sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import flask

from . import _web
from ._site import Site, site_of
from .core.facts import About
from .core.session import ServerSession
from .drive import run
from .errors import StoreError


def sessions_of(owner: str) -> list[About]:
    """List the live sessions that `session.bind(owner)` made, the oldest first."""
    return run(_site().administration.sessions_of(owner))


def revoke(sid: str) -> bool:
    """End one session of this application now; False if there was none."""
    return run(_site().administration.revoke(sid))


def revoke_all(owner: str, *, keep: str | None = None) -> int:
    """End an owner's sessions, but the one whose sid is `keep`; tell how many."""
    return run(_site().administration.revoke_all(owner, keep=keep))


def purge() -> int:
    """Delete expired sessions from a store that keeps them; tell how many."""
    return run(_site().administration.purge())


@contextmanager
def saving() -> Iterator[ServerSession]:
    """Save the session at the end of the block, not when the response is made.

    For a view that runs long, and for a streamed body, where writes are refused
    otherwise. Once the response has started no cookie can be sent: beginning or
    regenerating a session raises ReadOnlySession there. Raises StoreUnavailable.
    """
    site, session = _site(), cast("ServerSession", current())
    sealed = session.unseal()
    try:
        yield session
        try:
            run(site.save(session, cookie_possible=not sealed))
        except StoreError as error:
            raise site.failed(error) from error
    finally:
        if sealed:
            session.seal()


def current() -> object:
    """Internal: give the session of this request itself, not its proxy."""
    return _web.unproxied(flask.session)


def _site() -> Site:
    return site_of(flask.current_app)
