"""Add and remove an owner's notes, a row for each key, as functions of a connection."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ...errors import StoreUnavailable
from .tables import Statements, owner_digest

_ATTEMPTS = 5  # to write a row that other requests delete and write


def enlist(
    statements: Statements, owner: str, key: str, expires: int, connection: sa.Connection
) -> None:
    """Note that a key belongs to an owner, or renew the note."""
    values = {"owner_": owner_digest(owner), "key_": key, "expires_": expires}
    for _ in range(_ATTEMPTS):
        try:
            _ = connection.execute(statements.enlist, values)
        except IntegrityError:
            if connection.execute(statements.enlist_again, values).rowcount:
                return
        else:
            return
    raise StoreUnavailable("a note of the owner index keeps appearing and disappearing")


def delist(statements: Statements, owner: str, key: str, connection: sa.Connection) -> None:
    """Remove the note."""
    _ = connection.execute(statements.delist, {"owner_": owner_digest(owner), "key_": key})
