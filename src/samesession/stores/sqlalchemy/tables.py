"""The two tables of the sqlalchemy store, and the statements on them.

    samesession          key, expires, revision, record
    samesession_owners   owner, key, expires

Times are whole seconds since 1970 in UTC. A revision is the first eight bytes of a
record, as a signed number. An owner is a digest, because the name may have any
length. Keys are compared byte for byte on every database.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from ...core.record import revision_of
from ...errors import BadRecord, ConfigError
from .purge import doomed

KEY_LENGTH = 255
DEFAULT_NAME = "samesession"

#: The tables of stores that were given no metadata of an application, for Alembic.
metadata = sa.MetaData()

_DIGEST_LENGTH = 64


class Bytewise(sa.types.TypeDecorator[str]):
    """Text in which every byte counts."""

    impl = sa.String
    cache_ok = True
    # The place where a migration that Alembic wrote finds it.
    __module__ = "samesession.stores.sqlalchemy"

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Choose the type: MySQL pads text before it compares it, but not bytes."""
        length = self._length
        match dialect.name:
            case "postgresql":
                return dialect.type_descriptor(sa.String(length, collation="C"))
            case "mysql" | "mariadb":
                return dialect.type_descriptor(mysql.VARBINARY(length))
            case _:
                return dialect.type_descriptor(sa.String(length))

    @property
    def _length(self) -> int:
        return cast("int", cast("sa.String", self.impl).length)

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        """Return the value for the driver."""
        if value is not None and dialect.name in ("mysql", "mariadb"):
            return value.encode("utf-8", "surrogateescape")
        return value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        """Return the text of the driver's value."""
        del dialect
        if isinstance(value, bytes | bytearray):
            # Others may write there, too.
            return bytes(value).decode("utf-8", "surrogateescape")
        return cast("str | None", value)


class Tables(NamedTuple):
    """The tables that a store reads and writes."""

    records: sa.Table
    owners: sa.Table

    @property
    def both(self) -> list[sa.Table]:
        """In the form that `MetaData.create_all` takes."""
        return [self.records, self.owners]

    def create(self, connection: sa.Connection) -> None:
        """Create the missing ones."""
        self.records.metadata.create_all(connection, tables=self.both)


def session_tables(
    metadata: sa.MetaData = metadata, *, name: str = DEFAULT_NAME, schema: str | None = None
) -> Tables:
    """Return the tables of sessions in a metadata, which several applications may share.

    Call it before Alembic looks at the metadata. Raises ConfigError if another program's table has
    the name.
    """
    # MySQL's plain BLOB ends at 64 KiB.
    blob = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
    records: list[sa.Column[Any]] = [
        sa.Column("key", Bytewise(KEY_LENGTH), primary_key=True),
        sa.Column("expires", sa.BigInteger, nullable=False, index=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("record", blob, nullable=False),
    ]
    owners: list[sa.Column[Any]] = [
        sa.Column("owner", Bytewise(_DIGEST_LENGTH), primary_key=True),
        sa.Column("key", Bytewise(KEY_LENGTH), primary_key=True),
        sa.Column("expires", sa.BigInteger, nullable=False, index=True),
    ]
    found = _existing(metadata, name, schema, records)
    found_owners = _existing(metadata, f"{name}_owners", schema, owners)
    if found is None:
        found = sa.Table(name, metadata, *records, schema=schema)
    if found_owners is None:
        found_owners = sa.Table(f"{name}_owners", metadata, *owners, schema=schema)
    return Tables(found, found_owners)


def _existing(
    metadata: sa.MetaData, name: str, schema: str | None, columns: list[sa.Column[Any]]
) -> sa.Table | None:
    qualified = name if schema is None else f"{schema}.{name}"
    found = metadata.tables.get(qualified)
    wanted = {column.name for column in columns}
    if found is not None and {column.name for column in found.columns} != wanted:
        raise ConfigError(
            f"the table {qualified!r} is not a table of sessions: write another name to "
            "SESSION_SQLALCHEMY_TABLE"
        )
    return found


class Statements:
    """The statements on one store's tables, built once so that SQLAlchemy compiles them once.

    Names of parameters end in `_`: otherwise a column's own name would be taken for its value.
    """

    def __init__(self, tables: Tables) -> None:
        records, owners = tables
        row, note = records.c, owners.c
        now, key = _given("now_"), _given("key_", row.key.type)
        live = sa.and_(row.key == key, row.expires > now)
        expected = sa.and_(live, row.revision == _given("expected_"))
        fresh = {
            "revision": _given("revision_"),
            "record": _given("record_", row.record.type),
        }
        expiring = {"expires": _given("expires_")}
        self.load = sa.select(row.record, row.revision, row.expires, row.key).where(row.key == key)
        seen = sa.and_(row.key == key, row.expires == _given("seen_"))
        self.touch = sa.update(records).where(seen).values(expiring)
        self.end = sa.delete(records).where(seen)
        self.create = sa.insert(records).values({"key": key, **fresh, **expiring})
        self.recreate = (
            sa.update(records).where(row.key == key, row.expires <= now).values(fresh | expiring)
        )
        self.commit = sa.update(records).where(expected).values(fresh | expiring)
        self.commit_quietly = sa.update(records).where(expected).values(fresh)
        self.remove = sa.delete(records).where(expected)
        self.remove_any = sa.delete(records).where(live)
        owner = _given("owner_", note.owner.type)
        noted = sa.and_(note.owner == owner, note.key == key)
        self.enlist = sa.insert(owners).values({"owner": owner, "key": key, **expiring})
        self.enlist_again = sa.update(owners).where(noted).values(expiring)
        self.delist = sa.delete(owners).where(noted)
        self.purge = tuple(doomed(table) for table in tables)


# Any: the type of a parameter's value.
def _given(name: str, kind: sa.types.TypeEngine[Any] | None = None) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=kind)


def sound(record: object, revision: object, expires: object = 0) -> bytes:
    """Return the record of a row.

    Raises BadRecord for a row whose columns disagree, or have types that only SQLite accepts.
    """
    if not isinstance(record, bytes | bytearray | memoryview) or type(expires) is not int:
        raise BadRecord("its row has another type")
    raw = bytes(cast("bytes", record))
    if revision != revision_number(revision_of(raw)):
        raise BadRecord("its row and its record have different revisions")
    return raw


def owner_digest(owner: str) -> str:
    """Return the digest of an owner's name, which may have any length and any characters."""
    return hashlib.sha256(owner.encode()).hexdigest()


def revision_number(revision: bytes) -> int:
    """Return a revision as the signed number that every database can compare."""
    return int.from_bytes(revision, "big", signed=True)
