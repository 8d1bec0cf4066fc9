"""What values a session keeps, refuses, and gives back otherwise than Flask's own cookie."""

from __future__ import annotations

import datetime as dt
import enum
import logging
import re
import uuid
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any

import flask
import pytest
from freezegun.api import FakeDatetime

from samesession import SessionTooLarge
from tests.conftest import NewSite
from tests.support.backend import ALL_STORES
from tests.support.site import SECRET_KEY, Site
from tests.unit.strategies import spelled

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "types.md"
# A row of the table "Values": what is stored, what Flask gives back, what comes back here.
_ROW = re.compile(r"^\| `([^`]+)`[^|]*\| `([^`]+)`[^|]*\| `([^`]+)`[^|]*\|$", re.MULTILINE)
_NAMES: dict[str, Any] = {"Decimal": Decimal}


class _Id(uuid.UUID):
    pass


class _Role(enum.StrEnum):
    ADMIN = "admin"


@pytest.mark.asyncio
@pytest.mark.stores(*ALL_STORES)
async def test_subclasses_come_back_as_what_they_are_a_kind_of(site: Site) -> None:
    visitor = site.visitor()
    await visitor.put(
        at=FakeDatetime(2026, 3, 1, 2, 3, 4, 5, tzinfo=dt.UTC), id=_Id(int=7), raw=bytearray(b"a")
    )
    assert spelled(await visitor.value(dict)) == spelled(
        {
            "at": dt.datetime(2026, 3, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
            "id": uuid.UUID(int=7),
            "raw": b"a",
        }
    )
    # Nothing is written again for having been read.
    assert (await visitor.visit(dict)).set_cookies == []


@pytest.mark.asyncio
@pytest.mark.stores("memory", "cookie")
@pytest.mark.parametrize("value", [_Role.ADMIN, deque([1]), [({1: object()},)]])
@pytest.mark.parametrize("deep", [False, True])
async def test_what_cannot_be_stored_is_one_traceback(
    site: Site, caplog: pytest.LogCaptureFixture, value: object, *, deep: bool
) -> None:
    visitor = site.visitor()
    await visitor.put(a=[1])
    caplog.clear()
    error = await visitor.failure(
        lambda session: session["a"].append(value) if deep else session.update(a=value)
    )
    assert type(error) is TypeError
    assert "cannot be kept in a session" in str(error)
    told = logging.Formatter().format
    assert sum(told(record).count("Traceback (most") for record in caplog.records) == 1
    assert await visitor.value(dict) == {"a": [1]}


@pytest.mark.asyncio
@pytest.mark.stores("memory", "cookie")
async def test_data_that_is_too_large_is_one_traceback(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    error = await site.visitor().failure(lambda session: session.update(a="x" * 2_000_000))
    assert isinstance(error, SessionTooLarge)
    told = logging.Formatter().format
    assert sum(told(record).count("Traceback (most") for record in caplog.records) == 1


@pytest.mark.asyncio
@pytest.mark.stores("memory", "cookie")
@pytest.mark.parametrize("again", [False, True])
async def test_an_error_handler_may_put_right_what_cannot_be_stored(
    site: Site, caplog: pytest.LogCaptureFixture, *, again: bool
) -> None:
    def mend(session: Any, web: Any, error: object) -> tuple[str, int]:
        session["a"] = {1j} if again else 2
        return "sorry", 500

    site.errorhandler(500)(mend)
    visitor = site.visitor()
    await visitor.put(a=1)
    _ = await visitor.failure(lambda session: session.update(a=object()))
    assert await visitor.value(dict) == {"a": 1 if again else 2}
    # Another error than the first is told, too.
    assert ("session['a']{...} cannot be kept" in caplog.text) is again


def _rows() -> list[tuple[str, str, str]]:
    _, _, table = PAGE.read_text().partition("\n## What Flask's cookie gives back")
    return _ROW.findall(table)


@pytest.mark.asyncio
@pytest.mark.stores("memory", "cookie")
@pytest.mark.parametrize(("stored", "there", "here"), _rows())
async def test_values_come_back_as_the_docs_say(
    new_site: NewSite, stored: str, there: str, here: str
) -> None:
    value = eval(stored, _names())  # our own docs
    assert _as_told(_by_flask(value)) == _wanted(there)
    visitor = new_site().visitor()
    answer = await visitor.visit(lambda session: session.update(v=value))
    given = await visitor.value(lambda session: session["v"]) if answer.status == 200 else TypeError
    assert _as_told(given) == _wanted(here)


def test_the_table_has_what_people_stumble_over() -> None:
    assert len(_rows()) >= 10


def _names() -> dict[str, Any]:
    class Color(enum.IntEnum):
        RED = 1

    return {**vars(dt), **_NAMES, "UTC": dt.UTC, "Color": Color}


def _wanted(cell: str) -> object:
    return _as_told(eval(cell, _names()))  # our own docs


def _as_told(value: object) -> object:
    return value if value is TypeError else spelled(value)


def _by_flask(value: object) -> object:
    """Give what plain Flask's session gives back in the next request."""
    app = flask.Flask("plain")
    app.config.update(SECRET_KEY=SECRET_KEY, PROPAGATE_EXCEPTIONS=False)

    @app.get("/put")
    def put() -> str:
        flask.session["v"] = value
        return ""

    @app.get("/value")
    def show() -> str:
        seen.append(flask.session["v"])
        return ""

    seen: list[object] = []
    client = app.test_client()
    if client.get("/put").status_code != 200:
        return TypeError
    assert client.get("/value").status_code == 200
    return seen[0]
