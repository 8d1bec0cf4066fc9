"""Keep records in Amazon DynamoDB: one item for each record, and one for each key of an owner.

Each method is one request on one item, with a condition if another request may interfere. So
nothing is ever half done. Every read is consistent: it sees each write that was acknowledged
before. Each request checks the expiry, because DynamoDB takes days to delete expired items.

botocore serves Flask, aiobotocore Quart: their clients have the same methods. Clients belong to one
process and one event loop: each gets its own, on first use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from ...core.batches import every_key
from ...core.findings import Finding
from ...core.idle_renewal import Touching
from ...core.names import checked_prefix
from ...core.record import revision_of
from ...core.steps import Steps, checkpoint, pause
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
from ...errors import ConfigError, StoreUnavailable
from ...run.clocks import stopwatch, system_time
from ...run.per_loop import PerLoop
from ...settings import Config
from ..kit.opener import with_settings
from ..kit.renewing_load import RenewingLoad, records_of
from . import clients, errors, examination, items
from .asking import Asking, Refused, live
from .settings import DynamoDBSettings

_SID_BYTES = 22  # in every key after its prefix
_TABLE_PAUSE = 0.2  # seconds between checks of a table that is being created
_TABLE_PATIENCE = 120.0  # seconds that this may take


class DynamoDBStore:
    """Records as items of one table."""

    def __init__(
        self,
        source: Any = None,  # sessions and clients of three packages have no common type
        *,
        colour: Colour | None = None,
        table: str = "samesession",
        region: str | None = None,
        endpoint_url: str | None = None,
        prefix: str = "session:",
        timeout: float = 2.0,
        touching: Touching | None = None,
        clock: Clock = system_time,
    ) -> None:
        """Take a session of boto3, aiobotocore or aioboto3, a client of boto3, or none of them.

        `prefix`: before the names of an owner's notes. `timeout`: seconds for a whole operation,
        half of them for each wait. Raises ConfigError for other objects.
        """
        self._source = clients.read_source(
            source, region=region, endpoint_url=endpoint_url, timeout=timeout
        )
        self._table = table
        self._prefix = checked_prefix(prefix)
        self._timeout = timeout
        self._renewing = RenewingLoad(touching or Touching(), clock)
        self._clock = clock
        both = self._source.colour is Colour.BOTH
        self.colours = colour or (Colour.SYNC if both else self._source.colour)
        self._opened: PerLoop[clients.Opened] = PerLoop(
            partial(clients.close_client, self._source), loop=self.colours is Colour.ASYNC
        )

    @property
    def capabilities(self) -> Capabilities:
        """The store's capabilities: it may postpone renewing."""
        return self._renewing.capabilities()

    @property
    def location(self) -> str:
        """The table, and its place."""
        return f"the table {self._table} of DynamoDB{clients.place_of(self._source)}"

    def open_for(self, colour: Colour) -> DynamoDBStore:
        """Return the store for callers of that colour; a client that was passed in has one."""
        clients.check(self._source, colour)
        if colour is self.colours:
            return self
        return DynamoDBStore(
            self._source.given,
            colour=colour,
            table=self._table,
            region=self._source.region,
            endpoint_url=self._source.endpoint_url,
            prefix=self._prefix,
            timeout=self._timeout,
            touching=self._renewing.touching,
            clock=self._clock,
        )

    # --- the protocol ------------------------------------------------------------------

    def load(self, key: str, *, renew: Lifetimes | None) -> Steps[bytes | None]:
        """Read a record, and restart its idle timeout when it is due."""
        asking = yield from self._asking()

        def touch(found: items.Found, expires: int) -> Steps[items.Found]:
            _ = yield from asking.ask("update_item", items.touch(key, found, expires=expires))
            return found

        found = yield from self._renewing.load_in_steps(partial(asking.found, key), touch, renew)
        return None if found is None else found.record

    def create(self, key: str, record: bytes, *, lifetimes: Lifetimes) -> Steps[bool]:
        """Put an item if there is none, or in place of an expired one."""
        items.check_size(key, record)
        now = self._clock()
        expires = self._renewing.touching.expiry_of(record, lifetimes, now)
        asking = yield from self._asking()
        request = items.create(key, record, expires=expires, now=int(now))
        return not isinstance((yield from asking.ask("put_item", request)), Refused)

    def commit(
        self, key: str, record: bytes, *, expected: bytes, renew: Lifetimes | None
    ) -> Steps[Outcome | Conflict]:
        """Update the item with the expected revision."""
        items.check_size(key, record)
        now = self._clock()
        expires = None if renew is None else self._renewing.touching.expiry_of(record, renew, now)
        request = items.commit(key, record, expected=expected, expires=expires, now=int(now))
        return (yield from self._change(key, "update_item", request, expected))

    def remove(self, key: str, *, expected: bytes | None) -> Steps[Outcome | Conflict]:
        """Delete the item with the expected revision, or any item with None."""
        request = items.remove(key, expected=expected, now=int(self._clock()))
        return (yield from self._change(key, "delete_item", request, expected))

    def enlist(self, owner: str, key: str, *, lifetime: int) -> Steps[None]:
        """Note that a key belongs to an owner."""
        asking = yield from self._asking()
        expires = int(self._clock()) + lifetime
        request = items.enlist(self._prefix, owner, key, expires=expires)
        _ = yield from asking.ask("put_item", request)

    def delist(self, owner: str, key: str) -> Steps[None]:
        """Remove a key from an owner's notes."""
        asking = yield from self._asking()
        _ = yield from asking.ask("delete_item", items.delist(self._prefix, owner, key))

    def owned(self, owner: str) -> Steps[Iterable[str]]:
        """List the keys noted for an owner, a megabyte per request."""
        return (yield from every_key(lambda after: self.owned_page(owner, after=after)))

    def owned_page(self, owner: str, *, after: str | None) -> Steps[KeyPage]:
        """List the next keys noted for an owner, a megabyte at most."""
        asking = yield from self._asking()
        answer = yield from asking.ask("query", items.owned(self._prefix, owner, after))
        found = answer.get("Items", [])
        end = answer.get("LastEvaluatedKey")
        return KeyPage(items.noted_in(found), items.noted_in([end])[0] if end else None)

    def delist_many(self, owner: str, keys: Sequence[str]) -> Steps[None]:
        """Remove keys from an owner's notes."""
        asking = yield from self._asking()
        for first in range(0, len(keys), items.BATCH_WRITES):
            some = keys[first : first + items.BATCH_WRITES]
            request = items.delist_many(self._table, self._prefix, owner, some)
            _ = yield from asking.ask_all("batch_write_item", request, "UnprocessedItems")

    def load_many(self, keys: Sequence[str]) -> Steps[Sequence[bytes | None]]:
        """Read records, a hundred per request."""
        return records_of((yield from self._many(keys)))

    def load_dated(
        self, keys: Sequence[str], *, lifetimes: Lifetimes
    ) -> Steps[Sequence[DatedRecord | None]]:
        """Read records with the times of their last renewal."""
        return self._renewing.dated((yield from self._many(keys)), lifetimes)

    def _many(self, keys: Sequence[str]) -> Steps[list[items.Found | None]]:
        asking, now = (yield from self._asking()), int(self._clock())
        found: dict[object, items.Found] = {}
        for first in range(0, len(keys), items.BATCH_READS):
            request = items.load_many(self._table, keys[first : first + items.BATCH_READS])
            for answer in (yield from asking.ask_all("batch_get_item", request, "UnprocessedKeys")):
                answered = answer["Responses"].get(self._table, [])
                found.update(items.live_among(answered, now))
                for key, over in items.expired_among(answered, now):
                    yield from checkpoint()
                    _ = yield from asking.ask("delete_item", items.end(key, over))
        return [found.get(key) for key in keys]

    def remove_many(self, keys: Sequence[str]) -> Steps[Sequence[bool]]:
        """Delete records, one per request: a batch would not return which ones existed."""
        removed: list[bool] = []
        for key in keys:
            yield from checkpoint()
            removed.append((yield from self.remove(key, expected=None)) is Outcome.WRITTEN)
        return removed

    def keys_page(
        self, prefix: str, *, after: str | None, limit: int | None = None
    ) -> Steps[KeyPage]:
        """List keys with a prefix, by reading the whole table."""
        asking = yield from self._asking()
        answer = yield from asking.ask("scan", items.records(prefix, after, limit))
        end = answer.get("LastEvaluatedKey")
        keys = [items.key_of(item) for item in answer.get("Items", [])]
        return KeyPage(keys, items.position_of(end) if end else None)

    def close(self) -> Steps[None]:
        """Close this process's and event loop's connections."""
        return self._opened.close()

    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        """Return the findings for the table, and for DynamoDB's clock."""
        asking = yield from self._asking()
        return (yield from examination.findings(asking, self._table, clock))

    def prepare(self) -> Steps[None]:
        """Create the table if it is missing, and make DynamoDB delete expired items."""
        until = stopwatch() + _TABLE_PATIENCE
        while True:
            asking = yield from self._asking()
            found = yield from asking.table()
            if found is None:
                yield from asking.make_table()
            elif not items.is_ours(found):
                raise StoreUnavailable(
                    f"the table {self._table!r} in DynamoDB has other keys than pk and sk: name "
                    "another one with SESSION_DYNAMODB_TABLE"
                )
            elif found.get("TableStatus") in ("ACTIVE", "UPDATING"):
                break
            if stopwatch() > until:
                raise StoreUnavailable(f"DynamoDB is still creating the table {self._table!r}")
            yield from pause(_TABLE_PAUSE)
        asking = yield from self._asking()
        yield from asking.expire()

    # --- connections -------------------------------------------------------------------

    def _change(
        self, key: str, operation: str, request: items.Request, expected: bytes | None
    ) -> Steps[Outcome | Conflict]:
        """Change the item with the expected revision, or return why it was not there."""
        asking = yield from self._asking()
        answer = yield from asking.ask(operation, request)
        if not isinstance(answer, Refused):
            return Outcome.WRITTEN
        found = live(answer.item, self._clock())
        if found is None:
            # It has expired, and must be deleted; or the item is not returned, as by some
            # emulators: "gone" would log a user out.
            found = yield from asking.found(key, self._clock())
        if found is None:
            return Outcome.GONE
        if expected is None or revision_of(found.record) == expected:
            # It has come since: the caller's next attempt finds it.
            raise StoreUnavailable("DynamoDB gave different answers about a revision")
        return Conflict(found.record)

    def _asking(self) -> Steps[Asking]:
        """Begin an operation, with the client of this process and event loop."""
        opened = self._opened.here()
        if opened is None:
            try:
                fresh = yield from clients.open_client(
                    self._source, self.colours, timeout=self._timeout
                )
            except errors.FAILURES as error:
                raise errors.translated(error, "a client", self._table) from None
            opened = self._opened.keep(fresh)
            if opened is not fresh:  # another task was faster
                yield from clients.close_client(self._source, fresh)
        native = self._source.is_native
        return Asking(opened.client, self._table, self._timeout, is_native=native)


@with_settings(DynamoDBSettings)
def open_store(config: Config, settings: DynamoDBSettings, *, clock: Clock) -> DynamoDBStore:
    """Open the store of SESSION_TYPE "dynamodb"."""
    most = items.SORT_KEY_BYTES - _SID_BYTES - items.NOTE_BYTES
    if len(config.rules.prefix.encode()) > most:
        raise ConfigError(f"SESSION_KEY_PREFIX is too long for DynamoDB: {most} bytes at most")
    return DynamoDBStore(
        settings.source,
        table=settings.table,
        region=settings.region,
        endpoint_url=settings.endpoint_url,
        prefix=config.rules.prefix,
        timeout=config.store_timeout,
        touching=config.touching(),
        clock=clock,
    )
