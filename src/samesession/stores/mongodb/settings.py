"""The settings of the MongoDB store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...reading_settings import anything, flag, optional, setting, text

HELP = (
    'write SESSION_MONGODB = "mongodb://127.0.0.1:27017/app", or set it to a MongoClient (Flask) '
    "or AsyncMongoClient (Quart) of pymongo"
)


@dataclass(frozen=True, slots=True)
class MongoSettings:
    """Which MongoDB keeps the sessions, and where in it."""

    source: Any = setting(
        "SESSION_MONGODB",
        anything,
        default=None,
        secret=True,
        doc="A URL, a `MongoClient` (Flask) or an `AsyncMongoClient` (Quart).",
        needed=HELP,
    )
    database: str | None = setting(
        "SESSION_MONGODB_DB",
        optional(text),
        default=None,
        doc='The name of the database. `None`: the database in the URL, or `"samesession"`.',
    )
    collection: str = setting(
        "SESSION_MONGODB_COLLECT",
        text,
        default="sessions",
        doc="The name of the collection of sessions.",
    )
    create: bool = setting(
        "SESSION_MONGODB_CREATE",
        flag,
        default=False,
        doc="Whether missing indexes are created when the application starts.",
    )

    write_instead: ClassVar = {
        "SESSION_MONGODB_URI": "write SESSION_MONGODB",
        "SESSION_MONGODB_COLLECTION": "write SESSION_MONGODB_COLLECT",
        "SESSION_MONGODB_CLIENT_KWARGS": (
            "write SESSION_MONGODB = a client that was created with them"
        ),
        "SESSION_MONGODB_SET_CALLBACK": "write SESSION_MONGODB_DB and SESSION_MONGODB_COLLECT",
    }
