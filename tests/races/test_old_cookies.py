"""An old cookie in every order with itself, a logout, an old process and an administrator.

At the core, call by call of the store: nobody is logged out by a race, and nothing that ends a
session is undone by its old cookie.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from samesession import ServerSession, StoreUnavailable
from samesession.core.cookie import SetCookie
from samesession.core.migrated import FOLLOWED
from samesession.core.request_state import data_of, state_of
from samesession.core.steps import Steps
from samesession.run.sync import run
from tests.support.old import DATA, OLD_ID, VALUE, Bench

from .orders import Act, Stop, StoppingStore, played, schedules

Do = Callable[[ServerSession], None]

SIGNED = json.dumps({"user_id": 7})
LONGEST = 9  # calls of one request, at least


class Seen(NamedTuple):
    """What a request saw, and the cookie that its response has sent."""

    data: dict[str, Any]
    cookie: str | None


def stopping() -> Bench:
    """Give a flow whose store stops at each call."""
    clock = Bench().clock
    plain = Bench(clock=clock)
    bench = Bench(StoppingStore(plain.memory), clock=clock)  # type: ignore[arg-type]  # set by name
    bench.memory = plain.memory
    return bench


def after(bench: Bench) -> Bench:
    """Give a flow over the same records that does not stop."""
    return Bench(bench.memory, clock=bench.clock)


def look(session: ServerSession) -> None:
    """Do nothing to the session."""


def write(session: ServerSession) -> None:
    session["written"] = 1


def end(session: ServerSession) -> None:
    session.end()


def regenerate(session: ServerSession) -> None:
    session.regenerate()


def bind(session: ServerSession) -> None:
    session.bind("ann")


def request(bench: Bench, do: Do = look, *, value: str = VALUE) -> Steps[Seen]:
    """Make a request with the old cookie whose view does something if it is logged in."""
    session = yield from bench.opening(value)
    seen = data_of(session)
    if seen:
        do(session)
    reply = yield from bench.flow.close(session)
    return Seen(seen, reply.cookie.value if isinstance(reply.cookie, SetCookie) else None)


def saves_anew(bench: Bench) -> Steps[None]:
    """Have an old process save its record, as one that began before does."""
    yield Stop("old process", done=False)
    bench.memory.foreign[OLD_ID] = json.dumps(DATA).encode()


def revokes(bench: Bench, how: str) -> Steps[int]:
    arguments = ["ann"] if how == "revoke_all" else []
    ended: int = yield from getattr(bench.flow.administration, how)(*arguments)
    return ended


def opens(bench: Bench, value: str = VALUE) -> bool:
    """Return whether the old cookie opens anything, now or after some seconds."""
    for _ in range(2):
        if data_of(after(bench).opened(value)):
            return True
        bench.clock.advance(1)
    return False


def sessions(bench: Bench) -> int:
    return run(after(bench).flow.administration.count())


def orders(
    make: Callable[[Bench], Sequence[Steps[Any]]], acts: int = 2
) -> Iterator[tuple[Bench, Sequence[Act]]]:
    """Play what is made for a new store in each order of two switches, and a last one."""
    for order in schedules(acts, 2, LONGEST):
        bench = stopping()

        def begin(bench: Bench = bench) -> Sequence[Act]:
            return [Act(each).begin() for each in make(bench)]

        yield bench, played(begin, order)


@pytest.mark.parametrize("value", [VALUE, SIGNED])
@pytest.mark.parametrize("second", [look, write])
def test_of_two_requests_at_once_both_are_logged_in_and_one_is_sent_the_cookie(
    value: str, second: Do
) -> None:
    for bench, acts in orders(
        lambda bench: [request(bench, value=value), request(bench, second, value=value)]
    ):
        one, other = [each.result for each in acts]
        assert one.data
        assert other.data
        cookies = [each.cookie for each in (one, other) if each.cookie]
        assert len(cookies) == 1
        shown = data_of(after(bench).opened(ours=cookies[0]))
        assert ("written" in shown) is (second is write)
        assert sessions(bench) == 1
        assert value != VALUE or OLD_ID not in bench.memory.foreign


@pytest.mark.parametrize("value", [VALUE, SIGNED])
@pytest.mark.parametrize("second", [look, write, end])
def test_a_logout_is_final_in_every_order_of_two_requests(value: str, second: Do) -> None:
    for bench, acts in orders(
        lambda bench: [request(bench, end, value=value), request(bench, second, value=value)]
    ):
        results = [each.result for each in acts]
        if results[0].data:  # else it was anonymous, and ended nothing
            assert not opens(bench, value)
            assert sessions(bench) == 0
            for each in results:
                assert not data_of(after(bench).opened(ours=each.cookie))


def test_a_logout_is_final_though_an_old_process_saves_its_record_anew() -> None:
    for bench, acts in orders(
        lambda bench: [request(bench, end), request(bench), saves_anew(bench)], 3
    ):
        assert acts[0].result.data
        assert not opens(bench)
        assert sessions(bench) == 0


def test_of_three_requests_at_once_each_is_logged_in() -> None:
    for bench, acts in orders(
        lambda bench: [request(bench), request(bench, write), request(bench)], 3
    ):
        assert all(each.result.data for each in acts)
        assert len([each for each in acts if each.result.cookie]) == 1
        assert sessions(bench) == 1


@pytest.mark.parametrize("act", [regenerate, bind])
@pytest.mark.parametrize("value", [VALUE, SIGNED])
def test_a_new_secret_is_final_for_the_old_cookie(act: Do, value: str) -> None:
    for bench, acts in orders(
        lambda bench: [request(bench, act, value=value), request(bench, value=value)]
    ):
        first = acts[0].result
        assert first.data
        assert first.cookie
        assert not opens(bench, value)
        assert data_of(after(bench).opened(ours=first.cookie))


@pytest.mark.parametrize("how", ["revoke_all", "revoke_everyone"])
@pytest.mark.parametrize("second", [look, write])
def test_what_was_revoked_is_final_for_the_old_cookie(how: str, second: Do) -> None:
    for bench, acts in orders(
        lambda bench: [request(bench), revokes(bench, how), request(bench, second)], 3
    ):
        if acts[1].result:
            assert not opens(bench)
            assert sessions(bench) == 0
            for each in (acts[0], acts[2]):
                assert not data_of(after(bench).opened(ours=each.result.cookie))
        else:  # none had come by then: docs/move/how-it-works.md says so
            assert acts[0].result.data
            assert acts[2].result.data
            assert opens(bench)


@pytest.mark.parametrize("value", [VALUE, SIGNED])
@pytest.mark.parametrize("done", [True, False])
def test_a_request_that_dies_at_any_call_logs_nobody_out(value: str, done: bool) -> None:
    calls = 0
    while True:
        bench = stopping()
        steps, at, stands = request(bench, value=value), calls, True
        for found in steps:
            if found.done is done:
                at -= 1
                if at < 0:
                    steps.close()
                    break
        else:
            stands = False
        if not stands:
            break
        calls += 1
        for _ in range(2):
            session = after(bench).opened(value)
            assert data_of(session)
        assert sessions(bench) == 1
        # By then the session was begun by one of them, and another may end it.
        ended = after(bench)
        session = ended.opened(value)
        session.end()
        _ = run(ended.flow.close(session))
        assert not opens(bench, value)
        assert sessions(bench) == 0
    assert calls >= 5


@pytest.mark.parametrize("value", [VALUE, SIGNED])
def test_who_died_before_the_session_began_leaves_the_cookie_to_the_next(value: str) -> None:
    for dies_at in range(20):
        bench = stopping()
        commits = 0
        steps, calls = request(bench, value=value), 0
        for found in steps:
            if not found.done:
                if calls == dies_at:
                    steps.close()
                    break
                calls += 1
            commits += found.done and found.name == "commit"
        else:
            break
        next_one = after(bench)
        bench.clock.advance(FOLLOWED - 1 if commits else FOLLOWED * 2)
        seen = run(request(next_one, value=value))
        assert seen.data
        assert (seen.cookie is None) is bool(commits)
    assert dies_at >= 4


def failed(steps: Steps[Seen], at: int) -> tuple[Seen | None, str]:
    """Have the store fail at a call; give what came of the request, and the call, if it was one."""
    calls, name = 0, ""
    try:
        found = next(steps)
        while True:
            calls += not found.done
            if not found.done and calls == at + 1:
                name = found.name
                found = steps.throw(StoreUnavailable("down"))
            else:
                found = next(steps)
    except StopIteration as over:
        return over.value, name
    except StoreUnavailable:
        return None, name


@pytest.mark.parametrize("value", [VALUE, SIGNED])
def test_a_store_that_fails_at_any_call_logs_nobody_out(value: str) -> None:
    failures: list[str] = []
    for at in range(20):
        bench = stopping()
        seen, name = failed(request(bench, value=value), at)
        if not name:
            break
        failures.append(name)
        # It goes on where the old record alone cannot be deleted.
        assert bool(seen and seen.cookie) is (name == "remove_foreign")
        assert data_of(after(bench).opened(value))
    assert failures[-1] in {"commit", "remove_foreign"}


def test_the_new_cookie_ends_the_old_one_in_every_order_with_a_late_comer() -> None:
    def with_new(bench: Bench, cookie: str) -> Steps[dict[str, Any]]:
        session = yield from bench.opening(ours=cookie)
        seen = data_of(session)
        _ = yield from bench.flow.close(session)
        return seen

    for order in schedules(2, 2, 5):
        bench = stopping()
        cookie = run_through(request(bench)).cookie
        assert cookie

        def begin(bench: Bench = bench, cookie: str = cookie) -> Sequence[Act]:
            return [Act(with_new(bench, cookie)).begin(), Act(request(bench, write)).begin()]

        ours, late = played(begin, order)
        assert ours.result
        shown = data_of(after(bench).opened(ours=cookie))
        assert ("written" in shown) is bool(late.result.data)
        again = after(bench).opened(ours=cookie)
        _ = run(after(bench).flow.close(again))
        assert not opens(bench)


def run_through(steps: Steps[Any]) -> Any:
    act = Act(steps).begin()
    while not act.is_over:
        act.go_on()
    return act.result


def test_a_session_that_ended_is_nothing_to_who_had_read_the_old_record_before() -> None:
    # A request with the old record in hand files it once more, and takes it out again;
    # whoever comes in between sees nothing either.
    for bench, acts in orders(
        lambda bench: [request(bench, end), request(bench), request(bench, write)], 3
    ):
        assert acts[0].result.data or acts[1].result.data
        if acts[0].result.data:
            assert not opens(bench)
            assert [
                key for key in bench.memory.keys if ".used" not in key and "used." not in key
            ] == []
        assert state_of(after(bench).opened()).loaded is None
