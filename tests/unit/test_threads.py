"""Threads for blocking work: begun as needed, never waited for in vain, and never in the way."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.steps import Call, Turn, call, call_in_turn, call_long, pause
from samesession.run import threads as module
from samesession.run.aio import arun
from samesession.run.threads import Threads
from tests.support.spy import PATIENCE
from tests.support.threads import work_of_threads


class Work:
    """Work that is under way until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.thread: threading.Thread | None = None

    def __call__(self) -> str:
        self.thread = threading.current_thread()
        self.begun.set()
        assert self.go.wait(PATIENCE)
        return "done"

    async def is_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, PATIENCE)


def done() -> str:
    return "done"


@pytest.mark.asyncio
async def test_work_is_done_by_as_many_threads_as_there_may_be() -> None:
    threads, works = Threads(2, name="ours"), [Work() for _ in range(3)]
    waiting = [threads.begin(Call(work)) for work in works]
    for work in works[:2]:
        await work.is_begun()
    assert threads.load == 3
    assert not works[2].begun.is_set()
    works[0].go.set()
    await works[2].is_begun()
    for work in works:
        work.go.set()
    assert await asyncio.gather(*waiting) == ["done"] * 3
    await work_of_threads(threads)
    assert [each.name for each in threading.enumerate()].count("ours") == 2
    assert works[2].thread is works[0].thread


@pytest.mark.asyncio
async def test_a_thread_that_is_free_is_used_again() -> None:
    threads = Threads(5, name="again")
    for _ in range(20):
        assert await threads.begin(Call(done)) == "done"
        await work_of_threads(threads)
    assert [each.name for each in threading.enumerate()].count("again") == 1


@pytest.mark.asyncio
async def test_a_thread_ends_when_it_is_idle_and_another_is_begun() -> None:
    threads, first, second = Threads(1, name="idle", idle=0.01), Work(), Work()
    for work in (first, second):
        work.go.set()
        assert await threads.begin(Call(work)) == "done"
        assert work.thread is not None
        await asyncio.to_thread(work.thread.join, PATIENCE)
        assert not work.thread.is_alive()
    assert first.thread is not second.thread


class Belated(SimpleQueue[Any]):
    """A queue that once finds nothing at the very moment at which something comes."""

    was_late = False

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        found = super().get(timeout=PATIENCE)
        if not self.was_late:
            self.was_late = True
            self.put(found)
            raise Empty
        return found


@pytest.mark.asyncio
async def test_an_idle_thread_does_not_end_as_work_comes() -> None:
    threads = Threads(1, name="belated")
    threads._tasks = queue = Belated()
    assert await asyncio.wait_for(threads.begin(Call(done)), 5) == "done"
    assert queue.was_late


@pytest.mark.asyncio
async def test_a_turn_has_one_thread_and_goes_by_the_order() -> None:
    threads, held, trace = Threads(2, name="turns"), Work(), list[int]()
    turn = Turn("a lock")
    first = threads.begin(Call(held, turn=turn))
    await held.is_begun()
    behind = [threads.begin(Call(partial(trace.append, each), turn=turn)) for each in range(20)]
    # Whoever waits for something else does not wait behind them.
    assert await threads.begin(Call(done)) == "done"
    assert await threads.begin(Call(done, turn=Turn("another lock"))) == "done"
    assert trace == []
    behind[3].cancel()
    held.go.set()
    await first
    await asyncio.gather(*behind, return_exceptions=True)
    assert trace == [each for each in range(20) if each != 3]
    await work_of_threads(threads)
    assert threads._lines == {}


@pytest.mark.asyncio
async def test_a_turn_may_have_several_threads() -> None:
    threads, works = Threads(4, name="abreast"), [Work() for _ in range(3)]
    waiting = [threads.begin(Call(work, turn=Turn("server", 2))) for work in works]
    for work in works[:2]:
        await work.is_begun()
    assert await threads.begin(Call(done)) == "done"
    assert not works[2].begun.is_set()
    for work in works:
        work.go.set()
    assert await asyncio.gather(*waiting) == ["done"] * 3


@pytest.mark.asyncio
async def test_work_that_nobody_waits_for_any_more_is_not_begun() -> None:
    threads, held, left = Threads(1, name="left"), Work(), Work()
    first = threads.begin(Call(held))
    await held.is_begun()
    second = threads.begin(Call(left))
    second.cancel()
    held.go.set()
    await first
    assert await threads.begin(Call(done)) == "done"
    assert not left.begun.is_set()


