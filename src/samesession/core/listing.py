"""List sessions from outside of them: an owner's, in the order of their age.

Listed sessions are alive, and open with this application's keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..errors import InvalidName
from . import policy
from .batches import KeyWalk
from .ending import Ending
from .names import checked_owner
from .own_records import Dated, OwnRecords
from .owner_data import Described, OwnerExport
from .owner_entries import OwnerEntries
from .record import Record
from .session_info import SessionInfo, SessionPage
from .steps import Steps, checkpoint
from .store import Clock
from .token import SID_PATTERN

_POSITION = re.compile(rf"(\d{{1,20}})\.({SID_PATTERN})", re.ASCII)

# The position of a session among those of its owner: unique, and always the same.
_Place = tuple[int, str]


class Listing:
    """Lists the sessions of a store."""

    def __init__(
        self, *, records: OwnRecords, owners: OwnerEntries, ending: Ending, clock: Clock
    ) -> None:
        self._records = records
        self._owners = owners
        self._ending = ending
        self._clock = clock

    def sessions_of(self, owner: str, *, current: str | None) -> Steps[list[SessionInfo]]:
        """List an owner's live sessions, the oldest first."""
        owner = checked_owner(owner, "sessions_of")
        walk = self._owned(owner)
        found: dict[_Place, SessionInfo] = {}  # a store may list a key twice
        while (records := (yield from self._records.read_dated(walk))) is not None:
            live = yield from self._live_of(records, owner)
            found.update((_place(each), each.info(current)) for each in live)
        return [found[place] for place in sorted(found)]

    def sessions_page(
        self, owner: str, *, after: str | None, limit: int, current: str | None
    ) -> Steps[SessionPage]:
        """List at most `limit` of an owner's live sessions, the oldest first."""
        owner = checked_owner(owner, "sessions_page")
        start, limit = _position(after), checked_limit(limit, "sessions_page")
        walk = self._owned(owner)
        found: dict[_Place, SessionInfo] = {}
        while (records := (yield from self._records.read_dated(walk))) is not None:
            live = yield from self._live_of(records, owner)
            more = ((_place(each), each.info(current)) for each in live)
            found.update(each for each in more if each[0] > start)
            if len(found) > 2 * (limit + 1):
                found = {place: found[place] for place in _first(found, limit + 1)}
        # One session more than asked for shows whether there is another page.
        places = _first(found, limit + 1)
        page = tuple(found[place] for place in places[:limit])
        return SessionPage(page, _spelt(places[limit - 1]) if len(places) > limit else None)

    def live_records(self, owner: str) -> Steps[list[Record]]:
        """Return the records of an owner's live sessions, without their data."""
        walk, found = self._owned(owner), dict[str, Record]()  # a store may list a key twice
        while (records := (yield from self._records.read(walk))) is not None:
            undated = [Dated(each, None, None) for each in records]
            for each in (yield from self._live_of(undated, owner)):
                found[each.record.sid] = each.record._replace(payload=b"")
        return [*found.values()]

    def export_owner(self, owner: str) -> OwnerExport:
        """Return an owner's live sessions with their data, in batches."""
        owner = checked_owner(owner, "export_owner")
        walk = self._owned(owner)

        def batch() -> Steps[list[Described] | None]:
            records = yield from self._records.read_dated(walk)
            if records is None:
                return None
            live = yield from self._live_of(records, owner)
            return [(each.info(None), each.record) for each in live]

        return OwnerExport(batch)

    def _owned(self, owner: str) -> KeyWalk:
        return KeyWalk(self._owners.pages(owner), wanted=self._records.is_key)

    def _live_of(self, found: Sequence[Dated], owner: str) -> Steps[list[Dated]]:
        """Select an owner's live sessions; delete expired ones."""
        live: list[Dated] = []
        for each in found:
            if each.record.owner != owner:
                continue
            if policy.is_over(each.record, self._clock()):
                yield from checkpoint()  # each deletion is its own operation
            over = yield from self._ending.ends(each.record)
            live += [] if over else [each]
        return live


def _place(each: Dated) -> _Place:
    return each.record.created, each.record.sid


def _first(places: Iterable[_Place], count: int) -> list[_Place]:
    return sorted(places)[:count]


def _spelt(place: _Place) -> str:
    return f"{place[0]}.{place[1]}"


def _position(after: object) -> _Place:
    """Read the position after which a page starts."""
    if after is None:
        return -1, ""
    found = _POSITION.fullmatch(after) if isinstance(after, str) else None
    if found is None:
        raise InvalidName(
            "sessions_page() takes as `after` the `after` of the page before, or None"
        )
    return int(found[1]), found[2]


def checked_limit(limit: object, call: str) -> int:
    """Return the limit of a page that was passed to the function named `call`."""
    if type(limit) is not int:
        raise TypeError(f"{call}() takes the limit as an int, not {type(limit).__name__}")
    if limit < 1:
        raise ValueError(f"{call}() takes a limit of at least 1")
    return limit
