"""Open the session store's own SQLAlchemy engines, for Flask or for Quart.

An application's engine supplies its settings, never its connections. The pool is separate. So the
sessions meet neither a half-done transaction nor a pool that is used up by views. Every statement
is its own transaction (AUTOCOMMIT).
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, InvalidRequestError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from ...core.steps import Steps, call, wait
from ...core.store import Colour
from ...errors import ConfigError
from ...run.aio import opened_apart
from ...run.clocks import LONGEST
from ..kit.deadline import Deadline
from ..kit.server_names import told
from .settings import HELP
from .sqlite_turns import take_turns

T = TypeVar("T")

# A database's drivers, of which the first installed one is used: SQLAlchemy's name, the module, and
# what to install. Only SQLAlchemy knows which driver is sync and which is async.
_DRIVERS = {
    Colour.SYNC: {
        "sqlite": (("pysqlite", "sqlite3", ""),),
        "postgresql": (("psycopg", "psycopg", "psycopg[binary]"), ("psycopg2", "psycopg2", "")),
        "mysql": (("pymysql", "pymysql", "samesession[mysql]"), ("mysqldb", "MySQLdb", "")),
    },
    Colour.ASYNC: {
        "sqlite": (("aiosqlite", "aiosqlite", "aiosqlite"),),
        "postgresql": (("psycopg", "psycopg", "psycopg[binary]"), ("asyncpg", "asyncpg", "")),
        # Not aiomysql, unless a URL names it: with PyMySQL 1.2 it sends no bytes.
        "mysql": (("asyncmy", "asyncmy", "samesession[mysql]"),),
    },
}
_SYSTEMS = ("sqlite", "postgresql", "mariadb", "mysql")
_NAME = "samesession"
# At DEBUG an engine logs each row that it reads. Ours has its own logger, below the usual one,
# which logs everything else.
logging.getLogger(f"sqlalchemy.engine.Engine.{_NAME}").addFilter(
    lambda record: record.levelno > logging.DEBUG
)
_OPTIONS = {"isolation_level": "AUTOCOMMIT", "hide_parameters": True, "logging_name": _NAME}
# Async drivers whose idle connections no event loop watches, so that it holds no context for them.
_UNWATCHED = {"psycopg", "aiosqlite"}
_BOTH = {"psycopg"}  # drivers that SQLAlchemy knows in both colours under one name
_MEMORY_HELP = (
    "SESSION_SQLALCHEMY is an SQLite database in memory, whose only connection an application "
    'would share with its sessions: name a file, or write SESSION_TYPE = "memory"'
)


def read_url(text: str) -> sa.URL:
    """Read a database's URL; raise ConfigError without quoting it, as it may hold a password."""
    try:
        url = sa.make_url(text)
        if url.get_backend_name() == "postgres":
            raise ConfigError('SESSION_SQLALCHEMY: write "postgresql://", not "postgres://"')
    except ArgumentError:
        raise ConfigError(f"SESSION_SQLALCHEMY is not a URL of a database: {HELP}") from None
    if url.get_backend_name() == "sqlite" and _in_memory(url):
        raise ConfigError(_MEMORY_HELP)
    if "@" in (url.host or ""):
        raise ConfigError(
            "SESSION_SQLALCHEMY has more than one @: percent-encode those in the password as %40"
        )
    if url.get_backend_name() == "sqlite" and str(url.database).startswith("~"):
        url = url.set(database=os.path.expanduser(str(url.database)))
    return url


def _in_memory(url: sa.URL) -> bool:
    return url.database in (None, "", ":memory:") or url.query.get("mode") == "memory"


def driven(url: sa.URL, colour: Colour) -> sa.URL:
    """Return the URL with a driver for the colour: its own, or the usual one for its database."""
    backend = url.get_backend_name()
    family = "mysql" if backend == "mariadb" else backend
    known = _DRIVERS[colour].get(family)
    own = url.drivername.partition("+")[2]
    if known is None or (own and _serves(url, colour)):
        _check_installed(url)
        return url
    for name, module, _ in known:
        if find_spec(module) is not None:
            return url.set(drivername=f"{backend}+{name}")
    raise ConfigError(
        f"SESSION_SQLALCHEMY is a {backend} URL without a driver that "
        f"{'Quart' if colour is Colour.ASYNC else 'Flask'} can use: pip install '{known[0][2]}'"
    )


def _check_installed(url: sa.URL) -> None:
    try:
        # Any: SQLAlchemy has no type for a driver.
        _ = cast("Any", url.get_dialect()).import_dbapi()
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigError(
            f"SESSION_SQLALCHEMY names a driver that is not installed: {error}"
        ) from error


