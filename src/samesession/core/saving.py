"""Let a session go on from what of it was saved, or was not.

Only the flow calls this: a view sees nothing but the data that is stored by then.
"""

from __future__ import annotations

from typing import Any

from . import codec
from .journal import Draft, Unsaved
from .request_state import Loaded, Lost
from .session import ServerSession


def take(session: ServerSession, payload: bytes) -> Unsaved:
    """Begin to save what was done so far, which made this payload."""
    facts = session.facts
    draft = Draft(
        payload,
        session.is_permanent(),
        facts.bound,
        facts.wiped,
        is_empty=session.is_empty(),
    )
    taken = session.journal.take(draft, rekey=facts.rekey, base=facts.base)
    facts.rekey = facts.wiped = facts.modified = facts.written = False
    facts.bound = facts.in_doubt = None
    return taken


def discard(session: ServerSession) -> None:
    """Show what is stored, as the application said that what was done is not to be saved.

    That a session was cleared stands.
    """
    facts = session.facts
    facts.discarded = facts.modified = False
    kept = None if facts.wiped else facts.base
    session.show({} if kept is None else codec.decode(kept))
    if facts.wiped:
        session.journal.cleared()
    else:
        session.journal.undone()


def settle(
    session: ServerSession, unsaved: Unsaved, loaded: Loaded | None, data: dict[str, Any] | None
) -> None:
    """Go on from what was just saved, and show it; `data`: if that is not what was taken.

    The response must say what it has to, too.
    """
    facts = session.facts
    shown = session.journal.saved(unsaved, session.data(), data)
    if data is not None:
        session.show(shown)
    facts.loaded = loaded
    facts.lost = facts.minted = None
    facts.unsure = False
    facts.due = True
    facts.saved(unsaved.draft.payload if loaded is None else loaded.record.payload)


def give_back(session: ServerSession, unsaved: Unsaved) -> None:
    """Leave to the next save what this one failed to save."""
    facts, journal, draft = session.facts, session.journal, unsaved.draft
    if journal.has_taken(unsaved):
        journal.give_back(unsaved, facts.in_doubt)
        facts.unsure = facts.unsure or facts.in_doubt is not None
        facts.modified = True
        facts.rekey = facts.rekey or unsaved.rekey
        facts.written = True
        if not facts.wiped and facts.bound is None:
            facts.bound = draft.bound
        facts.wiped = facts.wiped or draft.wiped


def forget(session: ServerSession, lost: Lost) -> None:
    """Make a session empty that ended while the request ran: only a login begins it anew."""
    session.show({})
    facts = session.facts
    session.journal.restart()
    facts.loaded = facts.minted = facts.bound = facts.loan = None
    facts.rekey = facts.wiped = facts.unsure = facts.written = False
    facts.lost, facts.modified, facts.suspect = lost, lost.drop, True
