"""Connections cut at each byte of a request or of its reply, over whichever store."""

from __future__ import annotations

import itertools
from typing import Protocol

from samesession.core.store import Outcome

from .callers import SLACK, Caller, committing, creating, loading, owner_of, sealed
from .proxy import Fault, Proxy


class Server(Protocol):
    """A server that a test can look into."""

    def value(self, name: bytes) -> bytes | None:
        """Give what is stored under a key."""
        ...

    def seconds_left(self, name: str) -> int:
        """Give the time after which it expires; not above 0 for never."""
        ...


async def expect_no_torn_record(caller: Caller, proxy: Proxy, server: Server) -> None:
    """Cut a commit after each byte: the old record stays, or the new one is there."""
    for size in itertools.count():
        key, old = sealed("alice", payload=b"\x81\xa1a\x01")
        new = old[:7] + b"\x02" + old[8:]
        assert await caller.do(creating(key, old)) is True
        proxy.inflict(Fault(request_bytes=size, once=True, reset=size % 2 == 1))
        result = await caller.try_(committing(key, old, new))
        untouched = not proxy.healthy
        proxy.mend()
        assert result.seconds < caller.timeout + SLACK
        stored = server.value(key.encode())
        assert stored in (old, new)
        if result.error is None and result.answer is Outcome.WRITTEN:
            assert stored == new
        assert server.seconds_left(key) > 0
        if untouched:
            assert result.answer is Outcome.WRITTEN
            assert size > len(new)
            return


async def expect_no_torn_reply(caller: Caller, proxy: Proxy) -> None:
    """Cut the reply to a load after each byte: what is given is the whole record."""
    key, raw = sealed("alice")
    assert await caller.do(creating(key, raw)) is True
    for size in itertools.count():
        proxy.inflict(Fault(reply_bytes=size, once=True, reset=size % 2 == 1))
        result = await caller.try_(loading(key))
        untouched = not proxy.healthy
        proxy.mend()
        assert result.seconds < caller.timeout + SLACK
        if result.error is None:
            assert owner_of(key, result.answer) == "alice"
        if untouched:
            assert size > len(raw)
            return
