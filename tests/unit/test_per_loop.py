"""What is opened in a process or an event loop is closed, though nobody says so."""

from __future__ import annotations

import asyncio
import gc
import os
from typing import Any

import pytest

from samesession.core.steps import Steps, wait
from samesession.run.aio import arun
from samesession.run.loop_end import loop_end
from samesession.run.per_loop import PerLoop
from samesession.run.sync import run


class Closings:
    """Notes what was closed, and in which loop."""

    def __init__(self, *, fails: bool = False) -> None:
        self.closed: list[str] = []
        self.loops: list[asyncio.AbstractEventLoop] = []
        self._fails = fails

    def in_thread(self, name: str) -> Steps[None]:
        yield from ()
        self.closed.append(name)

    def in_loop(self, name: str) -> Steps[None]:
        turn: Any = asyncio.sleep(0)
        _ = yield from wait(turn)
        self.loops.append(asyncio.get_running_loop())
        self.closed.append(name)
        if self._fails:
            raise OSError


@pytest.fixture
def closings() -> Closings:
    return Closings()


def test_what_nobody_closes_is_closed_with_the_loop(closings: Closings) -> None:
    kept = PerLoop(closings.in_loop, loop=True)

    async def use() -> asyncio.AbstractEventLoop:
        assert kept.keep("first") == "first"
        assert kept.keep("second") == "first"
        return asyncio.get_running_loop()

    loop = asyncio.run(use())
    assert (closings.closed, closings.loops) == (["first"], [loop])
    assert asyncio.run(use()) is not loop
    assert closings.closed == ["first", "first"]


def test_what_is_closed_is_not_closed_again(closings: Closings) -> None:
    kept = PerLoop(closings.in_loop, loop=True)

    async def use() -> None:
        kept.keep("one")
        await arun(kept.close())
        await arun(kept.close())
        assert (kept.here(), closings.closed) == (None, ["one"])

    asyncio.run(use())
    assert closings.closed == ["one"]


def test_what_is_freed_is_closed_while_the_loop_goes_on(closings: Closings) -> None:
    async def use() -> None:
        kept = PerLoop(closings.in_loop, loop=True)
        kept.keep("one")
        del kept
        gc.collect()
        assert closings.closed == []
        for _ in range(4):
            await asyncio.sleep(0)
        assert closings.closed == ["one"]

    asyncio.run(use())
    assert closings.closed == ["one"]


def test_what_is_freed_as_the_loop_ends_is_closed_in_it(closings: Closings) -> None:
    async def use() -> None:
        kept = PerLoop(closings.in_loop, loop=True)
        kept.keep("one")

    asyncio.run(use())
    gc.collect()
    assert closings.closed == ["one"]


def test_what_is_freed_after_its_loop_is_left_alone(closings: Closings) -> None:
    async def use() -> PerLoop[str]:
        kept = PerLoop(closings.in_loop, loop=True)
        kept.keep("one")
        return kept

    loop = asyncio.new_event_loop()
    kept = loop.run_until_complete(use())
    loop.close()  # which is not how a loop ends: nobody was told
    del kept
    gc.collect()
    assert closings.closed == []


def test_what_cannot_be_closed_keeps_nothing_else_open() -> None:
    failing, closings = Closings(fails=True), Closings()
    first, second = PerLoop(failing.in_loop, loop=True), PerLoop(closings.in_loop, loop=True)

    async def use() -> None:
        first.keep("one")
        second.keep("two")

    asyncio.run(use())
    assert (failing.closed, closings.closed) == (["one"], ["two"])


def test_what_a_thread_has_opened_is_closed_when_it_is_freed(closings: Closings) -> None:
    kept = PerLoop(closings.in_thread, loop=False)
    kept.keep("one")
    run(kept.close())
    run(kept.close())
    assert closings.closed == ["one"]
    kept.keep("two")
    del kept
    gc.collect()
    assert closings.closed == ["one", "two"]


@pytest.mark.parametrize("loop", [True, False])
def test_what_another_process_has_opened_is_not_closed(
    closings: Closings, monkeypatch: pytest.MonkeyPatch, *, loop: bool
) -> None:
    async def use() -> None:
        kept = PerLoop(closings.in_loop if loop else closings.in_thread, loop=loop)
        kept.keep("one")
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: 1)
            del kept
            gc.collect()
        for _ in range(4):
            await asyncio.sleep(0)
        assert closings.closed == []

    asyncio.run(use())


def test_each_loop_has_one_end_and_closed_ones_are_forgotten() -> None:
    async def ends() -> tuple[object, object]:
        return loop_end(), loop_end()

    first, again = asyncio.run(ends())
    assert first is again
    assert asyncio.run(ends())[0] is not first
