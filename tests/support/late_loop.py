"""An event loop whose time a test lets pass: while it computes, and while it waits.

Nothing really waits, so seconds take milliseconds and the same happens in each run. A
loop that computes for long is late: what arrives meanwhile lies in its sockets.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class LateLoop(asyncio.SelectorEventLoop):
    """Keeps the time itself, and how much of it was spent computing."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.computed = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now

    def compute(self, seconds: float) -> None:
        """Be busy for a while."""
        self.now += seconds
        self.computed += seconds


class _Jumping(selectors.SelectSelector):
    """Polls without waiting, and lets the time of a wait pass at once."""

    def __init__(self, loop: LateLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "the loop waits for what never comes"
            self._loop.now += max(0.0, timeout)
        return ready


def run_late(monkeypatch: pytest.MonkeyPatch, main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of this kind; `main` finds it as the running one."""

    def computed() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LateLoop)
        return loop.computed

    monkeypatch.setattr("samesession.run.timeout.time.process_time", computed)
    with asyncio.Runner(loop_factory=LateLoop) as runner:
        return runner.run(main)


def running() -> LateLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LateLoop)
    return loop


class Mailbox:
    """A socket in which one-byte answers lie until the loop reads them, so many a turn."""

    def __init__(self, *, a_turn: int = 1) -> None:
        self._a_turn = a_turn
        self._waiting: list[asyncio.Future[bytes]] = []
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        running().add_reader(self._ours, self._read)

    def answer(self, count: int = 1) -> None:
        """Have the store answer the oldest questions."""
        self._theirs.sendall(b"." * count)

    def ask(self) -> asyncio.Future[bytes]:
        """Give what the store will answer."""
        self._waiting.append(running().create_future())
        return self._waiting[-1]

    def _read(self) -> None:
        for byte in self._ours.recv(self._a_turn):
            answer = self._waiting.pop(0)
            if not answer.done():
                answer.set_result(bytes((byte,)))

    def close(self) -> None:
        running().remove_reader(self._ours)
        self._ours.close()
        self._theirs.close()
