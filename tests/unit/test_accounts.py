"""What becomes of accounts, decided without I/O: changes in turn, limits, ends."""

from __future__ import annotations

from typing import Any

import pytest

from samesession import ConfigError, StoreUnavailable
from samesession.core import codec, saving
from samesession.core.account_changes import AccountChange, Bound, Kept, after, owner_after
from samesession.core.events import Event
from samesession.core.limits import beyond, check_limit
from samesession.core.policy import Limit
from samesession.core.record import Record
from samesession.core.request_state import data_of, state_of
from samesession.core.store import Outcome
from samesession.core.token import Token

from .parts import NOW, Asked, AskingStore, IndexingStore, record
from .test_flow import GONE, WRITTEN, Bench

ANN, BEN = Bound("ann"), Bound("ben")


@pytest.mark.parametrize(
    ("before", "change", "left"),
    [
        (None, ANN, ANN),
        (None, Kept.UNBOUND, Kept.UNBOUND),
        (None, Kept.CONFIRMED, Kept.CONFIRMED),
        (ANN, BEN, BEN),
        (ANN, Kept.CONFIRMED, ANN),
        (ANN, Kept.UNBOUND, Kept.UNBOUND),
        (Kept.UNBOUND, ANN, ANN),
        (Kept.CONFIRMED, Kept.UNBOUND, Kept.UNBOUND),
    ],
)
def test_of_two_changes_the_last_counts_but_a_login_is_not_made_less(
    before: AccountChange | None, change: AccountChange, left: AccountChange
) -> None:
    assert after(before, change) == left


def test_whose_a_session_is_afterwards() -> None:
    changes: list[AccountChange | None] = [None, BEN, Kept.CONFIRMED, Kept.UNBOUND]
    assert [owner_after(change, "ann") for change in changes] == ["ann", "ben", "ann", None]


def test_what_is_done_to_an_account_shows_no_owner_and_no_label() -> None:
    assert "ann" not in repr(Bound("ann", "a phone"))
    assert "phone" not in repr(Bound("ann", "a phone"))


# --- limits -----------------------------------------------------------------------------


def lives(sid: str, seconds: int) -> Record:
    return record(Token(sid, b""), auth_time=NOW + seconds)


@pytest.mark.parametrize(
    ("known", "refuses", "ended"),
    [
        ({"a", "b"}, False, ["a"]),
        ({"a", "b"}, True, ["new"]),
        # Came meanwhile: by the clock, not by who looks.
        (set[str](), False, ["a"]),
        ({"a"}, True, ["new"]),
    ],
)
def test_what_is_beyond_a_limit(known: set[str], refuses: bool, ended: list[str]) -> None:
    live = [lives("new", 2), lives("b", 1), lives("a", 0)]
    assert [each.sid for each in beyond(live, "new", known, Limit(2, refuses=refuses))] == ended


def test_what_was_there_before_is_older_whatever_its_clock_said() -> None:
    live = [lives("ahead", 30), lives("new", 0)]
    assert [each.sid for each in beyond(live, "new", {"ahead"}, Limit(1))] == ["ahead"]


@pytest.mark.parametrize("refuses", [False, True])
def test_two_that_race_see_the_same_order(refuses: bool) -> None:
    live = [lives("a", 0), lives("b", 0)]
    one, other = (beyond(live, new, (), Limit(1, refuses=refuses)) for new in ("a", "b"))
    assert one == other
    assert len(one) == 1


def test_a_limit_needs_a_store_that_can_count() -> None:
    check_limit(None, None)
    indexing: Any = IndexingStore()
    check_limit(Limit(3), indexing)
    asking: Any = AskingStore()
    for store in (None, asking):
        with pytest.raises(ConfigError, match='SESSION_TYPE = "filesystem"'):
            check_limit(Limit(3), store)


# --- the end ----------------------------------------------------------------------------


def removed(bench: Bench, revision: int) -> Asked:
    return Asked("remove", (bench.key,), {"expected": revision.to_bytes(8, "big")})


def test_the_end_costs_one_call_and_what_follows_another() -> None:
    bench = Bench()
    session = bench.opened()
    session.end()
    assert data_of(session) == {}
    session["b"] = 1
    _, asked = bench.closed(session, WRITTEN, True)
    assert asked[0] == removed(bench, 1)
    assert asked[1].method == "create"
    assert bench.noted == [Event.ENDED, Event.CREATED]


def test_the_end_follows_a_faster_write() -> None:
    bench = Bench()
    session = bench.opened()
    session.end()
    _, asked = bench.closed(session, bench.conflict({"a": 2}), WRITTEN)
    assert asked == [removed(bench, 1), removed(bench, 2)]
    assert bench.noted == [Event.CONFLICT, Event.ENDED]


def test_the_end_of_what_has_ended_is_told_as_such() -> None:
    bench = Bench()
    session = bench.opened()
    session.end()
    bench.closed(session, GONE)
    assert bench.noted == [Event.GONE]


def test_an_end_that_the_store_fails_is_tried_again() -> None:
    bench = Bench()
    session = bench.opened()
    session.end()
    with pytest.raises(StoreUnavailable):
        bench.closed(session, StoreUnavailable("down"))
    _, asked = bench.closed(session, Outcome.WRITTEN)
    assert asked == [removed(bench, 1)]


def test_what_is_ended_while_it_is_saved_ends_with_the_next_save() -> None:
    bench = Bench()
    session = bench.opened()
    session["b"] = 1
    loaded = state_of(session).loaded
    assert loaded is not None
    taken = saving.take(session, codec.encode(data_of(session)))
    session.end()
    session["c"] = 1
    saving.mark_saved(session, taken, loaded, {"a": 1, "b": 1})
    assert data_of(session) == {"c": 1}
    _, asked = bench.closed(session, WRITTEN, True)
    assert asked[0] == removed(bench, 1)
    assert codec.decode(bench.sealer.open(*asked[1].args[:2]).payload) == {"c": 1}
