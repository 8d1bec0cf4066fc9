"""The connection that a loop's requests share: order, what is asked again, what ends it."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from samesession.stores.redis.commands import get, get_and_renew, set_if_absent, swap
from samesession.stores.redis.multiplexed import MultiplexedConnection
from tests.support.late_loop import run_late, running
from tests.support.wire import Pool, Wire, turn

MANY = 9_999


async def opened(timeout: float = 60.0) -> tuple[MultiplexedConnection, Pool, Wire]:
    """Return a connection that stands, with a GET of "first" answered on it."""
    pool = Pool()
    connection = MultiplexedConnection(pool, timeout=timeout)
    first = connection.execute(get("first"))
    await turn()
    wire = pool.wires[0]
    wire.say(b"1")
    assert await first == b"1"
    wire.written.clear()
    return connection, pool, wire


async def failure(answer: asyncio.Future[Any]) -> str:
    await turn()
    error = answer.exception()
    assert isinstance(error, RedisConnectionError)
    return str(error)


@pytest.mark.asyncio
async def test_answers_are_dealt_out_in_the_order_of_the_commands() -> None:
    connection, _, wire = await opened()
    answers = [
        connection.execute(get("a")),
        connection.execute(get_and_renew("b", 9)),
        connection.execute(get("c")),
    ]
    await turn()
    wire.say(b"1", None)
    wire.say(b"3")
    assert await asyncio.gather(*answers) == [b"1", None, b"3"]


@pytest.mark.asyncio
async def test_an_answer_that_nobody_asked_for_ends_the_connection() -> None:
    connection, pool, wire = await opened()
    wire.say(b"unasked")
    assert wire.aborted
    answer = connection.execute(get("a"))
    await turn()
    assert pool.wires[1].commands == [[b"GET", b"a"]]
    pool.wires[1].say(b"1")
    assert await answer == b"1"


@pytest.mark.asyncio
async def test_an_answer_too_many_keeps_no_command_that_was_not_sent_yet() -> None:
    connection, pool, wire = await opened()
    answers = [connection.execute(get("a")), connection.execute(get("b"))]
    await turn()
    held = connection.execute(get("c"))
    wire.say(b"1", b"2", b"unasked")
    assert await asyncio.gather(*answers) == [b"1", b"2"]
    await turn()
    pool.wires[1].say(b"3")
    assert await held == b"3"


@pytest.mark.asyncio
@pytest.mark.parametrize("garbage", [b"no RESP\r\n", b"$-7\r\n", b"\x00"])
async def test_after_garbage_reads_are_asked_again_once_and_writes_fail(garbage: bytes) -> None:
    connection, pool, wire = await opened()
    reads = [
        connection.execute(get("a")),
        connection.execute(get_and_renew("b", 9)),
        connection.execute(get("c")),
    ]
    writes = [
        connection.execute(set_if_absent("d", b"x", 9)),
        connection.execute(("EVALSHA", "0" * 40, 1, "e")),
        connection.execute(("ZREM", "f", "g")),
    ]
    await turn()
    wire.protocol.data_received(garbage)
    assert wire.aborted
    assert [await failure(each) for each in writes] == ["the server's answer is not RESP"] * 3
    await turn()
    second = pool.wires[1]
    assert [command[0] for command in second.commands] == [b"GET", b"GETEX", b"GET"]
    second.say(b"1")
    second.protocol.data_received(garbage)
    assert await reads[0] == b"1"
    assert [await failure(each) for each in reads[1:]] == ["the server's answer is not RESP"] * 2


@pytest.mark.asyncio
async def test_a_lost_connection_takes_each_command_to_the_next_one_once() -> None:
    connection, pool, wire = await opened()
    answers = [
        connection.execute(get("a")),
        connection.execute(set_if_absent("b", b"x", 9)),
        connection.execute(get("c")),
    ]
    await turn()
    wire.say(b"1")
    wire.protocol.connection_lost(None)
    await turn()
    second = pool.wires[1]
    assert [command[:2] for command in second.commands] == [[b"SET", b"b"], [b"GET", b"c"]]
    second.say(None)
    second.protocol.connection_lost(None)
    assert await answers[0] == b"1"
    assert await answers[1] is None
    assert await failure(answers[2]) == "the connection was lost"


@pytest.mark.asyncio
async def test_what_a_connection_that_was_left_still_says_harms_no_later_one() -> None:
    connection, pool, wire = await opened()
    wire.say(b"unasked")
    answer = connection.execute(get("a"))
    await turn()
    wire.say(b"late")
    wire.protocol.connection_lost(None)
    assert not pool.wires[1].aborted
    pool.wires[1].say(b"1")
    assert await answer == b"1"


@pytest.mark.asyncio
async def test_what_cannot_be_packed_leaves_the_connection_as_it_is() -> None:
    connection, _, wire = await opened()
    unsendable: tuple[Any, ...] = ("\ud800", None, object())
    for argument in unsendable:
        for command in (get(argument), (argument,)):
            with pytest.raises((TypeError, ValueError)):
                _ = connection.execute(command)
    with pytest.raises(TypeError):
        _ = connection.execute_asking(("GET", None))  # type: ignore[arg-type]
    answer = connection.execute(get("a"))
    await turn()
    assert wire.commands == [[b"GET", b"a"]]
    wire.say(b"1")
    assert await answer == b"1"


@pytest.mark.asyncio
@pytest.mark.parametrize("down", [False, True], ids=["asked again", "given up"])
async def test_ten_thousand_commands_are_settled_in_one_pass(*, down: bool) -> None:
    """810 ms it was when each was looked for among all the others."""
    connection, pool, wire = await opened()
    answers = [connection.execute(get(f"key {number}")) for number in range(MANY)]
    await turn()
    pool.down = down
    began = time.process_time()
    wire.protocol.connection_lost(None)
    assert time.process_time() - began < 0.1
    await turn()
    if down:
        assert all(isinstance(each.exception(), ConnectionRefusedError) for each in answers)
    else:
        assert len(pool.wires[1].commands) == MANY
        began = time.process_time()
        pool.wires[1].protocol.connection_lost(None)
        assert time.process_time() - began < 0.1
        assert all(isinstance(each.exception(), RedisConnectionError) for each in answers)


@pytest.mark.asyncio
async def test_a_connection_that_is_out_of_step_is_left_with_all_that_it_would_answer() -> None:
    connection, pool, wire = await opened()
    reads = [connection.execute(get("a")), connection.execute(get_and_renew("b", 9))]
    write = connection.execute(set_if_absent("c", b"x", 9))
    await turn()
    mark = connection.mark
    connection.drop_crossed(mark)
    assert wire.aborted
    assert await failure(write) == "the answers do not belong to the questions"
    connection.drop_crossed(mark)  # as others do who see it a moment later
    await turn()
    connection.drop_crossed(mark)
    second = pool.wires[1]
    assert not second.aborted
    assert [command[:2] for command in second.commands] == [[b"GET", b"a"], [b"GETEX", b"b"]]
    second.say(b"1", b"2")
    assert await asyncio.gather(*reads) == [b"1", b"2"]


@pytest.mark.asyncio
async def test_those_who_ask_elsewhere_share_a_connection_that_ends_with_the_last() -> None:
    connection, pool, wire = await opened()
    asking = [
        asyncio.create_task(connection.execute_elsewhere([("GET", key), ("PING", key)]))
        for key in ("a", "b")
    ]
    await turn()
    (other,) = pool.wires[1:]
    assert [command[1] for command in other.commands] == [b"a", b"a", b"b", b"b"]
    other.say(b"1", b"a")
    assert await asking[0] == [b"1", b"a"]
    assert not other.aborted
    other.say(None, b"b")
    assert await asking[1] == [None, b"b"]
    assert other.aborted
    assert not wire.aborted
    again = asyncio.create_task(connection.execute_elsewhere([("GET", "c")]))
    await turn()
    pool.wires[2].say(b"3")
    assert await again == [b"3"]


@pytest.mark.asyncio
async def test_who_is_cancelled_elsewhere_leaves_no_connection_open() -> None:
    connection, pool, _ = await opened()
    asking = asyncio.create_task(connection.execute_elsewhere([("GET", "a")]))
    await turn()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert pool.wires[1].aborted


@pytest.mark.parametrize("late", [0.5, 10.0])
def test_a_loop_that_was_late_reads_what_lies_there_before_it_gives_a_connection_up(
    monkeypatch: pytest.MonkeyPatch, late: float
) -> None:
    async def main() -> None:
        connection, _, wire = await opened(timeout=2.0)
        answers = [connection.execute(get(f"key {number}")) for number in range(50)]
        await turn()
        ours, theirs = socket.socketpair()

        def read() -> None:
            """Read one answer in a turn; what it wakes computes."""
            wire.say(ours.recv(1))
            running().compute(0.1)

        running().add_reader(ours, read)
        theirs.sendall(b"." * len(answers))
        running().compute(late)
        assert set(await asyncio.gather(*answers)) == {b"."}
        assert not wire.aborted
        running().remove_reader(ours)
        ours.close()
        theirs.close()

    run_late(monkeypatch, main())


def test_the_time_of_an_answer_begins_when_its_question_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        connection, _, wire = await opened(timeout=2.0)
        _ = connection.execute(get("sent at once"))
        answer = connection.execute(get("sent at the end of the turn"))
        running().compute(10.0)
        wire.say(b"0")
        await asyncio.sleep(1.9)
        wire.say(b"1")
        assert await answer == b"1"

    run_late(monkeypatch, main())


def test_a_server_that_is_silent_is_given_up_when_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        connection, _, wire = await opened(timeout=2.0)
        began = running().time()
        answer, later = connection.execute(get("a")), connection.execute(get("b"))
        await turn()
        wire.say(b"1")
        with pytest.raises(RedisConnectionError, match="does not answer"):
            await later
        assert wire.aborted
        assert 2.0 <= running().time() - began < 2.01
        assert await answer == b"1"

    run_late(monkeypatch, main())


SWAP = swap("key", b"old", b"new", 9)


@pytest.mark.asyncio
async def test_a_swap_is_answered_behind_its_word() -> None:
    connection, _, wire = await opened()
    swapped, after = connection.execute_swap(SWAP), connection.execute(get("a"))
    await turn()
    (_, word), command, _ = wire.commands
    assert command == [b"SET", b"key", b"new", b"IFEQ", b"old", b"GET", b"EX", b"9"]
    wire.say(word)
    wire.say(b"old", b"a")
    assert (await swapped, await after) == (b"old", b"a")
    assert not wire.aborted


@pytest.mark.asyncio
async def test_an_earlier_answer_is_not_taken_for_a_swaps() -> None:
    """As a GET's of the same key, which says what a swap that succeeds says."""
    connection, pool, wire = await opened()
    before, swapped, after = (
        connection.execute(get("key")),
        connection.execute_swap(SWAP),
        connection.execute(get("a")),
    )
    await turn()
    wire.say(b"old", b"old")
    assert await before == b"old"
    assert "not RESP" in await failure(swapped)
    assert wire.aborted
    pool.wires[1].say(b"a")
    assert await after == b"a"


@pytest.mark.asyncio
async def test_a_swap_is_asked_again_with_its_word_where_the_connection_is_lost() -> None:
    connection, pool, wire = await opened()
    swapped = connection.execute_swap(SWAP)
    await turn()
    (_, word), _ = wire.commands
    wire.say(word)
    wire.protocol.connection_lost(None)
    await turn()
    pool.wires[1].say(word, b"new")
    assert await swapped == b"new"
