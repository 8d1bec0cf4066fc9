"""The errors of a store whose server or disk is unreachable."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest

from ..core.batches import delist_many, load_many, owned_by, remove_many
from ..core.health import ping
from ..core.steps import Steps
from ..core.store import Dated, ForeignRecords, Listable, OwnerIndex, Purgeable, Store
from ..errors import StoreUnavailable
from .caller import Caller, Contract, make_record, revision


class OutageContract(Contract):
    """For its own test class, whose `new_store` opens a store that cannot be reached."""

    #: The seconds within which each operation must have failed.
    within: ClassVar[float] = 3.0

    def test_each_operation_says_so_in_time(self, caller: Caller, store: Store) -> None:
        record, long = make_record(2), self.lifetimes
        steps: list[Steps[object]] = [
            store.load("key", renew=long),
            store.load("key", renew=None),
            store.create("key", record, lifetimes=long),
            store.commit("key", record, expected=revision(1), renew=long),
            store.remove("key", expected=None),
            load_many(store, ["key", "other"]),
            remove_many(store, ["key", "other"]),
            ping(store, "session:"),
        ]
        if isinstance(store, OwnerIndex):
            steps += [
                store.enlist("ann", "key", lifetime=100),
                store.delist("ann", "key"),
                store.owned("ann"),
                owned_by(store, "ann")(None),
                delist_many(store, "ann", ["key", "other"]),
            ]
        if isinstance(store, Listable):
            steps.append(store.keys_page("session:", after=None))
        if isinstance(store, Dated):
            steps.append(store.load_dated(["key", "other"], lifetimes=long))
        if isinstance(store, ForeignRecords):
            steps += [store.load_foreign("old:key"), store.remove_foreign("old:key")]
        if isinstance(store, Purgeable):
            steps.append(store.purge())
        for each in steps:
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                _ = caller.do(each)
            assert time.monotonic() - started < self.within

    def test_closing_is_no_error(self, caller: Caller, store: Store) -> None:
        with pytest.raises(StoreUnavailable):
            _ = caller.do(store.load("key", renew=None))
        caller.do(store.close())
