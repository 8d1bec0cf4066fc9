"""What is known of a request's session besides its data.

A session is opened (new, or `loaded` from a record), read and written by the view, and
closed when the response is made. From then on it is `answered`: no cookie can be sent, and
`late` says what becomes of a write. While its body is `streaming` the session is saved
after each chunk, and a block of `saving()` (`blocks`) saves at its end at any time.

Whether a save has anything to do is not known by one flag: `modified` counts what was
assigned by name; `may_differ` says that a value was handed out which the view may have
changed in place, so that the data's bytes must be compared with those that were loaded. Of
which names that is so `note` keeps: the bytes of all others are those of the record.
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
    """What the session of this request can do."""

    LIVE = enum.auto()
    EXEMPT = enum.auto()  # the path needs no session: empty, and nothing written is kept
    BROKEN = enum.auto()  # the store did not answer: the request ends with an error


class SessionState:
    """What the flow must know of a session besides its data."""

    # Defaults of the class, as most requests change few: each field set is paid for.
    image: bytes | None = None  # what `baseline` says, as one value's bytes, if they can hold it
    accessed = False
    modified = False  # by name, or as the application says, and no save has taken it
    only_permanence = False  # nothing else of it was modified
    discarded = False  # the application says that what was modified is not to be saved
    may_differ = False  # the data may differ from what was loaded
    all_may_differ = False  # in any name's value
    _names: set[str] | None = None  # in the values of these alone
    due = False  # the response must tell of what an earlier save did
    replace_secret = False
    cleared = False
    draw_sid: Callable[[], str] | None = None
    drawn_sid: str | None = None  # of a session that has not begun, as it was asked for
    account: AccountChange | None = None
    device: DeviceState | None = None  # of a request's, where sessions are bound to devices
    device_change: DeviceChange | None = None
    ended: Loaded | None = None  # what the application has ended, and no save has deleted yet
    own_lifetimes = False  # the session may have an idle timeout of its own
    lifetime: int | None = None  # that it was given since it was loaded or saved, 0 for none
    header_token: str | None = None  # that the request has in place of a cookie, empty for none
    of_socket = False  # a WebSocket's, which can send no cookie
    dropped_at: str | None = None  # the endpoint of a static file: writes are seen, and dropped
    terms: Terms | None = None  # of `loaded`
    seen: float | None = None  # when this request restarted the idle timeout, if it did
    is_current = True  # the session of the request that asks
    cleanup: Cleanup | None = None  # of cookies that the request brought besides
    by_old_cookie = False  # another library's cookie has opened the session
    shown: bytes | None = None  # the payload of an old session that is shown, and is not ours yet
    minted: SignedToken | None = None  # with a new secret that no save has kept yet
    in_doubt: bytes | None = None  # the record that a commit sends
    unsure = False  # a commit failed, and may have been written
    stale = False  # a fallback key signed the cookie that holds the session itself
    lost: Lost | None = None
    unkept = False  # what a save was to keep is dropped, as the session is lost
    untold: StoreError | None = None  # of what was to follow a login that stands
    upkept = False  # a record that nothing was written to was renewed, or was not to be
    refused: str | None = None  # why a save was refused, as an error has told
    answered = False  # the response is made, and takes no cookie any more
    outside = False  # of its user's requests: there is no cookie, and no secret is known
    in_test = False  # a test client keeps the request's context, for a test to look into
    streaming = False  # its body is still made, and what that writes is saved
    locked = False  # but nothing that it writes can be
    blocks = 0  # under way, that save at their end
    written = False  # there are writes that no save has taken
    in_cookie = False  # the browser keeps the data itself
    loan: Loan | None = None  # of a value that can change, read when the response was made
    warned = False  # of a write that is not saved
    failure: SessionError | None = None  # of the store, which the first use raises
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
        """`baseline`: what a session that travels in the cookie held."""
        self.mode = mode
        self.loaded = loaded
        self.baseline = baseline
        self.new = new
        self.renew = renew

    def deleted(self, cookie: CookieAction) -> Deleted | None:
        """Return which other cookies the response deletes; None: none."""
        if self.cleanup is None or self.mode is Mode.BROKEN:
            return None
        return self.cleanup.deleted(cookie, new=self.new)

    @property
    def may_be_emptied(self) -> bool:
        """Whether a session without data is one that lost it, so that its cookie goes, too."""
        return self.due or self.cleared or (self.modified and not self.only_permanence)

    @property
    def journal(self) -> Journal:
        """What was done since the session was loaded or saved."""
        if self._journal is None:
            self._journal = Journal(self.permanent_by_default)
        return self._journal

    def lead_from_outside(self) -> None:
        """Note that no request of its user's has the session: no cookie, and nothing kept up."""
        self.outside = self.answered = self.upkept = True
        self.is_current = False
        self.blocks = 1

    def rest(self, data: dict[str, Any]) -> None:
        """Note that the data is what is stored."""
        self.written = False
        if self._journal is not None:
            self._journal.rest(data)

    def mark_failed(self) -> None:
        """Note that the store failed to save; what follows is thrown away."""
        self.mode = Mode.BROKEN

    def take_failure(self) -> SessionError | None:
        """Return the store's failure once: from then on the session is a throwaway."""
        failure, self.failure = self.failure, None
        return failure

    def take_untold(self) -> StoreError | None:
        """Return once what failed after a login that stands."""
        failure, self.untold = self.untold, None
        return failure

    def renewed_by(self, terms: Terms) -> None:
        """Note that the session was written, and renewed if it is to be, by these terms."""
        self.terms = terms
        if self.renew or (self.new and self.seen is None):
            self.seen = terms.clock()

    @property
    def base(self) -> bytes | None:
        """The payload of the record that the session was loaded from, or saved in."""
        return None if self.loaded is None else self.loaded.record.payload

    def is_modified(self, image: Callable[[], bytes | None]) -> bool:
        """Return whether a save has, or had, something to do; `image` gives the data's bytes."""
        if self.discarded:
            return self.replace_secret or self.cleared or self.lifetime is not None
        if self.modified or self.replace_secret or self.due:
            return True
        if not self.may_differ or (self.loaded is None and self.baseline is None):
            return False
        known = self.image if self.loaded is None else self.base
        now = image()  # a value may have been changed within
        return now is None or now != known

    def modify(self, *, permanence: bool = False) -> None:
        """Note that the data was assigned to, and is to be saved with all that was done before."""
        self.only_permanence = permanence and (self.only_permanence or not self.modified)
        self.accessed = self.modified = self.may_differ = self.written = True
        self.discarded = False

    @property
    def own_lifetime(self) -> int:
        """The idle timeout of the session's own in seconds, 0 if it has none."""
        if self.lifetime is not None:
            return self.lifetime
        kept = self.own_lifetimes and self.loaded is not None and not self.cleared
        return self.loaded.record.lifetime if kept and self.loaded is not None else 0

    @property
    def bound(self) -> str | None:
        """The user who was logged in since the session was loaded or saved."""
        return self.account.owner if isinstance(self.account, Bound) else None

    @property
    def owner(self) -> str | None:
        """The owner that the session will have when it is saved."""
        kept = None if self.loaded is None or self.cleared else self.loaded.record.owner
        return owner_after(self.account, kept)

    @property
    def sid(self) -> str | None:
        """The session's name; of one that may begin yet, the name that it will have.

        None where none can begin, as no cookie can be sent.
        """
        if self.loaded is not None:
            return self.loaded.record.sid
        if self.drawn_sid is None and self.draw_sid is not None and self._may_begin:
            # In one step, as threads may ask at once.
            _ = vars(self).setdefault("drawn_sid", self.draw_sid())
        return self.drawn_sid

    @property
    def _may_begin(self) -> bool:
        sends_cookie = self.mode is Mode.LIVE and not (self.answered or self.of_socket)
        return sends_cookie and (self.lost is None or self.lost.gives_way_to(self.bound))

    def forget_sid(self) -> None:
        """Note that a session that begins is another one than the last that was asked for."""
        _ = vars(self).pop("drawn_sid", None)

    def change_account(self, change: AccountChange) -> None:
        """Note what is done to the account, after all that was done before."""
        self.account = after(self.account, change)

    def end(self) -> None:
        """Note that the session is over; what is written from now on is another one's."""
        self.ended, self.loaded = self.loaded or self.ended, None
        self.account = self.lifetime = self.loan = self.device_change = None
        self.replace_secret = False
        self.cleared = True
        self.forget_sid()
        self.modify()
        self.journal.restart()

    def note(self, name: str) -> None:
        """Note that the value of a name may differ from now on, as the application has it."""
        if self._names is None:
            self._names = {name}
        else:
            self._names.add(name)

    @property
    def is_only_lent(self) -> bool:
        """Whether nothing was done to what was loaded but to hand out values, each by its name."""
        untouched = not (self.modified or self.discarded or self.all_may_differ or self.unsure)
        kept = not self.replace_secret and self.lost is None and self.account is None
        kept = kept and self.device_change is None
        return untouched and kept and self.loaded is not None and self._journal is None

    @property
    def lent(self) -> Collection[str]:
        """The names whose values alone may differ from what was loaded or saved."""
        return self._names or ()

    def discard(self) -> None:
        """Note that what was done to the data is not to be saved, nor what is done within it."""
        self.modified = False
        self.discarded = True

    def keeps_nothing(self) -> bool:
        """Return whether nothing can be saved without a cookie.

        What is written to a session that has ended is dropped, which is no error.
        """
        return self.loaded is None and self.lost is None and self.mode is Mode.LIVE

    def lock(self) -> None:
        """Refuse what a streamed body writes from now on, outside of blocks."""
        self.answered = self.streaming = self.locked = True

    def saved(self, image: bytes) -> None:
        """Note that the data is saved as the codec's bytes `image` say."""
        self.warned = False
        if self.loan is not None:
            self.loan = self.loan._replace(image=image)

    def turn(self, make: Callable[[], T]) -> T:
        """Return the lock, made by `make`, with which saves of the session wait for one another."""
        # In one step, as threads may ask at once.
        lock: T = vars(self).setdefault("_turn", make())
        return lock


