"""Requests that wait at a named call of the store while others run, and what is signalled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from samesession import signals
from samesession.core.events import Event
from samesession.run.aio import arun
from samesession.run.sync import run
from tests.support.backend import Backend
from tests.support.browser import Answer, Jar
from tests.support.site import Site, View, Visitor
from tests.support.spy import Gate, OwnersSpy, SpyStore

Act = Callable[[Any], Any]  # Any: the session is a proxy in both frameworks


class Scene:
    """A site whose store can be paused; its visitors share what a test says they share."""

    def __init__(self, site: Site, spy: SpyStore) -> None:
        self.site = site
        self.spy = spy
        self.heard: list[Event] = []

    @property
    def has_owners(self) -> bool:
        """Whether the store knows whose sessions are whose."""
        return isinstance(self.spy, OwnersSpy)

    def tab(self, visitor: Visitor) -> Visitor:
        """Give another tab of the same browser: it has the same jar."""
        other = self.site.visitor()
        other.driver.jar = visitor.jar
        return other

    def holder(self, cookie: str) -> Visitor:
        """Give another browser that holds a copy of a cookie."""
        other = self.site.visitor()
        jar = Jar(self.site.clock)
        jar["session"] = cookie
        other.driver.jar = jar
        return other

    async def administer(self, action: str, *args: Any) -> Any:  # Any: as the actions differ
        """Do to sessions what the framework's module does, from outside of a request."""
        steps = getattr(self.site.app.session_interface.app_sessions.administration, action)(*args)
        if self.site.framework == "flask":
            return await asyncio.to_thread(run, steps)
        return await arun(steps)

    @asynccontextmanager
    async def late(
        self, visitor: Visitor, act: Act, *, at: str, after: bool = False
    ) -> AsyncIterator[Late]:
        """Begin a request that waits at a call of the store; it ends with the block."""
        async with self.late_view(
            visitor, lambda session, web: str(act(session)), at=at, after=after
        ) as late:
            yield late

    @asynccontextmanager
    async def late_view(
        self, visitor: Visitor, view: View, *, at: str, nth: int = 1, after: bool = False
    ) -> AsyncIterator[Late]:
        """The same, with a view, at the nth call; `at` may name several methods."""
        gate = self.spy.pause(at, nth=nth, after=after)
        self.site.actions.append(view)
        task = visitor.driver.start("GET", f"/visit/{len(self.site.actions) - 1}")
        late = Late(gate, task)
        try:
            await gate.reached()
            yield late
            late.answer = await late.end()
        finally:
            gate.open()
            await asyncio.wait([task])


@dataclass
class Late:
    """A request under way, and how it ended."""

    gate: Gate
    task: asyncio.Task[Answer]
    answer: Answer = field(default_factory=lambda: Answer(0, [], b""))

    async def end(self) -> Answer:
        """Let it go on and wait for its response."""
        self.gate.open()
        return await self.task


@contextmanager
def listening(scene: Scene) -> Iterator[None]:
    """Note the signals that the site sends."""

    def receiver(event: Event) -> Callable[..., None]:
        def receive(sender: object, **_: object) -> None:
            if sender is scene.site.app:
                scene.heard.append(event)

        return receive

    known = [getattr(signals, each.value.replace("-", "_")) for each in Event]
    receivers = [receiver(each) for each in Event]
    for signal, receive in zip(known, receivers, strict=True):
        signal.connect(receive)
    try:
        yield
    finally:
        for signal, receive in zip(known, receivers, strict=True):
            signal.disconnect(receive)


def end_idle_time(backend: Backend, seconds: int) -> None:
    """Let time pass: for a server with a clock of its own, by shortening each expiry."""
    backend.part.hasten(seconds)
    backend.clock.advance(seconds)
    for server in backend.redis_servers:
        with server.client() as client:
            for key in client.scan_iter("session:*"):
                client.pexpire(key, max(client.pttl(key) - seconds * 1000, 0))
