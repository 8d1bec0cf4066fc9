"""Keep records in MongoDB, one document each, through pymongo.

    sessions          {_id: key, expires: Date, revision: 8 bytes, record: bytes}
    sessions_owners   {_id: "digest of the owner:key", expires: Date}

Each change is one write to one document, conditional on its revision. So it is
never half done. The notes of owners are apart from the records, because they are
written before a record and outlive it: see core.store.OwnerIndex. An owner's notes
are found by the prefix of their `_id`, in the index that every collection has.
Clients belong to one process and one event loop: each gets its own, on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import pymongo
from pymongo.errors import DuplicateKeyError

from ...core.batches import every_key
from ...core.findings import Finding
from ...core.idle_renewal import Touching
from ...core.record import revision_of
from ...core.steps import Steps, checkpoint, wait
from ...core.store import (
    Capabilities,
    Clock,
    Colour,
    Conflict,
    DatedRecord,
    KeyPage,
    Lifetimes,
    Outcome,
)
from ...errors import SessionTooLarge, StoreUnavailable
from ...run.aio import apart
from ...run.clocks import system_time
from ...run.per_loop import PerLoop
from ...run.places import place
from ...settings import Config
from ..kit.opener import with_settings
from ..kit.quiet_logging import unlogged
from ..kit.renewing_load import RenewingLoad, records_of
from . import clients, documents, examination
from .documents import Found, date, has_expired, owner_prefix, read
from .indexes import make_indexes
from .many_documents import PAGE, PURGED, ManyDocuments
from .settings import MongoSettings

T = TypeVar("T")
P = ParamSpec("P")

_Named = Callable[[], clients.Collection]

_ATTEMPTS = 5  # attempts after a lost race; all of them within the timeout
# A document has at most 16 MiB, including its `_id` and other fields.
_LARGEST = 16 * 1024 * 1024 - 16 * 1024


def _bounded(
    method: Callable[Concatenate[MongoStore, P], Steps[T]],
) -> Callable[Concatenate[MongoStore, P], Steps[T]]:
    """Keep an operation, with all its commands and retries, to the timeout; translate errors."""

    @wraps(method)
    def steps(store: MongoStore, /, *args: P.args, **kwargs: P.kwargs) -> Steps[T]:
        told = clients.told(store.opened.here)
        with told, pymongo.timeout(store.timeout), unlogged("pymongo.command"):
            return (yield from method(store, *args, **kwargs))

    return steps


class MongoStore:
    """Records as documents."""

    def __init__(
        self,
        source: object,
        *,
        colour: Colour = Colour.SYNC,
        database: str | None = None,
        collection: str = "sessions",
        timeout: float = 2.0,
        touching: Touching | None = None,
        clock: Clock = system_time,
    ) -> None:
        """Take a URL, or a client of pymongo that fits the colour.

        `database`: the URL's own, or "samesession", unless it is named. `timeout`: seconds for a
        whole operation. Raises ConfigError for other values.
        """
        self._source = clients.read_url(source) if isinstance(source, str) else source
        self.colours = colour if isinstance(source, str) else clients.colour_of(source)
        clients.read_names(database, collection)
        self._database = database
        self._collection = collection
        self.timeout = timeout
        self._renewing = RenewingLoad(touching or Touching(), clock)
        self._clock = clock
        self.opened: PerLoop[clients.Opened] = PerLoop(
            partial(clients.close, source), loop=self.colours is Colour.ASYNC
        )
        self._taken: Hashable = None  # the place where a given client was first used

    @property
    def capabilities(self) -> Capabilities:
        """The store's capabilities: it may postpone renewing."""
        return self._renewing.capabilities()

    @property
    def location(self) -> str:
        """The collection, and the servers."""
        database = clients.place_of(self._source, self._database)
        return f"the collection {self._collection} of {database}"

    def open_for(self, colour: Colour) -> MongoStore:
        """Return the store for callers of that colour; a client's colour cannot be changed."""
        if not isinstance(self._source, str) or colour is self.colours:
            return self
        return MongoStore(
            self._source,
            colour=colour,
            database=self._database,
            collection=self._collection,
            timeout=self.timeout,
            touching=self._renewing.touching,
            clock=self._clock,
        )

    # --- records -----------------------------------------------------------------------

    @_bounded
    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record, and restart its idle timeout when it is due."""

        def touch(found: Found, expires: int) -> Steps[Found]:
            # Not if another request has written in the meantime: its expiry is the later one.
            unchanged = {"_id": key, "expires": date(found.expires)}
            fresh = {"$set": {"expires": date(expires)}}
            yield from self._wait(self._records.update_one(unchanged, fresh))
            return found

        found = yield from self._renewing.load_in_steps(partial(self._find, key), touch, renew)
        return None if found is None else found.record

    @_bounded
    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Insert a document if there is none, or in place of an expired one."""
        # One write: between two, a purge could delete the document that the second one expects. If
        # there is a live document, this finds no expired one, and inserts beside it.
        expired = {"_id": key, "expires": {"$lte": date(self._clock())}}
        change = {"$set": self._fields(record, lifetimes)}
        try:
            yield from self._wait(self._records.update_one(expired, change, upsert=True))
        except DuplicateKeyError:
            return False
        return True

    @_bounded
    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Update the document with the expected revision."""
        change = {"$set": self._fields(record, renew)}

        def update() -> Steps[int]:
            done = yield from self._wait(
                self._records.update_one(self._live(key, expected), change)
            )
            return int(done.matched_count)

        return (yield from self._changed(key, expected, update))

    @_bounded
    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the document with the expected revision, or any document with None."""

        def delete() -> Steps[int]:
            done = yield from self._wait(self._records.delete_one(self._live(key, expected)))
            return int(done.deleted_count)

        return (yield from self._changed(key, expected, delete))

    def _changed(
        self, key: str, expected: bytes | None, change: Callable[[], Steps[int]]
    ) -> Steps[Outcome | Conflict]:
        """Change a document; return why if it was not there to be changed."""
        for _ in range(_ATTEMPTS):
            if (yield from change()):
                return Outcome.WRITTEN
            found = yield from self._find(key, self._clock())
            if found is None:
                return Outcome.GONE
            if expected is not None and revision_of(found.record) != expected:
                return Conflict(found.record)
            # It has come since, as a new record under this key.
        raise StoreUnavailable("MongoDB gave different answers about a revision")

    def _find(self, key: str, now: float) -> Steps[Found | None]:
        """Read a live document; refuse one that is not in our format.

        An expired one is deleted, so that it does not come back when a clock is set right.
        """
        for _ in range(_ATTEMPTS):
            document: Any = yield from self._wait(self._records.find_one({"_id": key}))
            if document is None:
                return None
            if not has_expired(document, now):
                return read(document)
            # Not if another request has written in the meantime.
            seen = {"_id": key, "expires": document["expires"]}
            done = yield from self._wait(self._records.delete_one(seen))
            if done.deleted_count:
                return None
        raise StoreUnavailable("MongoDB gave different answers about the expiry of a session")

    def _live(self, key: str, expected: bytes | None) -> dict[str, Any]:
        live: dict[str, Any] = {"_id": key, "expires": {"$gt": date(self._clock())}}
        return live if expected is None else live | {"revision": expected}

    def _fields(self, record: bytes, renew: Lifetimes | None) -> dict[str, Any]:
        if len(record) > _LARGEST:
            raise SessionTooLarge(
                len(record), _LARGEST, "the session's record", "keep less in the session"
            )
        fields: dict[str, Any] = {"revision": revision_of(record), "record": record}
        if renew is not None:
            fields["expires"] = date(self._renewing.expiry(record, renew))
        return fields

    # --- owners ------------------------------------------------------------------------

    @_bounded
    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner."""
        name, until = owner_prefix(owner) + key, {"expires": date(self._clock() + lifetime)}
        ours = {"_id": name, "expires": {"$type": "date"}}
        for attempt in range(_ATTEMPTS):
            try:
                yield from self._wait(self._owners.update_one(ours, {"$max": until}, upsert=True))
            except DuplicateKeyError:
                # Another request has noted it in the same instant: now there is one to change. Or
                # the present document has no expiry, and would never be listed.
                if attempt == _ATTEMPTS - 1:
                    raise
                other = {"_id": name, "expires": {"$not": {"$type": "date"}}}
                yield from self._wait(self._owners.update_one(other, {"$set": until}))
            else:
                return

    @_bounded
    def delist(self, owner: str, key: str) -> Steps[None]:
        """Remove a key from an owner's notes."""
        yield from self._wait(self._owners.delete_one({"_id": owner_prefix(owner) + key}))

    @_bounded
    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner."""
        return (yield from every_key(lambda after: self.owned_page(owner, after=after)))

    @_bounded
    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        """List the next keys noted for an owner."""
        prefix = owner_prefix(owner)
        page = yield from self._many(self._owners).page(prefix, after)
        return KeyPage([key.removeprefix(prefix) for key in page.keys], page.after)

    @_bounded
    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        """Remove keys from an owner's notes."""
        these = {"_id": {"$in": [owner_prefix(owner) + key for key in keys]}}
        yield from self._wait(self._owners.delete_many(these))

    # --- many at once ------------------------------------------------------------------

    @_bounded
    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        """Read records, by one query."""
        return records_of((yield from self._many(self._records).load(keys, self._clock())))

    @_bounded
    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        """Read records with the times of their last renewal."""
        found = yield from self._many(self._records).load(keys, self._clock())
        return self._renewing.dated(found, lifetimes)

    @_bounded
    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        """Delete documents, whatever their revision."""
        return (yield from self._many(self._records).remove(keys, self._clock()))

    @_bounded
    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        """List the next keys with a prefix."""
        return (yield from self._many(self._records).page(prefix, after, limit or PAGE))

    def _many(self, collection: clients.Collection) -> ManyDocuments:
        return ManyDocuments(collection, self._wait)

    # --- maintenance -------------------------------------------------------------------

    def purge(self) -> Steps[int]:
        """Delete expired documents in batches: for servers without the TTL index."""
        total = yield from self._emptied(lambda: self._records, documents.RECORDS)
        _ = yield from self._emptied(lambda: self._owners, documents.NOTES)
        return total

    def _emptied(self, collection: _Named, ours: dict[str, Any]) -> Steps[int]:
        total, found = 0, PURGED
        while found == PURGED:
            yield from checkpoint()
            found, deleted = yield from self._batch(collection, ours)
            total += deleted
        return total

    @_bounded
    def _batch(self, collection: _Named, ours: dict[str, Any]) -> Steps[tuple[int, int]]:
        return (yield from self._many(collection()).purge(ours, self._clock()))

    @_bounded
    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        """Return the findings for the collections, and for the server's clock."""
        return (yield from examination.findings(self._here, self._wait, clock))

    def prepare(self) -> Steps[None]:
        """Create the indexes by which MongoDB deletes expired documents."""
        return (yield from make_indexes(lambda: self._here, self._wait, timeout=self.timeout))

    def close(self) -> Steps[None]:
        """Close this process's and event loop's connections, unless the client was passed in."""
        return self.opened.close()

    # --- connections -------------------------------------------------------------------

    def _wait(self, answer: Any) -> Steps[Any]:
        """Wait for a client's answer.

        If pymongo 4.20 is cancelled while it connects, it never closes the socket.
        """
        return wait(apart(answer) if self.colours is Colour.ASYNC else answer)

    @property
    def _records(self) -> clients.Collection:
        return self._here.records

    @property
    def _owners(self) -> clients.Collection:
        return self._here.owners

    @property
    def _here(self) -> clients.Opened:
        """The client of this process and event loop, opened on first use."""
        found = self.opened.here()
        if found is None:
            client = self._source
            if isinstance(client, str):
                client = clients.connect(client, self.colours, self.timeout)
            elif self.colours is Colour.ASYNC:
                here = place(loop=True)
                self._taken = here if self._taken is None else self._taken
                if self._taken != here:
                    raise StoreUnavailable(
                        "SESSION_MONGODB is an AsyncMongoClient of another event loop, or of "
                        "another process: use a URL"
                    )
            found = clients.opened(client, self._database, self._collection)
            found = self.opened.keep(found)
        return found


@with_settings(MongoSettings)
def open_store(config: Config, settings: MongoSettings, *, clock: Clock) -> MongoStore:
    """Open the store of SESSION_TYPE "mongodb"."""
    return MongoStore(
        settings.source,
        database=settings.database,
        collection=settings.collection,
        timeout=config.store_timeout,
        touching=config.touching(),
        clock=clock,
    )
