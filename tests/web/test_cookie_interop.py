"""SESSION_TYPE "cookie": plain Flask and plain Quart read ours, and ours reads theirs."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from markupsafe import Markup

from tests.conftest import NewSite
from tests.support.site import SECRET_KEY, Site

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.stores("cookie"),
    pytest.mark.needs("flask", "quart"),
]

# Every type that Flask's tagged JSON has, and data that looks like a tag.
DATA: dict[str, Any] = {
    "text": "größe",
    "number": 5,
    "float": 1.5,
    "none": None,
    "flag": True,
    "list": [1, [2]],
    "dict": {"a": {"b": []}},
    "tagged": {" t": [1]},
    "tuple": (1, (2, "x")),
    "bytes": b"\x00\xff",
    "markup": Markup("<b>bold</b>"),
    "uuid": uuid.UUID(int=5),
    "moment": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "long": "x" * 2000,  # compressed
}
# A plain framework takes the machine's time, so a cookie for it must be of about now.
FRAMEWORKS = ("flask", "quart")
OLD_KEY = "an older secret key of the tests, long enough"


@pytest.fixture(params=FRAMEWORKS)
def plain_framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _pair(new_site: NewSite, plain_framework: str, **settings: Any) -> tuple[Site, Site]:
    """Give a site with sessions of ours, and one with the framework's own."""
    ours = new_site(**settings)
    plain = new_site(options={"init": False, "framework": plain_framework})
    ours.clock.now = time.time()
    return ours, plain


async def _carried(source: Site, target: Site) -> dict[str, Any]:
    """Write all types on one site and read them on the other."""
    writer, reader = source.visitor(), target.visitor()
    await writer.put(**DATA)
    reader.jar["session"] = writer.jar["session"]
    # The plain framework goes by the machine's clock, and reads nothing from the future.
    target.clock.now = time.time()
    found = await reader.value(dict)
    assert isinstance(found, dict)
    return found


def _types(data: dict[str, Any]) -> dict[str, type]:
    return {key: type(value) for key, value in data.items()}


async def test_the_plain_framework_reads_ours(new_site: NewSite, plain_framework: str) -> None:
    ours, plain = _pair(new_site, plain_framework)
    found = await _carried(ours, plain)
    assert (found, _types(found)) == (DATA, _types(DATA))


async def test_ours_reads_the_plain_frameworks(new_site: NewSite, plain_framework: str) -> None:
    ours, plain = _pair(new_site, plain_framework)
    found = await _carried(plain, ours)
    assert (found, _types(found)) == (DATA, _types(DATA))


async def test_a_session_goes_back_and_forth(new_site: NewSite, plain_framework: str) -> None:
    ours, plain = _pair(new_site, plain_framework)
    first, second = ours.visitor(), plain.visitor()
    second.driver.jar = first.driver.jar

    def count(session: Any) -> Any:
        session.permanent = True
        session["n"] = session.get("n", 0) + 1
        return session["n"], session.permanent

    counted = [await user.value(count) for user in (first, second) * 2]
    assert counted == [(1, True), (2, True), (3, True), (4, True)]


async def _rotates(new_site: NewSite, plain_framework: str) -> bool:
    """Say whether the plain framework keeps to its own documentation."""
    plain: dict[str, Any] = {"init": False, "framework": plain_framework}
    older, newer = new_site(options=plain), new_site(options=plain)
    older.app.config["SECRET_KEY"] = OLD_KEY
    newer.app.config["SECRET_KEY_FALLBACKS"] = [OLD_KEY]
    return (await _carried(older, newer), await _carried(newer, older)) == (DATA, {})


@pytest.mark.parametrize("ours_is_newer", [True, False], ids=["ours newer", "plain newer"])
async def test_a_rotated_key_is_read_on_either_side(
    new_site: NewSite, plain_framework: str, ours_is_newer: bool
) -> None:
    rotated: dict[str, Any] = {"SECRET_KEY": SECRET_KEY, "SECRET_KEY_FALLBACKS": [OLD_KEY]}
    ours, plain = _pair(new_site, plain_framework, **(rotated if ours_is_newer else {}))
    if ours_is_newer:
        plain.app.config["SECRET_KEY"] = OLD_KEY
        reader, writer = ours, plain
    else:
        ours.app.config["SECRET_KEY"] = OLD_KEY
        plain.app.config.update(rotated)
        if not await _rotates(new_site, plain_framework):
            # CVE-2025-47278 in Flask 3.1.0; Quart 0.20.0 knows no fallback keys.
            pytest.skip("this old release of the plain framework does not rotate keys itself")
        reader, writer = plain, ours
    assert await _carried(writer, reader) == DATA
    # The older key is not enough to read what the newer one signed.
    assert await _carried(reader, writer) == {}


@pytest.mark.parametrize("ours_reads", [True, False], ids=["ours reads", "plain reads"])
async def test_a_changed_cookie_is_nobodys_on_either_side(
    new_site: NewSite, plain_framework: str, ours_reads: bool
) -> None:
    ours, plain = _pair(new_site, plain_framework)
    source, target = (plain, ours) if ours_reads else (ours, plain)
    writer, reader = source.visitor(), target.visitor()
    await writer.put(a=1)
    cookie = writer.jar["session"]
    data, moment, signature = cookie.split(".")
    for value in (
        f"{'x' + data[1:]}.{moment}.{signature}",
        f"{data}.{'x' + moment[1:]}.{signature}",
        f"{data}.{moment}.{'x' + signature[1:]}",
        f"{data}.{moment}",
        f".{cookie}",
        cookie[:-2],
    ):
        reader.jar["session"] = value
        assert await reader.value(dict) == {}


@pytest.mark.parametrize(("age", "alive"), [(59, True), (70, False)])
async def test_an_old_cookie_is_over_on_either_side(
    new_site: NewSite, plain_framework: str, age: int, alive: bool
) -> None:
    ours, plain = _pair(new_site, plain_framework, PERMANENT_SESSION_LIFETIME=60)
    plain.app.config["PERMANENT_SESSION_LIFETIME"] = 60
    now = ours.clock.now
    writer, reader = plain.visitor(), ours.visitor()
    await writer.put(a=1)
    reader.jar["session"] = writer.jar["session"]
    # The plain framework's clock may have passed into the next second meanwhile.
    ours.clock.now = now + (age - 10 if alive else age)
    assert await reader.value(dict) == ({"a": 1} if alive else {})
    writer, reader = ours.visitor(), plain.visitor()
    ours.clock.now = now - (age - 30 if alive else age)
    await writer.put(a=1)
    reader.jar["session"] = writer.jar["session"]
    assert await reader.value(dict) == ({"a": 1} if alive else {})
