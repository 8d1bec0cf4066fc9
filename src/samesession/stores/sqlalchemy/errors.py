"""Translate a database's errors, without the data that was sent."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ...errors import StoreUnavailable

# SQLSTATE (PostgreSQL) or error number (MySQL, MariaDB).
_MISSING = {"42P01", "42703", "3F000", 1146, 1054, 1049}
_LOST_RACES = {"40001", "40P01", 1213, 1020}  # deadlock, serialization, changed since read
_STATE = 5  # characters of an SQLSTATE
_MISSING_TEXT = ("no such table", "no such column", "unknown database")  # SQLite


# The database answers with the word that it gets.
_WORD = sa.select(sa.cast(sa.bindparam("word_"), sa.String(64)))


class OutOfStep(SQLAlchemyError):  # like all our parameters
    """A connection's answer belongs to another question."""


def expect_in_step(connection: sa.Connection, asked: str, answered: str | None) -> None:
    """Raise OutOfStep, and close the connection, unless a row belongs to the question.

    `answered`: the row's key. None, for no row, would log a user out. It is believed if the
    connection answers the next question correctly. SQLite's connections cannot get out of step.
    """
    if answered == asked or (answered is None and connection.dialect.name == "sqlite"):
        return
    word = secrets.token_hex(12)
    if answered is None and connection.execute(_WORD, {"word_": word}).scalar() == word:
        return
    connection.invalidate()
    raise OutOfStep("a connection's answers belong to other questions")


def _codes(error: SQLAlchemyError) -> list[str | int]:
    """Return the database's own codes for an error: SQLSTATE, number or both."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    number = cause.args[0] if cause is not None and cause.args else None
    return [code for code in (number, state) if code and isinstance(code, int | str)]


def _code(error: SQLAlchemyError) -> str | int | None:
    """Return the code that may be shown; a driver's first argument may also be a sentence."""
    short = (code for code in _codes(error) if isinstance(code, int) or len(code) == _STATE)
    return next(short, None)


def may_be_tried_again(error: SQLAlchemyError) -> bool:
    """Return whether the same statement may well succeed now.

    It lost a race, by the database's decision, or its connection had died in the pool, or was out
    of step.
    """
    if not isinstance(error, DBAPIError):
        return isinstance(error, OutOfStep)
    return error.connection_invalidated or not _LOST_RACES.isdisjoint(_codes(error))


def missing(table: str) -> str:
    """Return the message if our table is missing, or one with other columns."""
    return (
        f"the table {table!r} is missing, or an older one: run `flask sessions init` "
        "or `quart sessions init`, or create it by a migration"
    )


def as_store_error(error: SQLAlchemyError, missing: str) -> StoreUnavailable:
    """Return our error for a database's; only its code is kept, as its text may quote data.

    `missing`: the message for a table that the database does not know.
    """
    code = _code(error)
    said = str(error.orig).lower() if isinstance(error, DBAPIError) else ""
    if not _MISSING.isdisjoint(_codes(error)) or said.startswith(_MISSING_TEXT):
        return StoreUnavailable(missing)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    kind = type(cause).__name__
    return StoreUnavailable(
        f"the database is not available: {kind}" + ("" if code is None else f" {code}")
    )
