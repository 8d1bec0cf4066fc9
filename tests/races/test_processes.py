"""Eight processes, four of each framework, that write to one session at once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.backend import Backend
from tests.support.site import Site

from .workers import RealTime

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.stores("filesystem", "redis"),
    pytest.mark.needs("flask", "quart"),
]

ROOT = Path(__file__).parents[2]
WORKERS = 8
REQUESTS = 200
BOUND = 100.0  # seconds for all of them, on a busy machine


@pytest_asyncio.fixture
async def site(backend: Backend) -> AsyncIterator[Site]:
    """Give a site of this process, to begin the session with and to look at it."""
    made = Site("flask", backend.settings, clock=RealTime())
    yield made
    await made.close()


def together(action: str, settings: dict[str, Any], cookie: str) -> int:
    """Let all workers begin at one time; give how many requests were answered with success."""
    commands = [
        [
            *(sys.executable, "-m", "tests.races.workers", action, ("flask", "quart")[worker % 2]),
            *(json.dumps(settings), cookie, f"{worker}/{REQUESTS}"),
        ]
        for worker in range(WORKERS)
    ]
    workers = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for command in commands
    ]
    until = time.monotonic() + BOUND
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        told = [worker.communicate(timeout=until - time.monotonic())[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    return sum(map(int, told))


async def test_keys_set_by_eight_processes_at_once_are_all_there(
    site: Site, backend: Backend
) -> None:
    visitor = site.visitor()
    await visitor.put(first=1)
    done = together("put", backend.settings, visitor.jar["session"])
    assert done == WORKERS * REQUESTS
    names = {f"{worker}-{turn}" for worker in range(WORKERS) for turn in range(REQUESTS)}
    assert set(await visitor.value(list)) == {"first"} | names


async def test_items_appended_atomically_by_eight_processes_are_all_there(
    site: Site, backend: Backend
) -> None:
    visitor = site.visitor()
    await visitor.put(basket={"items": []})
    done = together("append", backend.settings, visitor.jar["session"])
    assert done == WORKERS * REQUESTS
    items = await visitor.value(lambda session: session["basket"]["items"])
    assert len(items) == WORKERS * REQUESTS
    for worker in range(WORKERS):
        own = [item for item in items if item.startswith(f"{worker}-")]
        assert own == [f"{worker}-{turn}" for turn in range(REQUESTS)]
