"""Read, delete and list many documents at once. Knows a collection, and how its answers come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...core.steps import Steps
from ...core.store import KeyPage
from .clients import Collection
from .documents import Document, Found, behind, date, has_expired, records_in

PURGED = 1000  # documents to delete in one go
PAGE = 1000  # keys in one answer


class ManyDocuments(NamedTuple):
    """The documents of a collection; `wait`: waits for a client's answer."""

    collection: Collection
    wait: Callable[[Any], Steps[Any]]  # Any: pymongo's answers

    def load(self, keys: Sequence[str], now: float) -> Steps[list[Found | None]]:
        """Read live records, by one query, in the order of the keys; delete expired ones."""
        these = {"_id": {"$in": [*keys]}}
        found: list[Any] = yield from self.wait(self.collection.find(these).to_list(None))
        expired = [each["_id"] for each in found if has_expired(each, now)]
        if expired:  # as with a single document
            ended = {"_id": {"$in": expired}, "expires": {"$lte": date(now)}}
            yield from self.wait(self.collection.delete_many(ended))
        records = dict(records_in(each for each in found if not has_expired(each, now)))
        return [records.get(key) for key in keys]

    def remove(self, keys: Sequence[str], now: float) -> Steps[list[bool]]:
        """Delete documents, whatever their revision; return for each whether it existed."""
        these = {"_id": {"$in": [*keys]}}
        live = {**these, "expires": {"$gt": date(now)}}
        cursor = self.collection.find(live, {"_id": 1})
        found: list[Any] = yield from self.wait(cursor.to_list(None))
        yield from self.wait(self.collection.delete_many(these))
        there = {each["_id"] for each in found}
        return [key in there for key in keys]

    def page(self, prefix: str, after: str | None, limit: int = PAGE) -> Steps[KeyPage]:
        """List the next keys with a prefix."""
        # Expired or not, because a clock may be fast.
        wanted = {"_id": {"$gt": after or prefix, "$lt": behind(prefix)}}
        cursor = self.collection.find(wanted, {"_id": 1}).sort("_id", 1).limit(limit)
        found: list[Any] = yield from self.wait(cursor.to_list(None))
        keys = [each["_id"] for each in found]
        is_last = len(keys) < limit or keys[-1] <= (after or prefix)
        return KeyPage(keys, None if is_last else keys[-1])

    def purge(self, ours: Document, now: float) -> Steps[tuple[int, int]]:
        """Find some expired documents, and delete those that were not written again since."""
        expired = {"expires": {"$lte": date(now)}, **ours}
        cursor = self.collection.find(expired, {"_id": 1}).limit(PURGED)
        found: list[Any] = yield from self.wait(cursor.to_list(None))
        if not found:
            return 0, 0
        these = {**expired, "_id": {"$in": [each["_id"] for each in found]}}
        done = yield from self.wait(self.collection.delete_many(these))
        return len(found), int(done.deleted_count)
