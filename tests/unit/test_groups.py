"""A group's thread: one hop for what a turn of the loop asks, to each caller its own outcome."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.steps import Blocked, Call, Outcome, Turn, call_together, outcome_of
from samesession.run import groups as module
from samesession.run.aio import arun
from samesession.run.groups import GroupThread, group_thread
from samesession.run.sync import run
from samesession.run.threads import threads
from tests.support.spy import PATIENCE
from tests.support.threads import work_of_threads

from .test_threads import Work, alone, done

Item = Callable[[], Any]


class Each:
    """A group that does its items one after another."""

    def __init__(self, alone_after: float | None = None) -> None:
        self.alone_after = alone_after
        self.turns: list[int] = []  # how many items were done at a time
        self.threads: set[threading.Thread] = set()

    def alone(self, item: Item) -> Any:
        return item()

    def all(self, items: Iterator[Item]) -> Iterable[Outcome]:
        self.threads.add(threading.current_thread())
        self.turns.append(0)
        for item in items:
            self.turns[-1] += 1
            yield outcome_of(item)


class Whole(Each):
    """A group that takes all there is before it does the first."""

    def all(self, items: Iterator[Item]) -> Iterable[Outcome]:
        taken = list(items)
        self.turns.append(len(taken))
        return [outcome_of(item) for item in taken]


async def ask(group: Each, *items: Item) -> list[Any]:
    asked = (arun(call_together(group, item)) for item in items)
    return await asyncio.gather(*asked, return_exceptions=True)


def fail(error: BaseException) -> Item:
    def work() -> None:
        raise error

    return work


@pytest.mark.asyncio
@pytest.mark.parametrize("group", [Each(), Whole()], ids=["each", "whole"])
async def test_a_turn_of_the_loop_is_one_hop(group: Each, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    told: list[object] = []
    tell = loop.call_soon_threadsafe

    def note(func: Any, *args: Any, **named: Any) -> Any:
        told.append(func)
        return tell(func, *args, **named)

    monkeypatch.setattr(module, "_WAKE_AFTER", PATIENCE)
    monkeypatch.setattr(module, "_TELL_AFTER", PATIENCE)
    monkeypatch.setattr(loop, "call_soon_threadsafe", note)
    for _ in range(2):
        assert await ask(group, *(partial(int, each) for each in range(32))) == list(range(32))
    assert group.turns == [32, 32]
    assert len(told) == 2


def test_without_a_loop_an_item_is_done_in_place() -> None:
    group = Whole()
    assert run(call_together(group, threading.current_thread)) is threading.current_thread()
    assert group.turns == []


@pytest.mark.asyncio
async def test_all_turns_of_a_loop_have_one_thread_and_another_group_another() -> None:
    group, other = Each(), Each()
    for _ in range(3):
        await ask(group, done, done)
    await ask(other, done)
    assert len(group.threads) == len(other.threads) == 1
    assert group.threads != other.threads


@pytest.mark.asyncio
async def test_each_caller_has_its_own_outcome() -> None:
    lost = KeyError("lost")
    for group in (Each(), Whole()):
        assert await ask(group, done, fail(lost), done) == ["done", lost, "done"]
        with pytest.raises(SystemExit):
            await arun(call_together(group, fail(SystemExit(3))))
        (stopped,) = await asyncio.wait_for(ask(group, fail(StopIteration())), PATIENCE)
        assert isinstance(stopped, RuntimeError)


class Failing(Whole):
    def __init__(self, *, take: bool) -> None:
        super().__init__()
        self.take = take

    def all(self, items: Iterator[Item]) -> Iterable[Outcome]:
        if self.take:
            _ = next(items)
        raise KeyError("the group's own")


class Forgetful(Each):
    def all(self, items: Iterator[Item]) -> Iterable[Outcome]:
        yield outcome_of(next(items))


@pytest.mark.asyncio
@pytest.mark.parametrize("take", [True, False])
async def test_what_a_group_raises_is_the_outcome_of_all_that_have_none(take: bool) -> None:
    group = Failing(take=take)
    for _ in range(2):
        found = await asyncio.wait_for(ask(group, done, done), PATIENCE)
        assert [type(each) for each in found] == [KeyError] * 2


@pytest.mark.asyncio
async def test_an_item_that_a_group_forgets_is_an_error_and_not_waited_for() -> None:
    first, *others = await asyncio.wait_for(ask(Forgetful(), done, done, done), PATIENCE)
    assert first == "done"
    assert [type(each) for each in others] == [RuntimeError] * 2


@pytest.mark.asyncio
async def test_an_item_that_nobody_waits_for_is_done_only_if_it_was_begun() -> None:
    group, begun, left = Each(), Work(), Work()
    first = asyncio.create_task(arun(call_together(group, begun)))
    await begun.is_begun()
    second = asyncio.create_task(arun(call_together(group, left)))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    await asyncio.wait((first, second))
    finished = threading.Event()
    begun.go.set()
    assert await ask(group, finished.set) == [None]
    assert group.turns in ([2], [1, 1])
    assert not left.begun.is_set()


@pytest.mark.asyncio
async def test_an_outcome_does_not_wait_for_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TELL_AFTER", 0.0)
    group, held = Each(), Work()
    first = asyncio.create_task(ask(group, done))
    second = asyncio.create_task(ask(group, held))
    assert await asyncio.wait_for(first, PATIENCE) == ["done"]
    held.go.set()
    assert await second == ["done"]


@pytest.mark.asyncio
async def test_work_waits_for_no_end_of_a_turn_that_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_WAKE_AFTER", 0.0)
    group, finished = Each(), threading.Event()
    thread = group_thread(group)
    asked = [thread.begin(Call(done, group=group, item=finished.set)) for _ in range(2)]
    assert finished.wait(PATIENCE)  # the loop's turn goes on
    assert await asyncio.gather(*asked) == [None, None]


# --- what holds a thread up ---------------------------------------------------------------


def blocked() -> None:
    raise Blocked


@pytest.mark.asyncio
async def test_an_item_that_would_wait_is_done_alone_in_its_turn() -> None:
    class Willing(Each):
        def alone(self, item: Item) -> Any:
            return threading.current_thread().name

    group, turn, held = Willing(), Turn("a lock"), Work()
    assert await arun(call_together(group, blocked, turn=turn)) == "samesession"
    before = threads(long=False).begin(Call(held, turn=turn))
    await held.is_begun()
    waiting = asyncio.create_task(arun(call_together(group, blocked, turn=turn)))
    assert await ask(group, done) == ["done"]
    assert not waiting.done()
    held.go.set()
    assert [await before, await waiting] == ["done", "samesession"]


@pytest.mark.asyncio
async def test_one_item_that_is_stuck_holds_up_no_other() -> None:
    group, held = Each(alone_after=0.02), Work()
    stuck = asyncio.create_task(ask(group, done, held, done))
    await held.is_begun()
    for _ in range(3):  # what came with it, and what comes later
        assert await asyncio.wait_for(ask(group, done, done), PATIENCE) == ["done"] * 2
    assert not stuck.done()
    held.go.set()
    assert await stuck == ["done"] * 3
    thread = group_thread(group)
    async with asyncio.timeout(PATIENCE):
        while thread._stuck:  # noqa: ASYNC110  # it is looked at by a timer
            await asyncio.sleep(0.01)
    before = sum(group.turns)
    assert await ask(group, done) == ["done"]
    assert sum(group.turns) == before + 1  # together again


@pytest.mark.asyncio
async def test_a_group_may_wait_for_its_thread_instead() -> None:
    group, held = Whole(alone_after=None), Work()
    first = asyncio.create_task(ask(group, held))
    await held.is_begun()
    second = asyncio.create_task(ask(group, done, done))
    await asyncio.sleep(0.1)
    assert not second.done()
    held.go.set()
    assert [*await first, *await second] == ["done"] * 3
    assert group.turns == [1, 2]


@pytest.mark.asyncio
async def test_a_loop_that_is_late_takes_no_thread_for_a_stuck_one() -> None:
    group, held = Each(alone_after=0.01), Work()
    first = asyncio.create_task(ask(group, held))
    await held.is_begun()
    thread = group_thread(group)
    thread._look_at -= 1  # as if the timer rang a second late
    thread._look()
    assert not thread._stuck
    held.go.set()
    assert await first == ["done"]


# --- threads, loops and processes ---------------------------------------------------------


@pytest.mark.asyncio
async def test_a_thread_ends_when_it_is_idle_and_another_is_begun() -> None:
    group = Each()
    loop = asyncio.get_running_loop()
    thread = module._made[group, loop] = GroupThread(loop, group, idle=0.01)
    for _ in range(2):
        assert await ask(group, done) == ["done"]
        for each in group.threads:
            await asyncio.to_thread(each.join, PATIENCE)
        await asyncio.sleep(0)
        assert (group, loop) not in module._made
        module._made[group, loop] = thread
    assert len(group.threads) == 2
    _ = module._made.pop((group, loop))


@pytest.mark.asyncio
async def test_an_idle_thread_keeps_nothing_alive() -> None:
    class Data:
        pass

    seen = weakref.WeakSet[Data]()

    def work(data: Data) -> Data:
        seen.add(data)
        return data

    for group in (Each(), Whole()):
        assert isinstance((await ask(group, partial(work, Data())))[0], Data)
        await work_of_threads()
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

    group = Each()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        found = await ask(group, done, done)
    assert [type(each) for each in found] == [StoreUnavailable] * 2
    assert await ask(group, done) == ["done"]


def test_each_loop_has_a_thread_and_is_not_waited_for_once_it_is_closed() -> None:
    group, held = Each(), Work()

    async def leave() -> None:
        _ = group_thread(group).begin(Call(done, group=group, item=held))
        await held.is_begun()

    asyncio.run(leave())
    assert asyncio.run(ask(group, done)) == ["done"]
    held.go.set()
    assert asyncio.run(ask(group, done)) == ["done"]
    assert len(group.threads) == 3
    assert len([each for each in module._made if each[0] is group]) == 1


HEAD = (
    "from samesession.core.steps import call_together, outcome_of\n"
    "class Group:\n"
    "    alone_after = None\n"
    "    def alone(self, item): return item()\n"
    "    def all(self, items):\n"
    "        for item in items: yield outcome_of(item)\n"
    "group = Group()\n"
    "def ask(item): return arun(call_together(group, item))\n"
)


def test_a_process_ends_though_the_thread_hangs() -> None:
    said = alone(
        HEAD + "begun = threading.Event()\n"
        "async def main():\n"
        "    task = asyncio.create_task(ask(lambda: (begun.set(), time.sleep(600))))\n"
        "    await asyncio.to_thread(begun.wait)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
        "print('over')\n"
    )
    assert said == "over\n"


def test_a_forked_process_begins_a_thread_of_its_own() -> None:
    # With a loop that it has from its parent, where that had a thread.
    said = alone(
        HEAD + "import signal, warnings\n"
        "warnings.simplefilter('ignore', DeprecationWarning)  # of fork beside threads\n"
        "loop = asyncio.new_event_loop()\n"
        "print(loop.run_until_complete(ask(lambda: 'parent')), flush=True)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    signal.alarm(10)\n"
        "    print(loop.run_until_complete(ask(lambda: 'child')), flush=True)\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "print(loop.run_until_complete(ask(lambda: 'parent')))\n"
        "loop.close()\n"
    )
    assert said == "parent\nchild\nparent\n"
