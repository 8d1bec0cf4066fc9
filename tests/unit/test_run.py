"""Run steps in both colours: what is thrown where, deadlines, threads, concealed locals."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.steps import Steps, call, checkpoint, wait
from samesession.run.aio import apart, arun, finished, to_its_end
from samesession.run.places import is_closed, place
from samesession.run.sync import afterwards, run


async def _later(value: Any) -> Any:  # Any: whatever a client answers
    await asyncio.sleep(0)
    return value


async def _failing(error: BaseException) -> Any:
    await asyncio.sleep(0)
    raise error


def _forever() -> Steps[Any]:
    answer: Any = asyncio.Event().wait()
    return (yield from wait(answer))


def _sum(first: int | Awaitable[int], second: int) -> Steps[int]:
    return (yield from wait(first)) + (yield from wait(second))


def test_values_are_sent_straight_back() -> None:
    assert run(_sum(1, 2)) == 3


@pytest.mark.asyncio
async def test_awaitables_are_awaited_and_values_sent_back() -> None:
    assert await arun(_sum(_later(1), 2)) == 3


def _nothing() -> Steps[str]:
    yield from ()
    return "nothing was asked"


@pytest.mark.asyncio
async def test_steps_that_ask_nothing_give_their_result() -> None:
    assert run(_nothing()) == "nothing was asked"
    assert await arun(_nothing()) == "nothing was asked"
    assert await arun(_nothing(), timeout=0) == "nothing was asked"


def test_an_awaitable_is_data_to_the_sync_driver() -> None:
    # So a client of the wrong colour is refused at init_app, by its store's colours.
    answer = _later(1)
    assert run(wait(answer)) is answer
    answer.close()


def _guarded(ask: Callable[[], Steps[Any]], trace: list[object]) -> Steps[str]:
    """Do what a store does around a question: tidy up, and turn an error into its own."""
    try:
        trace.append((yield from ask()))
    except KeyError as error:
        trace.append(error.args[0])
        trace.append((yield from wait("after")))
        raise StoreUnavailable("translated") from error
    finally:
        trace.append("tidied")
    return "done"


def _raise_key_error() -> None:
    raise KeyError("lost")


def test_what_blocking_work_raised_is_thrown_into_the_steps() -> None:
    trace: list[object] = []
    with pytest.raises(StoreUnavailable, match="translated"):
        run(_guarded(lambda: call(_raise_key_error), trace))
    assert trace == ["lost", "after", "tidied"]


@pytest.mark.parametrize(
    "ask",
    [lambda: call(_raise_key_error), lambda: wait(_failing(KeyError("lost")))],
    ids=["in a thread", "awaited"],
)
@pytest.mark.asyncio
async def test_what_an_await_raised_is_thrown_into_the_steps(
    ask: Callable[[], Steps[Any]],
) -> None:
    trace: list[object] = []
    with pytest.raises(StoreUnavailable, match="translated"):
        await arun(_guarded(ask, trace))
    assert trace == ["lost", "after", "tidied"]


@pytest.mark.asyncio
async def test_steps_may_go_on_after_an_error() -> None:
    def patient() -> Steps[int]:
        try:
            yield from wait(_failing(KeyError()))
        except KeyError:
            pass
        return (yield from _sum(_later(2), 3))

    assert await arun(patient()) == 5


@pytest.mark.asyncio
async def test_a_cancellation_is_thrown_into_the_steps_and_goes_on() -> None:
    trace: list[object] = []
    reached = asyncio.Event()

    async def forever() -> None:
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(arun(_guarded(lambda: wait(forever()), trace)))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert trace == ["tidied"]


@pytest.mark.asyncio
async def test_a_deadline_ends_all_steps_together() -> None:
    trace: list[object] = []
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.01 s"):
        await arun(_guarded(lambda: wait(asyncio.Event().wait()), trace), timeout=0.01)
    assert trace == ["tidied"]


@pytest.mark.asyncio
async def test_each_of_many_waits_has_a_deadline_of_its_own() -> None:
    """One timer serves them all, also those that begin after it was set."""

    async def waiting(seconds: float) -> int | None:
        try:
            return await arun(_sum(asyncio.sleep(seconds, 1), 1), timeout=0.05)
        except StoreUnavailable:
            return None

    async def later() -> list[int | None]:
        await asyncio.sleep(0.03)
        return [await waiting(0.0), await waiting(20.0)]

    ended = await asyncio.gather(waiting(20.0), waiting(0.0), waiting(20.0), later())
    assert list(ended) == [None, 2, None, [2, None]]


def _batches(count: int, work: Callable[[], Any], *, bounded: bool = True) -> Steps[int]:
    for _ in range(count):
        yield from checkpoint(bounded=bounded)
        _ = yield from wait(work())
    return count


@pytest.mark.asyncio
async def test_each_batch_between_checkpoints_has_a_deadline_of_its_own() -> None:
    assert await arun(_batches(4, lambda: asyncio.sleep(0.2)), timeout=0.6) == 4
    waits = iter((asyncio.sleep(0), asyncio.Event().wait()))
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.05 s"):
        await arun(_batches(2, lambda: next(waits)), timeout=0.05)
    assert run(_batches(4, lambda: None)) == 4


@pytest.mark.asyncio
async def test_what_has_no_deadline_of_its_own_takes_as_long_as_it_takes() -> None:
    def steps() -> Steps[None]:
        yield from _batches(1, lambda: asyncio.sleep(0.2), bounded=False)
        yield from _batches(1, lambda: asyncio.Event().wait())

    with pytest.raises(StoreUnavailable):
        await arun(steps(), timeout=0.05)
    assert await arun(_batches(2, lambda: asyncio.sleep(0.1), bounded=False), timeout=0.05) == 2


@pytest.mark.asyncio
async def test_others_run_at_a_checkpoint_though_nothing_is_waited_for() -> None:
    turns: list[str] = []

    def steps(name: str) -> Steps[None]:
        for _ in range(3):
            turns.append(name)
            yield from checkpoint()

    await asyncio.gather(arun(steps("a"), timeout=5), arun(steps("b")))
    assert turns == ["a", "b"] * 3


@pytest.mark.asyncio
async def test_a_caller_who_leaves_at_a_checkpoint_ends_the_steps() -> None:
    def steps() -> Steps[None]:
        while True:
            yield from checkpoint()

    task = asyncio.create_task(arun(steps(), timeout=5))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.asyncio
async def test_a_task_goes_on_after_its_deadline_as_if_never_cancelled() -> None:
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(StoreUnavailable):
        await arun(_forever(), timeout=0.001)
    assert task.cancelling() == 0

    def stubborn() -> Steps[str]:
        try:
            yield from _forever()
        except asyncio.CancelledError:
            pass
        return "ended by itself"

    assert await arun(stubborn(), timeout=0.001) == "ended by itself"
    assert task.cancelling() == 0


@pytest.mark.asyncio
async def test_a_task_that_others_cancelled_at_its_deadline_stays_cancelled() -> None:
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(arun(wait(answer), timeout=0.001))
    # The deadline cancels the answer that the task waits for, and this is told first.
    answer.add_done_callback(lambda _: task.cancel())
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.asyncio
async def test_a_clients_own_timeout_is_not_taken_for_the_deadline() -> None:
    with pytest.raises(TimeoutError, match="the client's"):
        await arun(wait(_failing(TimeoutError("the client's"))), timeout=20)


@pytest.mark.asyncio
async def test_blocking_work_is_done_in_place_or_in_a_thread() -> None:
    here = threading.get_ident()
    assert run(call(threading.get_ident)) == here
    assert await arun(call(threading.get_ident)) != here


@pytest.mark.asyncio
async def test_a_cancelled_caller_leaves_blocking_work_to_its_end() -> None:
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go_on.wait(20)
        over.set()

    task = asyncio.create_task(arun(call(work)))
    await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not over.is_set()
    go_on.set()
    assert await asyncio.to_thread(over.wait, 20)


@pytest.mark.asyncio
async def test_a_cancelled_caller_leaves_what_goes_to_its_end_alone() -> None:
    go, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    answer: Any = to_its_end(work())
    caller = asyncio.create_task(arun(_sum(answer, 0)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go.set()
    await asyncio.wait_for(done.wait(), 5)


@pytest.mark.asyncio
async def test_what_outlives_a_request_holds_none_of_it_and_has_the_rest_of_its_context() -> None:
    variables = [
        contextvars.ContextVar[str](name, default="none")
        for name in ("quart.app_ctx", "flask.request_ctx", "current_span")
    ]
    for variable in variables:
        variable.set("of the request")

    async def work() -> list[str]:
        await asyncio.sleep(0)
        return [variable.get() for variable in variables]

    assert await apart(work()) == ["none", "none", "of the request"]
    assert await to_its_end(work()) == ["of the request"] * 3


@pytest.mark.asyncio
async def test_what_outlives_a_request_goes_on_when_its_caller_is_cancelled() -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0)
        done.set()

    caller = asyncio.ensure_future(apart(work()))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.wait_for(done.wait(), 5)


@pytest.mark.asyncio
async def test_what_goes_to_its_end_gives_its_result_or_its_error() -> None:
    assert await arun(wait(to_its_end(_later(1)))) == 1
    with pytest.raises(ValueError, match="no"):
        await arun(wait(to_its_end(_failing(ValueError("no")))))


@pytest.mark.asyncio
@pytest.mark.parametrize("failing", [False, True])
async def test_what_must_finish_does_before_the_caller_is_cancelled(failing: bool) -> None:
    go, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()
        if failing:
            raise ValueError("no")

    caller = asyncio.create_task(finished(work()))
    for _ in range(2):
        await asyncio.sleep(0)
        caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    go.set()
    with pytest.raises(ValueError if failing else asyncio.CancelledError):
        await caller
    assert done.is_set()
    assert await finished(_later(1)) == 1


@pytest.mark.asyncio
async def test_tasks_take_turns_at_each_await() -> None:
    trace: list[int] = []

    def steps(name: int) -> Steps[None]:
        for _ in range(2):
            yield from wait(_later(None))
            trace.append(name)

    await asyncio.gather(arun(steps(1)), arun(steps(2)))
    assert trace == [1, 2, 1, 2]


# --- what is left to be done afterwards -----------------------------------------------------


def _leaving(trace: list[object], name: object, inner: Callable[[], Any] | None = None) -> Any:
    """Leave work for later, then end; `inner` is done in between."""

    def work() -> Steps[None]:
        trace.append(("left", (yield from _sum(1, 1)), name))

    def steps() -> Steps[None]:
        afterwards(work)
        if inner is not None:
            inner()
        yield from wait(None)
        trace.append(("ended", name))

    return steps()


def test_what_is_left_is_done_after_the_steps_in_order() -> None:
    trace: list[object] = []

    def both() -> Steps[None]:
        yield from _leaving(trace, 1)
        yield from _leaving(trace, 2)

    run(both())
    assert trace == [("ended", 1), ("ended", 2), ("left", 2, 1), ("left", 2, 2)]


@pytest.mark.asyncio
async def test_what_is_left_does_not_count_against_the_timeout() -> None:
    trace: list[object] = []

    def work() -> Steps[None]:
        nap: Any = asyncio.sleep(0.05)
        yield from wait(nap)
        trace.append("left")

    def steps() -> Steps[str]:
        afterwards(work)
        return (yield from _nothing())

    assert await arun(steps(), timeout=0.01) == "nothing was asked"
    assert trace == ["left"]


@pytest.mark.asyncio
async def test_what_a_batch_left_is_done_before_the_next_one() -> None:
    done: list[str] = []

    def left(name: str) -> Callable[[], Steps[None]]:
        def work() -> Steps[None]:
            yield from ()
            done.append(name)

        return work

    def inner() -> Steps[None]:
        afterwards(left("inner"))
        yield from checkpoint()
        done.append("inner batch")

    def steps(within: Callable[[Steps[None]], Any]) -> Steps[None]:
        afterwards(left("first"))
        done.append("first batch")
        yield from checkpoint()
        done.append("second batch")
        afterwards(left("second"))
        _ = yield from wait(within(inner()))
        raise LookupError

    order = [
        "first batch", "first", "second batch", "inner", "inner batch", "second"
    ]  # fmt: skip
    for within in (run, arun):
        done.clear()
        with pytest.raises(LookupError):
            await arun(steps(within), timeout=5)
        assert done == order
    done.clear()
    with pytest.raises(LookupError):
        run(steps(run))
    assert done == order


@pytest.mark.asyncio
async def test_what_is_left_is_done_when_the_steps_fail_too() -> None:
    trace: list[object] = []

    def failing(error: Exception) -> Steps[None]:
        yield from _leaving(trace, error.args[0])
        raise error

    def late() -> Steps[None]:
        yield from _leaving(trace, "late")
        yield from _forever()

    with pytest.raises(KeyError):
        run(failing(KeyError("sync")))
    with pytest.raises(KeyError):
        await arun(failing(KeyError("async")))
    with pytest.raises(StoreUnavailable):
        await arun(late(), timeout=0.001)
    task = asyncio.create_task(arun(late()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left = [each[2] for each in trace if isinstance(each, tuple) and each[0] == "left"]
    assert left == ["sync", "async", "late", "late"]


@pytest.mark.asyncio
async def test_a_caller_who_leaves_does_not_end_what_is_left() -> None:
    reached, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    trace: list[object] = []

    async def hold() -> None:
        reached.set()
        await go.wait()

    def first() -> Steps[None]:
        held: Any = hold()
        yield from wait(held)

    def last() -> Steps[None]:
        yield from wait(None)
        ended.set()

    def steps() -> Steps[None]:
        afterwards(first)
        yield from _leaving(trace, "second")
        afterwards(last)

    task = asyncio.create_task(arun(steps()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    async with asyncio.timeout(5):
        await ended.wait()
    assert trace == [("ended", "second"), ("left", 2, "second")]


@pytest.mark.asyncio
async def test_each_steps_do_what_they_left_themselves() -> None:
    trace: list[object] = []
    run(_leaving(trace, "outer", lambda: run(_leaving(trace, "inner"))))
    run(_leaving(trace, "quiet", lambda: run(_nothing())))
    assert trace == [
        ("ended", "inner"), ("left", 2, "inner"), ("ended", "outer"), ("left", 2, "outer"),
        ("ended", "quiet"), ("left", 2, "quiet"),
    ]  # fmt: skip
    trace.clear()

    def turn(name: int) -> Steps[None]:
        yield from wait(_later(None))
        yield from _leaving(trace, name)
        yield from wait(_later(None))

    await asyncio.gather(arun(turn(1)), arun(turn(2)))
    assert sorted(trace, key=repr) == [
        ("ended", 1), ("ended", 2), ("left", 2, 1), ("left", 2, 2)
    ]  # fmt: skip


def test_steps_thrown_away_leave_nothing_behind() -> None:
    """As a loop that is closed does to what it has not finished, wherever that happens."""
    trace: list[object] = []

    def steps() -> Steps[None]:
        yield from _leaving(trace, "thrown away")
        yield from wait(_later(None))

    coroutine = arun(steps())
    _ = contextvars.copy_context().run(coroutine.send, None)
    coroutine.close()
    run(_nothing())
    assert trace == [("ended", "thrown away")]


# --- what an error shows ------------------------------------------------------------------


def _fail_with_a_record() -> Steps[None]:
    record = b"what a user said"
    yield from ()
    raise StoreUnavailable(f"{len(record)} bytes were not saved")


def _application(drive: Callable[[Steps[Any]], Any]) -> None:
    own = "what the application holds"
    drive(_fail_with_a_record())
    raise AssertionError(own)


@pytest.mark.parametrize(
    "drive", [run, lambda steps: asyncio.run(_in_a_loop(steps))], ids=["run", "arun"]
)
def test_an_error_shows_no_locals_but_the_applications(
    drive: Callable[[Steps[Any]], Any],
) -> None:
    with pytest.raises(StoreUnavailable, match="16 bytes") as caught:
        _application(drive)
    assert caught.value.__traceback__ is not None
    step, shown = caught.value.__traceback__.tb_next, ""
    while step is not None:
        shown += repr(step.tb_frame.f_locals)
        step = step.tb_next
    assert "what the application holds" in shown
    assert "what a user said" not in shown


async def _in_a_loop(steps: Steps[Any]) -> Any:
    return await arun(steps)


# --- where connections may be used --------------------------------------------------------


@pytest.mark.asyncio
async def test_a_place_is_a_process_or_one_of_its_event_loops() -> None:
    assert place(loop=False) == place(loop=False)
    assert place(loop=True) == place(loop=True)
    assert place(loop=True) != place(loop=False)
    assert not is_closed(place(loop=True))
    assert not is_closed(place(loop=False))


def test_a_place_is_over_when_its_loop_is_closed() -> None:
    async def here() -> Any:
        return place(loop=True)

    first, second = asyncio.run(here()), asyncio.run(here())
    assert first != second
    assert is_closed(first)
