"""Reload and save the session of a request that stays open for long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from .app_sessions import AppSessions
from .core.cookie import Reply
from .core.flow import Flow
from .core.request_state import Mode, is_empty, state_of
from .core.session import ServerSession
from .core.steps import Steps
from .core.watching import Sight
from .errors import SessionEnded, StoreUnavailable

_FAILED = "the store failed before, so this session cannot be read or saved"


def reloaded(app_sessions: AppSessions, session: ServerSession) -> Steps[bool]:
    """Load what other requests wrote; return whether the session still exists.

    Raises NotSupported if the browser keeps the session, and StoreUnavailable.
    """
    _ = app_sessions.administration  # raises if there is no store
    state = state_of(session)
    if state.mode is Mode.BROKEN:
        raise StoreUnavailable(_FAILED)
    if state.mode is Mode.EXEMPT:
        return False
    flow = cast("Flow", app_sessions.flow_of(session))
    return (yield from app_sessions.in_turn(session, flow.reload(session)))


def confirmed(app_sessions: AppSessions, session: ServerSession) -> Steps[bool]:
    """Return whether a session still exists, after all running saves have ended."""
    flow = cast("Flow", app_sessions.flow_of(session))
    return (yield from app_sessions.in_turn(session, flow.confirm(session)))


def kept_alive(app_sessions: AppSessions, session: ServerSession) -> Steps[bool]:
    """Restart the idle timeout of an open session; return False if it may have ended."""
    flow = cast("Flow", app_sessions.flow_of(session))
    return (yield from app_sessions.in_turn(session, flow.keep_alive(session)))


def looked_at(app_sessions: AppSessions, sessions: Sequence[ServerSession]) -> Steps[list[Sight]]:
    """Return the state of open sessions; raise StoreUnavailable."""
    return cast("Flow", app_sessions.flow).lookout.look(sessions)


def saved(app_sessions: AppSessions, session: ServerSession) -> Steps[bool]:
    """Save the session now; return whether it exists then."""
    state = state_of(session)
    yield from _save(app_sessions, session)
    state.unkept = False
    return state.loaded is not None or (state.in_cookie and not is_empty(session))


def saved_block(app_sessions: AppSessions, session: ServerSession) -> Steps[None]:
    """Save the session at the end of a block of `saving()`.

    Raises SessionEnded if the session has ended, so that the block's changes are dropped, and no
    response tells the browser.
    """
    state = state_of(session)
    yield from _save(app_sessions, session)
    unkept, state.unkept = state.unkept, False
    if unkept and state.lost is not None and (state.of_socket or state.answered):
        raise SessionEnded(state.lost.sid, state.lost.how)


def _save(app_sessions: AppSessions, session: ServerSession) -> Steps[None]:
    """Save the session before its response is made, or while that is sent.

    Raises NotSupported if the browser keeps the session and no cookie can be sent.
    """
    state = state_of(session)
    if state.answered or state.of_socket:
        _ = app_sessions.administration  # raises if there is no store
    if state.answered and state.mode is Mode.BROKEN:
        raise StoreUnavailable(_FAILED)

    def save() -> Steps[Reply]:
        possible = not (state.of_socket or state.answered)
        steps = app_sessions.flow_of(session).close(
            session, cookie_possible=possible, in_block=True
        )
        return (yield from steps)

    _ = yield from app_sessions.in_turn(session, save())
