"""List and end sessions from outside of them: by sid, or by owner.

For device pages ("signed in on ..."), administrators, and a change of password
(OWASP ASVS 5.0, 7.4.2, 7.4.3, 7.4.5, 7.5.2).
"""

from __future__ import annotations

import re

from ..errors import BadRecord, NotSupported
from .events import Event, Notify
from .facts import About, about
from .record import Record, Sealer
from .steps import Steps
from .store import Clock, Outcome, OwnerIndex, Purgeable, Store
from .token import SID_PATTERN

_SID = re.compile(SID_PATTERN, re.ASCII)


class Administration:
    """What can be done to the sessions of a store without their tokens."""

    def __init__(
        self, store: Store, *, prefix: str, sealer: Sealer, clock: Clock, notify: Notify
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._sealer = sealer
        self._clock = clock
        self._notify = notify

    def sessions_of(self, owner: str) -> Steps[list[About]]:
        """List an owner's live sessions, the oldest first.

        Raises NotSupported on a store that keeps no index.
        """
        found = yield from self._records(owner)
        return sorted((about(record) for record in found), key=lambda each: each.created)

    def revoke(self, sid: str) -> Steps[bool]:
        """End one session now, whatever requests are running; False if there was none."""
        if not is_sid(sid):
            return False
        key = self._prefix + sid
        record = yield from self._peek(key)
        ended = (yield from self._store.remove(key, expected=None)) is Outcome.WRITTEN
        if record is not None and record.owner is not None and isinstance(self._store, OwnerIndex):
            yield from self._store.delist(record.owner, key)
        if ended:
            self._notify(Event.REVOKED, sid, "")
        return ended

    def revoke_all(self, owner: str, *, keep: str | None = None) -> Steps[int]:
        """End all sessions of an owner but the one whose sid is `keep`; tell how many."""
        ended = 0
        for record in (yield from self._records(owner)):
            if record.sid != keep:
                ended += yield from self.revoke(record.sid)
        return ended

    def purge(self) -> Steps[int]:
        """Delete expired records; 0 for a store that expires them by itself."""
        if not isinstance(self._store, Purgeable):
            return 0
        return (yield from self._store.purge())

    def _records(self, owner: str) -> Steps[list[Record]]:
        if not isinstance(self._store, OwnerIndex):
            raise NotSupported(
                "this store cannot list a user's sessions: choose another, "
                'such as SESSION_TYPE = "filesystem"'
            )
        live: list[Record] = []
        # An entry without a session is left to expire: it may belong to a login that
        # is about to be written, which nobody could list or revoke without it.
        for key in (yield from self._store.owned(owner)):
            record = yield from self._peek(key)
            if record is not None and record.owner == owner:
                live.append(record)
        return live

    def _peek(self, key: str) -> Steps[Record | None]:
        """Read a record without renewing it; None for one that is not live."""
        try:
            raw = yield from self._store.load(key, renew=None)
            record = None if raw is None else self._sealer.open(key, raw)
        except BadRecord as error:
            self._notify(Event.REJECTED, None, error.reason)
            return None
        over = record is not None and 0 < record.deadline <= self._clock()
        return None if over else record


def is_sid(text: str) -> bool:
    """Say whether a text has the form of a session's sid."""
    return _SID.fullmatch(text) is not None
