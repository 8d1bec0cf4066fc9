"""End a request before any function of the application runs.

A request ends early if the store did not return its session, or if we answer it in the
application's place. Few do, so that the others must not pay for it. A request that ends early is
noted in its context, and its session is looked at only where one is noted. The note of a request
that ended before that costs the next one in the same context a look.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from .core.request_state import state_of
from .core.session import ServerSession

_NOTED: ContextVar[bool] = ContextVar("samesession.ends_early", default=False)

is_noted: Callable[[], bool] = _NOTED.get


def note() -> None:
    """Note that the request of this moment ends early."""
    _ = _NOTED.set(True)


def taken_over(session: object) -> ServerSession | None:
    """Return the session of a noted request if we answer it, and nothing of the application's.

    Raises the failure of the store that did not return the session. It may be another library's.
    """
    _ = _NOTED.set(False)
    if not isinstance(session, ServerSession):
        return None
    state = state_of(session)
    if (failure := state.take_failure()) is not None:
        raise failure
    return session if state.device is not None and state.device.is_ours else None
