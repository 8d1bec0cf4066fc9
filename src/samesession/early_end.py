"""End a request before any function of the application runs.

A request ends early if the store did not return its session, or if we make its response instead of
the application. Few requests do, and the others must not pay for it: a request that ends early is
noted in its context, and sessions are examined only in a context with a note. A request may end
before anyone reads its note. Then the next request in the same context is examined, for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from .core.request_state import state_of
from .core.session import ServerSession

_NOTED: ContextVar[bool] = ContextVar("samesession.ends_early", default=False)

is_noted: Callable[[], bool] = _NOTED.get


def note() -> None:
    """Note that the current request ends early."""
    _ = _NOTED.set(True)


def taken_over(session: object) -> ServerSession | None:
    """Return the session of a noted request if we make its response; None otherwise.

    Raises the failure if the store did not return the session. `session` may be another library's.
    """
    _ = _NOTED.set(False)
    if not isinstance(session, ServerSession):
        return None
    state = state_of(session)
    if (failure := state.take_failure()) is not None:
        raise failure
    return session if state.device is not None and state.device.is_ours else None
