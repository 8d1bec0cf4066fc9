"""An outage is one line in the log: which store, where, and why, whatever client told of it."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from samesession import ConfigError, StoreUnavailable, outages
from samesession.errors import at_place
from samesession.run.sync import run
from samesession.stores.base import FromSync
from samesession.stores.filesystem import FileStore
from samesession.stores.sqlalchemy import SQLStore
from tests.support.backend import Servers
from tests.support.clock import Clock
from tests.support.server import running as running_valkey
from tests.support.site import Site
from tests.support.tls import issued, terminated

pytestmark = pytest.mark.asyncio

PASSWORD = "pass-w0rd-of-the-store"
REFUSED = "the connection was refused"
UNKNOWN = "its name is not known"
LATE = "it did not answer in time"
NO_SESSION = "no-such-host.invalid"

Settings = dict[str, Any]


def redis_at(address: str, scheme: str = "redis", more: str = "") -> Settings:
    return {"SESSION_TYPE": "redis", "SESSION_REDIS": f"{scheme}://ann:{PASSWORD}@{address}{more}"}


def sql_at(address: str, backend: str) -> Settings:
    url = f"{backend}://ann:{PASSWORD}@{address}/shop"
    return {"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": url}


def dynamodb_at(address: str) -> Settings:
    return {
        "SESSION_TYPE": "dynamodb",
        "SESSION_DYNAMODB_REGION": "eu-west-1",
        "SESSION_DYNAMODB_ENDPOINT_URL": f"http://{address}",
    }


# By name: settings for an address, and how the line names it.
STORES: dict[str, tuple[Callable[[str], Settings], str]] = {
    "redis": (lambda at: redis_at(at, more="/3"), "redis://{}/3"),
    "tls": (lambda at: redis_at(at, "rediss", "/3"), "redis://{}/3"),
    "cluster": (lambda at: redis_at(at, "redis+cluster"), "redis+cluster://{}"),
    "sentinel": (
        lambda at: redis_at(at, "redis+sentinel", f"/shop/3?sentinel_password={PASSWORD}"),
        "redis+sentinel://{}/shop/3",
    ),
    "memcached": (
        lambda at: {"SESSION_TYPE": "memcached", "SESSION_MEMCACHED": at},
        "memcached at {}",
    ),
    "mongodb": (
        lambda at: {
            "SESSION_TYPE": "mongodb",
            "SESSION_MONGODB": f"mongodb://ann:{PASSWORD}@{at}/shop",
        },
        "the collection sessions of mongodb://{}/shop",
    ),
    "dynamodb": (dynamodb_at, "the table samesession of DynamoDB in http://{}"),
    "postgresql": (
        lambda at: sql_at(at, "postgresql"),
        "the table samesession of postgresql://{}/shop",
    ),
    "mariadb": (lambda at: sql_at(at, "mysql"), "the table samesession of mysql://{}/shop"),
    "mysql": (lambda at: sql_at(at, "mysql"), "the table samesession of mysql://{}/shop"),
}
# Whose drivers `nox -s servers` brings.
LATER = ("postgresql", "mariadb", "mysql")
EACH = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.stores(kind)) if kind in LATER else kind
        for kind in STORES
    ],
)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PASSWORD)


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


async def outage(
    framework: str, settings: Settings, caplog: pytest.LogCaptureFixture, timeout: float = 1.0
) -> str:
    """Write to a session that begins, and give the line of the log."""
    site = Site(framework, {"SESSION_STORE_TIMEOUT": timeout, **settings}, clock=Clock())
    caplog.clear()
    site.view("/")(lambda session, web: session.update(user="ann") or "")
    answer = await site.user().get("/")
    logged = [each.getMessage() for each in caplog.records if each.name == "samesession"]
    await site.close()
    assert answer.status == 503, caplog.text
    (line,) = logged
    assert PASSWORD not in f"{line}{answer.text}"
    assert line.startswith("the session store failed: ")
    assert "\n" not in line
    return line


@EACH
async def test_a_server_that_is_not_there(
    framework: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings, named = STORES[kind]
    line = await outage(framework, settings("127.0.0.1:1"), caplog)
    why = "no Sentinel knows a master: none was reached" if kind == "sentinel" else REFUSED
    assert line.endswith(f": {why} ({named.format('127.0.0.1:1')})")


@EACH
async def test_a_name_that_nobody_knows(
    framework: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings, named = STORES[kind]
    line = await outage(framework, settings(f"{NO_SESSION}:7000"), caplog)
    why = "no Sentinel knows a master: none was reached" if kind == "sentinel" else UNKNOWN
    assert line.endswith(f": {why} ({named.format(f'{NO_SESSION}:7000')})")


@EACH
async def test_a_server_that_says_nothing(
    framework: str, kind: str, silent: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings, named = STORES[kind]
    line = await outage(framework, settings(silent), caplog, timeout=0.5)
    assert line.endswith(f" ({named.format(silent)})")
    late = (LATE, "did not answer within 0.5 s", "none was reached")
    assert any(words in line for words in late), line


@pytest.mark.parametrize(
    ("login", "why"),
    [
        (f"ann:{PASSWORD}", "the user or password is wrong"),
        (f":{PASSWORD}", "the user or password is wrong"),
        ("", "it asks for a password"),
    ],
)
async def test_a_login_that_redis_refuses(
    framework: str, login: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running_valkey() as server:
        with server.client() as client:
            client.config_set("requirepass", "another")
        at = f"127.0.0.1:{server.port}"
        url = f"redis://{login}@{at}/0" if login else f"redis://{at}/0"
        settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": url}
        assert (await outage(framework, settings, caplog)).endswith(f": {why} (redis://{at}/0)")


async def test_a_right_that_redis_refuses(framework: str, caplog: pytest.LogCaptureFixture) -> None:
    with running_valkey() as server:
        with server.client() as looking:
            client: Any = looking
            client.execute_command(
                "ACL", "SETUSER", "ann", "on", f">{PASSWORD}", "~other:*", "+@all"
            )
        line = await outage(framework, redis_at(f"127.0.0.1:{server.port}"), caplog)
    assert ": the user has no right to this (redis://127.0.0.1:" in line


async def test_a_server_that_is_read_only_or_full(
    framework: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running_valkey() as server, running_valkey() as other:
        settings = {"SESSION_TYPE": "redis", "SESSION_REDIS": server.url}
        with server.client() as client:
            client.config_set("maxmemory", "1")
        assert ": its disk or memory is full (" in await outage(framework, settings, caplog)
        with server.client() as client:
            client.config_set("maxmemory", "0")
            client.replicaof("127.0.0.1", other.port)
        assert ": it is read-only (" in await outage(framework, settings, caplog)


@pytest.mark.parametrize(
    ("names", "more", "why"),
    [
        (["localhost"], "", "its certificate is from a CA that is not trusted"),
        (["other.example"], "ca", "its certificate is for another name"),
    ],
)
async def test_a_certificate_that_is_not_trusted(
    framework: str,
    *,
    names: list[str],
    more: str,
    why: str,
    redis_url: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    certificates = issued(tmp_path, *names)
    plain = int(redis_url.rpartition(":")[2].partition("/")[0])
    with ExitStack() as stack:
        port = stack.enter_context(terminated(certificates, plain, mutual=False))
        query = f"?ssl_ca_certs={certificates.ca}" if more else ""
        url = f"rediss://localhost:{port}/0{query}"
        line = await outage(framework, {"SESSION_TYPE": "redis", "SESSION_REDIS": url}, caplog)
    assert line.endswith(f": {why} (redis://localhost:{port}/0)")


async def test_which_node_of_a_cluster_it_was() -> None:
    error: Exception = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    at_place(error, "127.0.0.1:7003")
    at_place(error, "127.0.0.1:7009")  # the first one is the one
    caught = StoreUnavailable("Redis is not available")
    caught.__cause__ = error
    assert outages.line(caught, "redis+cluster://127.0.0.1:7001") == (
        f"Redis is not available: {REFUSED} (127.0.0.1:7003, of redis+cluster://127.0.0.1:7001)"
    )


# --- files and SQLite --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.EROFS, "Read-only file system"),
        (errno.ENOSPC, "No space left on device"),
        (errno.EACCES, "Permission denied"),
        (errno.EMFILE, "Too many open files"),
        (errno.EDQUOT, "Disk quota exceeded"),
    ],
)
async def test_a_disk_that_does_not_take_a_file(
    framework: str,
    *,
    number: int,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refuse)
    place = tmp_path / "sessions"
    line = await outage(framework, {"SESSION_FILE_DIR": str(place)}, caplog)
    assert line.endswith(f": {errno.errorcode[number]}: {why} (the directory {place})")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("?mode=ro&uri=true", "it is read-only"),
        # aiosqlite's thread would report to an event loop that is closed.
        pytest.param("", "its file cannot be opened", marks=pytest.mark.needs("flask")),
    ],
)
async def test_an_sqlite_file_that_cannot_be_written(
    framework: str, query: str, why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / ("sessions.db" if query else "missing/sessions.db")
    if query:
        make_tables(place)
    url = f"sqlite:///file:{place}{query}" if query else f"sqlite:///{place}"
    settings = {"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": url}
    assert f": {why} (the table samesession of sqlite:///" in await outage(
        framework, settings, caplog
    )


async def test_a_file_of_the_sqlite_store_that_is_damaged(
    framework: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "sessions.db"
    place.touch(mode=0o600)
    place.write_bytes(b"no database" * 1000)
    settings = {"SESSION_TYPE": "sqlite", "SESSION_SQLITE_FILE": str(place)}
    line = await outage(framework, settings, caplog)
    assert line.endswith(f"SQLITE_NOTADB: its file is not a database (the file {place})")


def make_tables(place: Path) -> None:
    store = SQLStore(f"sqlite:///{place}")
    run(store.prepare())
    run(store.close())


@pytest.mark.stores("postgresql", "mariadb", "mysql")
async def test_a_login_that_a_database_refuses(
    framework: str, store_name: str, servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    url = sa.make_url(servers[store_name].url)
    wrong = url.set(username="nobody", password=PASSWORD)
    settings = {
        "SESSION_TYPE": "sqlalchemy",
        "SESSION_SQLALCHEMY": wrong.render_as_string(hide_password=False),
    }
    line = await outage(framework, settings, caplog)
    assert ": the user or password is wrong (the table samesession of " in line


# --- stores of others, and the mechanism ---------------------------------------------------------


class Broken:
    """A store by others, whose client fails in its own way."""

    location = "the shelf at shelf.example:1"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def create(self, *_: object, **__: object) -> bool:
        raise self._error

    load = commit = remove = close = create


async def test_the_store_of_another_package(
    framework: str, caplog: pytest.LogCaptureFixture
) -> None:
    inside: Any = Broken(ConnectionRefusedError(errno.ECONNREFUSED, f"{PASSWORD} refused"))
    store = FromSync(inside, outages=(OSError,))
    site = Site(framework, {}, clock=Clock(), store=store)
    site.view("/")(lambda session, web: session.update(user="ann") or "")
    assert (await site.user().get("/")).status == 503
    (line,) = [each.getMessage() for each in caplog.records if each.name == "samesession"]
    assert line == (
        "the session store failed: the store failed: ConnectionRefusedError: "
        f"{REFUSED} (the shelf at shelf.example:1)"
    )


class Coded(Exception):
    """An error of a client library that has the server's code."""

    def __init__(self, text: str = "", **codes: object) -> None:
        super().__init__(text)
        vars(self).update(codes)


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Coded(sqlstate="28P01"), "the user or password is wrong"),
        (Coded(pgcode="53300"), "it has too many connections"),
        (Coded(code=18), "the user or password is wrong"),
        (Coded(response={"Error": {"Code": "AccessDeniedException"}}), "the user has no right"),
        (Coded(sqlite_errorname="SQLITE_BUSY_SNAPSHOT"), "another one holds its lock"),
        (Coded("LOADING Redis is loading the dataset"), "it is still starting"),
        (Coded("CLUSTERDOWN Hash slot not served"), "its Cluster is down"),
        (Coded("max number of clients reached"), "it has too many connections"),
        (Coded("FATAL: password authentication failed for user"), "the user or password is wrong"),
        (Coded("could not translate host name"), UNKNOWN),
        (Coded("Connection reset by peer"), "the connection was lost"),
        (Coded("[Errno 113] No route to host"), "there is no route to it"),
        (Coded("read timed out"), LATE),
        (Coded("Redis(socket_timeout=0.5)"), None),
        (Coded("anything else"), None),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x"), "TLS could not start"),
        (
            Coded("SSL handshake failed: certificate verify failed"),
            "its certificate is not trusted",
        ),
        (certificate_error(10), "its certificate has expired"),
        (certificate_error(18), "its certificate is self-signed"),
        (certificate_error(62), "its certificate is for another name"),
        (certificate_error(77), "its certificate is not trusted"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "the name server does not answer"),
        (BrokenPipeError(errno.EPIPE, "x"), "the connection was lost"),
        (TimeoutError("x"), LATE),
        (OSError(errno.EHOSTUNREACH, "x"), "No route to host"),
        (sqlite3.OperationalError("database or disk is full"), "its disk or memory is full"),
    ],
)
async def test_why_is_read_from_what_the_client_library_says(
    error: Exception, why: str | None
) -> None:
    for cause in ("cause", "context", "group"):
        told = StoreUnavailable("the store failed")
        if cause == "cause":
            told.__cause__ = error
        elif cause == "context":
            told.__context__, told.__suppress_context__ = error, True
        else:
            told.__cause__ = ExceptionGroup("several", [error])
        found = outages.reason(told)
        assert found == why or (why is not None and str(found).startswith(why))


