"""One session outside of its user's requests, by its sid: for jobs, scripts and support pages.

It is opened, merged and saved as a request's is. What differs:

    a token             none is known, and none can be made: the secret stays as it is
    the same session    has the same owner still, whatever its secret; a request's has its secret
    the idle timeout    runs on: the user was not there
    ended meanwhile     an error, as no browser is there to be told

Whoever only reads, or ends the session, is not told that it ended.
"""

from __future__ import annotations

from ..errors import SessionEnded
from .flow import Flow
from .names import checked_sid, is_sid
from .request_state import SessionState, state_of
from .session import ServerSession
from .steps import Steps, done


def opened(flow: Flow, sid: str) -> Steps[ServerSession | None]:
    """Open the session of a sid; None where no live one of this application is.

    Raises InvalidName for what is no str, StoreUnavailable.
    """
    return flow.open_by_sid(sid) if is_sid(checked_sid(sid, "session_by_sid")) else done(None)


def saved(flow: Flow, session: ServerSession) -> Steps[None]:
    """Save what was done to a session that was opened so, and lock it.

    Raises SessionEnded where nothing could be saved for good, and what `Flow.close` raises:
    then the session is `left`, as where the block itself raises.
    """
    state = state_of(session)
    ends = flow.deletes(session)
    _ = yield from flow.close(session, cookie_possible=False)
    _lock(state)
    if state.lost is not None and not (ends and state.lost.drop):
        how = "ended meanwhile" if state.lost.drop else "became another user's meanwhile"
        raise SessionEnded(state.lost.sid, how)


def left(session: ServerSession) -> None:
    """Drop what was done to a session and is not saved, as an error tells, and lock it."""
    state = state_of(session)
    state.warned = True
    _lock(state)


def _lock(state: SessionState) -> None:
    """Refuse what is written from now on."""
    state.locked, state.blocks = True, 0
