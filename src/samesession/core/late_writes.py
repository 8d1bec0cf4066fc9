"""Rules for writes to a session after its response is made. Pure.

                        in a block      in a streamed   elsewhere
                        of saving()     body
    data, clear()       kept            kept            a warning
    end()               kept            kept            an error
    regenerate(), bind  an error (1)    an error        an error
    a session begins    an error (1)    an error        a warning
    SESSION_TYPE cookie an error (1)    an error        a warning

`unbind` and `confirm` are treated like `bind`: they need a new cookie as well.

For a session that was opened by its sid, its block keeps data, clear() and end(). Everything
else is an error, and so is everything after the block.

(1) Raised at the end of the block: only the flow knows whether a cookie is needed. In a streamed
body the error is raised at the write itself, and so is the warning elsewhere.

A change inside a value cannot be seen at once. In a streamed body the data is compared after
each chunk. Elsewhere it is compared when the session's object is deleted, with its state when
a mutable value was first read so late.
"""

from __future__ import annotations

import enum
import sys
import warnings
from typing import Any

from ..errors import ReadOnlySession, UnsavedWriteWarning
from . import codec
from .loans import Loan, Place
from .request_state import Mode, SessionState


class Write(enum.Enum):
    """The kind of a write to a session."""

    DATA = enum.auto()
    PERMANENCE = enum.auto()  # which alone is not stored
    FLASHES = enum.auto()  # flashed messages are removed, to be shown
    CLEAR = enum.auto()
    REGENERATE = enum.auto()
    BIND = enum.auto()
    UNBIND = enum.auto()
    CONFIRM = enum.auto()
    END = enum.auto()


_NEW_SECRET = frozenset((Write.REGENERATE, Write.BIND, Write.UNBIND, Write.CONFIRM))
# Writes that are dropped silently.
_ACCOUNT = frozenset((Write.BIND, Write.UNBIND, Write.CONFIRM, Write.END))


_EXEMPT = (
    "this path is exempt from sessions, so the session cannot be written here: take the "
    "path or endpoint out of SESSION_EXEMPT, or the view or blueprint from under no_session; "
    "for static files write SESSION_EXEMPT_STATIC = False"
)
_BLOCKS = "a block of samesession.flask.saving() or samesession.quart.saving()"
_STARTED = "the response has started and no cookie can be sent any more, so a streamed body can "
_IN_VIEW = "do it once in the view, before streaming"

_NO_BEGINNING = f"{_STARTED}not begin a session: {_IN_VIEW}"
_NO_NEW_SECRET = f"{_STARTED}not regenerate, bind, unbind or confirm a session: {_IN_VIEW}"
NO_COOKIE_DATA = (
    f"{_STARTED}not write to the session with SESSION_TYPE 'cookie': {_IN_VIEW}, or choose a "
    "server-side store"
)
_TOO_LATE = (
    "a session cannot be regenerated, bound, unbound or confirmed after its response is made, "
    "because no cookie can be sent any more: do it in the view"
)
_TOO_LATE_TO_END = (
    "a session cannot be ended after its response is made, because nothing is saved any more: do "
    f"it in the view, or in {_BLOCKS}"
)
_UNSAVED = (
    "this write comes after the session's response is made, and is not saved: write before the "
    f"response, or in {_BLOCKS}"
)
_UNSAVED_BEGINNING = (
    "this write comes after the response was made without a session, and is not saved, because no "
    "cookie can be sent any more: begin the session in the view"
)
_UNSAVED_COOKIE = (
    "this write comes after the session's response is made, and is not saved, because no cookie "
    "can be sent any more: write before the response, or choose a server-side store and write in "
    f"{_BLOCKS}"
)
_UNSAVED_CHANGE = (
    "a value that was read here, after the response was made, was changed later, and the change "
    f"is not saved: change it before the response, or in {_BLOCKS}"
)
_UNSAVED_OUTSIDE = (
    "a value that was read here, in a block of session_by_sid(), was changed after the block, and "
    "the change is not saved: change it in the block"
)
_UNTOLD = (
    "a block of session_by_sid() cannot send a new secret to a browser, so a session cannot be "
    "regenerated or bound there: do it in a request of its user; to end it call end()"
)
_CLEARED_OUTSIDE = (
    "the session was cleared here, which ends it, and nothing can be written to it any more: to "
    "empty it without ending it, delete its names one by one"
)
_BLOCK_ENDED = (
    "the block of session_by_sid() has ended, and this write to its session is not saved: write "
    "in the block, or begin another one"
)
# Writes that leave the session's secret as it is.
_WITHOUT_TOKEN = (Write.DATA, Write.PERMANENCE, Write.FLASHES, Write.CLEAR, Write.END)
_DROPPED = "this write to the session is dropped, because static files are exempt from sessions"
_UNSENT = (
    "this write to a session, made for a streamed body, is not saved, because the body was "
    "never sent"
)

