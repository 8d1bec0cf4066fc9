"""Read a session's record, and ask again before an answer is believed that may be another's.

Where a network drops or doubles an answer, a connection gets out of step: each question
gets its neighbour's answer. A record says whose it is, and nobody can forge that; so an
answer is believed that has the sid which was asked for:

    load answered               the store is asked once more, and answers
    the sid's own record        (it is not)
    none, another's, or what    the sid's own record: believed, the first was crossed
    is no record                the same again: believed, that is what is stored
                                none: believed
                                another's still: neither is believed, it is an outage
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import BadRecord, StoreUnavailable
from .record import Opens, Record, sid_of
from .steps import Steps
from .store import Lifetimes, Rereading, Store

_NO_RECORD = b""  # stands for what a store refused to take for one


class Found(NamedTuple):
    """A record, and its bytes as the store holds them."""

    record: Record
    sealed: bytes


class Reader:
    """What reads records from a store."""

    def __init__(self, store: Store, records: Opens) -> None:
        self._store = store
        self._records = records
        self._again = store.load_again if isinstance(store, Rereading) else None

    def read(self, key: str, sid: str, *, renew: Lifetimes | None) -> Steps[Found | None]:
        """Read the record of a sid, and restart its idle timeout; None where none is.

        Raises BadRecord for what is no record of the sid's, and StoreUnavailable.
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
                "the session store gave two answers, and neither to the question"
            )
        return Found(self._records.open(key, raw), raw)
