"""The documents of the mongodb store: their names and fields. No client is used here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from bson.datetime_ms import DatetimeMS

from ...core.record import revision_of
from ...errors import BadRecord

Document = dict[str, Any]  # Any: a document's fields have any types

# What only our documents have: connect-mongo, too, keeps `sessions` with `expires`.
RECORDS: Document = {"record": {"$type": "binData"}, "revision": {"$type": "binData"}}
NOTES: Document = {"_id": {"$regex": "^[0-9a-f]{64}:"}}

# How MongoDB deletes expired documents; it cannot recognise notes by the text of their `_id`.
_INDEX: Document = {"name": "samesession_expires", "expireAfterSeconds": 0}
INDEXES = ({**_INDEX, "partialFilterExpression": RECORDS}, _INDEX)


class Found(NamedTuple):
    """A live record, and the second at which it expires."""

    record: bytes
    expires: int


def read(document: Document) -> Found:
    """Read a document; raise BadRecord if it is not in our format."""
    record, expires = document.get("record"), document.get("expires")
    if not isinstance(record, bytes) or not isinstance(expires, DatetimeMS):
        raise BadRecord("its document has other fields than ours")
    if document.get("revision") != revision_of(record):
        raise BadRecord("its document and its record have different revisions")
    return Found(record, int(expires) // 1000)


def has_expired(document: Document, now: float) -> bool:
    """Return whether a document has expired; one without an expiry is not ours."""
    expires = document.get("expires")
    return isinstance(expires, DatetimeMS) and int(expires) <= int(date(now))


def records_in(documents: Iterable[Document]) -> Iterator[tuple[str, Found]]:
    """Return the records of documents, by their keys; documents in other formats are skipped."""
    for document in documents:
        try:
            yield document["_id"], read(document)
        except BadRecord:
            continue


def date(moment: float) -> DatetimeMS:
    """Return seconds since 1970 as a date of MongoDB."""
    # Not a datetime: it ends in the year 9999, and rounds.
    return DatetimeMS(int(moment * 1000))


def owner_prefix(owner: str) -> str:
    """Return the prefix of the `_id` of an owner's notes."""
    # A digest, because an owner's name may have any length and any characters.
    return f"{hashlib.sha256(owner.encode()).hexdigest()}:"


def behind(prefix: str) -> str:
    """Return the first text after all texts with a prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
