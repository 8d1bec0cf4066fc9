"""Keep the sessions of an owner to a number: the oldest are ended, or another login is refused.

A login that has a limit looks twice who of its owner's sessions live:

                 before it is written             after it
    end-oldest   to know which were there         ends the first of the order, beyond the limit
    refuse       is refused if there is no room   ends the last of the order, beyond the limit

The order: those that were there before, by the time of authentication and the sid; then the new
one and those that came meanwhile, in the same way. So what was there before is older whatever a
node's clock said of it, and of logins that race each sees the same order: at most so many live in
the end, where the store lists what is written. A login that is itself beyond the limit is ended.

A store that fails before the login is written makes it a 503, as ever. One that fails afterwards
does not undo the login: it stands, the failure is told, and the next login ends what is beyond.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..errors import ConfigError, StoreError, TooManySessions
from .account_changes import Bound
from .admin import Administration
from .events import BEYOND_LIMIT
from .policy import Limit
from .record import Record
from .request_state import state_of
from .session import ServerSession
from .steps import Steps, checkpoint
from .store import OwnerIndex, Store


def check_limit(limit: Limit | None, store: Store | None) -> None:
    """Raise ConfigError where nobody can count an owner's sessions."""
    if limit is not None and not isinstance(store, OwnerIndex):
        raise ConfigError(
            "SESSION_MAX_PER_OWNER needs a store that lists a user's sessions: choose another, "
            'such as SESSION_TYPE = "filesystem"'
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """A login that has a limit, and the sids of its owner's sessions before it was written."""

    owner: str
    limit: Limit
    known: frozenset[str]


class OwnerLimits:
    """What counts the sessions of owners who log in."""

    def __init__(self, administration: Administration, limit: Limit | None) -> None:
        """`limit`: of logins that say nothing else."""
        self._administration = administration
        self._limit = limit

    def before(self, login: Bound | None, own: str | None) -> Steps[Counted | None]:
        """Count before a login is written; None where there is no limit.

        `own`: the sid of the session that is bound, if it has one. Raises TooManySessions.
        """
        limit = self._limit
        if login is not None and login.at_most is not None:
            limit = Limit(login.at_most)
        if login is None or limit is None:
            return None
        live = yield from self._administration.live_records(login.owner)
        known = frozenset(each.sid for each in live if each.sid != own)
        if limit.refuses and len(known) >= limit.most:
            raise TooManySessions(login.owner, limit.most)
        yield from checkpoint()  # the login is an operation of its own
        return Counted(login.owner, limit, known)

    def after(self, session: ServerSession, counted: Counted) -> Steps[bool]:
        """End what is beyond the limit; False where that is the login itself.

        Raises TooManySessions where it is refused.
        """
        state = state_of(session)
        new = None if state.loaded is None else state.loaded.record
        if new is None or new.owner != counted.owner:
            return True  # another request was faster
        try:
            yield from checkpoint()
            live = yield from self._administration.live_records(counted.owner)
            over = beyond(live, new.sid, counted.known, counted.limit)
            yield from self._administration.end_records(counted.owner, over, BEYOND_LIMIT)
        except StoreError as error:
            state.untold = error
            return True
        if all(each.sid != new.sid for each in over):
            return True
        if counted.limit.refuses:
            raise TooManySessions(counted.owner, counted.limit.most)
        return False


def beyond(
    live: Sequence[Record], new: str, known: Collection[str], limit: Limit
) -> Sequence[Record]:
    """Return which of an owner's sessions are beyond a limit, by the order that all see."""

    def place(record: Record) -> tuple[bool, int, str]:
        is_recent = record.sid == new or record.sid not in known
        return is_recent, record.auth_time, record.sid

    order = sorted(live, key=place)
    return order[limit.most :] if limit.refuses else order[: max(0, len(order) - limit.most)]
