"""Read the collection that Flask-Session keeps sessions in, in the order of its `_id`.

    {_id: ObjectId, id: key, val: bytes, expiration: Date}

The URL does not name the database, which is another setting of Flask-Session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymongo

from ...core.old_names import names_of
from ...core.old_records import OldRecord, Pace, Place
from ...core.steps import Steps, checkpoint, wait
from ...core.store import Clock, Colour
from ...errors import ConfigError
from ...run.aio import apart
from ...settings import Config
from ..kit.quiet_logging import unlogged
from . import clients
from .settings import MongoSettings

_DATABASE, _COLLECTION = "flask_session", "sessions"  # Flask-Session's defaults
_SECOND = 1000  # the unit of a date


class OldDocuments:
    """The documents of a collection."""

    def __init__(self, source: object, place: Place, *, colour: Colour) -> None:
        self._place = place
        self._colour = colour
        self._given = source
        self._database, self._collection = _names(place)
        self._opened: clients.Opened | None = None
        self._after: Any = None  # Any: an ObjectId
        self._pace = Pace()
        where = clients.place_of(source, self._database)
        self.location = f"the collection {self._collection} of {where}"

    def batch(self) -> Steps[Sequence[OldRecord] | None]:
        """Read the next documents."""
        yield from checkpoint()
        told = clients.told(lambda: self._opened)
        with told, pymongo.timeout(self._place.timeout), unlogged("pymongo.command"):
            wanted: dict[str, Any] = {"id": {"$type": "string"}}
            if self._after is not None:
                wanted["_id"] = {"$gt": self._after}
            cursor = self._here.find(wanted).sort("_id", 1).limit(self._pace.size)
            answer = cursor.to_list(None)
            if self._colour is Colour.ASYNC:
                answer = apart(answer)
            found: list[dict[str, Any]] = yield from wait(answer)
        if not found:
            return None
        self._after = found[-1]["_id"]
        records = [self._record(each) for each in found]
        self._pace.weigh(records)
        return [each for each in records if str(each.key).startswith(self._place.prefix)]

    def close(self) -> Steps[None]:
        """Close the connections, unless the client was passed in."""
        if self._opened is not None and self._opened.client is not self._given:
            yield from wait(self._opened.client.close())

    @property
    def _here(self) -> clients.Collection:
        if self._opened is None:
            client: Any = self._given
            if isinstance(client, str):
                client = clients.connect(client, self._colour, self._place.timeout)
            self._opened = clients.opened(client, self._database, self._collection)
        return self._opened.records

    def _record(self, document: dict[str, Any]) -> OldRecord:
        key, data, end = (document.get(name) for name in ("id", "val", "expiration"))
        raw = (
            bytes(data) if isinstance(data, bytes) and len(data) <= self._place.max_bytes else None
        )
        # In the form read here, a date counts milliseconds. Without one MongoDB never deletes it.
        expires = None if end is None else int(end) / _SECOND
        return OldRecord(names_of(str(key))[0], str(key), raw, expires)


def _names(place: Place) -> tuple[str, str]:
    """Return the database, whose name has no dot, and the collection."""
    database, dot, collection = (place.table or _COLLECTION).partition(".")
    return (database, collection) if dot else (_DATABASE, database)


def open_old_records(
    source: str | None, place: Place, *, config: Config, colour: Colour, clock: Clock
) -> OldDocuments:
    """Return a reader of a URL's server, or of SESSION_MONGODB's; raise ConfigError."""
    del clock
    clients.read_names(*_names(place))
    chosen: Any = config.of(MongoSettings).source if source is None else source
    if isinstance(chosen, str):
        chosen = clients.read_url(chosen)
    elif clients.colour_of(chosen) is not colour:
        raise ConfigError("SESSION_MONGODB is a client of the other colour")
    return OldDocuments(chosen, place, colour=colour)
