"""A store whose operations are observed keeps its abilities, and tells no more than it should."""

from __future__ import annotations

from typing import Any

import pytest

from samesession.core import store as protocols
from samesession.core.observed_store import OPERATIONS, observed
from samesession.core.steps import Steps, wait
from samesession.core.store import (
    Batches,
    Colour,
    Lifetimes,
    Listable,
    Located,
    Outcome,
    OwnerIndex,
    Pingable,
    Purgeable,
    Rereading,
    Store,
    capabilities_of,
)
from samesession.run.sync import run
from samesession.stores.base import FromSync
from samesession.stores.filesystem import FileStore
from samesession.stores.memory import MemoryStore
from samesession.stores.redis import RedisStore
from samesession.stores.sqlite import SQLiteStore
from samesession.testing import (
    ListContract,
    ManualClock,
    NewStore,
    OwnerIndexContract,
    PurgeContract,
    StoreContract,
    make_record,
)
from tests.stores.test_by_others import PlainStore
from tests.support.spy import spy_on

LIFETIMES = Lifetimes(browser=600, permanent=6000)
PROTOCOLS = [
    each
    for each in vars(protocols).values()
    if getattr(each, "_is_runtime_protocol", False) and each is not protocols.Openable
]


class Notes:
    """An observer that writes all of it down."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def begin(self, operation: str, keys: int | None) -> Notes:
        self.told.append((operation, keys))
        return self

    def returned(self, answer: Any) -> None:
        self.told.append(answer)

    def failed(self, error: BaseException) -> None:
        self.told.append(type(error))


class TestObservedStore(StoreContract, OwnerIndexContract, ListContract, PurgeContract):
    """It does all that the store inside does."""

    @pytest.fixture
    def new_store(self, clock: ManualClock) -> NewStore:
        store = MemoryStore(clock=clock)
        return lambda: observed(store, Notes())


def test_each_operation_that_is_declared_is_observed() -> None:
    assert {"load", "create", "commit", "remove", "load_again", "enlist", "purge"} <= {*OPERATIONS}
    assert {"owned_page", "load_many", "keys_page", "prepare", "ping"} <= {*OPERATIONS}
    assert not {"close", "open_for", "colours", "location"} & {*OPERATIONS}


def test_it_has_the_abilities_of_the_store_inside_and_no_others(tmp_path: Any) -> None:
    assert len(PROTOCOLS) > 8
    clock = ManualClock()
    for store in (
        MemoryStore(clock=clock),
        FileStore(tmp_path / "files"),
        SQLiteStore(tmp_path / "sessions.db"),
        RedisStore("redis://127.0.0.1:1/0"),
        FromSync(PlainStore(clock)),
    ):
        outside = observed(store, Notes())
        for protocol in PROTOCOLS:
            assert isinstance(outside, protocol) is isinstance(store, protocol), protocol
        assert outside.colours is store.colours
        assert capabilities_of(outside) == capabilities_of(store)
        if isinstance(store, Located):
            assert isinstance(outside, Located)
            assert outside.location == store.location
    plain = observed(FromSync(PlainStore(clock)), Notes())
    for absent in (OwnerIndex, Batches, Listable, Purgeable, Rereading, Pingable):
        assert not isinstance(plain, absent)


def test_what_names_no_place_is_given_none() -> None:
    assert not isinstance(observed(spy_on(MemoryStore()), Notes()), Located)


def test_it_tells_what_is_asked_and_what_comes_of_it_and_no_names() -> None:
    notes = Notes()
    store: Any = observed(MemoryStore(), notes)
    assert run(store.create("key", make_record(1), lifetimes=LIFETIMES)) is True
    assert [*run(store.load_many(["key", "other"]))] == [make_record(1), None]
    run(store.delist_many("ann", ["key"]))
    assert len(run(store.load_dated(["key", "other", "third"], lifetimes=LIFETIMES))) == 3
    assert run(store.remove("key", expected=None)) is Outcome.WRITTEN
    assert notes.told[0] == ("create", None)
    begun = [each for each in notes.told if isinstance(each, tuple)]
    many = [("load_many", 2), ("delist_many", 1), ("load_dated", 3)]
    assert begun == [("create", None), *many, ("remove", None)]


def test_an_operation_begins_with_its_first_step_and_a_failure_is_told() -> None:
    class Failing(MemoryStore):
        def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
            yield from wait(None)
            raise ZeroDivisionError

    notes = Notes()
    steps = observed(Failing(), notes).load("key", renew=None)
    assert notes.told == []
    with pytest.raises(ZeroDivisionError):
        run(steps)
    assert notes.told == [("load", None), ZeroDivisionError]


def test_an_operation_that_is_thrown_away_has_an_end() -> None:
    class Waiting(MemoryStore):
        def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
            found: bytes | None = None
            return (yield from wait(found))

    notes = Notes()
    steps = observed(Waiting(), notes).load("key", renew=None)
    next(steps)
    steps.close()
    assert notes.told == [("load", None), GeneratorExit]


def test_a_store_of_another_colour_stays_one() -> None:
    async_store: Store = RedisStore("redis://127.0.0.1:1/0", colour=Colour.ASYNC)
    assert observed(async_store, Notes()).colours is Colour.ASYNC
