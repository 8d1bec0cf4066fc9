"""What client libraries log at DEBUG, where every logger is on: no user's data, no cookie."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from samesession.run.aio import arun
from samesession.run.sync import run
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.site import Site

pytestmark = pytest.mark.asyncio

# Loggers with a level of their own: that of the root does not reach them.
LOGGERS = ("", "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "botocore", "pymongo")
CANARY = "canary-in-the-data-of-a-session-at-debug"


def listen(caplog: pytest.LogCaptureFixture) -> None:
    for name in LOGGERS:
        caplog.set_level(logging.DEBUG, logger=name or None)


async def live_through_everything(site: Site) -> list[str]:
    """Begin, read, change, log in and end sessions; give the cookies that there were."""
    user, cookies = site.visitor(), list[str]()
    acts: list[Callable[[Any], Any]] = [
        lambda session: session.update(a=CANARY),
        dict,
        lambda session: session.update(b=[CANARY, CANARY]),
        lambda session: session.regenerate(),
        lambda session: session.clear(),
    ]
    for act in acts:
        assert (await user.visit(act)).status == 200
        if "session" in user.jar:
            cookies.append(user.jar["session"])
    return cookies


def spellings(text: str) -> set[str]:
    """Give how a log may spell text: as it is, or within base64, wherever it begins there."""
    return {text, *(_within_base64(text.encode(), each) for each in range(3))}


def _within_base64(data: bytes, offset: int) -> str:
    spelt = base64.b64encode(b"x" * offset + data).decode()
    return spelt[4:-4]


def expect_nothing(caplog: pytest.LogCaptureFixture, cookies: list[str]) -> None:
    logged = "\n".join(f"{each.name}: {each.getMessage()}" for each in caplog.records)
    shown = [
        line for line in logged.splitlines() if any(each in line for each in spellings(CANARY))
    ]
    assert shown == []
    secrets = {part for cookie in cookies for part in cookie.split(".")[1:]}
    assert secrets
    # Our own tests' clients log what they send.
    ours = [line for line in logged.splitlines() if not line.startswith("quart.serving")]
    assert [line for line in ours if any(each in line for each in secrets)] == []


async def test_no_logger_shows_what_a_session_holds(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    listen(caplog)
    expect_nothing(caplog, await live_through_everything(site))


@pytest.mark.stores("sqlalchemy-sqlite")
@pytest.mark.parametrize("echo", [None, True, "debug"])
async def test_an_engine_that_is_given_shows_nothing_either(
    framework: str,
    backend: Backend,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    echo: Any,
) -> None:
    """Its own statements are logged as the application has it; ours on a copy of it are not."""
    listen(caplog)
    make = sa.create_engine if framework == "flask" else create_async_engine
    driver = "sqlite" if framework == "flask" else "sqlite+aiosqlite"
    given: Any = make(f"{driver}:///{backend.directory}-given.db", echo=echo)
    settings = {"SESSION_TYPE": "sqlalchemy", "SESSION_SQLALCHEMY": given}
    site = Site(framework, settings, clock=clock)
    try:
        steps = site.app.session_interface.app_sessions.prepare()
        _ = run(steps) if framework == "flask" else await arun(steps)
        expect_nothing(caplog, await live_through_everything(site))
        assert any("samesession" in each.name for each in caplog.records)
        caplog.clear()
        statement = sa.text("SELECT 'the application''s own'")
        if framework == "flask":
            with given.connect() as connection:
                connection.execute(statement).all()
        else:
            async with given.connect() as connection:
                (await connection.execute(statement)).all()
        word = "SELECT" if echo is True else "Row"  # at INFO, or at DEBUG
        assert any(word in each.getMessage() for each in caplog.records)
    finally:
        await site.close()
        disposed = given.dispose()
        if framework == "quart":
            await disposed
