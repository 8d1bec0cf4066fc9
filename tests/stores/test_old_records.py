"""Records of other libraries are read to the last, from each store that keeps some."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from bson.binary import Binary

from samesession import stores
from samesession.core.old_names import names_of
from samesession.core.old_records import OldRecord, Place
from samesession.errors import ConfigError, NotSupported, StoreUnavailable
from samesession.testing import Caller
from tests.support.backend import Servers
from tests.support.clock import Clock
from tests.support.dynamodb import REGION, DynamoDB
from tests.support.mongodb import MongoDB
from tests.support.old_files import counter, old_file
from tests.support.server import free_port
from tests.support.site import SECRET_KEY
from tests.support.sql import SQLPart, looking

NOW = 1_800_000_000
LIMIT = 1000
DATA = b"\x82\xaa_permanent\xc3\xa1n\x01"


def opened(
    source: str | None,
    caller: Caller,
    *,
    table: str | None = None,
    prefix: str = "session:",
    settings: dict[str, Any] | None = None,
) -> Any:
    config = stores.read_config({"SECRET_KEY": SECRET_KEY, **(settings or {})})
    place = Place(prefix, table, LIMIT, 10.0)
    clock = Clock(NOW)
    return stores.open_old_records(source, place, config=config, colour=caller.colour, clock=clock)


def read(old: Any, caller: Caller) -> list[OldRecord]:
    """Read all that is there."""
    found: list[OldRecord] = []
    try:
        while (batch := caller.do(old.batch())) is not None:
            found += batch
    finally:
        caller.do(old.close())
    return found


def by_key(found: list[OldRecord]) -> dict[str | None, OldRecord]:
    assert len({each.name for each in found}) == len(found)
    return {each.key: each for each in found}


# --- redis ---------------------------------------------------------------------------------


@pytest.mark.stores("redis")
def test_redis_is_read_to_the_last_key(redis_url: str, caller: Caller) -> None:
    with redis.Redis.from_url(redis_url) as client:
        for number in range(2_500):
            client.set(f"session:{number}", DATA, ex=1000)
        client.set("session:none", b"")
        client.set("session:never", DATA)
        client.set("session:just", b"x" * LIMIT)
        client.set("session:large", b"x" * (LIMIT + 1))
        client.hset("session:hash", "a", "b")
        client.set("other:1", DATA)
    found = by_key(read(opened(redis_url, caller), caller))
    assert len(found) == 2_503
    first = found["session:0"]
    assert (first.name, first.data) == (names_of("session:0")[0], DATA)
    assert first.expires is not None
    assert NOW + 900 < first.expires <= NOW + 1000
    assert found["session:never"].expires is None
    assert found["session:just"].data == b"x" * LIMIT
    assert found["session:large"].data is None


@pytest.mark.stores("redis")
def test_a_prefix_is_no_pattern(redis_url: str, caller: Caller) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("s*:1", DATA)
        client.set("session:1", DATA)
    assert [*by_key(read(opened(redis_url, caller, prefix="s*:"), caller))] == ["s*:1"]


@pytest.mark.stores("redis")
def test_the_configured_server_is_the_default(redis_url: str, caller: Caller) -> None:
    settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": redis_url}
    with redis.Redis.from_url(redis_url) as client:
        client.set("session:1", DATA)
    old = opened(None, caller, settings=settings)
    assert old.location == redis_url.rstrip("/") + ("" if redis_url.count("/") > 2 else "/0")
    assert [*by_key(read(old, caller))] == ["session:1"]


@pytest.mark.stores("redis")
def test_a_server_that_is_down_is_an_outage(caller: Caller) -> None:
    old = opened(f"redis://127.0.0.1:{free_port()}/0", caller)
    with pytest.raises(StoreUnavailable):
        _ = read(old, caller)


# --- sql -----------------------------------------------------------------------------------


def row_table(name: str = "sessions") -> sa.Table:
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("session_id", sa.String(255), unique=True),
        sa.Column("data", sa.LargeBinary),
        sa.Column("expiry", sa.DateTime),
    )


@pytest.fixture
def rows(part: SQLPart) -> Iterator[Callable[..., None]]:
    """Give what writes rows; the tables are dropped afterwards."""
    tables: dict[str, sa.Table] = {}

    def write(*values: dict[str, Any], name: str = "sessions") -> None:
        with looking(part.url) as connection:
            if name not in tables:
                tables[name] = row_table(name)
                tables[name].drop(connection, checkfirst=True)
                tables[name].create(connection)
            if values:
                connection.execute(sa.insert(tables[name]), [*values])

    yield write
    with looking(part.url) as connection:
        for each in tables.values():
            each.drop(connection, checkfirst=True)


def row(key: str, **values: Any) -> dict[str, Any]:
    expiry = dt.datetime(2027, 1, 15, 8, 1, 40)  # noqa: DTZ001  # as it is stored
    return {"session_id": key, "data": DATA, "expiry": expiry, **values}


@pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")
def test_sql_is_read_to_the_last_row(
    part: SQLPart, rows: Callable[..., None], caller: Caller
) -> None:
    rows(*(row(f"session:{number}") for number in range(1_000)))
    rows(
        row("session:never", expiry=None),
        row("session:nothing", data=None),
        row("session:just", data=b"x" * LIMIT),
        row("session:large", data=b"x" * (LIMIT + 1)),
        row("other:1"),
    )
    old = opened(part.url, caller)
    found = by_key(read(old, caller))
    assert len(found) == 1_004
    first = found["session:0"]
    assert (first.name, first.data) == (names_of("session:0")[0], DATA)
    assert first.expires == NOW + 100
    assert found["session:never"].expires == 0
    assert found["session:nothing"].data is None
    assert found["session:just"].data == b"x" * LIMIT
    assert found["session:large"].data is None
    assert old.location.startswith("the table sessions of ")


@pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")
def test_another_table_can_be_named_and_the_configured_database_is_the_default(
    part: SQLPart, rows: Callable[..., None], caller: Caller
) -> None:
    rows(row("session:1"), name="session")
    settings = {"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": part.url}
    old = opened(None, caller, table="session", settings=settings)
    assert [*by_key(read(old, caller))] == ["session:1"]


@pytest.mark.stores("sqlalchemy-sqlite")
def test_a_table_that_is_missing_is_told(part: SQLPart, caller: Caller) -> None:
    with pytest.raises(StoreUnavailable, match="old_ones"):
        _ = read(opened(part.url, caller, table="old_ones"), caller)


@pytest.mark.stores("sqlalchemy-sqlite")
def test_a_url_that_is_none_is_told_without_its_password(caller: Caller) -> None:
    for url in ("ftp://user:pass@host/x", "nosuch+driver://user:pass@host/x"):
        with pytest.raises(ConfigError) as told:
            _ = opened(url, caller)
        assert "pass" not in str(told.value)


# --- mongodb -------------------------------------------------------------------------------


@pytest.fixture
def mongodb(servers: Servers) -> Iterator[MongoDB]:
    server: MongoDB = servers["mongodb"]
    server.client.drop_database("flask_session")
    yield server
    server.client.drop_database("flask_session")


@pytest.mark.stores("mongodb")
def test_mongodb_is_read_to_the_last_document(mongodb: MongoDB, caller: Caller) -> None:
    sessions = mongodb.client.get_database("flask_session").get_collection("sessions")
    expiration = dt.datetime(2027, 1, 15, 8, 1, 40, tzinfo=dt.UTC)

    def document(key: str, **fields: Any) -> dict[str, Any]:
        return {"id": key, "val": Binary(DATA), "expiration": expiration, **fields}

    sessions.insert_many([document(f"session:{number}") for number in range(500)])
    sessions.insert_one(document("session:large", val=b"x" * (LIMIT + 1)))
    sessions.insert_one(document("session:text", val="text"))
    sessions.insert_one({"id": "session:never", "val": DATA})
    sessions.insert_one(document("other:1"))
    sessions.insert_one({"other": 1})
    old = opened(mongodb.url, caller)
    found = by_key(read(old, caller))
    assert len(found) == 503
    first = found["session:0"]
    assert (first.name, first.data) == (names_of("session:0")[0], DATA)
    assert first.expires == NOW + 100
    assert found["session:never"].expires is None
    assert found["session:large"].data is None
    assert found["session:text"].data is None
    assert old.location.startswith("the collection sessions of mongodb://127.0.0.1")
    assert old.location.endswith("/flask_session")


@pytest.mark.stores("mongodb")
def test_another_collection_can_be_named(mongodb: MongoDB, caller: Caller) -> None:
    collection = mongodb.client.get_database("flask_session").get_collection("a.b")
    collection.insert_one({"id": "session:1", "val": DATA, "expiration": None})
    old = opened(mongodb.url, caller, table="flask_session.a.b")
    assert [*by_key(read(old, caller))] == ["session:1"]


# --- dynamodb ------------------------------------------------------------------------------


@pytest.fixture
def dynamodb(servers: Servers) -> Iterator[DynamoDB]:
    server: DynamoDB = servers["dynamodb"]
    server.client.create_table(
        TableName="Sessions",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield server
    server.client.delete_table(TableName="Sessions")


@pytest.mark.stores("dynamodb")
def test_dynamodb_is_read_to_the_last_item(dynamodb: DynamoDB, caller: Caller) -> None:
    def put(key: str, **attributes: Any) -> None:
        item = {"id": {"S": key}, "val": {"B": DATA}, "expiration": {"N": str(NOW + 100)}}
        dynamodb.client.put_item(TableName="Sessions", Item={**item, **attributes})

    for number in range(30):  # 1.5 MB: two answers
        put(f"session:{number}", more={"B": b"x" * 50_000})
    put("session:large", val={"B": b"x" * (LIMIT + 1)})
    put("session:fraction", expiration={"N": "1800000000.5"})
    put("session:text", val={"S": "text"}, expiration={"S": "soon"})
    put("other:1")
    url = f"dynamodb://{REGION}?endpoint_url={dynamodb.url}"
    old = opened(url, caller)
    found = by_key(read(old, caller))
    assert len(found) == 33
    first = found["session:0"]
    assert (first.name, first.data) == (names_of("session:0")[0], DATA)
    assert first.expires == NOW + 100
    assert found["session:fraction"].expires == NOW + 0.5
    assert (found["session:text"].data, found["session:text"].expires) == (None, None)
    assert found["session:large"].data is None
    assert old.location == f"the table Sessions of DynamoDB in {dynamodb.url}"


@pytest.mark.stores("dynamodb")
def test_a_url_of_dynamodb_names_a_region_and_an_endpoint(caller: Caller) -> None:
    for url in ("dynamodb://x/Sessions", "dynamodb://x?table=Sessions", "dynamodb://x#y"):
        with pytest.raises(ConfigError, match="--table"):
            _ = opened(url, caller)


# --- files ---------------------------------------------------------------------------------


@pytest.mark.stores("filesystem")
def test_a_directory_is_read_to_the_last_file(tmp_path: Path, caller: Caller) -> None:
    for number in range(500):
        _ = old_file(tmp_path, f"session:{number}", DATA, expires=NOW + 100)
    counter(tmp_path, 500)
    (tmp_path / "other").write_bytes(b"other")
    found = read(opened(str(tmp_path), caller), caller)
    assert len(found) == 500
    assert {each.key for each in found} == {None}
    first = next(each for each in found if each.name == names_of("session:0")[0])
    assert (first.data, first.expires) == (DATA, NOW + 100)


@pytest.mark.stores("filesystem")
def test_a_directory_of_nothing_else_ends(tmp_path: Path, caller: Caller) -> None:
    for number in range(50):
        (tmp_path / f"other{number}").write_bytes(b"")
    assert read(opened(str(tmp_path), caller), caller) == []


# --- what cannot be read -------------------------------------------------------------------


@pytest.mark.stores("memcached")
def test_memcached_cannot_be_listed(caller: Caller) -> None:
    for source, settings in (
        ("memcached://127.0.0.1:11211", {}),
        (None, {"SESSION_TYPE": "memcached", "SESSION_MEMCACHED": "127.0.0.1:11211"}),
    ):
        with pytest.raises(NotSupported, match="SESSION_MIGRATE_FROM"):
            _ = opened(source, caller, settings=settings)


def test_what_is_no_place_is_told(caller: Caller) -> None:
    for source in ("", "nowhere", "/nonexistent/sessions"):
        with pytest.raises(ConfigError, match="neither a URL nor a directory"):
            _ = opened(source, caller)
    for settings in ({}, {"SESSION_TYPE": "memory"}, {"SESSION_TYPE": "sqlite"}):
        with pytest.raises(ConfigError, match="--source"):
            _ = opened(None, caller, settings=settings)


def test_the_repr_of_a_record_shows_no_secret() -> None:
    record = OldRecord(*names_of("session:secret")[:1], "session:secret", b"secret", 5.0)
    assert repr(record) == "OldRecord(expires=5.0)"
