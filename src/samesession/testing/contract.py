"""The contract of every store, put together."""

from __future__ import annotations

from ..core.store import (
    ForeignRecords,
    Listable,
    Notifies,
    OwnerIndex,
    Purgeable,
    Rereading,
    Store,
)
from .abilities import ListContract, OwnerIndexContract, PurgeContract, RereadContract
from .foreign import ForeignRecordsContract
from .notices import NoticesContract
from .races import RaceContract
from .records import RecordContract
from .time import TimeContract


class StoreContract(RecordContract, TimeContract, RaceContract):
    """The contract of every store: records, their expiry, and their races.

    .. versionadded:: 1.0
    """

    def test_the_class_tests_the_abilities_that_the_store_has(self, store: Store) -> None:
        """Presence counts: an application binds owners if there is an index."""
        has = {
            OwnerIndexContract: isinstance(store, OwnerIndex),
            ListContract: isinstance(store, Listable),
            PurgeContract: isinstance(store, Purgeable),
            RereadContract: isinstance(store, Rereading),
            ForeignRecordsContract: isinstance(store, ForeignRecords),
            NoticesContract: isinstance(store, Notifies),
        }
        tested = {part: isinstance(self, part) for part in has}
        assert tested == has, "derive the test class from the parts that the store has, no others"
