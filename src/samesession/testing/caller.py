"""Call a store as Flask or as Quart does, one call after another or several at once.

This module has what the parts of the contract share: the caller, the clock, the records, and the
fixtures that a test class may override.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from datetime import timedelta
from typing import Any, ClassVar, TypeAlias, TypeVar

import pytest

from ..core.record import stand_in
from ..core.steps import Steps, wait
from ..core.store import Colour, Lifetimes, Openable, Store
from ..run.aio import arun
from ..run.sync import run

T = TypeVar("T")

NewStore: TypeAlias = "Callable[[], Store | Openable]"
Action: TypeAlias = "Callable[[Store], Steps[Any]]"

# Stores finish within this time, or their callers hang.
PATIENCE = 20.0
# For a caller that may wait for a lock of the one that is held up.
_HEAD_START = 0.2


class ManualClock:
    """Seconds since 1970 that pass only when told to.

    .. versionadded:: 1.0
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def tick(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Let time pass: `clock.tick(hours=1)`."""
        passed = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        self.advance(passed.total_seconds())


def make_record(
    revision: int = 1, *, permanent: bool = False, lifetime: int = 0, payload: bytes = b"data"
) -> bytes:
    """Return bytes that a store accepts as a record.

    `lifetime`: its own idle timeout in seconds; 0: it has none.
    """
    return stand_in(revision, permanent=permanent, lifetime=lifetime, rest=payload)


def revision(number: int) -> bytes:
    """Return a revision in the form that `commit` and `remove` expect."""
    return number.to_bytes(8, "big")


class Caller:
    """Drives stores in one colour; the async one in its own event loop."""

    def __init__(self, colour: Colour) -> None:
        self.colour = colour
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)

    def do(self, steps: Steps[T]) -> T:
        """Run steps to their end."""
        if self.colour is Colour.SYNC:
            return run(steps)
        return self._runner.run(arun(steps, timeout=PATIENCE))

    def at_once(self, *each: Steps[Any]) -> list[Any]:
        """Run several steps at once, in threads or in tasks; return their results in order."""
        if self.colour is Colour.SYNC:
            with ThreadPoolExecutor(len(each)) as pool:
                started = [pool.submit(run, steps) for steps in each]
                return [one.result(PATIENCE) for one in started]

        async def gathered() -> list[Any]:
            return await asyncio.gather(*(arun(steps, timeout=PATIENCE) for steps in each))

        return self._runner.run(gathered())

    def interleave(self, first: Steps[Any], second: Steps[Any], *, after: int) -> Interleaved:
        """Hold `first` up after a number of waits, do `second` in the meantime, then continue.

        If `second` cannot end before `first`, for example because of a lock, both continue.
        """
        if self.colour is Colour.SYNC:
            return self._interleave_threads(first, second, after)
        return self._runner.run(self._interleave_tasks(first, second, after))

    def close(self) -> None:
        """Close the event loop."""
        self._runner.close()

    @staticmethod
    def _interleave_threads(first: Steps[Any], second: Steps[Any], after: int) -> Interleaved:
        begun: list[Future[Any]] = []
        with ThreadPoolExecutor(1) as pool:

            def meanwhile() -> None:
                begun.append(pool.submit(run, second))
                _ = wait_for(begun, _HEAD_START)

            result = run(_held(first, after, meanwhile))
            held = bool(begun)
            if not held:
                meanwhile()
            return Interleaved(result, begun[0].result(PATIENCE), held=held)

    @staticmethod
    async def _interleave_tasks(first: Steps[Any], second: Steps[Any], after: int) -> Interleaved:
        begun: list[asyncio.Task[Any]] = []

        async def meanwhile() -> None:
            begun.append(asyncio.create_task(arun(second, timeout=PATIENCE)))
            _ = await asyncio.wait(begun, timeout=_HEAD_START)

        result = await arun(_held(first, after, meanwhile), timeout=PATIENCE)
        held = bool(begun)
        if not held:
            await meanwhile()
        return Interleaved(result, await begun[0], held=held)


class Interleaved:
    """The results of two callers, and whether the first one waited that often."""

    def __init__(self, first: Any, second: Any, *, held: bool) -> None:
        self.first = first
        self.second = second
        self.held = held


def _held(steps: Steps[T], after: int, meanwhile: Callable[[], Any]) -> Steps[T]:
    """Do steps, and something else once they have waited `after` times."""
    waits = 0
    try:
        question = next(steps)
        while True:
            if waits == after:
                yield from wait(meanwhile())
            waits += 1
            try:
                answer = yield question
            except BaseException as error:
                question = steps.throw(error)
            else:
                question = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


class Contract:
    """The fixtures of every part of the contract."""

    #: The callers that the store serves: each test runs once for each.
    colours: ClassVar[Colour] = Colour.BOTH
    #: The largest record that the store accepts, in bytes.
    largest: ClassVar[int] = 1024 * 1024
    #: Whether the store keeps the time itself, as a server does, instead of reading `clock`.
    own_clock: ClassVar[bool] = False
    #: The idle timeout that is waited for in that case, in whole seconds.
    own_lifetime: ClassVar[int] = 2
    #: How much too early or too late such a store may let a record expire, in seconds.
    resolution: ClassVar[float] = 0.05

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test on each colour."""
        if "colour" in metafunc.fixturenames:
            colours = [colour for colour in (Colour.SYNC, Colour.ASYNC) if colour & self.colours]
            names = [str(colour.name).lower() for colour in colours]
            metafunc.parametrize("colour", colours, ids=names)

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Return the clock to open stores with."""
        return ManualClock()

    @pytest.fixture
    def new_store(self) -> NewStore:
        """Return a function that opens the store; each call creates an object on the same data.

        To be overridden. The data must be empty when a test starts.
        """
        raise NotImplementedError("override the fixture new_store")

    @pytest.fixture
    def caller(self, colour: Colour) -> Iterator[Caller]:
        """Return the caller that drives the stores."""
        caller = Caller(colour)
        yield caller
        caller.close()

    @pytest.fixture
    def opened(self, new_store: NewStore, caller: Caller) -> Iterator[Callable[[], Store]]:
        """Return a function that opens the store for the caller, and closes it after the test."""
        stores: list[Store] = []

        def open_one() -> Store:
            found = new_store()
            store = found.open_for(caller.colour) if isinstance(found, Openable) else found
            assert caller.colour & store.colours, "the store serves no such callers: set `colours`"
            stores.append(store)
            return store

        yield open_one
        for store in stores:
            caller.do(store.close())

    @pytest.fixture
    def store(self, opened: Callable[[], Store]) -> Store:
        """Return the store."""
        return opened()

    @property
    def lifetimes(self) -> Lifetimes:
        """Idle timeouts that no test outlives."""
        return Lifetimes(browser=1000, permanent=10_000)

    def let_pass(self, clock: ManualClock, seconds: float) -> None:
        """Let time pass, in the clock or, for a store with its own clock, really."""
        if self.own_clock:
            time.sleep(seconds)
        else:
            clock.advance(seconds)
