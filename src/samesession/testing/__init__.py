"""The contract that every store passes, as pytest classes to derive from.

    class TestMyStore(StoreContract, OwnerIndexContract, PurgeContract):
        @pytest.fixture
        def new_store(self, tmp_path, clock):
            return lambda: MyStore(tmp_path / "sessions", clock=clock)

The stores of this package pass the same contract. It needs pytest
(samesession[testing]) and no plugin: the async colour runs in an event loop that
the contract makes for each test. docs/stores/write-your-own.md shows it in use.
`DeviceKey` is for tests of applications: docs/guides/testing.md shows it.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "samesession.testing.contract",
    "samesession.testing.records",
    "samesession.testing.time",
    "samesession.testing.races",
    "samesession.testing.abilities",
    "samesession.testing.foreign",
    "samesession.testing.notices",
    "samesession.testing.outage",
)

from .abilities import (  # noqa: E402  # after the line above
    ListContract,
    OwnerIndexContract,
    PurgeContract,
    RereadContract,
)
from .caller import Caller, ManualClock, NewStore, make_record  # noqa: E402
from .contract import StoreContract  # noqa: E402
from .device_key import DeviceKey  # noqa: E402
from .foreign import FileForeign, ForeignRecordsContract  # noqa: E402
from .notices import NoticesContract  # noqa: E402
from .outage import OutageContract  # noqa: E402

__all__ = [
    "Caller",
    "DeviceKey",
    "FileForeign",
    "ForeignRecordsContract",
    "ListContract",
    "ManualClock",
    "NewStore",
    "NoticesContract",
    "OutageContract",
    "OwnerIndexContract",
    "PurgeContract",
    "RereadContract",
    "StoreContract",
    "make_record",
]