async def test_a_chain_that_bites_its_tail_comes_to_an_end() -> None:
    told, other = StoreUnavailable("the store failed"), ValueError("x")
    told.__cause__, other.__context__ = other, told
    assert outages.line(told, None) == "the store failed"


HOSTILE = ("p@s3cret", "p/s3cret", "p?s3cret", "p#s3cret", "p:s3cret", "1@s3cret/x?y", "@s3cret@")


@pytest.mark.parametrize(
    "kind", ["redis", "cluster", "sentinel", "mongodb", "srv", "sql", "dynamo"]
)
@pytest.mark.parametrize("password", HOSTILE)
async def test_a_password_that_is_not_encoded_is_shown_by_no_place(
    framework: str, password: str, kind: str
) -> None:
    login, at = f"ann:{password}@", "127.0.0.1:1"
    settings: Settings = {
        "redis": {"SESSION_TYPE": "redis", "SESSION_REDIS": f"redis://{login}{at}/0"},
        "cluster": {"SESSION_TYPE": "redis", "SESSION_REDIS": f"redis+cluster://{login}{at}"},
        "sentinel": {"SESSION_TYPE": "redis", "SESSION_REDIS": f"redis+sentinel://{login}{at}/m"},
        "mongodb": {"SESSION_TYPE": "mongodb", "SESSION_MONGODB": f"mongodb://{login}{at}/shop"},
        "srv": {"SESSION_TYPE": "mongodb", "SESSION_MONGODB": f"mongodb+srv://{login}shop.invalid"},
        "sql": {
            "SESSION_TYPE": "sqlalchemy",
            "SESSION_SQLALCHEMY": f"sqlite+{'pysqlite' if framework == 'flask' else 'aiosqlite'}"
            f"://{login}{at}/shop",
        },
        "dynamo": {**dynamodb_at(at), "SESSION_DYNAMODB_ENDPOINT_URL": f"http://{login}{at}"},
    }[kind]
    try:
        site = Site(framework, settings, clock=Clock())
    except (ConfigError, ValueError) as error:
        shown = str(error)
    else:
        shown = site.app.session_interface.app_sessions.location
        await site.close()
    assert "s3cret" not in shown


