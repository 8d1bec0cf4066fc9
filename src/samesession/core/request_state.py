"""The state of a request's session, besides its data.

A session is opened (new, or `loaded` from a record), read and written by the view, and closed when
the response is made. From then on it is `answered`: no cookie can be sent, and `late` decides about
writes. While its body is `streaming`, the session is saved after each chunk. A block of `saving()`
(`blocks`) saves at its end at any time.

Two flags show whether a save has work to do. `modified` counts assignments by name. `may_differ`
means that a mutable value was handed out, which the view may have changed in place: then the data's
bytes must be compared with the loaded ones, but only those of the names that `note` keeps.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, ItemsView
from operator import attrgetter
from typing import Any, TypeVar

from ..errors import SessionError, StoreError
from . import codec, values
from .account_changes import AccountChange, Bound, after, owner_after
from .changes import Change
from .cleanup import Cleanup, Deleted
from .cookie import CookieAction
from .device_binding import DeviceChange
from .device_state import DeviceState
from .loaded import Loaded, Lost, Terms
from .loans import Loan
from .token import SignedToken
from .unsaved_changes import FLASHES_KEY, PERMANENT_KEY, Journal

T = TypeVar("T")


class Mode(enum.Enum):
    """The abilities of this request's session."""

    LIVE = enum.auto()
    EXEMPT = enum.auto()  # the path needs no session: it is empty, and no write is kept
    BROKEN = enum.auto()  # the store did not answer: the request ends with an error


