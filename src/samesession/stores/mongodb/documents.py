"""The documents of the mongodb store: how they are named, and read. Knows no client."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from bson.datetime_ms import DatetimeMS

from ...core.record import revision_of
from ...errors import BadRecord

Document = dict[str, Any]  # Any: a document holds what it holds

# What only documents of ours are: connect-mongo, too, keeps `sessions` with `expires`.
RECORDS: Document = {"record": {"$type": "binData"}, "revision": {"$type": "binData"}}
NOTES: Document = {"_id": {"$regex": "^[0-9a-f]{64}:"}}

# How MongoDB deletes what has expired; it cannot tell notes by the text of their `_id`.
_INDEX: Document = {"name": "samesession_expires", "expireAfterSeconds": 0}
INDEXES = ({**_INDEX, "partialFilterExpression": RECORDS}, _INDEX)


class Found(NamedTuple):
    """A live record, and the second at which it expires."""

    record: bytes
    expires: int


def read(document: Document) -> Found:
    """Read a document; raises BadRecord for one that is not as we write them."""
    record, expires = document.get("record"), document.get("expires")
    if not isinstance(record, bytes) or not isinstance(expires, DatetimeMS):
        raise BadRecord("its document has other fields than ours")
    if document.get("revision") != revision_of(record):
        raise BadRecord("its document and its record have different revisions")
    return Found(record, int(expires) // 1000)


def has_expired(document: Document, now: float) -> bool:
    """Return whether a document's moment has come; one that has no moment is not ours."""
    expires = document.get("expires")
    return isinstance(expires, DatetimeMS) and int(expires) <= int(date(now))


def records_in(documents: Iterable[Document]) -> Iterator[tuple[str, Found]]:
    """Return the records of documents, by their keys; what is not as we write it is passed over."""
    for document in documents:
        try:
            yield document["_id"], read(document)
        except BadRecord:
            continue


def date(moment: float) -> DatetimeMS:
    """Return seconds since 1970 as MongoDB has them."""
    # Not a datetime: that ends in the year 9999, and rounds.
    return DatetimeMS(int(moment * 1000))


def owner_prefix(owner: str) -> str:
    """Return how the `_id` of an owner's notes begins."""
    # A digest: an owner's name may be of any length and hold anything.
    return f"{hashlib.sha256(owner.encode()).hexdigest()}:"


def behind(prefix: str) -> str:
    """Return what follows all that begins with a prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