# --- a session, as the flow sees it: no access is counted ------------------------------------

# Of a ServerSession, which keeps it from views by its name.
state_of: Callable[[dict[str, Any]], SessionState] = attrgetter("_state")

_DICT: Any = dict  # Any: pyright would know its methods in part
_items: Callable[[dict[str, Any]], ItemsView[str, Any]] = _DICT.items
_item: Callable[..., Any] = _DICT.get
_has: Callable[[dict[str, Any], str], bool] = _DICT.__contains__
_size: Callable[[dict[str, Any]], int] = _DICT.__len__


def data_of(session: dict[str, Any]) -> dict[str, Any]:
    """Return a plain copy of a session's data."""
    return dict(_items(session))  # in one step, as another thread may write


def listed_sid(session: object) -> str | None:
    """Return the sid that a request's session has in lists, which depend on it then; or None."""
    state = getattr(session, "_state", None)  # none has what the application put in its place
    if not isinstance(state, SessionState) or state.loaded is None:
        return None
    state.accessed = True
    return state.loaded.record.sid


def show(session: dict[str, Any], data: dict[str, Any]) -> None:
    """Have a session hold other data, which is no change."""
    dict[str, Any].clear(session)
    dict[str, Any].update(session, data)


def is_empty(session: dict[str, Any]) -> bool:
    """Return whether a session has no data but `permanent`."""
    size = _size(session)
    return not size or (size == 1 and _has(session, PERMANENT_KEY))


def has_flashes(session: dict[str, Any]) -> bool:
    """Return whether a session holds messages that are to be shown next."""
    return _has(session, FLASHES_KEY)


def is_permanent(session: dict[str, Any]) -> bool:
    """Return whether a session outlives the browser."""
    return bool(_item(session, PERMANENT_KEY, state_of(session).permanent_by_default))


def payload_of(session: dict[str, Any]) -> bytes:
    """Return the payload of a session's data: what cannot differ is copied from the record.

    Raises TypeError that names the path of what cannot be encoded.
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
    """Return whether a session's data is what was loaded, or saved, as far as that shows cheaply.

    So it is when a view was handed values that it could have changed, and did not.
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
    """Return the payload of a session's data; None where another format holds it.

    Of a session that no record holds, what its `image` is compared with.
    """
    if state_of(session).loaded is None:
        return values.encode_if_fit(data_of(session))
    try:
        return payload_of(session)
    except TypeError:
        return None


def changes_of(session: dict[str, Any]) -> list[Change]:
    """Return all changes so far, in an order that does the same to other data."""
    state = state_of(session)
    return state.journal.changes(state.base, data_of(session))
