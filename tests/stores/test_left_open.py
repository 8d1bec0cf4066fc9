"""A test client alone, which no server starts or ends, leaves no connection open."""

from __future__ import annotations

import asyncio
import gc
import os
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from samesession import Session
from samesession.core.store import Colour
from samesession.quart import revoke_all
from samesession.stores.sqlalchemy.engines import driven
from tests.support.backend import SERVER_STORES, Backend
from tests.support.site import Site

pytestmark = pytest.mark.stores(*SERVER_STORES, "sqlalchemy-sqlite")

Visit = Callable[[Any], Any]  # Any: an application of either framework


def _connections() -> set[str]:
    """Name the sockets that this process has open."""
    found: set[str] = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(each)
        except FileNotFoundError:
            continue  # what listed the directory
        if target.startswith("socket:"):
            found.add(target)
    return found


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fail if something is open after the block that was not before, or is warned of."""
    gc.collect()
    before = _connections()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [each.message for each in told] == []
    assert _connections() <= before


@pytest.fixture
def new_app(framework: str, backend: Backend) -> Callable[..., Any]:
    """Give a function that makes an application, as a user's tests have it."""

    def make(**settings: Any) -> Any:
        chosen = {**backend.settings, **settings}
        site = Site(framework, chosen, clock=backend.clock, init=False)
        Session(site.app)

        @site.view("/put")
        def put(session: Any, _: Any) -> str:
            if backend.part.owners:
                session.bind("ann")
            session["list"] = [*session.get("list", ()), 1]
            return "put"

        return site.app

    return make


def visits(app: Any, framework: str) -> Any:
    """Make two requests by a test client, in the way of a framework."""
    client = app.test_client()
    if framework == "flask":
        assert [client.get("/put").status_code for _ in range(2)] == [200, 200]
        return None

    async def visited() -> None:
        assert [(await client.get("/put")).status_code for _ in range(2)] == [200, 200]

    return visited()


def in_loop(work: Awaitable[None] | None) -> None:
    """Do what is to be awaited, in a loop that begins and ends here."""

    async def awaited() -> None:
        if work is not None:
            await work

    asyncio.run(awaited())


def test_an_application_of_each_test(
    framework: str, backend: Backend, new_app: Callable[[], Any]
) -> None:
    in_loop(visits(new_app(), framework))  # what is loaded once
    with nothing_left():
        in_loop(visits(new_app(), framework))


def test_an_application_of_all_tests(
    framework: str, backend: Backend, new_app: Callable[[], Any]
) -> None:
    app = new_app()
    in_loop(visits(app, framework))
    with nothing_left():
        in_loop(visits(app, framework))
        if framework == "quart":  # Flask's connections are the process's, and go on with it
            gc.collect()


def close_what_they_open(framework: str, backend: Backend, new_app: Callable[[], Any]) -> None:
    """Fail if one of many applications in a loop leaves something open when it is freed."""

    async def visited_and_freed() -> None:
        visiting = visits(new_app(), framework)
        if visiting is not None:
            await visiting
        gc.collect()

    async def closed(before: set[str]) -> bool:
        """Let what was freed be closed, and return whether nothing more is open than before."""
        for _ in range(50 * backend.part.slowness):
            await asyncio.sleep(0.001)
            if _connections() <= before:
                return True
        return False

    async def test() -> None:
        before = _connections()
        await visited_and_freed()
        _ = await closed(before)
        before = _connections()
        for _ in range(3):
            await visited_and_freed()
            assert await closed(before)

    with nothing_left():
        asyncio.run(test())


def test_many_applications_in_one_loop(
    framework: str, backend: Backend, new_app: Callable[[], Any]
) -> None:
    close_what_they_open(framework, backend, new_app)


@pytest.mark.needs("quart")
@pytest.mark.stores("sqlalchemy-sqlite", "postgresql", "mariadb", "mysql")
def test_many_applications_that_lend_an_engine(
    framework: str, backend: Backend, new_app: Callable[..., Any]
) -> None:
    url = driven(sa.make_url(backend.settings["SESSION_SQLALCHEMY"]), Colour.ASYNC)

    def lending() -> Any:
        return new_app(SESSION_SQLALCHEMY=create_async_engine(url))

    close_what_they_open(framework, backend, lending)


@pytest.mark.needs("quart")
@pytest.mark.stores("postgresql")
def test_many_applications_with_asyncpg(
    framework: str, backend: Backend, new_app: Callable[..., Any]
) -> None:
    url = sa.make_url(backend.settings["SESSION_SQLALCHEMY"]).set(drivername="postgresql+asyncpg")

    def connecting() -> Any:
        return new_app(SESSION_SQLALCHEMY=url.render_as_string(hide_password=False))

    close_what_they_open(framework, backend, connecting)


@pytest.mark.needs("quart")
@pytest.mark.owners
def test_what_is_done_outside_of_requests(
    framework: str, backend: Backend, new_app: Callable[[], Any]
) -> None:
    """As in a test that looks into the store after its requests, in a loop of its own."""
    app = new_app()
    in_loop(visits(app, framework))

    async def look() -> None:
        async with app.app_context():
            assert await revoke_all("ann") == 1

    with nothing_left():
        in_loop(look())
