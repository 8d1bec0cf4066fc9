"""What other libraries have filed, as each server has it: bounded, judged, and none of ours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from itsdangerous import Signer

from samesession import BadRecord, ConfigError, StoreUnavailable
from samesession.core.store import Foreign, ForeignRecords
from samesession.migration.readers import readers
from samesession.reading_settings import read
from samesession.run.sync import run
from samesession.stores import open_store, read_config
from samesession.stores.memcached import MemcachedStore
from samesession.stores.redis import RedisStore
from samesession.stores.redis.answers import Misread, foreign
from samesession.stores.sqlalchemy import SQLStore
from samesession.stores.sqlalchemy.foreign_rows import ForeignRows
from samesession.stores.sqlalchemy.settings import SQLSettings, check_tables
from samesession.testing import Caller
from tests.support.backend import Servers
from tests.support.foreign import filed_in_memcached, flask_sessions_table, made_anew
from tests.support.memcached import Memcached, running
from tests.support.server import Valkey
from tests.support.site import SECRET_KEY
from tests.support.sql import SQLPart, looking

KEY = "old:" + "a" * 43
SQL = pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")


def load(caller: Caller, store: Any, key: str = KEY) -> Foreign | None:
    opened: Any = store.open_for(caller.colour) if hasattr(store, "open_for") else store
    able: object = opened
    assert isinstance(able, ForeignRecords)
    try:
        return caller.do(able.load_foreign(key))
    finally:
        caller.do(opened.close())


# --- redis ---------------------------------------------------------------------------------


@pytest.mark.stores("redis")
class TestRedis:
    def test_no_more_is_read_than_may_be(
        self, caller: Caller, valkey: Valkey, redis_url: str
    ) -> None:
        with valkey.client() as client:
            client.set(KEY, b"x" * 2000)
            assert load(caller, RedisStore(redis_url, max_bytes=2000)) == (b"x" * 2000, None)
            client.set(KEY, b"x" * 5_000_000)
            valkey.reset_commands()
            with pytest.raises(BadRecord, match="size"):
                load(caller, RedisStore(redis_url, max_bytes=2000))
            assert client.info("stats")["total_net_output_bytes"] < 4_000_000

    def test_another_type_is_no_session(self, caller: Caller, valkey: Valkey) -> None:
        valkey.flush()
        with valkey.client() as client:
            client.hset(KEY, "a", "b")
        with pytest.raises(BadRecord, match="another type"):
            load(caller, RedisStore(valkey.url))

    def test_it_takes_one_round_trip(self, caller: Caller, valkey: Valkey, redis_url: str) -> None:
        _ = load(caller, RedisStore(redis_url))
        valkey.reset_commands()
        _ = load(caller, RedisStore(redis_url))
        assert valkey.commands() == {"getrange": 1, "pttl": 1, "ping": 2}

    @pytest.mark.parametrize(
        ("answers", "expected"),
        [
            ((b"data", 1500), Foreign(b"data", 11)),
            ((b"data", -1), Foreign(b"data", None)),
            ((b"data", -2), None),  # it expired between the two questions
            ((b"", -2), None),
            ((b"", 1500), None),
        ],
    )
    def test_answers(self, answers: Any, expected: Foreign | None) -> None:
        assert foreign(*answers, max_bytes=4, now=10.0) == expected

    @pytest.mark.parametrize(
        "answers", [(1500, b"data"), (b"a", b"b"), ("data", 1), (b"data", True), ([], 1)]
    )
    def test_answers_to_other_questions(self, answers: Any) -> None:
        with pytest.raises(Misread):
            foreign(*answers, max_bytes=4, now=10.0)


# --- SQL -----------------------------------------------------------------------------------


@pytest.fixture
def table(part: SQLPart) -> sa.Table:
    made = flask_sessions_table()
    made_anew(part.url, made)
    return made


def put(part: SQLPart, table: sa.Table, **values: Any) -> None:
    later = dt.datetime.fromtimestamp(part.clock() + 100, dt.UTC).replace(tzinfo=None)
    row = {"session_id": KEY, "data": b"data", "expiry": later, **values}
    with looking(part.url) as connection:
        connection.execute(sa.insert(table).values(row))


def store_of(part: SQLPart, **options: Any) -> SQLStore:
    return SQLStore(part.url, timeout=10.0, clock=part.clock, foreign=ForeignRows(**options))


@SQL
class TestSQL:
    def test_a_row_without_an_end_has_expired(
        self, caller: Caller, part: SQLPart, table: sa.Table
    ) -> None:
        put(part, table, expiry=None)
        assert load(caller, store_of(part)) is None

    @pytest.mark.parametrize("left", [-0.5, 0.0, 0.5])
    def test_the_end_is_judged_in_utc_and_to_the_microsecond(
        self, caller: Caller, part: SQLPart, table: sa.Table, left: float
    ) -> None:
        moment = dt.datetime.fromtimestamp(part.clock() + left, dt.UTC).replace(tzinfo=None)
        if part.name in ("mariadb", "mysql"):  # whose column counts whole seconds
            moment += dt.timedelta(seconds=left)
        put(part, table, expiry=moment)
        found = load(caller, store_of(part))
        assert (found is not None) is (left > 0)

    def test_one_too_large_is_not_read(
        self, caller: Caller, part: SQLPart, table: sa.Table
    ) -> None:
        put(part, table, data=b"x" * 2000)
        assert load(caller, store_of(part, max_bytes=2000)) is not None
        with pytest.raises(BadRecord, match="size"):
            load(caller, store_of(part, max_bytes=1999))

    def test_one_without_data_is_no_session(
        self, caller: Caller, part: SQLPart, table: sa.Table
    ) -> None:
        put(part, table, data=None)
        with pytest.raises(BadRecord, match="type"):
            load(caller, store_of(part))

    def test_a_capital_is_another_letter_in_every_database(
        self, caller: Caller, part: SQLPart, table: sa.Table
    ) -> None:
        put(part, table)
        assert load(caller, store_of(part), KEY.upper()) is None
        assert load(caller, store_of(part), KEY.replace("a", "A", 1)) is None
        assert load(caller, store_of(part)) is not None

    def test_a_missing_table_is_named(self, caller: Caller, part: SQLPart, table: sa.Table) -> None:
        with pytest.raises(StoreUnavailable) as raised:
            load(caller, store_of(part, name="nowhere"))
        assert str(raised.value) == (
            "the table 'nowhere' of another library is missing, or has other columns: correct "
            "SESSION_MIGRATE_SQLALCHEMY_TABLE, or leave the library out of SESSION_MIGRATE_FROM"
        )

    def test_the_settings_name_the_table(
        self, caller: Caller, part: SQLPart, table: sa.Table
    ) -> None:
        with looking(part.url) as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS old_sessions"))
        another = flask_sessions_table("old_sessions")
        made_anew(part.url, another)
        put(part, another)
        settings = {
            **part.settings(),
            "SECRET_KEY": SECRET_KEY,
            "SESSION_MIGRATE_SQLALCHEMY_TABLE": "old_sessions",
        }
        store = open_store(read_config(settings), clock=part.clock)
        assert load(caller, store) == (b"data", int(part.clock() + 100))

    def test_airflow_and_what_else_names_the_table_and_keys_in_its_own_way(
        self, caller: Caller, part: SQLPart, table: sa.Table
    ) -> None:
        """Airflow's `session` table: signed ids, keys without a prefix, msgspec's MessagePack."""
        airflows = flask_sessions_table("session")
        made_anew(part.url, airflows)
        name = KEY.removeprefix("old:")
        put(part, airflows, session_id=name, data=msgspec.msgpack.encode({"_user_id": "1"}))
        secret = SECRET_KEY.encode()
        (reader,) = readers(
            ["flask-session"], [secret], prefix="", lifetime=60, max_bytes=1024, signed=True
        )
        signer = Signer(secret, salt="flask-session", key_derivation="hmac")
        presented = reader.presented(signer.sign(name).decode(), part.clock())
        assert presented is not None
        found = load(caller, store_of(part, name="session"), presented.id)
        assert found is not None
        assert reader.data(found.data) == {"_user_id": "1"}

    @pytest.mark.parametrize(
        "changes",
        [
            {"SESSION_SQLALCHEMY_TABLE": "sessions"},
            {"SESSION_MIGRATE_SQLALCHEMY_TABLE": "samesession"},
        ],
    )
    def test_old_and_new_sessions_have_tables_of_their_own(
        self, part: SQLPart, changes: dict[str, Any]
    ) -> None:
        settings = {
            **part.settings(),
            "SECRET_KEY": SECRET_KEY,
            "SESSION_COOKIE_NAME": "sid",
            "SESSION_MIGRATE_FROM": ["flask-session"],
            **changes,
        }
        with pytest.raises(ConfigError, match="SESSION_SQLALCHEMY_TABLE is '"):
            _ = open_store(read_config(settings), clock=part.clock)
        check_tables(["quart-session"], read(SQLSettings, changes))
        check_tables(
            ["flask-session"], read(SQLSettings, {**changes, "SESSION_SQLALCHEMY_SCHEMA": "ours"})
        )

    def test_neither_table_is_made_or_counted_as_one_of_ours(self, part: SQLPart) -> None:
        store = SQLStore(part.url, clock=part.clock)
        names = {each.name for each in store._tables.records.metadata.tables.values()}
        assert "sessions" not in names
        run(store.close())


@pytest.mark.stores("postgresql")
def test_a_schema_and_a_column_that_knows_offsets(caller: Caller, part: SQLPart) -> None:
    with looking(part.url) as connection:
        connection.execute(sa.text("DROP SCHEMA IF EXISTS old CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA old"))
        connection.execute(
            sa.text(
                "CREATE TABLE old.sessions (id SERIAL PRIMARY KEY, session_id VARCHAR(255) UNIQUE,"
                " data BYTEA, expiry TIMESTAMP WITH TIME ZONE)"
            )
        )
        later = dt.datetime.fromtimestamp(part.clock() + 100, dt.timezone(dt.timedelta(hours=5)))
        row = {"key": KEY, "data": b"data", "expiry": later}
        connection.execute(
            sa.text(
                "INSERT INTO old.sessions (session_id, data, expiry) VALUES (:key, :data, :expiry)"
            ),
            row,
        )
    store = store_of(part, schema="old")
    assert load(caller, store) == (b"data", int(part.clock() + 100))


@pytest.mark.stores("sqlalchemy-sqlite")
@pytest.mark.parametrize(
    ("data", "expiry"),
    [
        (b"data", "soon"),
        (b"data", 1.5),
        (b"data", b"2099-01-01"),
        ("text", "2099-01-01 00:00:00.000000"),
        (5, "2099-01-01 00:00:00.000000"),
        (b"data", "2099-13-01 00:00:00.000000"),
    ],
)
def test_sqlite_keeps_anything_in_any_column(
    caller: Caller, part: SQLPart, table: sa.Table, data: Any, expiry: Any
) -> None:
    del table
    with looking(part.url) as connection:
        connection.exec_driver_sql(
            "INSERT INTO sessions (session_id, data, expiry) VALUES (?, ?, ?)", (KEY, data, expiry)
        )
    with pytest.raises(BadRecord, match="type"):
        load(caller, store_of(part))


# --- memcached -----------------------------------------------------------------------------


@pytest.fixture
def two(servers: Servers) -> Iterator[Sequence[Memcached]]:
    one: Memcached = servers["memcached"]
    one.flush()
    with running() as other:
        yield one, other


@pytest.mark.stores("memcached")
class TestMemcached:
    def test_each_server_may_have_it(self, caller: Caller, two: Sequence[Memcached]) -> None:
        """Another client chooses a key's server in another way."""
        for server in two:
            filed_in_memcached(server)(KEY, b"data", 100)
            store = MemcachedStore([each.address for each in two])
            found = load(caller, store)
            assert found is not None
            assert found.data == b"data"
            caller.do(store.remove_foreign(KEY))
            caller.do(store.close())
            assert server.names() == []

    def test_one_without_an_end(self, caller: Caller, two: Sequence[Memcached]) -> None:
        filed_in_memcached(two[0])(KEY, b"data", 0)
        assert load(caller, MemcachedStore(two[0].address)) == (b"data", None)

    def test_one_too_large_is_not_read(self, caller: Caller, two: Sequence[Memcached]) -> None:
        filed_in_memcached(two[0])(KEY, b"x" * 2000, 100)
        with pytest.raises(BadRecord, match="size"):
            load(caller, MemcachedStore(two[0].address, max_bytes=1999))

    @pytest.mark.parametrize("key", ["old: a", "old:é", "a" * 251, "old:a\r\nflush_all"])
    def test_a_key_that_no_client_sends_is_not_asked_for(
        self, caller: Caller, two: Sequence[Memcached], key: str
    ) -> None:
        before = two[0].counts()["cmd_meta"]
        store = MemcachedStore(two[0].address)
        assert load(caller, store, key) is None
        caller.do(store.remove_foreign(key))
        assert two[0].counts()["cmd_meta"] == before