@pytest.mark.asyncio
async def test_what_work_raises_is_raised_where_it_is_waited_for() -> None:
    def fail(error: BaseException) -> Callable[[], None]:
        def work() -> None:
            raise error

        return work

    threads = Threads(1, name="failing")
    for error in (KeyError("lost"), SystemExit(3)):
        with pytest.raises(type(error)) as caught:
            await threads.begin(Call(fail(error)))
        assert caught.value is error
    # A future takes no StopIteration: whoever waits would do so for ever.
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(threads.begin(Call(fail(StopIteration()))), PATIENCE)
    assert await threads.begin(Call(done)) == "done"


@pytest.mark.asyncio
async def test_work_sees_the_context_of_who_waits() -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("the caller's")

    def work() -> str:
        found = variable.get()
        variable.set("the thread's")
        return found

    for _ in range(2):
        assert await arun(call(work)) == "the caller's"
    assert variable.get() == "the caller's"


@pytest.mark.asyncio
async def test_an_idle_thread_keeps_nothing_alive() -> None:
    class Data:
        pass

    threads, seen = Threads(1, name="keeping"), weakref.WeakSet[Data]()

    def work(data: Data) -> Data:
        seen.add(data)
        return data

    assert isinstance(await threads.begin(Call(partial(work, Data()))), Data)
    await work_of_threads(threads)
    for _ in range(3):  # the loop, too, forgets its last callback
        await asyncio.sleep(0)
    gc.collect()
    assert len(seen) == 0


@pytest.mark.asyncio
async def test_without_a_thread_the_store_is_not_available(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    threads, turn = Threads(2, name="refused"), Turn("a lock")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(StoreUnavailable, match="no thread"):
            threads.begin(Call(done, turn=turn))
    assert threads.load == 0
    held = Work()
    first = threads.begin(Call(held, turn=turn))
    await held.is_begun()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        second = threads.begin(Call(done))  # waits for the one that there is
    held.go.set()
    assert list(await asyncio.gather(first, second)) == ["done", "done"]


@pytest.mark.asyncio
async def test_long_work_has_threads_of_its_own() -> None:
    works = [Work() for _ in range(5)]
    tasks = [asyncio.create_task(arun(call_long(work))) for work in works]
    for work in works[: module._MOST[True]]:
        await work.is_begun()
    assert await arun(call(done)) == "done"
    assert await arun(call_in_turn(Turn("a lock"), done)) == "done"
    names = {each.thread.name for each in works if each.thread is not None}
    assert names == {"samesession-long"}
    for work in works:
        work.go.set()
    assert await asyncio.gather(*tasks) == ["done"] * 5


@pytest.mark.asyncio
async def test_a_pause_has_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", None)
    monkeypatch.setattr(module, "_made", {})
    await asyncio.gather(*(arun(pause(0.001)) for _ in range(100)))


def test_work_outlives_the_loop_that_asked_for_it() -> None:
    work = Work()

    async def leave() -> None:
        _ = module.threads(long=False).begin(Call(work))
        await work.is_begun()

    asyncio.run(leave())
    work.go.set()
    asyncio.run(work_of_threads())
    assert asyncio.run(arun(call(done))) == "done"


# --- processes ----------------------------------------------------------------------------


def alone(text: str) -> str:
    """Run a program in a process of its own, strictly; give what it prints."""
    head = (
        "import asyncio, logging, os, threading, time\n"
        "logging.getLogger('asyncio').setLevel(logging.ERROR)  # not what a busy machine is told\n"
        "from samesession.core.steps import call\n"
        "from samesession.run.aio import arun\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", head + text],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_a_process_ends_though_a_thread_hangs() -> None:
    said = alone(
        "begun = threading.Event()\n"
        "async def main():\n"
        "    task = asyncio.create_task(arun(call(lambda: (begun.set(), time.sleep(600)))))\n"
        "    await asyncio.to_thread(begun.wait)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
        "print('over')\n"
    )
    assert said == "over\n"


def test_a_forked_process_begins_threads_of_its_own() -> None:
    said = alone(
        "import signal, warnings\n"
        "warnings.simplefilter('ignore', DeprecationWarning)  # of fork beside threads\n"
        "print(asyncio.run(arun(call(lambda: 'parent'))), flush=True)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    signal.alarm(10)\n"
        "    print(asyncio.run(arun(call(lambda: 'child'))), flush=True)\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "print(asyncio.run(arun(call(lambda: 'parent'))))\n"
    )
    assert said == "parent\nchild\nparent\n"
