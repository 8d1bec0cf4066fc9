"""Call a store as Flask does, in a thread, or as Quart does, in the loop, and measure it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from samesession import SessionError, StoreUnavailable
from samesession.core.reading import Reader
from samesession.core.steps import Steps
from samesession.core.store import Colour, Lifetimes, Store
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.redis import RedisStore
from tests.support.browser import Answer
from tests.support.site import Visitor
from tests.unit.parts import record, sealer, signer

from .crossing import Crossing

T = TypeVar("T")

LIFETIMES = Lifetimes(browser=600, permanent=6000)
# What the scheduler of a busy machine may add to a deadline that is kept.
SLACK = 0.6
FACES = (Colour.SYNC, Colour.ASYNC)


@dataclass(frozen=True)
class Result:
    """How a call ended: its answer or its error, and after how many seconds."""

    answer: object
    error: SessionError | None
    seconds: float


class Caller:
    """Drives one store on one colour with a deadline; anything but a SessionError escapes."""

    def __init__(self, store: Store, colour: Colour, *, timeout: float) -> None:
        self.store = store
        self.colour = colour
        self.timeout = timeout

    async def do(self, steps: Callable[[Store], Steps[T]]) -> T:
        if self.colour is Colour.SYNC:
            return await asyncio.to_thread(lambda: run(steps(self.store)))
        return await arun(steps(self.store), timeout=self.timeout)

    async def try_(self, steps: Callable[[Store], Steps[T]]) -> Result:
        if self.colour is Colour.SYNC:
            return await asyncio.to_thread(self._try, steps)
        started = time.monotonic()
        try:
            answer: object = await self.do(steps)
        except SessionError as error:
            return Result(None, error, time.monotonic() - started)
        return Result(answer, None, time.monotonic() - started)

    def _try(self, steps: Callable[[Store], Steps[T]]) -> Result:
        """Measure in the thread: before it, there is a queue."""
        started = time.monotonic()
        try:
            answer = run(steps(self.store))
        except SessionError as error:
            return Result(None, error, time.monotonic() - started)
        return Result(answer, None, time.monotonic() - started)


@asynccontextmanager
async def calling(
    source: str | Store, colour: Colour, *, timeout: float = 0.4
) -> AsyncIterator[Caller]:
    """Have a caller of a store, or of the redis store at a URL, for the length of a block."""
    store = source
    if isinstance(store, str):
        store = RedisStore(store, timeout=timeout).open_for(colour)
    caller = Caller(store, colour, timeout=timeout)
    try:
        yield caller
    finally:
        await caller.try_(lambda each: each.close())


class Lag:
    """The longest time for which an event loop did nothing else."""

    worst = 0.0


@asynccontextmanager
async def watched_loop(timer: Callable[[], float] = time.monotonic) -> AsyncIterator[Lag]:
    """Measure the running loop's lag; by `time.thread_time`, what the loop itself computed."""
    lag = Lag()

    async def tick() -> None:
        while True:
            before = timer()
            await asyncio.sleep(0.002)
            lag.worst = max(lag.worst, timer() - before - 0.002)

    task = asyncio.create_task(tick())
    try:
        yield lag
    finally:
        task.cancel()


def sealed(user: str, *, payload: bytes = b"\x80") -> tuple[str, bytes]:
    """Make a record that names its user, and its key, which is new each time."""
    key, made, _ = sealed_twice(user, payload=payload)
    return key, made


def sealed_twice(user: str, *, payload: bytes = b"\x80") -> tuple[str, bytes, bytes]:
    """Make a key, a record as `sealed` does, and the record that replaces it."""
    token = signer(entropy=secrets.token_bytes).mint().token
    key = f"session:{token.sid}"
    made = [record(token, owner=user, revision=each, payload=payload) for each in (1, 2)]
    return key, sealer().seal(key, made[0]), sealer().seal(key, made[1])


def owner_of(key: str, raw: object) -> str | None:
    """Say whose record this is; a damaged or another key's is a BadRecord."""
    assert isinstance(raw, bytes)
    return sealer().open(key, raw).owner


def loading(key: str) -> Callable[[Store], Steps[Any]]:
    return lambda store: store.load(key, renew=LIFETIMES)


def creating(key: str, raw: bytes) -> Callable[[Store], Steps[Any]]:
    return lambda store: store.create(key, raw, lifetimes=LIFETIMES)


def committing(key: str, old: bytes, new: bytes) -> Callable[[Store], Steps[Any]]:
    return lambda store: store.commit(key, new, expected=old[:8], renew=LIFETIMES)


async def with_records(caller: Caller, *users: str) -> dict[str, str]:
    """Create a record for each user; give the keys."""
    keys: dict[str, str] = {}
    for user in users:
        key, raw = sealed(user)
        assert await caller.do(creating(key, raw)) is True
        keys[user] = key
    return keys


async def expect_nobody_logged_out(
    caller: Caller, keys: dict[str, str], between: Sequence[Crossing]
) -> None:
    """Have users read while answers are dropped and doubled: their own record, or an outage."""
    reader = Reader(caller.store, sealer())
    found: Counter[str] = Counter()

    async def read(user: str) -> None:
        key = keys[user]
        sid = key.partition(":")[2]
        result = await caller.try_(lambda _: reader.read(key, sid, renew=LIFETIMES))
        answer: Any = result.answer
        if result.error is not None:
            assert isinstance(result.error, StoreUnavailable), result.error
            found["503"] += 1
        else:
            found["none" if answer is None else str(answer.record.owner == user)] += 1

    for seed, proxy in enumerate(between, start=7):
        proxy.at_random(0.05, seed)
    for _ in range(8):
        await asyncio.gather(*map(read, keys))
    assert sum(proxy.faults for proxy in between) > 0
    for proxy in between:
        proxy.mend()
    assert set(found) <= {"True", "503"}, found
    assert found["True"] > len(keys) * 3, found


async def expect_recovery(caller: Caller, key: str, user: str, *, within: float = 1.0) -> None:
    """So many seconds after the fault's end the record can be read again, at the latest."""
    ended = asyncio.get_running_loop().time() + within
    while True:
        result = await caller.try_(loading(key))
        if result.error is None:
            assert owner_of(key, result.answer) == user
            return
        assert asyncio.get_running_loop().time() < ended, result.error


async def timed(visit: Any) -> tuple[Answer, float]:  # Any: an awaitable of either framework
    started = time.monotonic()
    answer = await visit
    return answer, time.monotonic() - started


async def expect_refusal(visit: Any, limit: float) -> None:  # Any: as in timed
    """A request is a 503 in time, and leaves the cookie alone."""
    answer, seconds = await timed(visit)
    assert (answer.status, answer.set_cookies) == (503, [])
    assert seconds < limit


async def expect_back(visitor: Visitor, value: object, *, within: float = 1.0) -> None:
    """So many seconds later the same cookie has its session again, at the latest."""
    ended = time.monotonic() + within
    while (await visitor.visit(lambda session: session.get("a"))).status != 200:
        assert time.monotonic() < ended
    assert visitor.result == value
