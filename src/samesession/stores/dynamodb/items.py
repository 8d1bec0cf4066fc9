"""The table of the dynamodb store, and the requests on it, as data.

    pk                  sk         expires   revision   record
    PREFIX + sid        record     N         B          B         one session
    PREFIX owner:HASH   key:KEY    N                              one key of one owner

`expires` is in whole seconds since 1970 in UTC, and is DynamoDB's TTL attribute. A revision
is the first eight bytes of a record. An owner is a digest, because the name may have
any length. No client is used here: values are Python's, and `wired` converts them for the wire.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ...core.record import revision_of
from ...errors import BadRecord, SessionTooLarge

# Any: what botocore takes and gives is described by Amazon's data files, not by types.
Request = dict[str, Any]
Item = Mapping[str, Any]

TTL = "expires"
BATCH_READS, BATCH_WRITES = 100, 25  # DynamoDB's limits for keys in one request
_PAGE = 1000  # notes, or items to look at, in one answer
_ITEM_BYTES = 400 * 1024  # DynamoDB's limit, including names and values of all attributes
SORT_KEY_BYTES = 1024  # DynamoDB's limit for an `sk`
# More than the attributes besides the key and the record take, names included.
_OVERHEAD = 128

_RECORD = "record"
_NOTE = "key:"
NOTE_BYTES = len(_NOTE)
_KEYS = {"pk": "S", "sk": "S"}
_ALL_OLD: Request = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
# The fields that hold values, and those that hold values by table.
_VALUES = ("Key", "Item", "ExpressionAttributeValues", "ExclusiveStartKey")
_TABLES = "RequestItems"


class Found(NamedTuple):
    """A record, and when it expires."""

    record: bytes
    expires: int


def load(key: str) -> Request:
    """Read a record with a consistent read, not as another of DynamoDB's nodes last saw it."""
    return {"Key": _name(key), "ConsistentRead": True}


def check_size(key: str, record: bytes) -> None:
    """Raise SessionTooLarge for a record that does not fit into an item."""
    limit = _ITEM_BYTES - _OVERHEAD - len(key.encode())
    if len(record) > limit:
        raise SessionTooLarge(
            len(record),
            limit,
            "the session's record",
            "keep less in the session, or choose a store with room for more",
        )


def create(key: str, record: bytes, *, expires: int, now: int) -> Request:
    """Put a record if there is none, or in place of an expired one."""
    return {
        "Item": {
            **_name(key),
            "record": record,
            "revision": revision_of(record),
            "expires": expires,
        },
        "ConditionExpression": "attribute_not_exists(pk) OR expires <= :now",
        "ExpressionAttributeValues": {":now": now},
    }


def commit(key: str, record: bytes, *, expected: bytes, expires: int | None, now: int) -> Request:
    """Replace a live record with the expected revision, and with `expires` also its expiry."""
    change = "SET #record = :record, revision = :revision"
    values = {":record": record, ":revision": revision_of(record), ":expected": expected}
    moment = {} if expires is None else {":expires": expires}
    return {
        "Key": _name(key),
        "UpdateExpression": change + ("" if expires is None else ", expires = :expires"),
        "ConditionExpression": "revision = :expected AND expires > :now",
        "ExpressionAttributeNames": {"#record": "record"},  # the word is reserved
        "ExpressionAttributeValues": {**values, ":now": now, **moment},
        **_ALL_OLD,
    }


def touch(key: str, found: Found, *, expires: int) -> Request:
    """Change a record's expiry, unless another request has written in the meantime."""
    return {
        "Key": _name(key),
        "UpdateExpression": "SET expires = :expires",
        "ConditionExpression": "revision = :revision AND expires = :seen",
        "ExpressionAttributeValues": {
            ":revision": revision_of(found.record),
            ":seen": found.expires,
            ":expires": expires,
        },
    }


def end(key: str, found: Found) -> Request:
    """Delete an expired record, unless another request has written in the meantime."""
    return {
        "Key": _name(key),
        "ConditionExpression": "expires = :seen",
        "ExpressionAttributeValues": {":seen": found.expires},
    }


def remove(key: str, *, expected: bytes | None, now: int) -> Request:
    """Delete a live record with the expected revision, or any live record with None."""
    condition = "expires > :now"
    values: Request = {":now": now}
    if expected is not None:
        condition += " AND revision = :expected"
        values[":expected"] = expected
    return {
        "Key": _name(key),
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
        **_ALL_OLD,
    }


def enlist(prefix: str, owner: str, key: str, *, expires: int) -> Request:
    """Put a note that a key belongs to an owner, or change the expiry of an existing one."""
    return {"Item": {**_note(prefix, owner, key), "expires": expires}}


def delist(prefix: str, owner: str, key: str) -> Request:
    """Delete a note."""
    return {"Key": _note(prefix, owner, key)}


def owned(prefix: str, owner: str, after: str | None) -> Request:
    """Read the next notes of an owner; an answer has at most a megabyte."""
    start = {} if after is None else {"ExclusiveStartKey": _note(prefix, owner, after)}
    return {
        "KeyConditionExpression": "pk = :owner AND begins_with(sk, :note)",
        "ExpressionAttributeValues": {":owner": _owner(prefix, owner), ":note": _NOTE},
        "ConsistentRead": True,
        "Limit": _PAGE,
        **start,
    }


