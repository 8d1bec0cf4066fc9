"""The sqlalchemy store beside what an application has: its engines, transactions and tables."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.ext.asyncio import create_async_engine

from samesession import BadRecord, ConfigError, Session
from samesession.core.store import Colour, Lifetimes
from samesession.run.sync import run
from samesession.stores import read_config
from samesession.stores.sqlalchemy import SQLStore, session_tables
from samesession.stores.sqlalchemy.engines import driven, read_url
from samesession.stores.sqlalchemy.store import open_store
from samesession.testing import make_record
from tests.support.clock import Clock
from tests.support.site import SECRET_KEY, Site, init_db, start

pytestmark = pytest.mark.stores("sqlalchemy-sqlite")

HOUR = Lifetimes(3600, 3600)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/app.db"


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    found = sa.create_engine(url)
    yield found
    found.dispose()


@pytest.fixture
def async_url(url: str) -> str:
    return url.replace("sqlite:", "sqlite+aiosqlite:")


def rows(url: str, table: str = "samesession") -> list[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return list(connection.execute(sa.text(f"SELECT key FROM {table}")).scalars())


def flask_site(clock: Clock, **settings: Any) -> Site:
    return Site("flask", {"SESSION_TYPE": "sqlalchemy", **settings}, clock=clock)


def lent(app: Any, url: str, **binds: str) -> SQLAlchemy:
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_BINDS=binds)
    return SQLAlchemy(app)


# --- connections --------------------------------------------------------------------------


def test_a_pool_that_views_have_used_up_leaves_sessions_their_own(url: str) -> None:
    small = sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    store = SQLStore(small)
    run(store.prepare())
    with small.connect():
        assert run(store.create("key", make_record(1), lifetimes=HOUR)) is True
    run(store.close())
    small.dispose()


# --- Flask-SQLAlchemy ----------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.needs("flask")
@pytest.mark.parametrize("first", ["database", "sessions"])
async def test_a_flask_sqlalchemy_object_may_be_initialised_before_or_after(
    clock: Clock, url: str, first: str
) -> None:
    database = SQLAlchemy()
    site = Site("flask", {"SQLALCHEMY_DATABASE_URI": url}, clock=clock, init=False)
    site.app.config.update(SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=database)
    if first == "database":
        database.init_app(site.app)
        site.init()
    else:
        site.init()
        database.init_app(site.app)
    with site.app.app_context():
        database.create_all()
    user = site.visitor()
    await user.put(a=1)
    assert await user.value(dict) == {"a": 1}
    assert len(rows(url)) == 1
    await site.close()
    dispose(site, database)


@pytest.mark.asyncio
@pytest.mark.needs("flask")
async def test_a_bind_key_chooses_the_database(clock: Clock, tmp_path: Path, url: str) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    site = Site("flask", {}, clock=clock, init=False)
    database = lent(site.app, url, elsewhere=other)
    site.app.config.update(
        SESSION_TYPE="sqlalchemy",
        SESSION_SQLALCHEMY=database,
        SESSION_SQLALCHEMY_BIND_KEY="elsewhere",
    )
    site.init()
    with site.app.app_context():
        database.create_all()
    await site.visitor().put(a=1)
    assert len(rows(other)) == 1
    with pytest.raises(sa.exc.OperationalError):
        rows(url)
    await site.close()
    dispose(site, database)


@pytest.mark.asyncio
@pytest.mark.needs("flask")
async def test_an_unknown_bind_key_and_a_missing_init_app_are_named(clock: Clock, url: str) -> None:
    database = SQLAlchemy()
    site = flask_site(clock, SESSION_SQLALCHEMY=database, SESSION_SQLALCHEMY_BIND_KEY="nowhere")
    visitor = site.visitor()
    assert "init_app" in str(await visitor.failure(lambda session: session.update(a=1)))
    site.app.config["SQLALCHEMY_DATABASE_URI"] = url
    site.app._got_first_request = False
    database.init_app(site.app)
    assert "BIND_KEY" in str(await visitor.failure(lambda session: session.update(a=1)))
    dispose(site, database)


def dispose(site: Site, database: SQLAlchemy) -> None:
    with site.app.app_context():
        for engine in database.engines.values():
            engine.dispose()


@pytest.mark.needs("quart")
def test_a_flask_sqlalchemy_object_is_refused_for_quart(clock: Clock) -> None:
    with pytest.raises(ConfigError, match="Quart cannot use"):
        Site(
            "quart",
            {"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": SQLAlchemy()},
            clock=clock,
        )


# --- tables --------------------------------------------------------------------------------


def test_several_applications_share_a_metadata_and_have_tables_of_their_own() -> None:
    metadata = sa.MetaData()
    one = session_tables(metadata, name="one")
    two = session_tables(metadata, name="two", schema="other")
    assert session_tables(metadata, name="one") == one
    assert sorted(metadata.tables) == ["one", "one_owners", "other.two", "other.two_owners"]
    assert two.records.schema == "other"


def test_a_table_that_is_the_applications_own_is_refused() -> None:
    metadata = sa.MetaData()
    sa.Table("sessions", metadata, sa.Column("id", sa.Integer, primary_key=True))
    with pytest.raises(ConfigError, match="SESSION_SQLALCHEMY_TABLE"):
        session_tables(metadata, name="sessions")


@pytest.mark.asyncio
async def test_no_request_makes_a_table(framework: str, clock: Clock, url: str) -> None:
    settings = {"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": url}
    site = Site(framework, settings, clock=clock)
    assert (await site.visitor().put(a=1)).status == 503
    assert sa.inspect(sa.create_engine(url, poolclass=sa.NullPool)).get_table_names() == []
    await site.close()


@pytest.mark.parametrize("create", [True, False])
def test_the_command_and_the_setting_make_the_tables(
    framework: str, clock: Clock, url: str, create: bool
) -> None:
    settings = {
        "SESSION_TYPE": "sqlalchemy",
        "SESSION_SQLALCHEMY": url,
        "SESSION_SQLALCHEMY_TABLE": "visits",
        "SESSION_SQLALCHEMY_CREATE": create,
    }
    site = Site(framework, settings, clock=clock)
    if create:
        start(site)
    else:
        assert init_db(site).startswith("in the table visits of ")
    assert rows(url, "visits") == rows(url, "visits_owners") == []


def test_another_store_has_no_tables_to_make(framework: str, clock: Clock) -> None:
    site = Site(framework, {"SESSION_TYPE": "memory"}, clock=clock)
    result = site.app.test_cli_runner().invoke(args=["sessions", "init"])
    assert result.exit_code == 0
    assert result.stdout == "nothing to do: memory needs neither tables nor indexes\n"


# --- what is given -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "colour", "chosen"),
    [
        ("sqlite:///a.db", Colour.SYNC, "sqlite+pysqlite"),
        ("sqlite:///a.db", Colour.ASYNC, "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///a.db", Colour.SYNC, "sqlite+pysqlite"),
        ("sqlite+aiosqlite:///a.db", Colour.ASYNC, "sqlite+aiosqlite"),
    ],
)
def test_one_url_serves_both_frameworks(given: str, colour: Colour, chosen: str) -> None:
    assert driven(read_url(given), colour).drivername == chosen


@pytest.mark.parametrize("given", ["sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite://"])
def test_a_database_in_memory_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match='SESSION_TYPE = "memory"'):
        SQLStore(given)
    engine = create_async_engine(given) if "aio" in given else sa.create_engine(given)
    with pytest.raises(ConfigError, match='SESSION_TYPE = "memory"'):
        SQLStore(engine)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "needs SESSION_SQLALCHEMY: write a URL"),
        ("nonsense:secret", "not a URL of a database"),
        ("postgres://app:secret@host/db", "postgresql://"),
        ("sqlite+nosuch:///a.db", "not known"),
        (7, "is a int"),
    ],
)
def test_what_cannot_be_used_is_refused_without_its_password(given: Any, message: str) -> None:
    settings = {"SECRET_KEY": SECRET_KEY, "SESSION_SQLALCHEMY": given}
    with pytest.raises(ConfigError, match=message) as caught:
        open_store(read_config(settings), clock=Clock()).open_for(Colour.SYNC)
    assert "secret" not in str(caught.value)


def test_an_engine_serves_its_own_colour_only(
    engine: sa.Engine, async_url: str, clock: Clock
) -> None:
    for wrong, framework in ((engine, "quart"), (create_async_engine(async_url), "flask")):
        site = Site(framework, {"SESSION_TYPE": "sqlalchemy"}, clock=clock, init=False)
        site.app.config["SESSION_SQLALCHEMY"] = wrong
        with pytest.raises(ConfigError, match="cannot use"):
            Session(site.app)


def test_a_prefix_that_would_not_fit_is_refused(url: str) -> None:
    settings = {"SECRET_KEY": SECRET_KEY, "SESSION_SQLALCHEMY": url}
    for prefix, fits in (("x" * 233, True), ("x" * 234, False), ("\u00fc" * 117, False)):
        config = read_config({**settings, "SESSION_KEY_PREFIX": prefix})
        if fits:
            assert isinstance(open_store(config, clock=Clock()), SQLStore)
        else:
            with pytest.raises(ConfigError, match="233"):
                open_store(config, clock=Clock())


def test_the_package_exports_what_migrations_import() -> None:
    module = import_module("samesession.stores.sqlalchemy")
    tables = session_tables()
    assert set(tables) <= set(module.metadata.tables.values())
    named = type(tables.records.c.key.type)
    assert getattr(import_module(named.__module__), named.__qualname__) is named


# --- round trips ---------------------------------------------------------------------------


def test_each_operation_is_one_statement_and_a_read_seldom_two(url: str) -> None:
    clock = Clock()
    store = SQLStore(url, clock=clock)
    run(store.prepare())
    said: list[str] = []

    def listen(*args: Any) -> None:
        said.append(args[2].split()[0])

    sa.event.listen(store._engine(), "before_cursor_execute", listen)
    run(store.create("key", make_record(1), lifetimes=HOUR))
    for _ in range(60):
        assert run(store.load("key", renew=HOUR)) == make_record(1)
        clock.advance(1)
    run(store.commit("key", make_record(2), expected=b"\0" * 7 + b"\1", renew=HOUR))
    assert said == ["INSERT", *["SELECT"] * 60, "UPDATE"]
    said.clear()
    clock.advance(61)
    run(store.load("key", renew=HOUR))
    run(store.load("key", renew=HOUR))
    run(store.remove("key", expected=None))
    assert said == ["SELECT", "UPDATE", "SELECT", "DELETE"]
    run(store.close())


def test_a_row_whose_columns_belie_its_record_is_no_session(url: str) -> None:
    store = SQLStore(url, clock=Clock())
    run(store.prepare())
    run(store.create("key", make_record(1), lifetimes=HOUR))
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE samesession SET revision = 7"))
    for steps in (
        store.load("key", renew=HOUR),
        store.commit("key", make_record(2), expected=b"\0" * 7 + b"\1", renew=HOUR),
    ):
        with pytest.raises(BadRecord):
            run(steps)
    run(store.close())


def test_a_clock_that_was_ahead_leaves_no_longer_life_behind(url: str) -> None:
    clock = Clock()
    store = SQLStore(url, clock=clock)
    run(store.prepare())
    clock.advance(86_400)
    run(store.create("key", make_record(1), lifetimes=HOUR))
    clock.advance(-86_400)
    assert run(store.load("key", renew=HOUR)) == make_record(1)
    clock.advance(HOUR.permanent + 60)
    assert run(store.load("key", renew=HOUR)) is None
    run(store.close())
