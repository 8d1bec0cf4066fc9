"""Close an event loop's connections in a process that does not serve, such as a script.

A server closes them when it ends. In other processes the last user has to. Otherwise they stay open
at the end of the loop, and a driver's thread delays the end of the process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager, suppress
from weakref import WeakKeyDictionary

from ..app_sessions import AppSessions
from ..errors import StoreError
from ..run.aio import arun, finished
from ..run.places import place

_users: WeakKeyDictionary[AppSessions, Counter[Hashable]] = WeakKeyDictionary()


@asynccontextmanager
async def letting_go(app_sessions: AppSessions) -> AsyncIterator[None]:
    """Use connections in the block, and close them after the last such block of the loop."""
    here, users = place(loop=True), _users.setdefault(app_sessions, Counter())
    users[here] += 1
    try:
        yield
    finally:
        users[here] -= 1
        if not users[here]:
            del users[here]
            if not app_sessions.serves:
                with suppress(StoreError):  # the work is done
                    await finished(arun(app_sessions.shut(), timeout=app_sessions.store_timeout))
