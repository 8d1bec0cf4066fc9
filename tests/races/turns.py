"""Requests that take turns: each stops before every call of the store and after every act.

Whoever tests decides who goes on, so that any interleaving of several requests
is played, and played again, one call of the store at a time.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import ContextVar
from importlib import import_module
from typing import Any, TypeVar

from samesession.core.steps import Steps
from samesession.core.store import Colour, Lifetimes, Openable, OwnerIndex, Store
from tests.support.browser import Answer
from tests.support.site import Site
from tests.support.spy import PATIENCE, OwnersSpy, SpyStore

T = TypeVar("T")

VIEW = "view"
_TURN: ContextVar[Turn | None] = ContextVar("turn", default=None)

# A call of the store that is done: whose, its name, its key or owner, what it answered.
Done = tuple["Turn | None", str, str, object]


class Turn:
    """One request, or one act of an administrator, that goes on only when it is told to."""

    def __init__(self, start: Callable[[], asyncio.Task[Any]]) -> None:
        self.at = ""  # the call of the store that comes next, or VIEW
        self.act: Callable[[Any], Any] | None = None  # what the view does next; None: it returns
        self.result: Any = None
        self._start = start
        self._task: asyncio.Task[Any] | None = None
        self._stopped: Future[None] = Future()
        self._told: Future[None] = Future()

    @property
    def is_over(self) -> bool:
        return self._task is not None and self._task.done()

    @property
    def answer(self) -> Any:  # Any: an Answer, or what an administrator is told
        assert self._task is not None
        return self._task.result()

    async def begin(self) -> None:
        """Start it; it is over, or stands somewhere, afterwards."""
        mine = _TURN.set(self)
        try:
            self._task = self._start()
        finally:
            _TURN.reset(mine)
        await self._until_it_stops()

    async def go_on(self) -> None:
        """Let it go on to where it stops next, or to its end."""
        told, self._told, self._stopped = self._told, Future(), Future()
        told.set_result(None)
        await self._until_it_stops()

    async def _until_it_stops(self) -> None:
        assert self._task is not None
        stopped = asyncio.wrap_future(self._stopped)
        awaited = {stopped, self._task}
        done, _ = await asyncio.wait(awaited, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        assert done, f"nothing happened within {PATIENCE} s after {self.at}"

    def stop(self, at: str) -> None:
        """Internal: stand here, in a thread, until told to go on."""
        told, self.at = self._told, at
        self._stopped.set_result(None)
        told.result(PATIENCE)

    async def stand(self, at: str) -> None:
        """Internal: stand here, in an event loop, until told to go on."""
        told, self.at = self._told, at
        self._stopped.set_result(None)
        await asyncio.wait_for(asyncio.wrap_future(told), PATIENCE)


class TurnStore(SpyStore):
    """Has each request stop before each call, and notes what the calls answered."""

    done: list[Done]

    def open_for(self, colour: Colour) -> TurnStore:
        inner = self.inner.open_for(colour) if isinstance(self.inner, Openable) else self.inner
        other = type(self)(inner, colour=colour, notes=self._notes)
        other.done = self.done
        return other

    def _around(self, name: str, key: str, steps: Steps[T]) -> Steps[T]:
        turn = _TURN.get()
        if turn is not None and self._colour is Colour.ASYNC:
            yield turn.stand(name)
        elif turn is not None:
            turn.stop(name)
        result = yield from super()._around(name, key, steps)
        self.done.append((turn, name, key, result))
        return result

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        name = "look" if renew is None else "load"
        return self._around(name, key, self.inner.load(key, renew=renew))


class OwnersTurnStore(TurnStore, OwnersSpy):
    """The same for a store that has an owner index."""


def turns_at(store: Store) -> TurnStore:
    """Have the requests to a store take turns."""
    kind = OwnersTurnStore if isinstance(store, OwnerIndex) else TurnStore
    found = kind(store)
    found.done = []
    return found


def serve_turns(site: Site) -> None:
    """Serve a view that does what its request's turn says, one act at a time."""

    def acts(session: Any, web: Any) -> str:
        turn = _mine()
        turn.stop(VIEW)
        while turn.act is not None:
            turn.result = turn.act(session)
            turn.stop(VIEW)
        return "done"

    async def acts_of_a_loop(session: Any, web: Any) -> str:
        turn = _mine()
        await turn.stand(VIEW)
        while turn.act is not None:
            result = turn.act(session)
            turn.result = await result if inspect.isawaitable(result) else result
            await turn.stand(VIEW)
        return "done"

    site.view("/turns")(acts if site.framework == "flask" else acts_of_a_loop)


def saving(site: Site) -> Callable[[Any], Any]:
    """Give the act of saving the session while the view runs; it answers what that holds then."""
    block = import_module(f"samesession.{site.framework}").saving

    def act(session: Any) -> dict[str, Any]:
        with block():
            pass
        return dict(session)

    async def act_in_a_loop(session: Any) -> dict[str, Any]:
        async with block():
            pass
        return dict(session)

    return act if site.framework == "flask" else act_in_a_loop


def request(site: Site, cookie: str | None) -> Turn:
    """Make a request with a cookie of its own, or with none."""

    def start() -> asyncio.Task[Answer]:
        driver = site.user()
        if cookie is not None:
            driver.jar["session"] = cookie
        return driver.start("GET", "/turns")

    return Turn(start)


def administration(act: Callable[[], Awaitable[Any]]) -> Turn:
    """Make an act of an administrator, from outside of a request."""

    async def acting() -> Any:  # Any: as the acts differ
        return await act()

    return Turn(lambda: asyncio.create_task(acting()))


def _mine() -> Turn:
    turn = _TURN.get()
    assert turn is not None
    return turn
