"""List and end sessions from outside of them: by sid, by owner, or every one.

For device pages ("signed in on ..."), administrators, a change of password, and the
hour after a restore (OWASP ASVS 5.0, 7.4.2, 7.4.3, 7.4.5, 7.5.2).

Several applications may share a store, and a prefix too. So a record that does not
open with this application's keys is another's here, and nothing to speak of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ..errors import BadRecord, InvalidName, NotSupported
from . import policy
from .batches import MOST, KeyWalk, load_many, remove, remove_many
from .ending import Ending
from .events import Event, Notice, Notify
from .names import checked_keep, checked_owner, checked_sid, is_sid
from .owner_data import Described, OwnerExport
from .owner_entries import OwnerEntries
from .reading import Reader
from .record import Record, Sealer
from .session_info import SessionInfo, SessionPage, info_of
from .steps import Steps, checkpoint
from .store import Clock, Listable, Purgeable, Store
from .token import SID_PATTERN

_POSITION = re.compile(rf"(\d{{1,20}})\.({SID_PATTERN})", re.ASCII)

# A key, and what is stored under it.
_Stored = tuple[str, bytes | None]

# Where a session stands among those of its owner: no two have one place, and none changes it.
_Place = tuple[int, str]


class Administration:
    """What can be done to the sessions of a store without their tokens."""

    def __init__(
        self,
        store: Store,
        *,
        prefix: str,
        sealer: Sealer,
        clock: Clock,
        notify: Notify,
        forget: Callable[[str], None],
    ) -> None:
        """`forget` is told the key of each record that is deleted."""
        self._store = store
        self._prefix = prefix
        self._sealer = sealer
        self._reader = Reader(store, sealer)
        self._clock = clock
        self._notify = notify
        self._forget = forget
        self._owners = owners = OwnerEntries(store, sealer.encryption)
        self._ending = Ending(store, prefix=prefix, records=sealer, owners=owners, clock=clock)

    # --- list --------------------------------------------------------------------------

    def sessions_of(self, owner: str, *, current: str | None = None) -> Steps[list[SessionInfo]]:
        """List an owner's live sessions, the oldest first.

        `current`: the sid of the request that asks. Raises NotSupported on a store that
        keeps no index.
        """
        owner = checked_owner(owner, "sessions_of")
        walk = self._owned(owner)
        found: dict[_Place, SessionInfo] = {}  # a store may list a key twice
        while (records := (yield from self._read(walk))) is not None:
            live = yield from self._live_of(records, owner)
            found.update((_place(each), _info(each, current)) for each in live)
        return [found[place] for place in sorted(found)]

    def sessions_page(
        self, owner: str, *, after: str | None = None, limit: int = 100, current: str | None = None
    ) -> Steps[SessionPage]:
        """List at most `limit` of an owner's live sessions, the oldest first.

        `after`: of the page before, or None for the first one.
        """
        owner = checked_owner(owner, "sessions_page")
        start, limit = _position(after), _checked_limit(limit)
        walk = self._owned(owner)
        found: dict[_Place, SessionInfo] = {}
        while (records := (yield from self._read(walk))) is not None:
            live = yield from self._live_of(records, owner)
            more = ((_place(each), _info(each, current)) for each in live)
            found.update(each for each in more if each[0] > start)
            if len(found) > 2 * (limit + 1):
                found = {place: found[place] for place in _first(found, limit + 1)}
        # One more than asked for tells whether there is another page.
        places = _first(found, limit + 1)
        page = tuple(found[place] for place in places[:limit])
        return SessionPage(page, _spelt(places[limit - 1]) if len(places) > limit else None)

    def export_owner(self, owner: str) -> OwnerExport:
        """Return an owner's live sessions with their data, in batches.

        Raises NotSupported on a store that keeps no index.
        """
        owner = checked_owner(owner, "export_owner")
        walk = self._owned(owner)

        def batch() -> Steps[list[Described] | None]:
            records = yield from self._read(walk)
            if records is None:
                return None
            live = yield from self._live_of(records, owner)
            return [(_info(each, None), each) for each in live]

        return OwnerExport(batch)

    # --- end ---------------------------------------------------------------------------

    def revoke(self, sid: str) -> Steps[bool]:
        """End one session now, whatever requests are running; False if there was none."""
        if not is_sid(checked_sid(sid, "revoke")):
            return False
        key = self._prefix + sid
        try:
            found = yield from self._reader.read(key, sid, renew=None)
        except BadRecord:
            return False  # it is another application's, or nobody's session
        if found is None:
            return False
        record = found.record
        ended = yield from remove(self._store, key)
        self._forget(key)
        yield from self._owners.remove(record.owner, key)
        if ended:
            self._notify(Notice.of(Event.REVOKED, record))
        return ended

    def revoke_all(self, owner: str, *, keep: str | None = None) -> Steps[int]:
        """End all sessions of an owner but the one whose sid is `keep`; tell how many."""
        owner = checked_owner(owner, "revoke_all")
        keep = checked_keep(keep, "revoke_all")
        walk, ended = self._owned(owner), 0
        while (records := (yield from self._read(walk))) is not None:
            # An entry without a session is left to expire: it may belong to a login that
            # is about to be written, which nobody could list or revoke without it.
            theirs = [each for each in records if each.owner == owner and each.sid != keep]
            if theirs:
                ended += yield from self._end(theirs)
                yield from self._owners.remove_many(
                    owner, [self._prefix + each.sid for each in theirs]
                )
        return ended

    def erase_owner(self, owner: str) -> Steps[int]:
        """End all sessions of an owner, and forget the owner; tell how many those were.

        An entry without a session goes, too, though it may belong to a login that is about to
        be written: the account is to be gone before. Raises NotSupported on a store without
        an index.
        """
        owner = checked_owner(owner, "erase_owner")
        walk = KeyWalk(self._owners.pages(owner, every_name=True), wanted=self._is_ours)
        ended = 0
        while (found := (yield from self._load(walk))) is not None:
            theirs = [each for each in self._open(found) if each.owner == owner]
            ended += yield from self._end(theirs)
            # A record that does not open is another application's, and so is its entry.
            kept = {key for key, raw in found if raw is not None and not self._opened(key, raw)}
            forgotten = [key for key, _ in found if key not in kept]
            yield from self._owners.remove_many(owner, forgotten, every_name=True)
            done = {self._prefix + each.sid for each in theirs}
            ended += yield from self._end_late(owner, [key for key in forgotten if key not in done])
        return ended

    def _end_late(self, owner: str, keys: Sequence[str]) -> Steps[int]:
        """End the sessions of logins that were written when their entries had been read."""
        if not keys:
            return 0
        loaded = yield from load_many(self._store, keys)
        late = self._open(list(zip(keys, loaded, strict=True)))
        return (yield from self._end([each for each in late if each.owner == owner]))

    def revoke_everyone(self) -> Steps[int]:
        """End every session of this application, whoever's it is; tell how many.

        The notes of owners are left to expire. Raises NotSupported on a store that
        cannot list what it holds.
        """
        if not isinstance(self._store, Listable):
            raise NotSupported(
                "this store cannot list what it holds, so it cannot end every session: to do "
                "so, give the application a new SECRET_KEY, and no SECRET_KEY_FALLBACKS"
            )
        pages = self._store.keys_page
        walk = KeyWalk(lambda after: pages(self._prefix, after=after), wanted=self._is_ours)
        ended = 0
        while (records := (yield from self._read(walk))) is not None:
            ended += yield from self._end(records)
        return ended

    def purge(self) -> Steps[int]:
        """Delete expired records; 0 for a store that expires them by itself."""
        if not isinstance(self._store, Purgeable):
            return 0
        return (yield from self._store.purge())

    # --- count -------------------------------------------------------------------------

    def live_records(self, owner: str) -> Steps[list[Record]]:
        """Return the records of an owner's live sessions, without their data."""
        walk, found = self._owned(owner), dict[str, Record]()  # a store may list a key twice
        while (records := (yield from self._read(walk))) is not None:
            live = yield from self._live_of(records, owner)
            found.update((each.sid, each._replace(payload=b"")) for each in live)
        return [*found.values()]

    def end_records(self, owner: str, records: Sequence[Record], reason: str) -> Steps[None]:
        """End some of an owner's sessions, in batches."""
        for start in range(0, len(records), MOST):
            some = records[start : start + MOST]
            _ = yield from self._end(some, reason)
            yield from self._owners.remove_many(owner, [self._prefix + each.sid for each in some])

    # --- parts -------------------------------------------------------------------------

    def _owned(self, owner: str) -> KeyWalk:
        return KeyWalk(self._owners.pages(owner), wanted=self._is_ours)

    def _is_ours(self, key: object) -> bool:
        """Return whether a key has this application's form: others may share the index."""
        if not isinstance(key, str) or not key.startswith(self._prefix):
            return False
        return is_sid(key[len(self._prefix) :])

    def _read(self, walk: KeyWalk) -> Steps[list[Record] | None]:
        """Read the next records that are this application's; None at the end."""
        found = yield from self._load(walk)
        return None if found is None else self._open(found)

    def _load(self, walk: KeyWalk) -> Steps[list[_Stored] | None]:
        """Read what is stored under the next keys; None at the end."""
        keys = yield from walk.batch()
        if not keys:
            return None
        loaded = yield from load_many(self._store, keys)
        walk.weigh(sum(len(raw) for raw in loaded if raw is not None))
        return list(zip(keys, loaded, strict=True))

    def _open(self, found: Sequence[_Stored]) -> list[Record]:
        """Choose what is this application's."""
        opened = (self._opened(key, raw) for key, raw in found)
        return [record for record in opened if record is not None]

    def _opened(self, key: str, raw: bytes | None) -> Record | None:
        """Open what a store returned for a key; None for what is not this application's."""
        try:
            return None if raw is None else self._sealer.open(key, raw)
        except BadRecord:
            return None

    def _end(self, records: Sequence[Record], reason: str = "") -> Steps[int]:
        """Delete records; tell how many live ones that were."""
        if not records:
            return 0
        keys = [self._prefix + each.sid for each in records]
        removed = yield from remove_many(self._store, keys)
        for key in keys:
            self._forget(key)
        # One whose time is over is ended as well: by another node's clock it may live.
        live = [
            each
            for each, was in zip(records, removed, strict=True)
            if was and not policy.is_over(each, self._clock())
        ]
        for record in live:
            self._notify(Notice.of(Event.REVOKED, record, reason))
        return len(live)

    def _live_of(self, records: Sequence[Record], owner: str) -> Steps[list[Record]]:
        """Choose an owner's live records; delete those whose time is over."""
        live: list[Record] = []
        for record in records:
            if record.owner != owner:
                continue
            if policy.is_over(record, self._clock()):
                yield from checkpoint()  # each that is deleted is an operation of its own
            over = yield from self._ending.ends(record)
            live += [] if over else [record]
        return live


def _place(record: Record) -> _Place:
    return record.created, record.sid


def _info(record: Record, current: str | None) -> SessionInfo:
    return info_of(record, seen=None, idle_end=None, current=record.sid == current)


def _first(places: Iterable[_Place], count: int) -> list[_Place]:
    return sorted(places)[:count]


def _spelt(place: _Place) -> str:
    return f"{place[0]}.{place[1]}"


def _position(after: object) -> _Place:
    """Read the place after which a page begins."""
    if after is None:
        return -1, ""
    found = _POSITION.fullmatch(after) if isinstance(after, str) else None
    if found is None:
        raise InvalidName(
            "sessions_page() takes as `after` what the page before has as its `after`, or None"
        )
    return int(found[1]), found[2]


def _checked_limit(limit: object) -> int:
    if type(limit) is not int:
        raise TypeError(f"sessions_page() takes the limit as an int, not {type(limit).__name__}")
    if limit < 1:
        raise ValueError("sessions_page() takes a limit of at least 1")
    return limit
