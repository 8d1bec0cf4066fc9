"""Tell what went wrong in a database, without what was sent to it."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import StoreUnavailable

# SQLSTATE (PostgreSQL) or error number (MySQL, MariaDB).
_MISSING = {"42P01", "42703", "3F000", 1146, 1054, 1049}
_LOST_RACES = {"40001", "40P01", 1213, 1020}  # deadlock, serialization, changed since read
_MISSING_TEXT = ("no such table", "no such column", "unknown database")  # SQLite


def code_of(error: SQLAlchemyError) -> str | int | None:
    """Give the database's own code for an error."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if isinstance(state, str):
        return state
    number = cause.args[0] if cause is not None and cause.args else None
    return number if isinstance(number, int) else None


def may_be_tried_again(error: SQLAlchemyError) -> bool:
    """Say whether the same statement may well succeed now.

    It lost a race that the database decided, or its connection had died in the pool.
    """
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or code_of(error) in _LOST_RACES


def translated(error: SQLAlchemyError, table: str) -> StoreUnavailable:
    """Give an error as ours; its text may quote what was sent, so only the code goes on."""
    code = code_of(error)
    said = str(error.orig).lower() if isinstance(error, DBAPIError) else ""
    if code in _MISSING or said.startswith(_MISSING_TEXT):
        return StoreUnavailable(
            f"the table {table!r} is missing, or an older one: run `flask sessions init-db` "
            "or `quart sessions init-db`, or create it by a migration"
        )
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    kind = type(cause).__name__
    return StoreUnavailable(
        f"the database is not available: {kind}" + ("" if code is None else f" {code}")
    )
