"""Limit the number of sessions of an owner: end the oldest ones, or refuse another login.

A login with a limit looks twice which of its owner's sessions are alive:

                 before it is written             after it
    end-oldest   to know which were there         ends the first of the order, beyond the limit
    refuse       is refused if there is no room   ends the last of the order, beyond the limit

The order: first the sessions that were there before, by time of authentication and sid; then
the new one and those that came in the meantime, in the same way. So earlier sessions are older
whatever a node's clock says, and logins that race see the same order: no more than the limit
are alive in the end, if the store lists each written session. A login beyond the limit is ended.

If the store fails before the login is written, the answer is a 503, as always. If it fails
afterwards, the login stands, the failure is reported, and the next login ends the surplus.
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
    """Raise ConfigError if the store cannot count an owner's sessions."""
    if limit is not None and not isinstance(store, OwnerIndex):
        raise ConfigError(
            "SESSION_MAX_PER_OWNER needs a store that lists a user's sessions: choose another, "
            'such as SESSION_TYPE = "filesystem"'
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """A login with a limit, and the sids of its owner's sessions before it was written."""

    owner: str
    limit: Limit
    known: frozenset[str]


class OwnerLimits:
    """Counts the sessions of owners who log in."""

    def __init__(self, administration: Administration, limit: Limit | None) -> None:
        """`limit`: applies to logins without their own limit."""
        self._administration = administration
        self._limit = limit

    def before(self, login: Bound | None, own: str | None) -> Steps[Counted | None]:
        """Count before a login is written; None if there is no limit.

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
        yield from checkpoint()  # the login is its own operation
        return Counted(login.owner, limit, known)

    def after(self, session: ServerSession, counted: Counted) -> Steps[bool]:
        """End the sessions beyond the limit; return False if the login itself is one of them.

        Raises TooManySessions if the login is refused.
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
    """Return which of an owner's sessions are beyond a limit, in the order that all logins see."""

    def place(record: Record) -> tuple[bool, int, str]:
        is_recent = record.sid == new or record.sid not in known
        return is_recent, record.auth_time, record.sid

    order = sorted(live, key=place)
    return order[limit.most :] if limit.refuses else order[: max(0, len(order) - limit.most)]
