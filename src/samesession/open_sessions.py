"""What a request that stays open for long does with its session: bring in what others did, save."""

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
    """Bring in what other requests wrote; return whether the session is still there.

    Raises NotSupported where the browser keeps the session, StoreUnavailable.
    """
    _ = app_sessions.administration  # raises where there is no store
    state = state_of(session)
    if state.mode is Mode.BROKEN:
        raise StoreUnavailable(_FAILED)
    if state.mode is Mode.EXEMPT:
        return False
    flow = cast("Flow", app_sessions.flow_of(session))
    return (yield from app_sessions.in_turn(session, flow.reload(session)))


def confirmed(app_sessions: AppSessions, session: ServerSession) -> Steps[bool]:
    """Return whether a session is still there, after all saves that are under way."""
    flow = cast("Flow", app_sessions.flow_of(session))
    return (yield from app_sessions.in_turn(session, flow.confirm(session)))


def kept_alive(app_sessions: AppSessions, session: ServerSession) -> Steps[bool]:
    """Restart the idle timeout of a session that is open; False where it may have ended."""
    flow = cast("Flow", app_sessions.flow_of(session))
    return (yield from app_sessions.in_turn(session, flow.keep_alive(session)))


def looked_at(app_sessions: AppSessions, sessions: Sequence[ServerSession]) -> Steps[list[Sight]]:
    """Return what is seen of sessions that are open; StoreUnavailable."""
    return cast("Flow", app_sessions.flow).lookout.look(sessions)


def saved(app_sessions: AppSessions, session: ServerSession) -> Steps[bool]:
    """Save the session now; return whether it is there then."""
    state = state_of(session)
    yield from _save(app_sessions, session)
    state.unkept = False
    return state.loaded is not None or (state.in_cookie and not is_empty(session))


def saved_block(app_sessions: AppSessions, session: ServerSession) -> Steps[None]:
    """Save the session at the end of a block of `saving()`.

    Raises SessionEnded where what the block did is dropped, as the session has ended, and no
    response to the browser says so.
    """
    state = state_of(session)
    yield from _save(app_sessions, session)
    unkept, state.unkept = state.unkept, False
    if unkept and state.lost is not None and (state.of_socket or state.answered):
        raise SessionEnded(state.lost.sid, state.lost.how)


def _save(app_sessions: AppSessions, session: ServerSession) -> Steps[None]:
    """Save the session before its response is made, or while that is sent.

    Raises NotSupported where the browser keeps the session and no cookie can be sent.
    """
    state = state_of(session)
    if state.answered or state.of_socket:
        _ = app_sessions.administration  # raises where there is no store
    if state.answered and state.mode is Mode.BROKEN:
        raise StoreUnavailable(_FAILED)

    def save() -> Steps[Reply]:
        possible = not (state.of_socket or state.answered)
        steps = app_sessions.flow_of(session).close(
            session, cookie_possible=possible, in_block=True
        )
        return (yield from steps)

    _ = yield from app_sessions.in_turn(session, save())