# Code that writes on behalf of the application: its lines do not show the cause.
_PASSED = frozenset(("samesession", "flask", "quart", "werkzeug", "jinja2"))


def admit(state: SessionState, write: Write, *, is_empty: bool) -> None:
    """Raise ReadOnlySession, or warn, if a write cannot be kept; `is_empty`: it has no data."""
    if state.outside:
        refusal = _refusal_outside(state, write)
        if refusal is not None:
            raise ReadOnlySession(refusal)
    elif state.mode is Mode.EXEMPT:
        if state.dropped_at is None or write in _ACCOUNT:
            raise ReadOnlySession(_EXEMPT)
        if state.answered:
            _warn(_DROPPED, place())
    elif not state.answered or state.blocks or _is_of_no_effect(state, write, is_empty=is_empty):
        return
    elif state.streaming:
        refusal = _refusal_in_stream(state, write)
        if refusal is not None:
            raise ReadOnlySession(refusal)
    elif write in _ACCOUNT or write is Write.REGENERATE:
        raise ReadOnlySession(_TOO_LATE_TO_END if write is Write.END else _TOO_LATE)
    else:
        state.warned = True
        _warn(_unsaved(state), place())


def _is_of_no_effect(state: SessionState, write: Write, *, is_empty: bool) -> bool:
    """Return whether nothing is lost: no write is dropped."""
    if write is Write.FLASHES:
        return state.in_test  # which peeks at the messages that the request would have shown next
    may_be = write in (Write.PERMANENCE, Write.CLEAR, Write.END)
    return may_be and is_empty and state.loaded is None


def _refusal_outside(state: SessionState, write: Write) -> str | None:
    """Return why a write is refused for a session that was opened by its sid."""
    if state.locked:
        return _BLOCK_ENDED
    if write not in _WITHOUT_TOKEN:
        return _UNTOLD
    ends = write in (Write.CLEAR, Write.END)
    return _CLEARED_OUTSIDE if state.cleared and not ends else None


def _refusal_in_stream(state: SessionState, write: Write) -> str | None:
    if state.mode is Mode.BROKEN:  # a throwaway session, which an error page may use
        return None
    if write in _NEW_SECRET:
        return _NO_NEW_SECRET
    if write in (Write.CLEAR, Write.END) and not state.locked:
        return None
    if state.locked or state.cleared:
        return NO_COOKIE_DATA if state.in_cookie else _NO_BEGINNING
    return None


def _unsaved(state: SessionState) -> str:
    if state.in_cookie:
        return _UNSAVED_COOKIE
    return _UNSAVED if state.loaded is not None else _UNSAVED_BEGINNING


def note_loan(state: SessionState, data: dict[str, Any]) -> None:
    """Note that a mutable value is read after the response is made."""
    state.loan = Loan(codec.encode_if_fit(data), place())


class Watched(dict[str, Any]):
    """A mapping that warns, when it is deleted, of changes that are not saved."""

    _state: SessionState

    def __del__(self) -> None:
        if self._state.loan is not None or self._state.streaming:
            _tell_of_losses(self._state, dict(super().items()))


def _tell_of_losses(state: SessionState, data: dict[str, Any]) -> None:
    if state.mode is not Mode.LIVE or state.warned:
        return
    if state.streaming and state.written:
        warnings.warn(_UNSENT, UnsavedWriteWarning, stacklevel=2)
    elif state.loan is not None and state.loan.image is not None:
        image = codec.encode_if_fit(data)
        if image != state.loan.image:
            _warn(_UNSAVED_OUTSIDE if state.outside else _UNSAVED_CHANGE, state.loan.place)


def place() -> Place:
    """Return the application's line that is running."""
    # This is documented; the alternatives in `inspect` read source files.
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__"))
        if name.partition(".")[0] not in _PASSED:
            break
        frame = frame.f_back
    known = frame.f_globals
    return Place(
        frame.f_code.co_filename,
        frame.f_lineno,
        str(known.get("__name__") or "<unknown>"),
        known.setdefault("__warningregistry__", {}),
    )


def _warn(message: str, where: Place) -> None:
    warnings.warn_explicit(
        message, UnsavedWriteWarning, where.filename, where.line, where.module, where.registry
    )