def _serves(url: sa.URL, colour: Colour) -> bool:
    if url.drivername.partition("+")[2] in _BOTH:
        return True
    try:
        return bool(url.get_dialect().is_async) is (colour is Colour.ASYNC)
    except (NoSuchModuleError, ImportError) as error:
        raise ConfigError(
            f"SESSION_SQLALCHEMY names a driver that is not known: {error}"
        ) from error


def colour_of(source: object) -> Colour | None:
    """Return a setting's colour, None for a URL; raise ConfigError if it is not a database."""
    if isinstance(source, sa.URL):
        return None
    if isinstance(source, sa.Engine | AsyncEngine):
        check_engine(source)
        return Colour.ASYNC if isinstance(source, AsyncEngine) else Colour.SYNC
    if is_lent(source):
        return Colour.SYNC
    raise ConfigError(f"SESSION_SQLALCHEMY is a {type(source).__name__}: {HELP}")


def check_engine(engine: sa.Engine | AsyncEngine) -> None:
    """Refuse an engine whose users all share one connection."""
    pool = engine.pool
    if isinstance(pool, SingletonThreadPool | StaticPool):
        raise ConfigError(_MEMORY_HELP)


# Any: there is no type for a Flask-SQLAlchemy object that we could import.
def opened(
    source: Any, colour: Colour, bind_key: str | None, *, timeout: float, deadline: Deadline
) -> sa.Engine | AsyncEngine:
    """Open our own engine, from a URL or with the settings of a lent one."""
    if isinstance(source, sa.URL):
        return open_engine(source, colour, timeout=timeout, deadline=deadline)
    if not isinstance(source, sa.Engine | AsyncEngine):
        source = lent_engine(source, bind_key)
        check_engine(source)
    return open_beside(source, timeout=timeout)


def open_engine(
    url: sa.URL, colour: Colour, *, timeout: float, deadline: Deadline
) -> sa.Engine | AsyncEngine:
    """Open an engine for a URL.

    `timeout`: seconds for connecting and for each statement; `deadline`: a thread's limit for all
    of them, if the driver supports one.
    """
    chosen = driven(url, colour)
    options: dict[str, Any] = {
        **_OPTIONS,
        # A loop's own deadline ends the wait for a connection, unless the loop itself is late.
        "pool_timeout": timeout if colour is Colour.SYNC else timeout * LONGEST,
        "pool_use_lifo": True,
        "connect_args": _connect_args(chosen, colour, timeout),
    }
    try:
        made = (
            create_async_engine(chosen, **options)
            if colour is Colour.ASYNC
            else sa.create_engine(chosen, **options)
        )
    except (ImportError, InvalidRequestError, ArgumentError) as error:
        raise ConfigError(f"SESSION_SQLALCHEMY cannot be used: {error}") from error
    _bound_statements(made, timeout)
    if colour is Colour.SYNC and made.dialect.driver in ("psycopg", "pymysql"):
        _bound_waits(sync_engine(made), deadline)
    return made


def open_beside(engine: sa.Engine | AsyncEngine, *, timeout: float) -> sa.Engine | AsyncEngine:
    """Open an engine like an application's, with its own connections."""
    options: dict[str, Any] = {**_OPTIONS, "pool": engine.pool.recreate()}
    made = (
        create_async_engine(engine.url, **options)
        if isinstance(engine, AsyncEngine)
        else sa.create_engine(engine.url, **options)
    )
    _bound_statements(made, timeout)
    return made


def close_engine(
    deadline: Deadline, timeout: float, engine: sa.Engine | AsyncEngine
) -> Steps[None]:
    """Close an engine's connections; `timeout`: seconds for closing them cleanly."""
    deadline.begin(timeout)
    if isinstance(engine, AsyncEngine):
        closing: Any = engine.dispose()
        _ = yield from wait(closing)
    else:
        yield from call(engine.dispose)


def sync_engine(engine: sa.Engine | AsyncEngine) -> sa.Engine:
    """Return the engine that has the events and the dialect."""
    return engine.sync_engine if isinstance(engine, AsyncEngine) else engine


def _connect_args(url: sa.URL, colour: Colour, timeout: float) -> dict[str, Any]:
    args = _timeouts(url, timeout)
    if colour is Colour.ASYNC and url.get_dialect().driver == "psycopg":
        from .psycopg import AbortingConnection

        args["async_creator_fn"] = AbortingConnection.connect
    return args


def _timeouts(url: sa.URL, timeout: float) -> dict[str, Any]:
    whole = max(1, math.ceil(timeout))
    match url.drivername.partition("+")[2]:
        case "psycopg" | "psycopg2":
            return {"connect_timeout": whole, "tcp_user_timeout": math.ceil(timeout * 1000)}
        case "pymysql":
            return {"connect_timeout": whole, "read_timeout": timeout, "write_timeout": timeout}
        case "mysqldb":
            return {"connect_timeout": whole, "read_timeout": whole, "write_timeout": whole}
        case "aiomysql" | "asyncmy":
            return {"connect_timeout": whole}
        case _:
            return {}


