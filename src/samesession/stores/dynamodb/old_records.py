"""Read the table that Flask-Session keeps sessions in, by scanning it.

{id: S, the key; val: B; expiration: N, seconds since 1970}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ...core.old_names import names_of
from ...core.old_records import OldRecord, Place
from ...core.steps import Steps, checkpoint
from ...core.store import Clock, Colour
from ...errors import ConfigError
from ...settings import Config
from . import clients, items
from .asking import Asking
from .settings import DynamoDBSettings

_TABLE = "Sessions"  # Flask-Session's default


class OldItems:
    """The items of a table, a megabyte at a time."""

    def __init__(self, source: clients.Source, place: Place, *, colour: Colour) -> None:
        self._source = source
        self._place = place
        self._colour = colour
        self._table = place.table or _TABLE
        self._opened: clients.Opened | None = None
        self._after: Any = None  # Any: a key, as the client gives and takes it
        self._is_over = False
        self.location = f"the table {self._table} of DynamoDB{clients.place_of(source)}"

    def batch(self) -> Steps[Sequence[OldRecord] | None]:
        """Read the next items."""
        if self._is_over:
            return None
        yield from checkpoint()
        timeout = self._place.timeout
        if self._opened is None:
            self._opened = yield from clients.open_client(
                self._source, self._colour, timeout=timeout
            )
        is_native = self._source.is_native
        asking = Asking(self._opened.client, self._table, timeout, is_native=is_native)
        answer = yield from asking.ask("scan", {} if self._after is None else self._begin())
        self._after = answer.get("LastEvaluatedKey")
        self._is_over = not self._after
        records = [self._record(item) for item in answer.get("Items", [])]
        return [each for each in records if str(each.key).startswith(self._place.prefix)]

    def close(self) -> Steps[None]:
        """Close the connections, unless the client was passed in."""
        if self._opened is not None:
            yield from clients.close_client(self._source, self._opened)

    def _begin(self) -> items.Request:
        return {"ExclusiveStartKey": {"id": items.plain(self._after["id"])}}

    def _record(self, item: items.Item) -> OldRecord:
        key, data, end = (items.plain(item.get(name, "")) for name in ("id", "val", "expiration"))
        is_read = isinstance(data, bytes) and len(data) <= self._place.max_bytes
        raw = bytes(data) if is_read and isinstance(data, bytes) else None
        return OldRecord(names_of(str(key))[0], str(key), raw, _seconds(end))


def _seconds(end: object) -> float | None:
    try:
        return float(str(end))
    except ValueError:
        return None  # without one DynamoDB never deletes it


def open_old_records(
    source: str | None, place: Place, *, config: Config, colour: Colour, clock: Clock
) -> OldItems:
    """Return a reader for a table of `dynamodb://REGION`, or of SESSION_DYNAMODB's place.

    Raises ConfigError.
    """
    del clock
    own = config.of(DynamoDBSettings)
    given, region, endpoint = own.source, own.region, own.endpoint_url
    if source is not None:
        given, region, endpoint = None, *_place_in(source)
    found = clients.read_source(given, region=region, endpoint_url=endpoint, timeout=place.timeout)
    clients.check(found, colour)
    return OldItems(found, place, colour=colour)


def _place_in(url: str) -> tuple[str | None, str | None]:
    """Return the region and the endpoint of `dynamodb://REGION?endpoint_url=...`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    endpoint = options.pop("endpoint_url", None)
    if options or parts.path.strip("/") or parts.fragment:
        raise ConfigError(
            'write "dynamodb://eu-central-1", and --table for a table other than Sessions'
        )
    return parts.netloc or None, endpoint
