"""Reach MongoDB: which clients fit, what is asked of each, what their errors mean.

Knows pymongo and no record. Writes are acknowledged by a majority of the replica
set, so that no failover takes one back. Reads are the primary's own newest state:
what `readConcern: "majority"` shows may be older than a write that is under way,
and the record in whose favour a commit was refused could not be told.
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

# Both colours have the same methods, and what they answer goes through `wait`;
# pymongo has no common type for them.
Client: TypeAlias = Any
Collection: TypeAlias = Any

OUTAGES = (PyMongoError, BSONError, OSError)

_DATABASE = "samesession"  # where the URL names none
_DATABASE_NAME = re.compile(r'[^\s./\\$"\x00]{1,63}')
_COLLECTION_NAME = re.compile(r"(?!system\.|\.)[^$\x00]{1,180}(?<!\.)")
_SRV = "mongodb+srv://"
# Whatever a given client has: documents are dicts, and a date of any size can be read.
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    uuid_representation=UuidRepresentation.UNSPECIFIED,
    # A key that is no text must not keep the others of its answer from being read.
    unicode_decode_error_handler="replace",
)
_REFUSED = {13: "not authorized", 18: "the user or password is wrong"}
_OTHER_INDEX = {85, 86}


class Opened(NamedTuple):
    """A client, and the collections that it reaches."""

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
            f"SESSION_MONGODB is no URL that pymongo takes ({type(error).__name__}): {HELP}"
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
    """Check names as MongoDB would; raises ConfigError."""
    if database is not None and not _DATABASE_NAME.fullmatch(database):
        raise ConfigError('SESSION_MONGODB_DB is no name of a database: write one such as "app"')
    if not _COLLECTION_NAME.fullmatch(collection):
        raise ConfigError(
            'SESSION_MONGODB_COLLECT is no name of a collection: write one such as "sessions"'
        )


def colour_of(source: object) -> Colour:
    """Return whom a ready client serves; raise ConfigError for anything else."""
    if isinstance(source, MongoClient):
        return Colour.SYNC
    if isinstance(source, AsyncMongoClient):
        return Colour.ASYNC
    raise ConfigError(f"SESSION_MONGODB is a {type(source).__name__}: {HELP}")


def connect(url: str, colour: Colour, timeout: float) -> Client:
    """Make a client of a URL; it connects on first use.

    The wait for a server, and for a connection, is bounded by each operation's own
    deadline: the timeouts here are for pymongo's watch over its servers.
    """
    try:
        return _made(url, colour, timeout)
    except OUTAGES as error:  # the name server's, which only now is asked
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
    """Return the collections of sessions, with the concerns that they are kept under."""
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
    """Close a client, unless it is the one that the application gave."""
    if found.client is not source:
        yield from wait(found.client.close())


@contextmanager
def told(here: Callable[[], Opened | None]) -> Iterator[None]:
    """Raise what goes wrong in a block as errors of ours; `here`: what is open in this place."""
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
    """Note what pymongo knows of its servers beside a deadline that ended the wait for them."""
    if opened is not None and error.__cause__ is None:
        known: Any = opened.client.topology_description.server_descriptions()
        error.__cause__ = next((each.error for each in known.values() if each.error), None)


def translated(error: Exception) -> StoreUnavailable:
    """Return an error as ours; its text may quote what was sent, so only the code goes on."""
    code = error.code if isinstance(error, OperationFailure) else None
    if code in _OTHER_INDEX:
        return StoreUnavailable(
            "MongoDB has another index on `expires`: drop it, and run the command again"
        )
    told = "" if code is None else f" {code}"
    if code in _REFUSED:
        told += f", {_REFUSED[code]}"
    return StoreUnavailable(f"MongoDB is not available: {type(error).__name__}{told}")
