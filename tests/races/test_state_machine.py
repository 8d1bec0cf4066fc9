"""Two requests and an administrator, interleaved at every call of the store as hypothesis likes.

After each step every cookie that was ever given out is tried: it opens what the
model says, or nothing. See `model` for what is judged, `turns` for who waits where.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from samesession.core.request_state import data_of, state_of
from samesession.core.steps import Steps
from samesession.run.aio import arun
from samesession.run.sync import run
from tests.faults.effort import LONG, rounds
from tests.support.backend import SERVER_STORES, Backend, Servers
from tests.support.browser import attributes
from tests.support.clock import Clock
from tests.support.site import Site

from . import turns
from .late import end_idle_time
from .model import IDLE, UNHURRIED, Asking, Model
from .turns import VIEW, Turn

T = TypeVar("T")

OWNERS = ("ann", "bob")
AT_ONCE = 2
# An idle timeout is no multiple of it: Redis keeps its own time beside the test's.
INTERVAL = 30
LIFE = {
    "PERMANENT_SESSION_LIFETIME": IDLE,
    "SESSION_STORE_TIMEOUT": 60.0,  # a request that waits for its turn is not late
}

Act = Callable[[Any, int], Any]  # Any: a session, or the model of one


def _append(data: dict[str, Any], item: int) -> None:
    data.setdefault("cart", []).append(item)


# What a view does, and the same in the model. The number makes each value a new one.
ACTS: dict[str, tuple[Act, Callable[[Asking, int], Any]]] = {
    "read": (lambda session, n: None, lambda asking, n: None),
    "set a": (lambda session, n: session.update(a=n), lambda asking, n: asking.put("a", n)),
    "set b": (lambda session, n: session.update(b=n), lambda asking, n: asking.put("b", n)),
    "begin a cart": (
        lambda session, n: session.update(cart=[n]),
        lambda asking, n: asking.put("cart", [n]),
    ),
    "delete a": (lambda session, n: session.pop("a"), lambda asking, n: asking.drop("a")),
    "delete cart": (lambda session, n: session.pop("cart"), lambda asking, n: asking.drop("cart")),
    "append": (
        lambda session, n: session["cart"].append(n),
        lambda asking, n: asking.append(n),
    ),
    "hold cart": (
        lambda session, n: setattr(session, "held", session["cart"]),
        lambda asking, n: asking.hold(),
    ),
    "append to held": (
        lambda session, n: session.held.append(n),
        lambda asking, n: asking.append_to_held(n),
    ),
    "append atomically": (
        lambda session, n: session.update_atomically(lambda data: _append(data, n)),
        lambda asking, n: asking.atomically(lambda data: _append(data, n)),
    ),
    "not to be saved": (
        lambda session, n: setattr(session, "modified", False),
        lambda asking, n: asking.discard(),
    ),
    "clear": (lambda session, n: session.clear(), lambda asking, n: asking.clear()),
    "regenerate": (lambda session, n: session.regenerate(), lambda asking, n: asking.regenerate()),
    "log ann in": (lambda session, n: session.bind("ann"), lambda asking, n: asking.bind("ann")),
    "log off": (lambda session, n: session.unbind(), lambda asking, n: asking.unbind()),
    "confirm": (
        lambda session, n: state_of(session).owner is None or session.confirm(),
        lambda asking, n: asking.confirm_if_owned(),
    ),
    "log bob in": (lambda session, n: session.bind("bob"), lambda asking, n: asking.bind("bob")),
}
LOGINS = {"log ann in", "log bob in", "log off", "confirm"}  # what needs owners
NEEDED = {"delete a": "a", "delete cart": "cart", "append": "cart", "hold cart": "cart"}
SAVE = "save"
CHOICES = sorted([*ACTS, SAVE])

# Counted from the newest; mostly that one.
WHICH = st.sampled_from([0, 0, 0, 0, 1, 1, 2, None])
ONE = st.integers(0, AT_ONCE - 1)
NAMES = st.lists(st.sampled_from(CHOICES), max_size=3)
# Soon, or so late that the index of owners has to be renewed first.
ABSOLUTE = st.sampled_from([160, 100_000])


class Interleaving(RuleBasedStateMachine):
    """One site and its store, the model of both, and who is under way."""

    def __init__(
        self,
        framework: str,
        backend: Callable[[], Backend],
        settings: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.backend = backend()
        self.has_owners = self.backend.part.owners
        self.loop = loop
        self.framework = framework
        self.requests: list[tuple[Turn, Asking]] = []
        self.administrators: list[Turn] = []
        self.numbers = itertools.count(1)
        self.is_open = False
        self.is_checked = True
        self.is_sound = True

    @initialize(absolute=ABSOLUTE, names=NAMES)
    def open_site(self, absolute: int, names: list[str]) -> None:
        self.store = turns.turns_at(self.backend.store())
        clock = self.backend.clock
        chosen = {**self.backend.settings, **LIFE, **self.settings}
        chosen["SESSION_ABSOLUTE_LIFETIME"] = absolute
        self.site = Site(self.framework, chosen, store=self.store, clock=clock)
        turns.serve_turns(self.site)
        self.model = Model(clock, absolute=absolute)
        self.is_open = True
        self.whole_request(None, ["set a", *names])

    # --- requests ----------------------------------------------------------------------

    @precondition(lambda self: len(self.requests) < AT_ONCE)
    @rule(which=WHICH)
    def begin(self, which: int | None) -> None:
        self._begin(which)

    @precondition(lambda self: len(self.requests) < AT_ONCE)
    @rule(which=WHICH, names=NAMES)
    def begin_and_act(self, which: int | None, names: list[str]) -> None:
        _ = self._begin_and_act(which, names)

    @precondition(lambda self: not self.requests)
    @rule(names=NAMES, others=NAMES, which=WHICH)
    def race(self, which: int | None, names: list[str], others: list[str]) -> None:
        """Have both stand where they save what they did to one session, or where they end."""
        for each in (names, others):
            self._leave(*self._begin_and_act(which, [*each, "set b"]))

    @precondition(lambda self: not self.requests)
    @rule(names=NAMES, others=NAMES, later=NAMES, which=WHICH)
    def save_beside_another(
        self, which: int | None, names: list[str], others: list[str], later: list[str]
    ) -> None:
        """Have one request save while it runs, and another write what that has not read."""
        turn, asking = self._begin_and_act(which, names)
        self._act(turn, asking, "set a")
        self._act(turn, asking, SAVE)
        self.whole_request(which, [*others, "set b"])
        self._until_in_view(turn, asking)
        self._act_in_turn(turn, asking, later)
        self._leave(turn, asking)

    @precondition(lambda self: self._in_view())
    @rule(one=ONE, name=st.sampled_from(CHOICES))
    def act(self, one: int, name: str) -> None:
        found = self._in_view()
        self._act(*found[one % len(found)], name)

    @precondition(lambda self: self._in_view())
    @rule(one=ONE)
    def leave(self, one: int) -> None:
        found = self._in_view()
        self._leave(*found[one % len(found)])

    @precondition(lambda self: self._at_the_store())
    @rule(one=ONE)
    def go_on(self, one: int) -> None:
        found = self._at_the_store()
        self._go_on(*found[one % len(found)])

    @precondition(lambda self: self.requests)
    @rule(one=ONE)
    def finish(self, one: int) -> None:
        self._finish(*self.requests[one % len(self.requests)])

    @precondition(lambda self: len(self.requests) < AT_ONCE)
    @rule(which=WHICH, names=NAMES)
    def whole_request(self, which: int | None, names: list[str]) -> None:
        self._finish(*self._begin_and_act(which, names))

    # --- administrators, and time --------------------------------------------------------

    @precondition(lambda self: self.model.sessions and not self.administrators)
    @rule(nth=st.integers(0, 3))
    def revoke(self, nth: int) -> None:
        self._administer("revoke", [*reversed(self.model.sessions)][nth % len(self.model.sessions)])

    @precondition(lambda self: self.has_owners and not self.administrators)
    @rule(owner=st.sampled_from(OWNERS))
    def revoke_all(self, owner: str) -> None:
        self._administer("revoke_all", owner)

    @precondition(lambda self: not self.administrators)
    @rule()
    def purge(self) -> None:
        self._administer("purge")

    @precondition(lambda self: self.administrators)
    @rule()
    def administer_on(self) -> None:
        self._administer_on(self.administrators[0])

    @rule(intervals=st.sampled_from([1, 1, 1, 3, 4]))
    def let_time_pass(self, intervals: int) -> None:
        end_idle_time(self.backend, intervals * INTERVAL)
        self.is_checked = False

    @precondition(lambda self: len(self.requests) < AT_ONCE)
    @rule(visits=st.integers(1, 3))
    def come_back_now_and_then(self, visits: int) -> None:
        for _ in range(visits):
            self.let_time_pass(3)
            self.whole_request(0, ["read"])

    # --- what holds after each step ------------------------------------------------------

    @invariant()
    def every_cookie_opens_what_it_should(self) -> None:
        if self.is_checked:
            return
        interface = self.site.app.session_interface.app_sessions
        for cookie, proof in self.model.cookies.items():
            opened = self._drive(interface.flow.open([cookie], renew=False))
            live = self.model.is_live(proof)
            assert (state_of(opened).loaded is not None) is live
            assert data_of(opened) == (proof.kept.data if live else {})
            assert opened.info.owner == (proof.kept.owner if live else None)
        now = self.backend.clock()
        if all(now - asking.began < UNHURRIED for _, asking in self.requests):
            for owner in OWNERS if self.has_owners else ():
                listed = self._drive(interface.administration.sessions_of(owner))
                owned = self.model.owned_by(owner)
                assert {about.sid for about in listed} | self.model.stalled() == (
                    owned | self.model.stalled()
                )
        self._judge_calls()  # a session whose time is over is deleted when it is refused
        self.is_checked = True

    def teardown(self) -> None:
        if not self.is_open:  # hypothesis may give an example up before its first step
            return
        try:
            for turn, asking in list(self.requests):
                self._finish(turn, asking)
            for turn in list(self.administrators):
                while not turn.is_over:
                    self._administer_on(turn)
            if self.is_sound:
                self.every_cookie_opens_what_it_should()
        finally:
            self._until_done(self.site.close())

    # --- how they go on ------------------------------------------------------------------

    def _in_view(self) -> list[tuple[Turn, Asking]]:
        return [each for each in self.requests if each[0].at == VIEW]

    def _at_the_store(self) -> list[tuple[Turn, Asking]]:
        return [each for each in self.requests if each[0].at != VIEW]

    def _begin(self, which: int | None) -> tuple[Turn, Asking]:
        cookies = [*reversed(self.model.cookies)]
        cookie = None if which is None or not cookies else cookies[which % len(cookies)]
        asking = Asking(None if cookie is None else self.model.cookies[cookie])
        asking.began = self.backend.clock()
        turn = turns.request(self.site, cookie)
        self.requests.append((turn, asking))
        self._until_done(turn.begin())
        return turn, asking

    def _begin_and_act(self, which: int | None, names: list[str]) -> tuple[Turn, Asking]:
        turn, asking = self._begin(which)
        while turn.at != VIEW and not turn.is_over:
            self._go_on(turn, asking)
        self._act_in_turn(turn, asking, names)
        return turn, asking

    def _act_in_turn(self, turn: Turn, asking: Asking, names: list[str]) -> None:
        for name in names:
            self._act(turn, asking, name)
            self._until_in_view(turn, asking)

    def _until_in_view(self, turn: Turn, asking: Asking) -> None:
        while turn.at != VIEW:
            self._go_on(turn, asking)

    def _act(self, turn: Turn, asking: Asking, name: str) -> None:
        if name == SAVE:
            self._save(turn, asking)
            return
        if name in NEEDED and NEEDED[name] not in asking.data:
            return
        if (name in LOGINS and not self.has_owners) or (
            name == "append to held" and asking.held is None
        ):
            return
        real, modelled = ACTS[name]
        number = next(self.numbers)
        turn.act = lambda session: (real(session, number), dict(session))[1]
        self._until_done(turn.go_on())
        modelled(asking, number)
        asking.touched = asking.touched or name != "read"
        with self._judging():
            assert turn.result == asking.data

    def _save(self, turn: Turn, asking: Asking) -> None:
        """Have the view save its session; it goes on when that is done."""
        turn.act = turns.saving(self.site)
        asking.begin_save(self.backend.clock())
        asking.saving = True
        self._go_on(turn, asking)

    def _leave(self, turn: Turn, asking: Asking) -> None:
        turn.act = None
        asking.begin_save(self.backend.clock())
        self._go_on(turn, asking)

    def _go_on(self, turn: Turn, asking: Asking) -> None:
        self._until_done(turn.go_on())
        self._judge_calls()
        if turn.at == VIEW and asking.saving:
            with self._judging():
                self.model.judge_save(asking)
                assert turn.result == asking.data, "the session does not show what is stored"
        if not turn.is_over:
            return
        self.requests.remove((turn, asking))
        given = [attributes(each) for each in turn.answer.set_cookies]
        with self._judging():
            assert len(given) <= 1
            cookie = str(given[0]["value"]) if given else None
            self.model.judge_response(asking, turn.answer.status, cookie)

    def _finish(self, turn: Turn, asking: Asking) -> None:
        while not turn.is_over:
            if turn.at == VIEW:
                self._leave(turn, asking)
            else:
                self._go_on(turn, asking)

    def _administer(self, action: str, *args: str) -> None:
        steps = getattr(self.site.app.session_interface.app_sessions.administration, action)
        if self.site.framework == "flask":
            turn = turns.administration(lambda: asyncio.to_thread(run, steps(*args)))
        else:
            turn = turns.administration(lambda: arun(steps(*args)))
        self.administrators.append(turn)
        self._until_done(turn.begin())
        self._administered(turn)

    def _administer_on(self, turn: Turn) -> None:
        self._until_done(turn.go_on())
        self._administered(turn)

    def _administered(self, turn: Turn) -> None:
        self._judge_calls()
        if turn.is_over:
            self.administrators.remove(turn)
            assert isinstance(turn.answer, bool | int)

    def _judge_calls(self) -> None:
        askings = {id(turn): asking for turn, asking in self.requests}
        done, self.store.done[:] = list(self.store.done), []
        with self._judging():
            for turn, name, key, answer in done:
                self.model.judge(askings.get(id(turn)), name, key, answer)
        self.is_checked = self.is_checked and not done

    @contextmanager
    def _judging(self) -> Iterator[None]:
        """Fail for the first thing that is wrong; what follows from it says nothing new."""
        try:
            yield
        except Exception:
            if self.is_sound:
                self.is_sound = False
                raise

    def _drive(self, steps: Steps[T]) -> T:
        return run(steps) if self.framework == "flask" else self._until_done(arun(steps))

    def _until_done(self, waiting: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(waiting)


@pytest.mark.stores(*SERVER_STORES, *(["sqlalchemy-sqlite"] if LONG else []))
def test_whatever_requests_do_at_once_nothing_comes_back_is_lost_or_let_in(
    framework: str, store_name: str, tmp_path: Path, servers: Servers
) -> None:
    interleave(framework, store_name, tmp_path, servers, {})


@pytest.mark.stores("memory")
def test_the_same_holds_for_encrypted_sessions(
    framework: str, store_name: str, tmp_path: Path, servers: Servers
) -> None:
    interleave(framework, store_name, tmp_path, servers, {"SESSION_ENCRYPT": True})


def interleave(
    framework: str, store_name: str, tmp_path: Path, servers: Servers, chosen: dict[str, Any]
) -> None:
    places = (tmp_path / f"{turn}" for turn in itertools.count())

    def backend() -> Backend:
        return Backend(store_name, clock=Clock(), directory=next(places), servers=servers)

    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            # It is asked for a class, and calls it.
            partial(Interleaving, framework, backend, chosen, runner.get_loop()),  # type: ignore[arg-type]
            settings=settings(
                max_examples=rounds(25, 500),
                stateful_step_count=40,
                derandomize=not LONG,
                deadline=None,
                # What failed is as telling at its length, and known minutes earlier.
                phases=[Phase.generate, *([Phase.shrink] if LONG else [])],
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
