"""The mapping that a view sees as `session`: a dict that tracks its changes.

It tracks accesses itself, because the frameworks' tracking differs (Quart 0.22 forgets to mark
accesses, Quart 0.23 marks every request). It does not know stores, frameworks or the time.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from copy import deepcopy
from typing import Any, SupportsIndex

from ..errors import EndedSessionKeyError, SessionError
from . import changes as merge
from . import values
from .account import Account
from .freshness import Freshness
from .late_writes import Write, admit, note_loan
from .names import plain_key
from .request_state import (
    Mode,
    SessionState,
    data_of,
    is_empty,
    is_permanent,
    payload_if_fit,
    show,
)
from .tracebacks import clear_called_locals, with_locals_cleared
from .unsaved_changes import FLASHES_KEY, PERMANENT_KEY, UNCHANGING


@with_locals_cleared(
    *("__init__", "__getitem__", "__contains__", "__setitem__"),
    *("get", "accessed", "modified"),
)
class ServerSession(Account):
    """One user's data between requests, used like a dict.

    A change inside a value is noticed without `modified = True`::

        session["cart"].append(item)

    A session that only holds whether it is permanent counts as empty: it is not stored. The flow
    reaches its own part through `request_state`, and no view does.

    .. versionadded:: 1.0
    """

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        *,
        state: SessionState | None = None,
        failure: SessionError | None = None,
        permanent_by_default: bool = False,
        bindable: bool = False,
        own_lifetimes: bool = False,
        freshness: Freshness | None = None,
    ) -> None:
        self._state = SessionState() if state is None else state
        if data:
            super().__init__(data)
        if failure is not None:
            self._state.failure = failure
        if permanent_by_default:
            self._state.permanent_by_default = True
        if own_lifetimes:
            self._state.own_lifetimes = True
        self._bindable = bindable
        self._freshness = freshness

    # --- the attributes of Flask's session -------------------------------------------------

    @property
    def accessed(self) -> bool:
        """Whether the session was read or written, so that the response varies by Cookie.

        Setting it to True does nothing, because frameworks do so for requests that never touch the
        session. Setting it to False forgets the reads so far.
        """
        return self._state.accessed

    @accessed.setter
    def accessed(self, value: bool) -> None:
        if not value:
            self._state.accessed = False

    @property
    def modified(self) -> bool:
        """Whether the session was written, also inside a value, or has been saved already.

        Setting it to True sends the cookie again, and in a block of `saving()` restarts the idle
        timeout. Setting it to False drops the changes that this request made to the data since the
        last save, also inside values. A later assignment saves everything. `regenerate`, `bind` and
        `clear` are always done.
        """
        return self._state.is_modified(lambda: payload_if_fit(self))

    @modified.setter
    def modified(self, value: bool) -> None:
        if value:
            if self._state.answered and not is_empty(self):
                admit(self._state, Write.DATA, is_empty=False)
            self._state.modify()
            self._state.all_may_differ = True
        else:
            self._state.discard()

    @property
    def new(self) -> bool:
        """Whether this request brought no live session."""
        self._read()
        return self._state.new

    @property
    def permanent(self) -> bool:
        """Whether the session outlives the browser, for PERMANENT_SESSION_LIFETIME."""
        self._read()
        return is_permanent(self)

    @permanent.setter
    def permanent(self, value: bool) -> None:
        # Applications set this before each request, also on exempt paths, where nothing is kept.
        if self._state.mode is not Mode.EXEMPT:
            self[PERMANENT_KEY] = bool(value)
        elif self._state.dropped_at is not None:
            super().__setitem__(PERMANENT_KEY, bool(value))

    # --- our additions, besides those for the account ---------------------------------

    def update_atomically(self, func: Callable[[dict[str, Any]], object]) -> None:
        """Run `func(data)` now, and again on newer data if another request was faster.

        `func` changes the plain dict that it is given; its result is ignored. It must have no other
        effect, because it may run several times::

            session.update_atomically(lambda data: data["cart"].append(item))

        .. versionadded:: 1.0
        """
        self._may_write()
        applied = merge.applied(func, data_of(self))
        self._state.modify()
        self._state.all_may_differ = True
        show(self, applied.data)
        self._state.journal.redone(func, self._state.base, applied.before, applied.after)

    # --- parts ---------------------------------------------------------------------------

    def _lend(self, name: str) -> None:
        """Count a value as read that the view may change in place from now on."""
        self._note_loan()
        self._state.note(name)

    def _lend_all(self) -> None:
        """Count all values as read, and as values that the view may change in place."""
        self._note_loan()
        self._state.all_may_differ = True

    def _note_loan(self) -> None:
        self._read()
        state = self._state
        if state.baseline is not None and not state.may_differ:
            state.image = values.encode_if_fit(data_of(self))
        state.may_differ = True
        if state.answered and state.loan is None and not state.streaming:
            note_loan(state, data_of(self))

    def _write(self, write: Write = Write.DATA) -> None:
        self._may_write(write)
        self._state.modify(permanence=write is Write.PERMANENCE)

    def _take(self, *, there: bool, write: Write = Write.DATA) -> None:
        # As in Flask, removing a missing key is not a modification.
        if there:
            self._write(write)
        else:
            self._read()

    # --- every access to a dict; inlined where one more call would be measurable ---------

    def __getitem__(self, key: str) -> Any:
        value: Any = None
        try:
            self._read()
            value = super().__getitem__(key)
            if type(value) not in UNCHANGING:
                self._lend(key)
            return value
        except BaseException as error:
            clear_called_locals(error)
            del self, key, value
            raise

    def __missing__(self, key: str) -> Any:
        lost = self._state.lost
        raise KeyError(key) if lost is None else EndedSessionKeyError(lost.sid, lost.how)

    def __contains__(self, key: object) -> bool:
        try:
            self._read()
            return super().__contains__(key)
        except BaseException as error:
            clear_called_locals(error)
            del self, key
            raise

    def __iter__(self) -> Iterator[str]:
        self._read()
        return super().__iter__()

    def __reversed__(self) -> Iterator[str]:
        self._read()
        return super().__reversed__()

    def __len__(self) -> int:
        self._read()
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self._lend_all()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # a mutable mapping, as dict says itself

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state.mode.name.lower()}>"  # no data: it is logged

    __sentry_repr__ = __repr__  # sentry-sdk would otherwise walk through the data like a reader

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __ior__(self, other: Any) -> ServerSession:  # type: ignore[override]  # dict's is overloaded
        self.update(other)
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return deepcopy(self.copy(), memo)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        raise TypeError("a session cannot be pickled: write dict(session)")

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or the default."""
        value: Any = None
        try:
            self._read()
            value = super().get(key, default)
            if type(value) not in UNCHANGING:
                self._lend(key)
            return value
        except BaseException as error:
            clear_called_locals(error)
            del self, key, default, value
            raise

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # the public name of dict_keys
        """Return a view of the keys."""
        self._read()
        return super().keys()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        """Return a view of the values."""
        self._lend_all()
        return super().values()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        """Return a view of the pairs."""
        self._lend_all()
        return super().items()

    def copy(self) -> dict[str, Any]:
        """Return the data as a plain dict, which is not a session."""
        self._lend_all()
        return dict(super().items())

    __copy__ = copy

    def __setitem__(self, key: str, value: Any) -> None:
        try:
            key = plain_key(key)
            self._write(Write.PERMANENCE if key == PERMANENT_KEY else Write.DATA)
            self._state.note(key)  # first: another thread may save meanwhile
            super().__setitem__(key, value)
            self._state.journal.assigned.add(key)
        except BaseException as error:
            clear_called_locals(error)
            del self, key, value
            raise

    def __delitem__(self, key: str) -> None:
        there = super().__contains__(key)
        self._take(there=there)
        if not there:
            self.__missing__(key)
        super().__delitem__(key)

    def pop(self, key: str, *default: Any) -> Any:  # dict's is overloaded
        """Remove a key and return its value, or the default."""
        write = Write.FLASHES if key == FLASHES_KEY else Write.DATA
        there = super().__contains__(key)
        self._take(there=there, write=write)
        if not (there or default):
            self.__missing__(key)
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        """Remove the last pair and return it."""
        self._take(there=super().__len__() > 0)
        return super().popitem()

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of a key; set the default first if the key is missing."""
        if not super().__contains__(key):
            self[key] = default
        return self[key]

    def update(self, *others: Any, **named: Any) -> None:
        """Set many keys at once."""
        pairs = {plain_key(key): value for key, value in dict(*others, **named).items()}
        if not pairs:
            self._write()
        for key, value in pairs.items():
            self[key] = value

    def clear(self) -> None:
        """Empty the session: it is deleted, or gets a new secret if it is written again."""
        self._write(Write.CLEAR)
        super().clear()
        self._state.cleared = self._state.replace_secret = True
        self._state.account = self._state.lifetime = self._state.device_change = None
        self._state.journal.cleared()
