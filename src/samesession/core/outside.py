"""Open a session outside of its user's requests, by sid: for jobs, scripts and support pages.

It is opened, merged and saved like a request's session, with these differences:

    the token           is unknown, and a new one cannot be sent: the secret stays as it is
    the same session    has the same owner, under any secret; a request's has the same secret
    the idle timeout    is not restarted: the user was not there
    ended meanwhile     is an error, because there is no browser to tell

A block that only reads, or ends the session, gets no error if it has ended.
"""

from __future__ import annotations

from ..errors import SessionEnded
from .flow import Flow
from .names import checked_sid, is_sid
from .request_state import SessionState, state_of
from .session import ServerSession
from .steps import Steps, done


def opened(flow: Flow, sid: str) -> Steps[ServerSession | None]:
    """Open the session of a sid; None if this application has no such live session.

    Raises InvalidName if it is not a str, and StoreUnavailable.
    """
    return flow.open_by_sid(sid) if is_sid(checked_sid(sid, "session_by_sid")) else done(None)


def saved(flow: Flow, session: ServerSession) -> Steps[None]:
    """Save the changes to a session that was opened by its sid, and lock it.

    Raises SessionEnded if nothing can be saved any more, and the errors of `Flow.close`. Then the
    session is `left`, as if the block itself had raised.
    """
    state = state_of(session)
    ends = flow.deletes(session)
    _ = yield from flow.close(session, cookie_possible=False)
    _lock(state)
    if state.lost is not None and not (ends and state.lost.drop):
        how = (
            "ended meanwhile" if state.lost.drop else ("was bound to another user in the meantime")
        )
        raise SessionEnded(state.lost.sid, how)


def left(session: ServerSession) -> None:
    """Drop the unsaved changes of a session, after an error in its block, and lock it."""
    state = state_of(session)
    state.warned = True
    _lock(state)


def _lock(state: SessionState) -> None:
    """Refuse all writes from now on."""
    state.locked, state.blocks = True, 0