def _bound_statements(engine: sa.Engine | AsyncEngine, timeout: float) -> None:
    """Make the server end each statement that takes too long, if it can."""
    real = sync_engine(engine)
    milliseconds = math.ceil(timeout * 1000)
    match real.dialect.name:
        case "sqlite":
            take_turns(real, timeout)
            return
        case "postgresql":
            command = f"SET statement_timeout = {milliseconds}"
        case "mysql" | "mariadb":
            command = f"SET innodb_lock_wait_timeout = {max(1, math.ceil(timeout))}"
        case _:
            return

    def begin(connection: Any, _: object) -> None:  # Any: a driver's
        cursor = connection.cursor()
        try:
            cursor.execute(command)
        finally:
            cursor.close()

    event.listen(real, "connect", begin)


def _bound_waits(engine: sa.Engine, deadline: Deadline) -> None:
    """Make a thread's waits end at the deadline."""
    new = _connect_with(engine.dialect.driver, deadline)

    def connect(_: object, __: object, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return new(*args, **named)

    event.listen(engine, "do_connect", connect)


def _connect_with(driver: str, deadline: Deadline) -> Callable[..., Any]:
    if driver == "psycopg":
        from . import psycopg

        return psycopg.connection_class(deadline).connect
    from . import pymysql

    return pymysql.connection_class(deadline)


def location_of(source: object) -> str:
    """Name the server and database, or the file, of a setting, without user or password."""
    if not isinstance(source, sa.URL | sa.Engine | AsyncEngine):
        return f"a {type(source).__name__} object"
    url = source if isinstance(source, sa.URL) else source.url
    hosts = url.query.get("host", ())  # PostgreSQL's socket, or several servers
    more = ",".join((hosts,) if isinstance(hosts, str) else hosts)
    if url.get_backend_name() == "sqlite" and url.database is not None:
        return f"sqlite:///{os.path.abspath(url.database)}"
    port = "" if url.port is None else f":{url.port}"
    # SQLAlchemy removes the brackets of an IPv6 address.
    host = f"[{url.host}]" if url.host and ":" in url.host else url.host
    server = more if not host else told(f"{host}{port}")
    return f"{url.get_backend_name()}://{server}/{url.database or ''}"


def system_of(source: object) -> str:
    """Return the database's name in OpenTelemetry; empty if the object knows it only later."""
    url = source.url if isinstance(source, sa.Engine | AsyncEngine) else source
    name = url.get_backend_name() if isinstance(url, sa.URL) else ""
    return name if name in _SYSTEMS else "other_sql"


def is_lent(source: object) -> bool:
    """Return whether a setting is a Flask-SQLAlchemy object, by its attributes."""
    # On the class, because its `engines` needs an application.
    return all(hasattr(type(source), name) for name in ("init_app", "engines", "get_engine"))


def lent_metadata(source: Any, bind_key: str | None) -> sa.MetaData:
    """Return a Flask-SQLAlchemy object's metadata, so that its `create_all` has our tables."""
    found: dict[str | None, sa.MetaData] = source.metadatas
    if bind_key not in found:
        # As in Flask-SQLAlchemy, when the first model of a bind key is declared.
        found[bind_key] = sa.MetaData(info={"bind_key": bind_key})
    return found[bind_key]


def lent_engine(source: Any, bind_key: str | None) -> sa.Engine:
    """Return the engine of a Flask-SQLAlchemy object for the current application.

    Raises ConfigError before its `init_app`, and for an unknown bind key.
    """
    try:
        engines = cast("dict[str | None, sa.Engine]", source.engines)
    except (RuntimeError, KeyError) as error:
        raise ConfigError(
            "SESSION_SQLALCHEMY is a Flask-SQLAlchemy object without this application: "
            "call its init_app(app)"
        ) from error
    if bind_key not in engines:
        raise ConfigError(
            f"SESSION_SQLALCHEMY_BIND_KEY is {bind_key!r}: it must be one of SQLALCHEMY_BINDS"
        )
    return engines[bind_key]


def on(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """Do work on a connection of an engine."""
    with engine.connect() as connection:
        return work(connection)


async def through(engine: AsyncEngine, work: Callable[[sa.Connection], T]) -> T:
    """Do the same on one of an async engine, which must not hold the request for longer."""
    answer = _through(engine, work)
    return await (answer if engine.dialect.driver in _UNWATCHED else opened_apart(answer))


async def _through(engine: AsyncEngine, work: Callable[[sa.Connection], T]) -> T:
    async with engine.connect() as connection:
        return await connection.run_sync(work)
