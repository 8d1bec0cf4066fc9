"""Who has waited for too long: a store that is silent, and not a loop that is late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.steps import Steps, wait
from samesession.run.aio import arun
from tests.support.late_loop import Mailbox, run_late, running

TIMEOUT = 2.0
LIMIT = 2.5  # seconds after which a store that stalls must have been given up


@contextmanager
def mailbox(*, a_turn: int = 1) -> Iterator[Mailbox]:
    made = Mailbox(a_turn=a_turn)
    try:
        yield made
    finally:
        made.close()


def asking(box: Mailbox, times: int = 1) -> Steps[bytes]:
    answers = b""
    for _ in range(times):
        answer: Any = box.ask()
        answers += yield from wait(answer)
    return answers


async def ended(box: Mailbox, *, times: int = 1, computing: float = 0.0) -> float | None:
    """Ask the store; give the seconds until its answer, or None for none in time."""
    began = running().time()
    try:
        _ = await arun(asking(box, times), timeout=TIMEOUT)
    except StoreUnavailable:
        assert running().time() - began >= TIMEOUT
        return None
    running().compute(computing)
    return running().time() - began


async def given_up(box: Mailbox) -> float:
    """Ask a store that stalls; give the seconds until it is given up."""
    began = running().time()
    with pytest.raises(StoreUnavailable, match=r"did not answer within 2\.0 s"):
        await arun(asking(box), timeout=TIMEOUT)
    return running().time() - began


async def begun(
    count: int, box: Mailbox, *, times: int = 1, computing: float = 0.0
) -> list[asyncio.Task[float | None]]:
    tasks = [
        asyncio.create_task(ended(box, times=times, computing=computing)) for _ in range(count)
    ]
    await asyncio.sleep(0)
    return tasks


def test_a_loop_that_was_late_reads_the_answer_that_lies_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        with mailbox() as box:
            (task,) = await begun(1, box)
            box.answer()
            running().compute(10.0)
            assert await task is not None

    run_late(monkeypatch, main())


@pytest.mark.parametrize("times", [1, 3])
def test_a_loop_that_was_late_reads_all_the_answers_that_lie_there(
    monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """A turn of the loop reads a few of them, and what they wake computes."""

    async def main() -> None:
        with mailbox(a_turn=7) as box:
            tasks = await begun(200, box, times=times, computing=0.01)
            box.answer(200 * times)
            running().compute(3.0)
            assert None not in await asyncio.gather(*tasks)

    run_late(monkeypatch, main())


def test_a_store_that_was_asked_in_a_long_turn_has_time_to_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is sent at the end of a turn is overdue before it is sent, if that took so long."""

    async def main() -> None:
        with mailbox() as box:
            tasks = await begun(20, box)
            running().compute(10.0)
            await asyncio.sleep(0.2)
            box.answer(20)
            assert None not in await asyncio.gather(*tasks)

    run_late(monkeypatch, main())


def test_a_store_that_stalls_is_given_up_at_once_by_a_loop_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        with mailbox() as box:
            assert await given_up(box) < TIMEOUT + 0.01

    run_late(monkeypatch, main())


@pytest.mark.parametrize("turn", [0.001, 0.03, 0.2])
def test_a_store_that_stalls_is_given_up_in_time_by_a_loop_that_is_busy(
    monkeypatch: pytest.MonkeyPatch, turn: float
) -> None:
    async def main() -> None:
        async def compute() -> None:
            while True:
                running().compute(turn)
                await asyncio.sleep(0)

        busy = asyncio.create_task(compute())
        with mailbox() as box:
            assert await given_up(box) < max(LIMIT, TIMEOUT + 7 * turn)
        busy.cancel()

    run_late(monkeypatch, main())


def test_a_store_that_stalls_is_given_up_in_time_though_it_answers_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        async def others(box: Mailbox) -> None:
            while True:
                box.answer()
                running().compute(0.02)
                assert await ended(box) is not None

        with mailbox() as stalled, mailbox() as healthy:
            busy = asyncio.create_task(others(healthy))
            assert await given_up(stalled) < LIMIT
            busy.cancel()

    run_late(monkeypatch, main())


def test_a_store_that_is_slow_is_given_up_by_a_process_that_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        with mailbox() as box:
            tasks = await begun(100, box)
            for _ in range(30):
                await asyncio.sleep(0.1)
                box.answer()
            found = await asyncio.gather(*tasks)
            assert 18 <= sum(each is not None for each in found) <= 21

    run_late(monkeypatch, main())


def test_a_process_that_is_busy_is_not_taken_for_a_store_that_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where threads do a store's work, and the interpreter lets one of them run at a time."""

    async def main() -> None:
        with mailbox() as box:
            tasks = await begun(100, box)
            for _ in range(100):
                await asyncio.sleep(0.05)
                running().computed += 0.05  # in a thread
                box.answer()
            found = await asyncio.gather(*tasks)
            assert None not in found
            assert max(each for each in found if each is not None) > 2 * TIMEOUT

    run_late(monkeypatch, main())


def test_no_wait_lasts_ten_times_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        with mailbox() as box:
            tasks = await begun(200, box)
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0.2)
                running().computed += 0.2
                box.answer()
            found = [task.result() for task in tasks]
            assert found.index(None) == pytest.approx(100, abs=5)
            assert set(found[105:]) == {None}

    run_late(monkeypatch, main())


def test_what_ended_badly_is_no_sign_that_the_store_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        def failing(seconds: float) -> Steps[None]:
            answer: Any = asyncio.sleep(seconds)
            yield from wait(answer)
            raise StoreUnavailable("the store says so itself")

        async def fail(seconds: float) -> None:
            with pytest.raises(StoreUnavailable):
                await arun(failing(seconds), timeout=TIMEOUT)

        async def compute() -> None:
            while True:
                running().compute(0.01)
                await asyncio.sleep(0.01)

        with mailbox() as box:
            busy = asyncio.create_task(compute())
            failures = [asyncio.create_task(fail(2.0 + n / 10)) for n in range(40)]
            assert await given_up(box) < LIMIT
            await asyncio.gather(*failures)
            busy.cancel()

    run_late(monkeypatch, main())


def test_an_idle_time_before_does_not_hide_that_the_process_is_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        with mailbox() as box:
            box.answer(1)
            assert await ended(box) is not None
            await asyncio.sleep(3600)
            tasks = await begun(60, box)
            for _ in range(60):
                await asyncio.sleep(0.05)
                running().computed += 0.05
                box.answer()
            assert None not in await asyncio.gather(*tasks)

    run_late(monkeypatch, main())
