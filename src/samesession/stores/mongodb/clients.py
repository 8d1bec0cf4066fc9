"""Reach MongoDB: the clients that fit, the concerns of reads and writes, and errors.

This module knows pymongo and no records. A majority of the replica set acknowledges each write, so
no failover undoes one. Reads return the primary's newest state: `readConcern: "majority"` may be
older than a write that is running, and then the record that caused a conflict could not be
returned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias, cast

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from pymongo import AsyncMongoClient, MongoClient, ReadPreference, WriteConcern
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from ...core.steps import Steps, wait
from ...core.store import Colour
from ...errors import ConfigError, StoreUnavailable
from ..kit.server_names import UNCLEAR, hosts_of
from .settings import HELP

# Both colours have the same methods, and their answers go through `wait`; pymongo has no common
# type for them.
Client: TypeAlias = Any
Collection: TypeAlias = Any

OUTAGES = (PyMongoError, BSONError, OSError)

_DATABASE = "samesession"  # if the URL names none
_DATABASE_NAME = re.compile(r'[^\s./\\$"\x00]{1,63}')
_COLLECTION_NAME = re.compile(r"(?!system\.|\.)[^$\x00]{1,180}(?<!\.)")
_SRV = "mongodb+srv://"
# Whatever options a given client has: documents are dicts, and dates of any size can be read.
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    # A key that is not valid text must not prevent the others of its answer from being read.
    unicode_decode_error_handler="replace",
)
_REFUSED = {13: "not authorized", 18: "the user or password is wrong"}
_OTHER_INDEX = {85, 86}


class Opened(NamedTuple):
    """A client, and its collections."""

    client: Client
    records: Collection
    owners: Collection


def read_url(url: str) -> str:
    """Check a URL without connecting or asking a name server.

    Raises ConfigError, which quotes nothing: a URL may hold a password.
    """
    if url.startswith(_SRV):
        return url
    try:
        _made(url, Colour.SYNC, 1.0).close()
    except (PyMongoError, OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f"SESSION_MONGODB is not a URL that pymongo accepts ({type(error).__name__}): {HELP}"
        ) from None
    return url


def place_of(source: object, database: str | None) -> str:
    """Name the servers and the database of a URL or client, without a user or password."""
    scheme, own = "mongodb", ""
    if isinstance(source, str):
        scheme, hosts = source.partition("://")[0], hosts_of(source)
        if hosts != UNCLEAR:
            path = re.split(r"[?#]", source.partition("://")[2])[0]
            own = path.rpartition("@")[2].partition("/")[2]
    else:
        known: Any = cast("Client", source).topology_description.server_descriptions()
        hosts = ",".join(f"{host}:{port}" for host, port in sorted(known))
    return f"{scheme}://{hosts}/{database or own or _DATABASE}"


def read_names(database: str | None, collection: str) -> None:
    """Check names as MongoDB would; raise ConfigError."""
    if database is not None and not _DATABASE_NAME.fullmatch(database):
        raise ConfigError(
            'SESSION_MONGODB_DB is not a valid name of a database: write one such as "app"'
        )
    if not _COLLECTION_NAME.fullmatch(collection):
        raise ConfigError(
            "SESSION_MONGODB_COLLECT is not a valid name of a collection: write one such as "
            '"sessions"'
        )


def colour_of(source: object) -> Colour:
    """Return the colour of a client; raise ConfigError for any other object."""
    if isinstance(source, MongoClient):
        return Colour.SYNC
    if isinstance(source, AsyncMongoClient):
        return Colour.ASYNC
    raise ConfigError(f"SESSION_MONGODB is a {type(source).__name__}: {HELP}")


def connect(url: str, colour: Colour, timeout: float) -> Client:
    """Create a client from a URL; it connects on first use.

    Each operation's own deadline limits the wait for a server, and for a connection. The timeouts
    here are for pymongo's monitoring of its servers.
    """
    try:
        return _made(url, colour, timeout)
    except OUTAGES as error:  # an error of the name server, which is only asked now
        raise translated(error) from None


def _made(url: str, colour: Colour, timeout: float) -> Client:
    milliseconds = max(1, int(timeout * 1000))
    options: dict[str, Any] = {
        "connect": False,
        "connectTimeoutMS": milliseconds,
        "serverSelectionTimeoutMS": milliseconds,
    }
    return (
        AsyncMongoClient(url, **options) if colour is Colour.ASYNC else MongoClient(url, **options)
    )


def opened(client: Client, database: str | None, collection: str) -> Opened:
    """Return the collections of sessions, with their read and write concerns."""
    found = (
        client.get_default_database(_DATABASE)
        if database is None
        else client.get_database(database)
    )
    options: dict[str, Any] = {
        "codec_options": _CODEC,
        "write_concern": WriteConcern("majority"),
        "read_concern": ReadConcern("local"),
        "read_preference": ReadPreference.PRIMARY,
    }
    return Opened(
        client,
        found.get_collection(collection, **options),
        found.get_collection(f"{collection}_owners", **options),
    )


def close(source: object, found: Opened) -> Steps[None]:
    """Close a client, unless the application passed it in."""
    if found.client is not source:
        yield from wait(found.client.close())


@contextmanager
def told(here: Callable[[], Opened | None]) -> Iterator[None]:
    """Raise errors in a block as ours; `here`: the client that is open in this place."""
    try:
        yield
    except OUTAGES as error:
        raise translated(error) from None
    except GeneratorExit:
        raise
    except BaseException as error:
        _explain(error, here())
        raise


def _explain(error: BaseException, opened: Opened | None) -> None:
    """Note what pymongo knows of its servers, beside a deadline that ended the wait for them."""
    if opened is not None and error.__cause__ is None:
        known: Any = opened.client.topology_description.server_descriptions()
        error.__cause__ = next((each.error for each in known.values() if each.error), None)


def translated(error: Exception) -> StoreUnavailable:
    """Return our error for one of MongoDB's; only its code is kept, as its text may quote data."""
    code = error.code if isinstance(error, OperationFailure) else None
    if code in _OTHER_INDEX:
        return StoreUnavailable(
            "MongoDB has another index on `expires`: drop it, and run the command again"
        )
    told = "" if code is None else f" {code}"
    if code in _REFUSED:
        told += f", {_REFUSED[code]}"
    return StoreUnavailable(f"MongoDB is not available: {type(error).__name__}{told}")