class SessionState:
    """The flow's view of a session besides its data."""

    # Defaults of the class, because most requests change few fields, and each field set costs time.
    image: bytes | None = None  # `baseline` as one value's bytes, if it can be encoded so
    accessed = False
    modified = False  # by name, or because the application says so, and no save has taken it
    only_permanence = False  # nothing else was modified
    discarded = False  # the application does not want the changes saved
    may_differ = False  # the data may differ from what was loaded
    all_may_differ = False  # in any name's value
    _names: set[str] | None = None  # only in the values of these
    due = False  # the response must report an earlier save's result
    replace_secret = False
    cleared = False
    draw_sid: Callable[[], str] | None = None
    drawn_sid: str | None = None  # of a session that has not begun, drawn because it was read
    account: AccountChange | None = None
    device: DeviceState | None = None  # of a request's, where sessions are bound to devices
    device_change: DeviceChange | None = None
    ended: Loaded | None = None  # ended by the application, and not deleted by a save yet
    own_lifetimes = False  # the session may have its own idle timeout
    lifetime: int | None = None  # set since it was loaded or saved, 0 for none
    header_token: str | None = None  # from the header that replaces the cookie, empty for none
    of_socket = False  # of a WebSocket, which cannot send a cookie
    dropped_at: str | None = None  # the endpoint of a static file: writes are noticed, and dropped
    terms: Terms | None = None  # of `loaded`
    seen: float | None = None  # when this request restarted the idle timeout, if it did
    is_current = True  # the session of the request that asks
    cleanup: Cleanup | None = None  # of other cookies of the request
    by_old_cookie = False  # another library's cookie has opened the session
    shown: bytes | None = None  # an old session's payload that is shown, but not taken over yet
    minted: SignedToken | None = None  # with a new secret that is not saved yet
    in_doubt: bytes | None = None  # the record that a commit sends
    unsure = False  # a commit failed, and may have been written
    stale = False  # a fallback key signed the cookie with the session's data
    lost: Lost | None = None
    unkept = False  # a save's changes are dropped, because the session is lost
    untold: StoreError | None = None  # of the work after a login, which itself stands
    upkept = False  # an unchanged record was renewed, or needs no renewal
    refused: str | None = None  # the reason of a refused save, from its error
    answered = False  # the response is made: no cookie can be added any more
    outside = False  # outside of its user's requests: there is no cookie, and the secret is unknown
    in_test = False  # a test client keeps the request's context, for a test to look into
    streaming = False  # its body is still running, and its writes are saved
    locked = False  # but its writes cannot be saved
    blocks = 0  # running blocks, which save at their end
    written = False  # there are writes that no save has taken
    in_cookie = False  # the browser keeps the data itself
    loan: Loan | None = None  # of a mutable value that was read after the response was made
    warned = False  # of a write that is not saved
    failure: SessionError | None = None  # of the store, raised by the first use
    permanent_by_default = False
    _journal: Journal | None = None

    def __init__(
        self,
        *,
        mode: Mode = Mode.LIVE,
        loaded: Loaded | None = None,
        baseline: str | None = None,
        new: bool = True,
        renew: bool = True,
    ) -> None:
        """`baseline`: the data from the cookie, if the browser keeps the session."""
        self.mode = mode
        self.loaded = loaded
        self.baseline = baseline
        self.new = new
        self.renew = renew

    def deleted(self, cookie: CookieAction) -> Deleted | None:
        """Return the other cookies that the response deletes; None for none."""
        if self.cleanup is None or self.mode is Mode.BROKEN:
            return None
        return self.cleanup.deleted(cookie, new=self.new)

    @property
    def may_be_emptied(self) -> bool:
        """Whether an empty session had data before, so that its cookie is deleted, too."""
        return self.due or self.cleared or (self.modified and not self.only_permanence)

    @property
    def journal(self) -> Journal:
        """The changes since the session was loaded or saved."""
        if self._journal is None:
            self._journal = Journal(self.permanent_by_default)
        return self._journal

    def lead_from_outside(self) -> None:
        """Note that the session is used outside of its user's requests: no cookie, no renewal."""
        self.outside = self.answered = self.upkept = True
        self.is_current = False
        self.blocks = 1

    def rest(self, data: dict[str, Any]) -> None:
        """Note that the data equals the stored data."""
        self.written = False
        if self._journal is not None:
            self._journal.rest(data)

    def mark_failed(self) -> None:
        """Note that the store failed to save; later changes are dropped."""
        self.mode = Mode.BROKEN

    def take_failure(self) -> SessionError | None:
        """Return the store's failure once: from then on the session is a throwaway."""
        failure, self.failure = self.failure, None
        return failure

    def take_untold(self) -> StoreError | None:
        """Return the error after a login that itself stands, once."""
        failure, self.untold = self.untold, None
        return failure

    def renewed_by(self, terms: Terms) -> None:
        """Note that the session was written, and renewed if that is due, with these terms."""
        self.terms = terms
        if self.renew or (self.new and self.seen is None):
            self.seen = terms.clock()

    @property
    def base(self) -> bytes | None:
        """The payload of the record that the session was loaded from, or saved in."""
        return None if self.loaded is None else self.loaded.record.payload

    def is_modified(self, image: Callable[[], bytes | None]) -> bool:
        """Return whether a save has, or had, something to do; `image` returns the data's bytes."""
        if self.discarded:
            return self.replace_secret or self.cleared or self.lifetime is not None
        if self.modified or self.replace_secret or self.due:
            return True
        if not self.may_differ or (self.loaded is None and self.baseline is None):
            return False
        known = self.image if self.loaded is None else self.base
        now = image()  # a value may have changed inside
        return now is None or now != known

    def modify(self, *, permanence: bool = False) -> None:
        """Note an assignment to the data, which must be saved with all changes before it."""
        self.only_permanence = permanence and (self.only_permanence or not self.modified)
        self.accessed = self.modified = self.may_differ = self.written = True
        self.discarded = False

    @property
    def own_lifetime(self) -> int:
        """The session's own idle timeout in seconds, 0 if it has none."""
        if self.lifetime is not None:
            return self.lifetime
        kept = self.own_lifetimes and self.loaded is not None and not self.cleared
        return self.loaded.record.lifetime if kept and self.loaded is not None else 0

    @property
    def bound(self) -> str | None:
        """The user who was logged in since the session was loaded or saved, if any."""
        return self.account.owner if isinstance(self.account, Bound) else None

    @property
    def owner(self) -> str | None:
        """The owner that the session will have when it is saved."""
        kept = None if self.loaded is None or self.cleared else self.loaded.record.owner
        return owner_after(self.account, kept)

    @property
    def sid(self) -> str | None:
        """The session's sid; for one that may still begin, the sid that it will have.

        None if none can begin, because no cookie can be sent.
        """
        if self.loaded is not None:
            return self.loaded.record.sid
        if self.drawn_sid is None and self.draw_sid is not None and self._may_begin:
            # In one step, because threads may call this at the same time.
            _ = vars(self).setdefault("drawn_sid", self.draw_sid())
        return self.drawn_sid

    @property
    def _may_begin(self) -> bool:
        sends_cookie = self.mode is Mode.LIVE and not (self.answered or self.of_socket)
        return sends_cookie and (self.lost is None or self.lost.gives_way_to(self.bound))

    def forget_sid(self) -> None:
        """Note that a new session is not the one whose sid was read last."""
        _ = vars(self).pop("drawn_sid", None)

    def change_account(self, change: AccountChange) -> None:
        """Note a change to the account, after all changes before it."""
        self.account = after(self.account, change)

    def end(self) -> None:
        """Note that the session has ended; later writes belong to another one."""
        self.ended, self.loaded = self.loaded or self.ended, None
        self.account = self.lifetime = self.loan = self.device_change = None
        self.replace_secret = False
        self.cleared = True
        self.forget_sid()
        self.modify()
        self.journal.restart()

    def note(self, name: str) -> None:
        """Note that the value of a name may differ from now on, because the application has it."""
        if self._names is None:
            self._names = {name}
        else:
            self._names.add(name)

    @property
    def is_only_lent(self) -> bool:
        """Whether the only accesses to the loaded data handed out values, each by its name."""
        untouched = not (self.modified or self.discarded or self.all_may_differ or self.unsure)
        kept = not self.replace_secret and self.lost is None and self.account is None
        kept = kept and self.device_change is None
        return untouched and kept and self.loaded is not None and self._journal is None

    @property
    def lent(self) -> Collection[str]:
        """The names of the only values that may differ from the loaded or saved ones."""
        return self._names or ()

    def discard(self) -> None:
        """Note that the changes so far must not be saved, even changes inside values."""
        self.modified = False
        self.discarded = True

    def keeps_nothing(self) -> bool:
        """Return whether nothing can be saved without a cookie.

        Writes to a session that has ended are dropped, which is not an error.
        """
        return self.loaded is None and self.lost is None and self.mode is Mode.LIVE

    def lock(self) -> None:
        """Refuse all writes of a streamed body from now on, outside of blocks."""
        self.answered = self.streaming = self.locked = True

    def saved(self, image: bytes) -> None:
        """Note that the data is saved, with the codec's bytes `image`."""
        self.warned = False
        if self.loan is not None:
            self.loan = self.loan._replace(image=image)

    def turn(self, make: Callable[[], T]) -> T:
        """Return the lock, created by `make`, for which the saves of the session wait."""
        # In one step, because threads may call this at the same time.
        lock: T = vars(self).setdefault("_turn", make())
        return lock


