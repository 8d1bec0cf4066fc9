"""More work at once than a process can do in time: it is late, and that is no outage."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import pytest

from samesession.core.store import Colour, Openable, Outcome
from tests.support.backend import Backend

from .callers import Caller, committing, creating, loading, sealed

pytestmark = pytest.mark.asyncio

USERS = 400
TIMEOUT = 0.3
VIEW = 0.002  # seconds that each view computes: all of them for more than two timeouts


@pytest.mark.stores("filesystem", "redis")
async def test_a_process_that_is_late_answers_all_and_not_none(backend: Backend) -> None:
    """8,000 writes at once were 8,000 times status 503: their answers lay unread."""
    store: Any = backend.store()
    store = store.open_for(Colour.ASYNC) if isinstance(store, Openable) else store
    caller = Caller(store, Colour.ASYNC, timeout=TIMEOUT)
    patient = Caller(store, Colour.ASYNC, timeout=60.0)
    users = [sealed(f"user {number}") for number in range(USERS)]
    for at in range(0, USERS, 50):
        made = [patient.do(creating(*user)) for user in users[at : at + 50]]
        assert all(await asyncio.gather(*made))

    async def visit(key: str, old: bytes) -> str:
        found = await caller.try_(loading(key))
        if found.error is not None:
            return f"loading: {found.error}"
        assert found.answer == old
        until = time.monotonic() + VIEW
        while time.monotonic() < until:
            pass
        new = (2).to_bytes(8, "big") + old[8:]
        saved = await caller.try_(committing(key, old, new))
        return f"saving: {saved.error}" if saved.error else str(saved.answer)

    began = time.monotonic()
    ended = Counter(await asyncio.gather(*(visit(*user) for user in users)))
    assert time.monotonic() - began > 2 * TIMEOUT
    assert ended == {str(Outcome.WRITTEN): USERS}
    await patient.do(lambda each: each.close())
