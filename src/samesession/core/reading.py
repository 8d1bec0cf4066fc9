"""Read a session's record, and ask again if the answer may belong to another request.

If a network drops or doubles an answer, a connection gets out of step: each question gets
its neighbour's answer. A record contains its sid, and no one can forge that. So an answer
with the expected sid is believed:

    first answer                second answer
    the sid's own record        (not asked for)
    none, another's, or         the sid's own record: believed, the first was crossed
    not a record                the same again: believed, this is stored
                                none: believed
                                still another's: neither is believed, it is an outage
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import BadRecord, StoreUnavailable
from .record import Opens, Record, sid_of
from .steps import Steps
from .store import Lifetimes, Rereading, Store

_NO_RECORD = b""  # stands for bytes that a store did not accept as a record


class Found(NamedTuple):
    """A record, and its bytes as the store holds them."""

    record: Record
    sealed: bytes


class Reader:
    """Reads records from a store."""

    def __init__(self, store: Store, records: Opens) -> None:
        self._store = store
        self._records = records
        self._again = store.load_again if isinstance(store, Rereading) else None

    def read(self, key: str, sid: str, *, renew: Lifetimes | None) -> Steps[Found | None]:
        """Read the record of a sid, and restart its idle timeout; None if there is none.

        Raises BadRecord if the record is not that of the sid, and StoreUnavailable.
        """
        raw: bytes | None = _NO_RECORD
        try:
            raw = yield from self._store.load(key, renew=renew)
            if raw is not None:
                return Found(self._records.open(key, raw), raw)
        except BadRecord:
            if self._again is None or (raw is not None and sid_of(raw) == sid):
                raise
        if self._again is None:
            return None
        return (yield from self._read_again(key, sid, raw))

    def _read_again(self, key: str, sid: str, doubted: bytes | None) -> Steps[Found | None]:
        assert self._again is not None
        raw = yield from self._again(key, doubted=doubted)
        if raw is None:
            return None
        if raw != doubted and sid_of(raw) != sid:
            raise StoreUnavailable(
                "the session store gave two answers, and neither answers the question"
            )
        return Found(self._records.open(key, raw), raw)
