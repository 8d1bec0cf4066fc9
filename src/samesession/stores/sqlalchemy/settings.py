"""The settings of the SQL store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import ConfigError
from ...reading_settings import anything, flag, optional, setting, text

HELP = (
    'write a URL such as "sqlite:////var/lib/app/sessions.db", "postgresql://user@host/db" or '
    '"mysql://user@host/db", or use an Engine (Flask), an AsyncEngine (Quart) or a '
    "Flask-SQLAlchemy object"
)
_SQL = (
    'write SESSION_TYPE = "sqlalchemy" and SESSION_SQLALCHEMY = an engine, or a URL such as '
    '"postgresql+psycopg://127.0.0.1/shop"'
)


@dataclass(frozen=True, slots=True)
class SQLSettings:
    """The database that keeps the sessions, and its tables."""

    source: Any = setting(
        "SESSION_SQLALCHEMY",
        anything,
        default=None,
        secret=True,
        shown="none",
        doc="The database: a URL, an `Engine` (Flask), an `AsyncEngine` (Quart), or a "
        "Flask-SQLAlchemy object (Flask), which may be initialised before or after "
        "`Session(app)`.",
        needed=HELP,
    )
    table: str = setting(
        "SESSION_SQLALCHEMY_TABLE",
        text,
        default="samesession",
        doc="The name of the table of sessions. A second table, with `_owners` after this name, "
        "is the owner index.",
    )
    schema: str | None = setting(
        "SESSION_SQLALCHEMY_SCHEMA",
        optional(text),
        default=None,
        shown="none",
        doc="The schema of both tables.",
    )
    bind_key: str | None = setting(
        "SESSION_SQLALCHEMY_BIND_KEY",
        optional(text),
        default=None,
        shown="none",
        doc="The key in `SQLALCHEMY_BINDS`, with a Flask-SQLAlchemy object.",
    )
    create: bool = setting(
        "SESSION_SQLALCHEMY_CREATE",
        flag,
        default=False,
        doc="Whether missing tables are created: in `Session(app)` with Flask, and before "
        "serving with Quart.",
    )

    foreign_table: str = setting(
        "SESSION_MIGRATE_SQLALCHEMY_TABLE",
        text,
        default="sessions",
        doc="The name of Flask-Session's table in the same database: the value of its "
        "`SESSION_SQLALCHEMY_TABLE`.",
    )
    foreign_schema: str | None = setting(
        "SESSION_MIGRATE_SQLALCHEMY_SCHEMA",
        optional(text),
        default=None,
        shown="none",
        doc="The schema of Flask-Session's table.",
    )

    types_instead: ClassVar = {"postgresql": "write 'sqlalchemy', and SESSION_SQLALCHEMY"}
    no_effect: ClassVar = {"SESSION_SQLALCHEMY_SEQUENCE": "the table has no sequence"}
    write_instead: ClassVar = {
        "SESSION_POSTGRESQL": _SQL,
        "SESSION_POSTGRESQL_TABLE": f"{_SQL}, and SESSION_SQLALCHEMY_TABLE",
        "SESSION_POSTGRESQL_SCHEMA": f"{_SQL}, and SESSION_SQLALCHEMY_SCHEMA",
    }


def check_tables(libraries: Sequence[str], settings: SQLSettings) -> None:
    """Raise ConfigError if old sessions and new ones would be in one table.

    `libraries`: those whose old sessions are read; the command that moves leaves it empty.
    """
    ours = settings.table, settings.schema
    if "flask-session" in libraries and ours == (settings.foreign_table, settings.foreign_schema):
        raise ConfigError(
            f"SESSION_SQLALCHEMY_TABLE is {settings.table!r}, the name of Flask-Session's table: "
            "leave it out, or write another name; SESSION_MIGRATE_SQLALCHEMY_TABLE names the old "
            "table"
        )
