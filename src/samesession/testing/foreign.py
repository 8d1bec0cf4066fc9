"""The ability to read another library's entries in the same server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias, cast

import pytest

from ..core.store import Foreign, ForeignRecords, Store
from .caller import Caller, Contract, ManualClock, make_record

# Files bytes under a key as another library does, for a number of seconds.
FileForeign: TypeAlias = "Callable[[str, bytes, int], None]"

# Names of another library's sessions, and names that a careless store mistakes for them.
_KEY = "old:aB3-_" + "x" * 38
_OTHERS = (
    _KEY.upper(),
    _KEY.lower(),
    _KEY[:-1],
    _KEY + "x",
    _KEY + "%",
    _KEY[:-1] + "_",
    _KEY.removeprefix("old:"),
    "OLD:" + _KEY.removeprefix("old:"),
)


class ForeignRecordsContract(Contract):
    """For a store with `load_foreign` and `remove_foreign`."""

    @pytest.fixture
    def file_foreign(self) -> FileForeign:
        """Return a function that files bytes under a key, for a number of seconds.

        To be overridden with the behaviour of the other library, not of this store.
        """
        raise NotImplementedError("override the fixture file_foreign")

    def _load(self, caller: Caller, store: Store, key: str) -> Foreign | None:
        return caller.do(cast("ForeignRecords", store).load_foreign(key))

    def test_what_another_library_filed_is_read_as_it_is(
        self, caller: Caller, store: Store, clock: ManualClock, file_foreign: FileForeign
    ) -> None:
        data = bytes(range(256)) * 4
        file_foreign(_KEY, data, 1000)
        expires = (time.time() if self.own_clock else clock()) + 1000
        for _ in range(2):
            found = self._load(caller, store, _KEY)
            assert found is not None
            assert found.data == data
            # A server may count in whole seconds, and its clock may be late.
            assert found.expires is not None
            assert abs(found.expires - expires) <= 3

    def test_what_nobody_filed_is_none(
        self, caller: Caller, store: Store, file_foreign: FileForeign
    ) -> None:
        assert self._load(caller, store, _KEY) is None
        file_foreign(_KEY, b"data", 1000)
        for other in _OTHERS:
            assert self._load(caller, store, other) is None, other

    def test_nothing_filed_is_none(
        self, caller: Caller, store: Store, file_foreign: FileForeign
    ) -> None:
        file_foreign(_KEY, b"", 1000)
        assert self._load(caller, store, _KEY) is None

    def test_what_is_removed_is_gone_and_nothing_else(
        self, caller: Caller, store: Store, file_foreign: FileForeign
    ) -> None:
        foreign = cast("ForeignRecords", store)
        file_foreign(_KEY, b"data", 1000)
        file_foreign("old:another", b"other", 1000)
        for _ in range(2):
            caller.do(foreign.remove_foreign(_KEY))
            assert self._load(caller, store, _KEY) is None
        found = self._load(caller, store, "old:another")
        assert found is not None
        assert found.data == b"other"

    def test_what_has_expired_is_none(
        self, caller: Caller, store: Store, clock: ManualClock, file_foreign: FileForeign
    ) -> None:
        file_foreign(_KEY, b"data", self.own_lifetime)
        self.let_pass(clock, self.own_lifetime + self.resolution)
        assert self._load(caller, store, _KEY) is None

    def test_a_record_is_not_touched(
        self, caller: Caller, store: Store, file_foreign: FileForeign
    ) -> None:
        record = make_record(1)
        assert caller.do(store.create("session:own", record, lifetimes=self.lifetimes)) is True
        file_foreign(_KEY, b"data", 1000)
        caller.do(cast("ForeignRecords", store).remove_foreign(_KEY))
        assert caller.do(store.load("session:own", renew=None)) == record
        assert caller.do(store.load(_KEY, renew=None)) is None
