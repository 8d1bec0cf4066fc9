"""The threads that do blocking work for event loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from samesession.run import groups
from samesession.run.threads import Threads, threads

from .spy import PATIENCE


async def work_of_threads(*pools: Threads) -> None:
    """Wait until no work is left to threads, not even what nobody waits for."""
    pools = pools or (threads(long=False), threads(long=True))
    async with asyncio.timeout(PATIENCE):
        while any(pool.load for pool in pools) or any(  # noqa: ASYNC110  # threads set no event
            thread.load for thread in groups._made.values()
        ):
            await asyncio.sleep(0.001)


@asynccontextmanager
async def slow_views(number: int) -> AsyncIterator[None]:
    """Have so many sync views hold all threads of asyncio's own for the length of the block."""
    go_on, loop = threading.Event(), asyncio.get_running_loop()
    executor = ThreadPoolExecutor(min(number, 6))  # as asyncio has on a machine of two cores
    loop.set_default_executor(executor)
    views = [loop.run_in_executor(None, go_on.wait, PATIENCE) for _ in range(number)]
    try:
        yield
    finally:
        go_on.set()
        await asyncio.gather(*views)
