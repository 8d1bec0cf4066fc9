"""Save the changes that a streamed body makes to its session: after each chunk, and at its end.

This module knows neither frameworks nor how to wait: `streamed_body` of each framework does.
"""

from __future__ import annotations

import logging

from .app_sessions import AppSessions
from .core import values
from .core.events import KEPT_NOWHERE, STORE_FAILED
from .core.late_writes import NO_COOKIE_DATA
from .core.request_state import Mode, data_of, state_of
from .core.session import ServerSession
from .core.steps import Steps
from .core.tracebacks import clear_locals
from .core.unsaved_changes import UNCHANGING
from .errors import ReadOnlySession, SessionError, StoreError

log = logging.getLogger("samesession")

# Seconds between attempts to save while the store is down: each may take the whole timeout.
RETRY_AFTER = 10


class Stream:
    """A body that is being generated, and its changes to its session."""

    def __init__(self, app_sessions: AppSessions, session: ServerSession) -> None:
        self._app_sessions = app_sessions
        self._session = session
        self._reason: str | None = None  # the reason of the last failure
        self._told: set[str] = set()
        self._retry_at = 0.0
        # The data in the browser, if the browser keeps the session.
        in_cookie = state_of(session).in_cookie
        self._sent = values.encode_if_fit(data_of(session)) if in_cookie else None

    def due(self, *, ending: bool = False, last: bool = False) -> Steps[None] | None:
        """Return what saves all changes so far; None if that can or must wait.

        `ending`: the body has made its last chunk; `last`: nothing comes after this.
        """
        state = state_of(self._session)
        if state.mode is not Mode.LIVE or not self._may_differ():
            return None
        if not last and self._app_sessions.current_time() < self._retry_at:
            return None
        # A block saves by itself. An emptied session may be written again before the end, which
        # would not be possible if its record were deleted by then.
        if not ending and not last and (state.blocks or self._is_emptied()):
            return None
        return self._kept()

    def _kept(self) -> Steps[None]:
        yield from ()
        if state_of(self._session).in_cookie:
            raise ReadOnlySession(NO_COOKIE_DATA)
        yield from self._keep()
        self._reason = None

    def failed(self, error: TypeError | SessionError) -> None:
        """Log why an attempt to save failed, each reason once."""
        clear_locals(error)
        is_outage = isinstance(error, StoreError)
        self._reason = STORE_FAILED if is_outage else KEPT_NOWHERE
        if is_outage:
            self._retry_at = self._app_sessions.current_time() + RETRY_AFTER
        if str(error) not in self._told:
            self._told.add(str(error))
            if isinstance(error, StoreError):
                _ = self._app_sessions.failed(error)
            else:
                log.error(
                    "the changes that a streamed body made to its session were not saved",
                    exc_info=error,
                )

    def end(self) -> Steps[None]:
        """Note that this body makes no more changes; report unsaved ones."""
        state = state_of(self._session)
        state.streaming = state.locked = False
        yield from ()
        if self._reason is not None:
            self._app_sessions.tell_unsaved(self._session, self._reason)

    def _may_differ(self) -> bool:
        state = state_of(self._session)
        if state.written or not state.may_differ:
            return state.written
        # A value may have been changed that was read long before.
        data = data_of(self._session)
        if all(type(value) in UNCHANGING for value in data.values()):
            return False
        known = self._sent if state.in_cookie else state.base
        return known is not None and values.encode_if_fit(data) != known

    def _keep(self) -> Steps[None]:
        """Save the session when its response is made, whatever store keeps it.

        Raises ReadOnlySession if that needs a cookie.
        """
        session = self._session
        flow = self._app_sessions.flow_of(session)
        steps = flow.close(session, cookie_possible=False, in_block=True)
        _ = yield from self._app_sessions.in_turn(session, steps)
        if state_of(session).keeps_nothing():
            state_of(session).lock()

    def _is_emptied(self) -> bool:
        state = state_of(self._session)
        flow = self._app_sessions.flow_of(self._session)
        return not state.cleared and flow.deletes(self._session)