# --- a directory that cannot be made --------------------------------------------------------------


@pytest.mark.parametrize("why", [errno.ENOTDIR, errno.EACCES, errno.EROFS])
async def test_a_directory_that_cannot_be_made_says_where_why_and_who(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: int
) -> None:
    if why == errno.ENOTDIR:
        (tmp_path / "place").write_text("")
    elif why == errno.EACCES:
        monkeypatch.setattr(os, "access", lambda *_, **__: False)
    else:
        monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        _ = FileStore("place/sessions")
    told = str(caught.value)
    assert told.startswith("SESSION_FILE_DIR cannot be made")
    place = f"{tmp_path}/place/sessions"
    assert f": {place}: {os.strerror(why)} (as user {os.geteuid()}): write " in told


async def test_a_directory_that_others_may_write_says_where_and_who(tmp_path: Path) -> None:
    await asyncio.to_thread(tmp_path.chmod, 0o777)
    with pytest.raises(ConfigError) as caught:
        _ = FileStore(tmp_path)
    assert f" ({tmp_path}, as user {os.geteuid()})" in str(caught.value)


async def test_an_at_too_many_in_a_databases_url_is_told_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"percent-encode .* %40") as caught:
        _ = SQLStore("postgresql://ann:p@s3cret@127.0.0.1/shop")
    assert "s3cret" not in str(caught.value)
