"""One of several processes that send requests with one session: run by name.

python -m tests.races.workers DEED FRAMEWORK SETTINGS COOKIE WORKER/REQUESTS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.support.clock import Clock
from tests.support.site import Site


class RealTime(Clock):
    """The time that all processes share."""

    def __call__(self) -> float:
        return time.time()


def put(session: Any, item: str) -> None:
    session[item] = 1


def append(session: Any, item: str) -> None:
    session.update_atomically(lambda data: data["basket"]["items"].append(item))


DEEDS: dict[str, Callable[[Any, str], None]] = {"put": put, "append": append}


async def work(action: str, framework: str, settings: str, cookie: str, name: str) -> int:
    """Wait for the word to begin, and do the deed in each request."""
    worker, count = name.split("/")
    site = Site(framework, json.loads(settings), clock=RealTime())
    visitor = site.visitor()
    visitor.jar["session"] = cookie
    acknowledged = 0
    _ = sys.stdout.write("ready\n")
    _ = sys.stdout.flush()
    _ = sys.stdin.readline()
    for turn in range(int(count)):
        item = f"{worker}-{turn}"
        answer = await visitor.visit(lambda session, item=item: DEEDS[action](session, item))
        acknowledged += answer.status == 200
    await site.close()
    return acknowledged


if __name__ == "__main__":
    _ = sys.stdout.write(f"{asyncio.run(work(*sys.argv[1:]))}\n")
