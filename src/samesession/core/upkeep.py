"""Keep up a session that a request left unchanged.

Its record must be under the newest key, its owner's index must list it, and its idle timeout must
be the current one, even if that changed while the request ran.
"""

from __future__ import annotations

from ..errors import StoreError
from . import policy
from .filing import Filing
from .loaded import Loaded, Terms
from .policy import Rules
from .record import Record
from .request_state import SessionState, is_permanent, state_of
from .session import ServerSession
from .steps import Steps
from .store import Clock, Conflict, Outcome
from .unsaved_changes import Draft


class Upkeep:
    """Maintenance of sessions without changes to save."""

    def __init__(self, *, filing: Filing, rules: Rules, terms: Terms, clock: Clock) -> None:
        self._filing = filing
        self._rules = rules
        self._terms = terms
        self._clock = clock

    def is_due(self, state: SessionState, record: Record) -> bool:
        """Return whether `keep` may have to renew anything."""
        if state.terms is not self._terms:  # the settings have changed since it was opened
            return True
        return self._reseals(state, record) or self._filing.index_is_stale(record)

    @staticmethod
    def _reseals(state: SessionState, record: Record) -> bool:
        if not record.stale or state.by_old_cookie:
            return False
        return state.renew or state.modified or state.due

    def keep(self, session: ServerSession, loaded: Loaded, *, cookie_possible: bool) -> Steps[bool]:
        """Renew what is due; return False if the session may be over, to send no cookie."""
        state = state_of(session)
        reseals = self._reseals(state, loaded.record) and cookie_possible
        if not state.upkept and (reseals or self._filing.index_is_stale(loaded.record)):
            return (yield from self._rewrite(session, loaded))
        if state.renew and self._has_other_timeout(state, loaded.record):
            return (yield from self._renew_again(state, loaded))
        return True

    def _renew_again(self, state: SessionState, loaded: Loaded) -> Steps[bool]:
        """Renew a session whose idle timeout was changed while the request ran."""
        record = yield from self._filing.renewed(loaded.record)
        if record is None or not self._is_live(record, loaded):
            return False
        state.renewed_by(self._terms)
        return True

    def _rewrite(self, session: ServerSession, loaded: Loaded) -> Steps[bool]:
        """Renew the owner's entry and the seal of a session that the request left unchanged.

        A failure is not reported. If the session has ended, it needs neither. If another request
        was faster, that has renewed them. Reading has succeeded, and the next request tries again.
        """
        state, current = state_of(session), loaded.record
        state.upkept = True
        if not self._is_live(current, loaded):
            return False
        permanent = is_permanent(session)
        draft = Draft(current.payload, permanent, by_old_cookie=state.by_old_cookie)
        record = self._filing.next(current, loaded.signed, draft)
        newer: Record | None = current  # as far as is known
        outcome: Outcome | Conflict = Outcome.GONE
        try:
            steps = self._filing.replace(current, record, state, sealed=loaded.sealed)
            outcome = yield from steps
            newer = self._filing.standing(current, outcome)
        except StoreError:
            pass
        if outcome is Outcome.WRITTEN and record is not None:
            state.loaded = Loaded(loaded.signed, record)
            state.renewed_by(self._terms)
            return True
        # The result of an earlier save must be reported.
        return (state.modified or state.due) and newer is not None and self._is_live(newer, loaded)

    def _is_live(self, record: Record, loaded: Loaded) -> bool:
        return loaded.is_of(record) and not policy.is_over(record, self._clock())

    def _has_other_timeout(self, state: SessionState, record: Record) -> bool:
        before, now = state.terms, self._rules.lifetimes
        if before is None or (now.own and record.lifetime):
            return False
        if record.permanent:
            return before.lifetimes.permanent != now.permanent
        return before.lifetimes.browser != now.browser
