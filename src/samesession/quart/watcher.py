"""Watch the sessions of open WebSockets and streams, and notify them when one ends.

A session is checked

    when the watch begins           because it may have ended since it was opened
    when it ends in this process    see run.ended_sessions
    when the store reports it       if it can: core.store.Notifies
    when it expires                 by the store's answer at the last check
    every SWEEP seconds             while the store reports ends, for those it missed
    every INTERVAL seconds          with other stores, and while the store cannot be heard

In each case many are checked at once, in batches: see core.watching. Suspect ones are checked
closely, one by one. A store that is down ends nothing: sessions are checked when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from .. import open_sessions
from ..app_sessions import AppSessions
from ..core.request_state import state_of
from ..core.session import ServerSession
from ..core.store import Notifies
from ..core.tracebacks import clear_locals
from ..core.watching import Sight
from ..errors import NotSupported, StoreError
from ..run import ended_sessions
from ..run.aio import arun
from ..run.loop_time import Knock, call_at, loop_time
from ..run.per_loop import PerLoop

INTERVAL = 1.25  # seconds between checks, which keeps 2 seconds for a thousand sockets
FRESH = 0.2  # seconds in which others may join the check of a session that was just opened
SWEEP = 30.0
_RETRY = 0.25  # seconds before the store is listened to again
_ABREAST = 32  # sessions to check closely at the same time
_RENEWALS = 4  # in an idle timeout

Tell: TypeAlias = Callable[[str], object]

log = logging.getLogger("samesession")


class Watch:
    """One socket or stream, recognised by identity."""

    __slots__ = ("alive", "fresh", "session", "sid", "tell", "until")

    def __init__(self, session: ServerSession, tell: Tell, now: float) -> None:
        """`tell` is called once, with the way the session ended, in words."""
        self.session = session
        self.tell = tell
        self.fresh = True
        self.until = float("inf")  # when to check again, by the last check
        self.alive = now  # when this socket last restarted the idle timeout
        self.sid: str | None = None

    def note_sid(self) -> str | None:
        """Return the session's sid; a session may begin after its request's watch."""
        loaded = state_of(self.session).loaded
        if loaded is not None:
            self.sid = loaded.record.sid
        return self.sid

    @property
    def is_left(self) -> bool:
        """Whether the request itself has ended the session, and this is saved."""
        state = state_of(self.session)
        return self.sid is not None and state.loaded is None and state.ended is None


class Watcher:
    """Watches the sessions of one application in one event loop, in a single task."""

    def __init__(self, app_sessions: AppSessions) -> None:
        self._app_sessions = app_sessions
        self._loop = asyncio.get_running_loop()
        self._watches: dict[Watch, None] = {}
        self._sids: Counter[str] = Counter()  # of the watches: other sessions end all the time
        self._suspected: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._timer: asyncio.TimerHandle | Knock | None = None
        self._rings_at = self._fresh_at = float("inf")
        self._sweep_at = loop_time(self._loop) + INTERVAL
        self._listens = self._hears = self._is_down = self._is_told = False

    def add(self, session: ServerSession, tell: Tell) -> Watch:
        """Start to watch a session."""
        watch = Watch(session, tell, self._app_sessions.current_time())
        self._watches[watch] = None
        _ = self._note(watch)
        if self._fresh_at == float("inf"):
            self._fresh_at = loop_time(self._loop) + FRESH
            self._wake_at(self._fresh_at)
        self._start()
        return watch

    def remove(self, watch: Watch) -> None:
        """Stop watching a session."""
        if watch in self._watches:
            del self._watches[watch]
            self._count(watch.sid, -1)
        if not self._watches:
            self._woken.set()

    def _note(self, watch: Watch) -> str | None:
        """Return the sid of a watch's session, which may have begun in the meantime."""
        before, sid = watch.sid, watch.note_sid()
        if sid is not None and sid != before:
            self._count(sid, 1)
            self._count(before, -1)
        return sid

    def _count(self, sid: str | None, watches: int) -> None:
        if sid is not None:
            self._sids[sid] += watches
            if not self._sids[sid]:
                del self._sids[sid]

    async def close(self) -> None:
        """End the task, because the application ends."""
        self._watches.clear()
        if self._task is not None:
            _ = self._task.cancel()
            _ = await asyncio.wait((self._task,))

    # --- the task ----------------------------------------------------------------------

    def _start(self) -> None:
        if self._task is None and self._watches:
            self._task = self._loop.create_task(self._run())
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():  # the application ends, or the loop
            return
        error = task.exception()
        if error is None:
            self._start()  # for a watch that came when it ended
        else:
            clear_locals(error)
            log.error("open sessions were not watched for a moment", exc_info=error)
            _ = self._loop.call_later(INTERVAL, self._start)

    async def _run(self) -> None:
        store, hearing = self._app_sessions.store, None
        if isinstance(store, Notifies):
            self._listens = True
            hearing = self._loop.create_task(self._hear(store))
        try:
            with ended_sessions.heard(self._loop, self._suspect):
                while self._watches:
                    self._woken.clear()
                    await self._look()
                    soon = loop_time(self._loop) + INTERVAL
                    self._wake_at(min(soon, self._sweep_at, self._fresh_at))
                    _ = await self._woken.wait()
        finally:
            if hearing is not None:
                self._listens = False  # what a client awaits may swallow a cancellation
                _ = hearing.cancel()
                _ = await asyncio.wait((hearing,))

    def _wake_at(self, moment: float) -> None:
        """Wake the task at a moment, if nothing does so before."""
        if self._timer is not None and self._rings_at <= moment:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = moment
        self._timer = call_at(self._loop, moment, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._woken.set()

    def _suspect(self, sid: str) -> None:
        if sid in self._sids:
            self._suspected.add(sid)
            self._woken.set()

    # --- checks ------------------------------------------------------------------------

    async def _look(self) -> None:
        """Check all sessions that are due; after an outage the store is asked again."""
        at = loop_time(self._loop)
        suspected, self._suspected = self._suspected, set()
        due = self._due(at, suspected)
        try:
            await self._look_at(due)
        except StoreError as error:
            self._suspected |= suspected
            self._sweep_at = self._fresh_at = at + INTERVAL
            if not self._is_down:
                _ = self._app_sessions.failed(error)
            self._is_down = True
            return
        if due:
            self._is_down = False
        if at >= self._sweep_at:
            self._sweep_at = at + (SWEEP if self._hears else INTERVAL)

    def _due(self, at: float, suspected: set[str]) -> list[Watch]:
        now, watches = self._app_sessions.current_time(), list(self._watches)
        if at >= self._sweep_at:
            found = watches
        else:
            fresh = at >= self._fresh_at
            found = [
                each
                for each in watches
                if self._note(each) in suspected or (each.fresh and fresh) or each.until <= now
            ]
        if at >= self._fresh_at:
            self._fresh_at = float("inf")
        return found

    async def _look_at(self, watches: Sequence[Watch]) -> None:
        app_sessions = self._app_sessions
        steps = open_sessions.looked_at(app_sessions, [each.session for each in watches])
        sights = await arun(steps, timeout=app_sessions.store_timeout)
        close: list[tuple[Callable[[Watch], Awaitable[None]], Watch]] = []
        for watch, sight in zip(watches, sights, strict=True):
            watch.fresh = False
            _ = self._note(watch)
            if watch.is_left:
                self._tell(watch)
            elif sight.suspected:
                close.append((self._look_closely, watch))
            else:
                watch.until = sight.until
                if self._renews(watch, sight):
                    close.append((self._renew, watch))
        for start in range(0, len(close), _ABREAST):
            some = [look(watch) for look, watch in close[start : start + _ABREAST]]
            for error in filter(None, await asyncio.gather(*some, return_exceptions=True)):
                raise error

    def _renews(self, watch: Watch, sight: Sight) -> bool:
        """Return whether a socket must restart the idle timeout now, and note when it must next."""
        if not (self._app_sessions.config.sockets.sockets_renew and state_of(watch.session).renew):
            return False
        now, share = self._app_sessions.current_time(), sight.lifetime / _RENEWALS
        due = now >= watch.alive + share
        watch.alive = now if due else watch.alive
        watch.until = min(watch.until, watch.alive + share)
        return due

    async def _renew(self, watch: Watch) -> None:
        app_sessions = self._app_sessions
        steps = open_sessions.kept_alive(app_sessions, watch.session)
        if not await arun(steps, timeout=app_sessions.store_timeout):
            await self._look_closely(watch)

    async def _look_closely(self, watch: Watch) -> None:
        app_sessions = self._app_sessions
        steps = open_sessions.confirmed(app_sessions, watch.session)
        if not await arun(steps, timeout=app_sessions.store_timeout):
            self._tell(watch)

    def _tell(self, watch: Watch) -> None:
        if watch in self._watches:
            self.remove(watch)
            lost = state_of(watch.session).lost
            _ = watch.tell("ended" if lost is None else lost.how)

    # --- notices -----------------------------------------------------------------------

    async def _hear(self, store: Notifies) -> None:
        """Listen for sessions that end in other processes; if some may be missed, check all."""
        prefix = self._app_sessions.config.rules.prefix
        try:
            while self._listens:
                try:
                    keys = await arun(store.listen())
                except StoreError:
                    if self._hears:
                        self._hear_again(hears=False)
                    await asyncio.sleep(_RETRY)
                    continue
                if not self._hears:
                    self._hear_again(hears=True)
                for key in keys:
                    if key.startswith(prefix):
                        self._suspect(key[len(prefix) :])
        except NotSupported as error:
            self._hears = False
            if not self._is_told:
                log.warning("open sockets learn of ended sessions by asking: %s", error)
            self._is_told = True
        finally:
            self._hears = False
            with suppress(StoreError):
                await arun(store.stop_listening())

    def _hear_again(self, *, hears: bool) -> None:
        self._hears = hears
        self._sweep_at = loop_time(self._loop)
        self._woken.set()


class Watchers:
    """The watchers of one application, one in each event loop."""

    def __init__(self, app_sessions: AppSessions) -> None:
        self._app_sessions = app_sessions
        self._per_loop: PerLoop[Watcher] = PerLoop(loop=True)

    def here(self) -> Watcher:
        """Return this loop's watcher."""
        found = self._per_loop.here()
        return self._per_loop.keep(Watcher(self._app_sessions)) if found is None else found

    async def close(self) -> None:
        """End this loop's watcher."""
        found = self._per_loop.take()
        if found is not None:
            await found.close()