def records(prefix: str, after: str | None, limit: int | None) -> Request:
    """Read the next items of the table, of any kind, to find records under a prefix."""
    start = {} if after is None else {"ExclusiveStartKey": _unspelt(after)}
    return {
        "FilterExpression": "sk = :record AND begins_with(pk, :prefix)",
        "ExpressionAttributeValues": {":record": _RECORD, ":prefix": prefix},
        "ConsistentRead": True,
        "Limit": limit or _PAGE,
        **start,
    }


def load_many(table: str, keys: Sequence[str]) -> Request:
    """Read records, as many as one request may name."""
    return {"RequestItems": {table: {"Keys": [*map(_name, keys)], "ConsistentRead": True}}}


def delist_many(table: str, prefix: str, owner: str, keys: Sequence[str]) -> Request:
    """Delete notes, as many as one request may name."""
    deletions = [{"DeleteRequest": {"Key": _note(prefix, owner, key)}} for key in keys]
    return {"RequestItems": {table: deletions}}


def table() -> Request:
    """Describe the table to create; it needs no capacity estimate, and costs nothing when idle."""
    return {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in _KEYS.items()
        ],
        "KeySchema": _schema(),
        "BillingMode": "PAY_PER_REQUEST",
    }


def is_ours(description: Mapping[str, Any]) -> bool:
    """Return whether an existing table has our keys."""
    kinds = {each["AttributeName"]: each["AttributeType"] for each in _listed(description)}
    return description.get("KeySchema") == _schema() and kinds.items() >= _KEYS.items()


def _listed(description: Mapping[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = description.get("AttributeDefinitions", [])
    return found


def _schema() -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(_KEYS, ("HASH", "RANGE"), strict=True)
    ]


def _name(key: str) -> dict[str, str]:
    return {"pk": key, "sk": _RECORD}


def _note(prefix: str, owner: str, key: str) -> dict[str, str]:
    return {"pk": _owner(prefix, owner), "sk": _NOTE + key}


def _owner(prefix: str, owner: str) -> str:
    return f"{prefix}owner:{hashlib.sha256(owner.encode()).hexdigest()}"


# --- values ----------------------------------------------------------------------------


def wired(request: Request) -> Request:
    """Convert a request's values for the wire: {"S": "text"}."""
    changed = {
        field: {name: _wired(value) for name, value in request[field].items()}
        for field in _VALUES
        if field in request
    }
    if _TABLES in request:
        changed[_TABLES] = _wired_tables(request[_TABLES])
    return {**request, **changed}


def _wired_tables(tables: Request) -> Request:
    """The same for a request on many items, whose keys are nested deeper."""
    (table, asked), *_ = tables.items()
    if isinstance(asked, list):
        deletions = cast("list[Request]", asked)
        return {table: [{name: wired(each[name]) for name in each} for each in deletions]}
    keys = [wired({"Key": key})["Key"] for key in asked["Keys"]]
    return {table: {**asked, "Keys": keys}}


def _wired(value: str | int | bytes | dict[str, Any]) -> dict[str, Any]:
    match value:
        case dict():  # in DynamoDB's spelling
            return value
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case _:
            return {"B": value}


def plain(attribute: Any) -> object:
    """Return the value of an attribute, from the wire or from a resource of boto3."""
    if isinstance(attribute, dict):
        (attribute,) = cast("dict[str, object]", attribute).values()
    return getattr(attribute, "value", attribute)  # boto3 wraps bytes


def found_in(item: Item) -> Found:
    """Return the record of an item; raise BadRecord if its attributes are not ours."""
    try:
        record = bytes(cast("bytes", plain(item["record"])))
        revision = bytes(cast("bytes", plain(item["revision"])))
        expires = int(cast("str", plain(item["expires"])))
    except (KeyError, TypeError, ValueError):
        raise BadRecord("its item has other attributes") from None
    if revision != revision_of(record):
        raise BadRecord("its item and its record have different revisions")
    return Found(record, expires)


def is_anothers(item: Item, key: str) -> bool:
    """Return whether an item has another key than expected: it answers another request."""
    return key_of(item) != key


def live_in(item: Item, now: int) -> Found | None:
    """Return the record of an item; None if it has expired."""
    found = found_in(item)
    return found if found.expires > now else None


def live_among(items: list[Item], now: int) -> Iterator[tuple[str, Found]]:
    """Return the live records among items, by their keys; other programs' items are skipped."""
    return ((key, found) for key, found in _sound(items) if found.expires > now)


def expired_among(items: list[Item], now: int) -> Iterator[tuple[str, Found]]:
    """Return the expired records among items, by their keys."""
    return ((key, found) for key, found in _sound(items) if found.expires <= now)


def _sound(items: list[Item]) -> Iterator[tuple[str, Found]]:
    for item in items:
        try:
            yield key_of(item), found_in(item)
        except BadRecord:
            continue


def key_of(item: Item) -> str:
    """Return the key of a record's item; raise BadRecord if it has none."""
    return _name_in(item, "pk")


def noted_in(items: list[Item]) -> list[str]:
    """Return the keys of an owner's notes, expired or not.

    A clock may be fast. The record decides whether the session is alive.
    """
    return [_name_in(item, "sk").removeprefix(_NOTE) for item in items]


def _name_in(item: Item, attribute: str) -> str:
    try:
        return str(plain(item[attribute]))
    except (KeyError, TypeError, ValueError):
        raise BadRecord("its item has other attributes") from None


def position_of(key: Item) -> str:
    """Return where an answer ends, so that the next request can start there."""
    return json.dumps([_name_in(key, "pk"), _name_in(key, "sk")])


def _unspelt(position: str) -> dict[str, str]:
    pk, sk = json.loads(position)
    return {"pk": pk, "sk": sk}
