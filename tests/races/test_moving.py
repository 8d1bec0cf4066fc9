"""A move by the command, with its user, an administrator or another run at each of its calls.

Whatever comes in between comes whole, before or after any call of the store that the move makes:
nobody is logged out by it, and nothing that ends a session is undone by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from samesession.core.cookie import SetCookie
from samesession.core.migrated import NOTES
from samesession.core.moving import Move, OldSession
from samesession.core.old_names import names_of
from samesession.core.request_state import data_of
from samesession.core.session import ServerSession
from samesession.core.steps import Steps
from samesession.run.sync import run
from tests.support.clock import Clock
from tests.support.old import DATA, LIBRARY, OLD_ID, VALUE, Bench, ForeignMemoryStore

LATER = {**DATA, "cart": [1, 2]}
POINTS = 16  # calls of the store, before and after each, of one move at the most

Act = Callable[[Bench], Any]


class InterruptedStore(ForeignMemoryStore):
    """Does something at one of the calls that a move makes."""

    turn = 0
    at = -1
    act: Callable[[], Any] | None = None

    def _point(self) -> None:
        self.turn += 1
        if self.turn - 1 == self.at and self.act is not None:
            act, self.act = self.act, None
            act()

    def _around(self, steps: Steps[Any]) -> Steps[Any]:
        if self.act is not None:
            self._point()
        answer = yield from steps
        if self.act is not None:
            self._point()
        return answer

    def load_many(self, keys: Any) -> Steps[Any]:
        return self._around(super().load_many(keys))

    def create(self, *given: Any, **named: Any) -> Steps[bool]:
        return self._around(super().create(*given, **named))

    def commit(self, *given: Any, **named: Any) -> Steps[Any]:
        return self._around(super().commit(*given, **named))

    def remove(self, *given: Any, **named: Any) -> Steps[Any]:
        return self._around(super().remove(*given, **named))

    def enlist(self, *given: Any, **named: Any) -> Steps[None]:
        return self._around(super().enlist(*given, **named))


def new_bench() -> tuple[Bench, InterruptedStore]:
    clock = Clock()
    store = InterruptedStore(clock=clock, foreign={OLD_ID: json.dumps(DATA).encode()})
    bench = Bench(store, clock=clock)
    bench.memory = store
    return bench, store


def move(bench: Bench, data: dict[str, Any] = DATA, *, is_own: bool = True) -> Move:
    mover = bench.migration.mover(LIBRARY, is_own=is_own)
    (done,) = run(mover.move([OldSession(names_of(OLD_ID)[0], data, bench.clock() + 900)]))
    return done


@contextmanager
def interrupted(store: InterruptedStore, at: int, act: Callable[[], Any]) -> Iterator[None]:
    store.turn, store.at, store.act = 0, at, act
    yield
    if store.act is not None:  # there are fewer calls
        store.act = None
        act()


def request(bench: Bench, do: Callable[[ServerSession], Any] = lambda _: None) -> str | None:
    """Make a request with the old cookie; give the new one."""
    session = bench.opened(VALUE)
    if data_of(session):
        do(session)
    reply = run(bench.flow.close(session))
    return reply.cookie.value if isinstance(reply.cookie, SetCookie) else None


def seen(bench: Bench, cookie: str) -> dict[str, Any]:
    return data_of(run(bench.flow.open([cookie])))


def records(bench: Bench) -> list[str]:
    """Give the keys of sessions, without those of notes."""
    return [key for key in bench.memory.keys if NOTES not in key]


@pytest.mark.parametrize("at", range(POINTS))
@pytest.mark.parametrize("before", [False, True], ids=["moved first now", "moved before"])
def test_a_user_who_comes_meanwhile_stays_logged_in(at: int, before: bool) -> None:
    bench, store = new_bench()
    if before:
        assert move(bench) is Move.MOVED
        store.foreign[OLD_ID] = json.dumps(LATER).encode()
    cookies: list[str | None] = []

    def come() -> None:
        cookies.append(request(bench, lambda session: session.update(written=1)))

    data = LATER if before else DATA
    with interrupted(store, at, come):
        _ = move(bench, data)
    (cookie,) = cookies
    assert cookie is not None
    assert seen(bench, cookie) == {**data, "written": 1}
    assert len(records(bench)) == 1
    assert move(bench, data) is Move.IN_USE
    assert seen(bench, cookie) == {**data, "written": 1}


@pytest.mark.parametrize("at", range(POINTS))
@pytest.mark.parametrize("before", [False, True], ids=["moved first now", "moved before"])
@pytest.mark.parametrize("stays", [False, True], ids=["gone", "written again"])
def test_a_user_who_logs_out_meanwhile_is_logged_out(at: int, before: bool, stays: bool) -> None:
    bench, store = new_bench()
    if before:
        assert move(bench) is Move.MOVED

    def leave() -> None:
        _ = request(bench, lambda session: session.end())
        if stays:  # by an old process that answered a request of before
            store.foreign[OLD_ID] = json.dumps(LATER).encode()

    with interrupted(store, at, leave):
        _ = move(bench, LATER)
    assert records(bench) == []
    assert request(bench) is None
    assert move(bench, LATER) is Move.ENDED
    assert records(bench) == []
    assert run(bench.flow.administration.count()) == 0


@pytest.mark.parametrize("at", range(POINTS))
def test_who_ends_it_while_it_is_brought_up_to_date_has_ended_it(at: int) -> None:
    bench, store = new_bench()
    assert move(bench) is Move.MOVED
    store.foreign[OLD_ID] = json.dumps(LATER).encode()
    with interrupted(store, at, lambda: run(bench.flow.administration.revoke_all("ann"))):
        _ = move(bench, LATER)
    assert records(bench) == []
    assert request(bench) is None
    assert move(bench, LATER) is Move.ENDED


@pytest.mark.parametrize("at", range(POINTS))
def test_two_runs_at_once_move_it_once(at: int) -> None:
    bench, store = new_bench()
    done: list[Move] = []
    with interrupted(store, at, lambda: done.append(move(bench))):
        done.append(move(bench))
    assert done.count(Move.MOVED) == 1
    assert len(records(bench)) == 1
    cookie = request(bench)
    assert cookie is not None
    assert seen(bench, cookie) == DATA


def test_each_move_has_fewer_points_than_are_tried() -> None:
    bench, store = new_bench()
    for data in (DATA, LATER):
        with interrupted(store, POINTS, lambda: None):
            _ = move(bench, data)
        assert 4 <= store.turn <= POINTS
