"""Update a session after a save, or after one that failed.

Only the flow calls this: a view only sees the data that is stored by then.
"""

from __future__ import annotations

from typing import Any

from . import codec, device_offers
from .account_changes import Adopted, Bound, after
from .device_binding import DeviceChange
from .loaded import Loaded, Lost
from .request_state import SessionState, data_of, is_empty, is_permanent, show, state_of
from .session import ServerSession
from .unsaved_changes import Draft, Unsaved


def take(session: ServerSession, payload: bytes) -> Unsaved:
    """Start to save the changes so far, which led to this payload."""
    state = state_of(session)
    draft = Draft(
        payload,
        is_permanent(session),
        state.account,
        state.cleared,
        is_empty=is_empty(session),
        lifetime=state.lifetime,
        by_old_cookie=state.by_old_cookie,
        device=_device_change(state),
    )
    taken = state.journal.take(draft, replace_secret=state.replace_secret, base=state.base)
    state.replace_secret = state.cleared = state.modified = state.written = False
    state.account = state.in_doubt = state.lifetime = state.device_change = None
    return taken


def _device_change(state: SessionState) -> DeviceChange | None:
    """Return what a save does to the device: to who logs in it is offered to bind it."""
    if state.account is None or state.device is None or state.device_change is not None:
        return state.device_change
    owner = None if state.loaded is None else state.loaded.record.owner
    logs_in = isinstance(state.account, Bound)
    if logs_in or (isinstance(state.account, Adopted) and owner is None):
        return device_offers.if_possible(state.device)
    return None


def discard(session: ServerSession) -> None:
    """Show the stored data, because the application does not want its changes saved.

    If the session was cleared, it stays cleared.
    """
    state = state_of(session)
    state.discarded = state.modified = False
    kept = None if state.cleared else state.base
    show(session, {} if kept is None else codec.decode(kept))
    if state.cleared:
        state.journal.cleared()
    else:
        state.journal.undone()


def mark_saved(
    session: ServerSession, unsaved: Unsaved, loaded: Loaded | None, data: dict[str, Any] | None
) -> None:
    """Continue from the data that was just saved, and show it.

    `data`: the stored data, if it is not what the save took. The response must send its part, too.
    """
    state = state_of(session)
    if not state.journal.has_taken(unsaved):  # the session ended while it was saved
        state.ended, state.minted, state.due = loaded, None, True
        return
    shown = state.journal.saved(unsaved, data_of(session), data)
    if data is not None:
        show(session, shown)
    state.loaded = loaded
    state.lost = state.minted = None
    state.forget_sid()
    state.unsure = False
    state.due = True
    state.saved(unsaved.draft.payload if loaded is None else loaded.record.payload)


def rebase(session: ServerSession, loaded: Loaded, data: dict[str, Any]) -> None:
    """Continue from a newer record's data, with the changes so far applied to it."""
    state, sent = state_of(session), loaded.sealed
    before, state.loaded = state.loaded, loaded
    if before is not None and before.record == loaded.record:
        return
    base = None if before is None else before.record.payload
    is_ours = sent is not None and state.journal.has_sent(sent)
    show(session, state.journal.rebase(base, data_of(session), data, sent))
    state.unsure = state.unsure and not is_ours  # a write without an answer had succeeded
    state.all_may_differ = state.may_differ
    if state.loan is not None:
        state.loan = state.loan._replace(image=loaded.record.payload)


def give_back(session: ServerSession, unsaved: Unsaved) -> None:
    """Return the changes that this save failed to save to the next one."""
    state, draft = state_of(session), unsaved.draft
    journal = state.journal
    if journal.has_taken(unsaved):
        journal.give_back(unsaved, state.in_doubt)
        state.unsure = state.unsure or state.in_doubt is not None
        state.modified = True
        state.replace_secret = state.replace_secret or unsaved.replace_secret
        state.written = True
        if not state.cleared and draft.account is not None:
            later = state.account
            state.account = draft.account if later is None else after(draft.account, later)
        if not state.cleared and state.lifetime is None:
            state.lifetime = draft.lifetime
        if not state.cleared and state.device_change is None:
            state.device_change = draft.device
        state.cleared = state.cleared or draft.cleared


def refuse(session: ServerSession) -> None:
    """Show the stored data after a refused login: its request saves nothing."""
    state = state_of(session)
    state.journal.restart()
    state.account = state.minted = state.lifetime = state.device_change = None
    state.replace_secret = state.cleared = state.modified = state.written = False
    show(session, {} if state.base is None else codec.decode(state.base))
    state.may_differ = state.all_may_differ = True


def forget(session: ServerSession, lost: Lost, *, unkept: bool = False) -> None:
    """Empty a session that ended while the request ran; only a login begins a new one.

    `unkept`: a save's changes are dropped now.
    """
    show(session, {})
    state = state_of(session)
    state.journal.restart()
    state.loaded = state.minted = state.account = state.loan = state.lifetime = None
    state.device_change = None
    state.replace_secret = state.cleared = state.unsure = state.written = False
    state.lost, state.modified, state.may_differ = lost, lost.drop, True
    state.unkept = state.unkept or unkept
    state.forget_sid()
