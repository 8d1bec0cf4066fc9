"""Users who each count up in a session of their own while servers move, on either colour."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from samesession import SessionError, StoreUnavailable
from samesession.core.steps import Steps
from samesession.core.store import Colour, Lifetimes, Outcome, Store
from samesession.stores.redis import RedisStore
from tests.faults.callers import Caller, sealed
from tests.support.redis_process import PATIENCE

LIFETIMES = Lifetimes(browser=600, permanent=6000)
TIMEOUT = 1.0


@dataclass
class User:
    """One session, with what its store acknowledged and refused, and when."""

    key: str
    record: bytes
    acknowledged: list[tuple[float, int]] = field(default_factory=list)
    refused: list[tuple[float, float, SessionError]] = field(default_factory=list)  # when, seconds

    @property
    def last(self) -> int:
        return self.acknowledged[-1][1] if self.acknowledged else 1


def revised(record: bytes, revision: int) -> bytes:
    return revision.to_bytes(8, "big") + record[8:]


def revision_of(record: bytes) -> int:
    return int.from_bytes(record[:8], "big")


def count_up(user: User, store: Store) -> Steps[int | None]:
    """Read the session and save it with the next revision, as a request does; None: it is gone."""
    current = yield from store.load(user.key, renew=LIFETIMES)
    if current is None:
        return None
    following = revision_of(current) + 1
    outcome = yield from store.commit(
        user.key, revised(current, following), expected=current[:8], renew=LIFETIMES
    )
    assert outcome is Outcome.WRITTEN, outcome
    return following


class Load:
    """Users at one store, from `start` to `stop`."""

    def __init__(self, url: str, colour: Colour, *, users: int, timeout: float = TIMEOUT) -> None:
        self.store = RedisStore(url, timeout=timeout).open_for(colour)
        self.caller = Caller(self.store, colour, timeout=timeout)
        self.users = [User(*sealed(f"user{number}")) for number in range(users)]
        self._tasks: list[asyncio.Task[None]] = []
        self._over = False

    async def begin(self) -> None:
        for user in self.users:
            made = await self.caller.do(
                lambda store, user=user: store.create(  # type: ignore[misc]
                    user.key, user.record, lifetimes=LIFETIMES
                )
            )
            assert made is True
        self._tasks = [asyncio.create_task(self._work(user)) for user in self.users]

    async def _work(self, user: User) -> None:
        while not self._over:
            result = await self.caller.try_(lambda store: count_up(user, store))
            now = time.monotonic()
            if result.error is not None:
                assert isinstance(result.error, StoreUnavailable), result.error
                user.refused.append((now, result.seconds, result.error))
                await asyncio.sleep(0.02)  # as a user would, who tries again
            elif isinstance(result.answer, int):
                user.acknowledged.append((now, result.answer))
            else:
                return  # a write that was never replicated created it: nothing was promised since

    async def served_since(self, moment: float, *, times: int = 5) -> None:
        """Wait until each user was served so many times after a moment."""
        ended = time.monotonic() + PATIENCE
        while not all(
            sum(at > moment for at, _ in user.acknowledged) >= times for user in self.users
        ):
            assert time.monotonic() < ended, "not every user is served"
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        self._over = True
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        await self.caller.try_(lambda store: store.close())

    @property
    def refusals(self) -> list[tuple[float, float, SessionError]]:
        return sorted(
            (each for user in self.users for each in user.refused), key=lambda row: row[0]
        )

    async def stored(self, user: User) -> int | None:
        raw = await self.caller.do(lambda store: store.load(user.key, renew=None))
        return None if raw is None else revision_of(raw)