# --- the flow's access to a session, which is not tracked ------------------------------------

# The attribute of a ServerSession; its name keeps it from views.
state_of: Callable[[dict[str, Any]], SessionState] = attrgetter("_state")

_DICT: Any = dict  # Any: pyright would only know some of its methods
_items: Callable[[dict[str, Any]], ItemsView[str, Any]] = _DICT.items
_item: Callable[..., Any] = _DICT.get
_has: Callable[[dict[str, Any], str], bool] = _DICT.__contains__
_size: Callable[[dict[str, Any]], int] = _DICT.__len__


def data_of(session: dict[str, Any]) -> dict[str, Any]:
    """Return a plain copy of a session's data."""
    return dict(_items(session))  # in one step, because another thread may write


def listed_sid(session: object) -> str | None:
    """Return the sid of a request's session in lists, which then depend on it; or None."""
    state = getattr(session, "_state", None)  # an object in its place has none
    if not isinstance(state, SessionState) or state.loaded is None:
        return None
    state.accessed = True
    return state.loaded.record.sid


def show(session: dict[str, Any], data: dict[str, Any]) -> None:
    """Replace a session's data, without counting it as a change."""
    dict[str, Any].clear(session)
    dict[str, Any].update(session, data)


def is_empty(session: dict[str, Any]) -> bool:
    """Return whether a session has no data but `permanent`."""
    size = _size(session)
    return not size or (size == 1 and _has(session, PERMANENT_KEY))


def has_flashes(session: dict[str, Any]) -> bool:
    """Return whether a session holds messages to be shown next."""
    return _has(session, FLASHES_KEY)


def is_permanent(session: dict[str, Any]) -> bool:
    """Return whether a session outlives the browser."""
    return bool(_item(session, PERMANENT_KEY, state_of(session).permanent_by_default))


def payload_of(session: dict[str, Any]) -> bytes:
    """Return the payload of a session's data; unchanged parts are copied from the record.

    Raises TypeError with the path of a value that cannot be encoded.
    """
    state, data = state_of(session), data_of(session)
    if state.loaded is None or state.all_may_differ:
        return codec.encode(data)
    before, lent = state.loaded.image, state.lent
    if [*data] == [*before]:
        newer = {name: codec.encode_named(name, data[name]) for name in before if name in lent}
        if newer.items() <= before.items():
            return state.loaded.record.payload
        return codec.join({**before, **newer})
    kept = {name: before[name] for name in data if name in before and name not in lent}
    image = {
        name: kept[name] if name in kept else codec.encode_named(name, value)
        for name, value in data.items()
    }
    return codec.join(image)


def is_as_loaded(session: dict[str, Any]) -> bool:
    """Return whether a session's data equals the loaded or saved data, by a cheap check.

    The check also covers values that the view could have changed, but did not.
    """
    state = state_of(session)
    if not state.may_differ:
        return True
    if not state.is_only_lent:
        return False
    loaded = state.loaded
    assert loaded is not None
    before = loaded.image
    if len(before) != _size(session):
        return False
    for name in state.lent:
        if values.encode_if_fit(_item(session, name)) != before.get(name):
            return False
    return True


def payload_if_fit(session: dict[str, Any]) -> bytes | None:
    """Return the payload of a session's data, to compare with `image`; None if unencodable."""
    if state_of(session).loaded is None:
        return values.encode_if_fit(data_of(session))
    try:
        return payload_of(session)
    except TypeError:
        return None


def changes_of(session: dict[str, Any]) -> list[Change]:
    """Return all changes so far, in an order that gives the same result on other data."""
    state = state_of(session)
    return state.journal.changes(state.base, data_of(session))
