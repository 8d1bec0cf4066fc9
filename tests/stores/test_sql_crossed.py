"""A database's answer to another question: read again on another connection, and never believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from samesession import BadRecord, StoreUnavailable
from samesession.core.store import Lifetimes, Outcome
from samesession.stores.sqlalchemy import SQLStore
from samesession.testing import Caller, make_record
from tests.support.clock import Clock
from tests.support.sql import SQLPart, looking

pytestmark = pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")

HOUR = Lifetimes(3600, 3600)
MINE, ANOTHERS = make_record(1, payload=b"mine"), make_record(1, payload=b"another's")


class Crossing:
    """Has the database answer some questions as if they were others."""

    def __init__(self) -> None:
        self.instead: list[tuple[object, object]] = []
        self.connected = 0

    def change(self, value: object) -> object:
        """Give what is sent in place of a parameter, once for each pair that was told."""
        for pair in self.instead:
            if value == pair[0] or value == str(pair[0]).encode():
                self.instead.remove(pair)
                return pair[1].encode() if isinstance(value, bytes) else pair[1]  # type: ignore[attr-defined]
        if "*word*" in (each for each, _ in self.instead) and _is_word(value):
            self.instead = [pair for pair in self.instead if pair[0] != "*word*"]
            return "another word"
        return value


def _is_word(value: object) -> bool:
    return isinstance(value, str) and len(value) == 24


@pytest.fixture
def crossing() -> Iterator[Crossing]:
    found = Crossing()

    def execute(
        _: Any, __: Any, statement: str, parameters: Any, *___: Any
    ) -> tuple[str, dict[str, Any] | tuple[Any, ...]]:
        if not found.instead or not statement.startswith("SELECT"):
            return statement, parameters
        if isinstance(parameters, dict):
            return statement, {name: found.change(each) for name, each in parameters.items()}
        return statement, tuple(map(found.change, parameters))

    def connect(*_: Any) -> None:
        found.connected += 1

    sa.event.listen(sa.Engine, "before_cursor_execute", execute, retval=True)
    sa.event.listen(sa.pool.Pool, "connect", connect)
    yield found
    sa.event.remove(sa.Engine, "before_cursor_execute", execute)
    sa.event.remove(sa.pool.Pool, "connect", connect)


@pytest.fixture
def store(part: SQLPart, caller: Caller, clock: Clock) -> Iterator[SQLStore]:
    made = SQLStore(part.url, timeout=10.0, clock=clock).open_for(caller.colour)
    assert caller.do(made.create("mine", MINE, lifetimes=HOUR)) is True
    assert caller.do(made.create("another's", ANOTHERS, lifetimes=HOUR)) is True
    yield made
    caller.do(made.close())


def test_anothers_row_is_read_again_on_another_connection(
    caller: Caller, store: SQLStore, crossing: Crossing
) -> None:
    assert caller.do(store.load("mine", renew=HOUR)) == MINE
    before = crossing.connected
    crossing.instead = [("mine", "another's")]
    assert caller.do(store.load("mine", renew=HOUR)) == MINE
    assert crossing.instead == []
    assert crossing.connected == before + 1


def test_a_database_that_gives_nothing_but_anothers_rows_is_an_outage(
    caller: Caller, store: SQLStore, crossing: Crossing
) -> None:
    crossing.instead = [("mine", "another's")] * 20
    with pytest.raises(StoreUnavailable):
        caller.do(store.load("mine", renew=HOUR))
    crossing.instead = []
    assert caller.do(store.load("mine", renew=HOUR)) == MINE


def test_a_refused_commit_is_not_told_anothers_row(
    caller: Caller, store: SQLStore, crossing: Crossing
) -> None:
    newer = make_record(2, payload=b"mine")
    assert caller.do(store.commit("mine", newer, expected=MINE[:8], renew=HOUR)) is Outcome.WRITTEN
    crossing.instead = [("mine", "another's")]
    outcome: Any = caller.do(store.commit("mine", newer, expected=MINE[:8], renew=HOUR))
    assert outcome.record == newer


def test_a_row_that_others_planted_costs_no_connection(
    caller: Caller, store: SQLStore, crossing: Crossing, part: SQLPart
) -> None:
    with looking(part.url) as connection:
        table = sa.table("samesession", sa.column("key"), sa.column("record"))
        key = b"mine" if connection.dialect.name in ("mysql", "mariadb") else "mine"
        connection.execute(
            sa.update(table).where(table.c.key == key).values(record=b"\0" * 7 + b"\2planted")
        )
    with pytest.raises(BadRecord):
        caller.do(store.load("mine", renew=HOUR))
    before = crossing.connected
    for _ in range(3):
        with pytest.raises(BadRecord):
            caller.do(store.load("mine", renew=HOUR))
    assert crossing.connected == before


def test_no_row_is_believed_when_the_next_answer_is_the_next_questions(
    caller: Caller, store: SQLStore, crossing: Crossing, part: SQLPart
) -> None:
    assert caller.do(store.load("none", renew=HOUR)) is None
    if part.name == "sqlalchemy-sqlite":
        return  # its answers are those of function calls
    before = crossing.connected
    crossing.instead = [("mine", "none"), ("*word*", "")]
    assert caller.do(store.load("mine", renew=HOUR)) == MINE
    assert crossing.instead == []
    assert crossing.connected == before + 1
