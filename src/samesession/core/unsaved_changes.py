"""Track a request's changes to its session since it was loaded or saved, and hand them to saves.

A save takes time, and the view may continue meanwhile. So a save takes the changes so far. Later
changes are relative to the data that is being saved, and are left to the next save. A save that
fails returns its changes.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import changes as merge
from . import codec, values
from .account_changes import AccountChange, Bound, owner_after
from .changes import Change, Data
from .codec import Image
from .device_binding import DeviceChange

# Flask keeps the flag in the mapping under this name. We do the same, so that Flask can read it.
PERMANENT_KEY = "_permanent"
FLASHES_KEY = "_flashes"  # Flask's and Quart's
_ABSENT: Any = object()
# A view that was only given these values cannot have changed one in place.
UNCHANGING = frozenset((str, int, float, bool, bytes, type(None), dt.datetime, uuid.UUID))


class Draft(NamedTuple):
    """The content of the next record; the data stays out of `repr`.

    `account`: the change to the account. `cleared` removes the owner and the session's other own
    values. `data` is None if it equals the session's data. `is_empty`: there is no data except
    whether it is permanent. `lifetime`: the new own idle timeout in seconds, or 0. `by_old_cookie`:
    the request has shown the cookie of another library, which began the session.
    `device`: the change to the device.
    """

    payload: bytes
    permanent: bool
    account: AccountChange | None = None
    cleared: bool = False
    data: Data | None = None
    is_empty: bool = False
    lifetime: int | None = None
    by_old_cookie: bool = False
    device: DeviceChange | None = None

    def __repr__(self) -> str:
        return f"Draft({len(self.payload)} bytes)"

    @property
    def login(self) -> Bound | None:
        """The login that a save takes, if there is one."""
        return self.account if isinstance(self.account, Bound) else None

    @property
    def bound(self) -> str | None:
        """The user who was logged in, if any."""
        return None if self.login is None else self.login.owner

    def owner(self, before: str | None) -> str | None:
        """Return the owner of a session that had this one before."""
        return owner_after(self.account, None if self.cleared else before)


@dataclass(slots=True, repr=False, eq=False)
class Unsaved:
    """The content of one save: all data at that time, and the changes that led to it."""

    draft: Draft
    replace_secret: bool
    base: bytes | None  # the payload that was loaded or saved before
    log: Sequence[Change]
    image: Image | None
    assigned: frozenset[str]
    own: Mapping[str, Any]
    attempts: Mapping[bytes, int]
    permanent_by_default: bool
    _changes: list[Change] | None = None

    @property
    def changes(self) -> list[Change]:
        """All changes, in an order that gives the same result on other data."""
        if self._changes is None:
            before = _image_of(self.base) if self.image is None else self.image
            latest = merge.changes(before, _image_of(self.draft.payload), assigned=self.assigned)
            self._changes = [*self.log, *latest]
        return self._changes

    @property
    def has_functions(self) -> bool:
        """Whether a function must run again on newer data."""
        return any(isinstance(change, merge.Redo) for change in self.log)

    @property
    def writes(self) -> bool:
        """Whether anything is to be kept: a session that is emptied or ended keeps nothing."""
        return not self.draft.is_empty and (self.replace_secret or bool(self.changes))

    def replayed(self, newer: Image, standing: bytes) -> Draft:
        """Apply the changes to an image of the newer data of the record `standing`.

        That may be our own record, if an earlier save sent it and got no answer. Raises BadRecord
        if it is unreadable: then the session could not show it.
        """
        done = self.attempts.get(standing, 0)
        return self._draft(merge.replay(self.changes[done:], newer))

    def assigned_alone(self) -> Draft:
        """Return the data that the request assigned itself, without any loaded data."""
        return self._draft(merge.replay(merge.assignments(self.changes), codec.image(self.own)))

    def _draft(self, image: Image) -> Draft:
        permanent = self.permanent_by_default
        if PERMANENT_KEY in image:
            permanent = bool(codec.decode_value(image[PERMANENT_KEY]))
        payload, is_empty = codec.join(image), image.keys() <= {PERMANENT_KEY}
        draft, data = self.draft, codec.decode(payload)
        return draft._replace(payload=payload, permanent=permanent, data=data, is_empty=is_empty)


class Journal:
    """The changes since the session was loaded or saved."""

    __slots__ = ("_attempts", "_image", "_log", "_own", "_permanent", "_taken", "assigned")

    def __init__(self, permanent_by_default: bool) -> None:  # noqa: FBT001  # on every request
        self._permanent = permanent_by_default
        self.restart()

    def restart(self) -> None:
        """Forget all changes."""
        self.assigned: set[str] = set()  # since the log, even to an equal value
        self._log: list[Change] = []
        self._image: Image | None = None  # of the data after the log; None: the loaded data
        self._own: dict[str, Any] = {}  # assigned by the request and kept by a save
        self._attempts: dict[
            bytes, int
        ] = {}  # keys that may have been written, after how many changes
        self._taken: Unsaved | None = None  # by a save that is running

    def changes(self, base: bytes | None, data: Data) -> list[Change]:
        """Return all changes that turned the payload `base` into `data`."""
        return self._changes(base, codec.image(data))

    def _changes(self, base: bytes | None, after: Image) -> list[Change]:
        if self._taken is not None:
            base = self._taken.draft.payload
        before = _image_of(base) if self._image is None else self._image
        return [*self._log, *merge.changes(before, after, assigned=self.assigned)]

    def redone(
        self, func: Callable[[Data], object], base: bytes | None, before: Image, after: Image
    ) -> None:
        """Note a function that turned one image of the data into another."""
        self._log = [*self._changes(base, before), merge.Redo(func)]
        self._image, self.assigned = after, set()
        # The result of the function does not count as an assignment.
        self._own = {name: codec.decode_value(before[name]) for name in self._own if name in before}

    def cleared(self) -> None:
        """Note that the session was cleared, whatever was done before."""
        self._log, self._image, self.assigned = [merge.Wipe()], {}, set()
        self._attempts = {}

    def undone(self) -> None:
        """Note that the changes will not be saved; changes that an earlier save kept stay."""
        self._log, self._image, self.assigned = [], None, set()
        self._attempts = {}

    def rest(self, data: Data) -> None:
        """Note that there is nothing to save: the assigned values equal the stored ones."""
        self._own = self._assigned_by(self._log, self.assigned, data)
        self._log, self._image, self.assigned = [], None, set()

    # --- a save ------------------------------------------------------------------------

    def take(self, draft: Draft, *, replace_secret: bool, base: bytes | None) -> Unsaved:
        """Start to save all changes so far, which turned the payload `base` into `draft`."""
        self._taken = Unsaved(
            draft,
            replace_secret,
            base,
            self._log,
            self._image,
            frozenset(self.assigned),
            self._own,
            self._attempts,
            self._permanent,
        )
        self._log, self._image, self.assigned = [], None, set()
        return self._taken

    def has_taken(self, unsaved: Unsaved) -> bool:
        """Return whether this save is still running."""
        return self._taken is unsaved

    def saved(self, unsaved: Unsaved, here: Data, stored: Data | None) -> Data:
        """Return the session's data after a save; `stored`: the stored data, if others changed it.

        This is the stored data, with the changes that were made during the save.
        """
        shown = here if stored is None else self._rebased(here, stored)
        own = self._assigned_by(unsaved.log, unsaved.assigned, here)
        if stored is not None:
            own = {name: own[name] for name in own if shown.get(name, _ABSENT) is here.get(name)}
        self._own, self._attempts, self._taken = own, {}, None
        return shown

    def give_back(self, unsaved: Unsaved, in_doubt: bytes | None) -> None:
        """Take back changes that could not be saved; `in_doubt`: the record that may be written."""
        if self._image is None:
            self._image = _image_of(unsaved.draft.payload)
        self._log = [*unsaved.changes, *self._log]
        if in_doubt is not None:
            self._attempts[in_doubt] = len(unsaved.changes)
        self._taken = None

    def has_sent(self, standing: bytes) -> bool:
        """Return whether an earlier save sent a record, and got no answer."""
        return standing in self._attempts

    def rebase(self, base: bytes | None, here: Data, newer: Data, standing: bytes | None) -> Data:
        """Return the session's data when it continues from another record's newer data.

        `standing`: that record, which may be one that an earlier save sent.
        """
        done = 0 if standing is None else self._attempts.get(standing, 0)
        shown = self._rebased(here, newer, base=base, done=done)
        if done:
            self._attempts = {}
        self._own = {
            name: value
            for name, value in self._own.items()
            if name in shown and shown[name] is here.get(name)
        }
        return shown

    def _rebased(
        self, here: Data, stored: Data, *, base: bytes | None = None, done: int = 0
    ) -> Data:
        """Apply the changes since a save to the stored data; keep each object that is equal.

        `base`: the data that the session continued from; `done`: how many changes are in `stored`.
        """
        fit = {name: value for name, value in here.items() if values.fits(value)}
        since = self.changes(base, fit)[done:]
        if since:
            stored = merge.replay_on(since, stored)
            self._log, self._image, self.assigned = since, codec.image(stored), set()
        elif self._taken is None:
            self._log, self._image, self.assigned = [], None, set()
        # A value that cannot be kept stays where it is, for the next save to refuse.
        unfit = {name: value for name, value in here.items() if name not in fit}
        return {**merge.adopted(stored, here), **unfit}

    def _assigned_by(
        self, log: Sequence[Change], assigned: Collection[str], data: Data
    ) -> dict[str, Any]:
        own = dict(self._own)
        if log:
            own = merge.replay_on(merge.assignments(log), own)
        kept = {name: own[name] for name in own if name in data}
        for name in assigned:
            if name in data:
                kept[name] = data[name]
        return kept


def _image_of(payload: bytes | None) -> Image:
    return {} if payload is None else codec.split(payload)
