"""Load what other requests wrote to a session since it was last opened or saved.

    the record is        then
    the session's own    unsaved changes are applied to the new data, which is shown
    gone, or expired     the session is empty, and the request saves nothing more in it
    under a new secret   the same: the bearer of the old secret may be another user

The idle timeout is not restarted, because nothing shows that the user is there.
"""

from __future__ import annotations

from . import saving
from .ending import Ending
from .filing import Filing
from .loaded import Loaded
from .record import Record
from .request_state import state_of
from .session import ServerSession
from .steps import Steps
from .writing import Writer


class Reloader:
    """Reloads a session."""

    def __init__(self, filing: Filing, *, writer: Writer, ending: Ending) -> None:
        self._filing = filing
        self._writer = writer
        self._ending = ending

    def reload(self, session: ServerSession) -> Steps[bool]:
        """Show a session as it is stored now; return whether it still exists.

        Raises StoreUnavailable, and any error of an application's function that is run again. Then
        the session stays as it was.
        """
        state = state_of(session)
        state.accessed = True
        loaded = state.loaded
        if loaded is None:
            return False
        if state.discarded:
            saving.discard(session)
        standing, found = yield from self._look(session, loaded)
        data = None if standing is None else self._writer.data(standing.record)
        if standing is None or data is None:
            self._lose(session, loaded, found)
            return False
        saving.rebase(session, standing, data)
        return True

    def confirm(self, session: ServerSession) -> Steps[bool]:
        """Return whether a session still exists; if not, it is empty from now on.

        Stored changes are not shown. Raises StoreUnavailable.
        """
        loaded = state_of(session).loaded
        if loaded is None:
            return False
        standing, found = yield from self._look(session, loaded)
        if standing is None:
            self._lose(session, loaded, found)
        return standing is not None

    def _look(
        self, session: ServerSession, before: Loaded
    ) -> Steps[tuple[Loaded | None, Record | None]]:
        """Return the session if it is the one that was loaded or saved, and any record found."""
        found = yield from self._filing.read(before.record)
        if found is None:
            return None, None
        record = found.record
        if self._writer.is_live(record, before):
            return Loaded(before.signed, record, found.sealed), record
        if self._writer.is_ours(record, session):
            return Loaded(state_of(session).minted, record, found.sealed), record
        _ = yield from self._ending.ends(record)
        return None, record

    def _lose(self, session: ServerSession, before: Loaded, standing: Record | None) -> None:
        state = state_of(session)
        lost = self._writer.loss(before, standing, told=state.written)
        # A login that is not saved yet begins another session, depending on what the save finds.
        if not lost.gives_way_to(state.bound):
            saving.forget(session, lost)
