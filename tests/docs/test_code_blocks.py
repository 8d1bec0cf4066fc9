"""Every code block of the documentation runs, on real requests where it serves any."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from samesession import Session, audit
from tests.support.clock import Clock
from tests.support.hypercorn import served
from tests.support.pages import BLOCKS, OWN_TESTS, PAGES, ROOT, Block
from tests.support.server import Valkey
from tests.support.site import SECRET_KEY, Site

NOXFILE = (ROOT / "noxfile.py").read_text()
AUDIT_LINE = re.findall(
    '^    {"time".*', (ROOT / "docs" / "operate" / "audit.md").read_text(), re.MULTILINE
)[0]
REDIS = "redis://127.0.0.1:6379/0"
# Stores whose servers the tests of a page do not start.
ELSEWHERE = ("mongodb", "dynamodb", "memcached")


# Those that are files are run together: see test_pages_of_files.py.
PYTHON = [
    block
    for block in BLOCKS
    if block.language == "python" and block.page not in OWN_TESTS and block.file is None
]


def _needed(block: Block) -> tuple[str, ...]:
    # With one framework alone no other client libraries are installed: see noxfile.py.
    others = any(name in block.text for name in ("mongodb", "dynamodb"))
    return ("flask", "quart") if others else (block.framework,)


def of_python(*, saying: str = "") -> list[Any]:
    return [
        pytest.param(block, id=block.place, marks=pytest.mark.needs(*_needed(block)))
        for block in PYTHON
        if saying in block.text
    ]


@pytest.fixture(autouse=True)
def secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    for name in ("SESSION_ENCRYPTION_KEY", "OLD_SECRET_KEY"):
        monkeypatch.setenv(name, SECRET_KEY[::-1])


@pytest.fixture(autouse=True)
def audit_log() -> Iterator[None]:
    """Take from the audit's logger what a block has given it."""
    logger = logging.getLogger(audit.LOGGER)
    yield
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in an empty directory: the default store makes one of its own below it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept(here: Path) -> list[Path]:
    """Give the files of the default store."""
    return list(here.glob(".sessions/??/[0-9a-f]*"))


def ran(block: Block, redis_url: str) -> Any:
    """Run a block as a module of this directory, and give the application of it."""
    module = sys.modules["documented"] = ModuleType("documented")
    module.__file__ = str(Path.cwd() / "documented.py")
    framework = import_module(block.framework)
    app = getattr(framework, block.framework.capitalize())("documented", static_folder=None)
    app.config["SECRET_KEY"] = SECRET_KEY
    names: dict[str, Any] = vars(module)
    names["app"] = app
    exec(compile(block.text.replace(REDIS, redis_url), block.place, "exec"), names)
    app = names["app"]
    if "Session(app)" not in block.text:
        app.config["SECRET_KEY"] = SECRET_KEY
        Session(app)
    return app


def site_of(block: Block) -> Site:
    """Return the site of the application that a block makes, which needs no Redis."""
    return Site(block.framework, {}, clock=Clock(time.time()), app=ran(block, ""), init=False)


@pytest.mark.asyncio
@pytest.mark.parametrize("block", of_python())
async def test_a_block_gives_an_application_that_keeps_sessions(
    block: Block, here: Path, valkey: Valkey
) -> None:
    valkey.flush()
    app = ran(block, valkey.url)
    if app.config.get("SESSION_TYPE") in ELSEWHERE:
        return  # the settings were taken; the store's own tests have its server
    site = Site(block.framework, {}, clock=Clock(time.time()), app=app, init=False)
    site.app.config["SECRET_KEY"] = SECRET_KEY
    user = site.visitor()
    if block.framework == "quart":
        await app.startup()
    try:
        await user.put(a=1)
        assert await user.value(lambda session: session["a"]) == 1
        kind = app.config.get("SESSION_TYPE", "filesystem")
        assert bool(valkey.records("session")) is (kind == "redis")
        assert (here / "sessions.db").exists() is (kind == "sqlalchemy")
        assert bool(kept(here)) is (kind == "filesystem")
    finally:
        await site.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("block", of_python(saying='@app.get("/")'))
async def test_the_first_example_counts_visits(block: Block, here: Path) -> None:
    user = site_of(block).user()
    assert [(await user.get("/")).text for _ in range(3)] == ["visit 1", "visit 2", "visit 3"]
    assert len(kept(here)) == 1


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.asyncio
@pytest.mark.parametrize("block", of_python(saying='@app.get("/me")'))
async def test_the_login_of_the_first_steps(block: Block, here: Path) -> None:
    site = site_of(block)
    user, copy = site.user(), site.user()
    wrong = await user.post("/login", data="user=ann&password=guessed", headers=FORM)
    assert (wrong.status, len(user.jar.cookies)) == (403, 0)
    await user.post("/login", data="user=ann&password=correct", headers=FORM)
    assert json.loads((await user.get("/me")).text) == {"user": "ann"}
    copy.jar.cookies.update(user.jar.cookies)
    assert (await user.post("/logout")).status == 200
    assert json.loads((await copy.get("/me")).text) == {"user": None}


@pytest.mark.asyncio
@pytest.mark.parametrize("block", of_python(saying='@app.post("/devices/end")'))
async def test_the_devices_of_the_first_steps_are_listed_and_ended(
    block: Block, here: Path
) -> None:
    site = site_of(block)
    phone, laptop, tablet, other = (site.user() for _ in range(4))
    for device in (phone, laptop, tablet):
        await device.post("/login/ann")
    await other.post("/login/bob")
    listed = json.loads((await laptop.get("/devices")).text)
    assert {each["label"] for each in listed} == {"Firefox on Linux"}
    (own,) = (each["sid"] for each in listed if each["current"])
    assert (await other.post("/devices/end", data=f"sid={own}", headers=FORM)).status == 404
    assert (await phone.post("/devices/end", data=f"sid={own}", headers=FORM)).status == 200
    assert (await laptop.get("/devices")).status == 401
    assert json.loads((await phone.post("/devices/end-others")).text) == {"ended": 1}
    assert (await tablet.get("/devices")).status == 401


@pytest.mark.asyncio
@pytest.mark.parametrize("block", of_python(saying="sessions_page"))
async def test_the_example_of_a_device_page_pages_and_ends_the_others(
    block: Block, here: Path
) -> None:
    site = site_of(block)
    devices = [site.user() for _ in range(5)]
    for device in devices:
        assert (await device.post("/login/ann")).status == 200
    sids: list[str] = []
    after: str | None = ""
    while after is not None:
        query = f"?after={after}" if after else ""
        page = json.loads((await devices[0].get(f"/devices{query}")).text)
        assert len(page["sids"]) <= 2
        sids += page["sids"]
        after = page["next"]
    assert len({*sids}) == len(sids) == 5
    assert json.loads((await devices[0].post("/devices/end-others")).text) == {"ended": 4}
    (left,) = json.loads((await devices[0].get("/devices")).text)["sids"]
    assert left in sids


@pytest.mark.asyncio
@pytest.mark.parametrize("block", of_python(saying="audit.install("))
async def test_the_audit_is_in_its_file(block: Block, here: Path) -> None:
    site = site_of(block)
    await site.visitor().visit(lambda session: session.bind("ann"))
    lines = (here / "audit.log").read_text().splitlines()
    told = [(each["event"], each["owner"]) for each in map(json.loads, lines)]
    assert told == [("session_created", "ann"), ("session_bound", "ann")]
    assert [*json.loads(lines[0])] == re.findall(r'"(\w+)": ', AUDIT_LINE)


@pytest.mark.asyncio
@pytest.mark.parametrize("block", of_python(saying="import no_session, ping"))
async def test_the_example_of_a_health_check_says_whether_the_store_answers(
    block: Block, here: Path
) -> None:
    site = site_of(block)
    found = await site.user().get("/health")
    assert (found.status, json.loads(found.text)["sessions"]) == (200, "up")
    (here / ".sessions").write_bytes(b"in its place")
    found = await site.user().get("/health")
    assert (found.status, json.loads(found.text)) == (503, {"sessions": "down"})


@pytest.mark.needs("flask")
@pytest.mark.parametrize("block", of_python(saying="freeze_time("))
def test_the_test_of_a_timeout_passes_and_fails_with_another_timeout(block: Block) -> None:
    names: dict[str, Any] = {}
    exec(compile(block.text, block.place, "exec"), names)
    test = names["test_an_idle_user_is_logged_out"]
    create_app = import_module("examples.login_flask.app").create_app
    for minutes in (30, 10, 60):
        lifetime = timedelta(minutes=minutes)
        settings = {
            "SECRET_KEY": SECRET_KEY,
            "SESSION_TYPE": "memory",
            "PERMANENT_SESSION_LIFETIME": lifetime,
        }
        with nullcontext() if minutes == 30 else pytest.raises(AssertionError):
            test(create_app(settings).test_client())


@pytest.mark.needs("flask")
@pytest.mark.parametrize("block", of_python(saying="ClosingIterator"))
def test_flask_under_hypercorn_sends_a_response_without_a_body(block: Block, here: Path) -> None:
    app = ran(block, "")
    app.add_url_rule("/", "nothing", lambda: ("", 204))
    with served(app, "wsgi") as url:
        answer = httpx.get(url, trust_env=False)
    assert (answer.status_code, answer.content) == (204, b"")


def test_the_benchmark_takes_as_long_wherever_it_is_told() -> None:
    told_after = "Compare with the peers|measures it anew|measures it on your machine"
    pattern = rf"(?:{told_after}), in about (\w+) minutes"
    pages = ("noxfile.py", "README.md", "docs/explanation/performance.md")
    told = [re.findall(pattern, (ROOT / page).read_text()) for page in pages]
    assert [len(found) for found in told] == [1, 1, 1]
    assert told[0] == told[1] == told[2]


def test_the_extras_that_the_documentation_names_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for page in PAGES:
        for extras in re.findall(r"(?:samesession|'\.)\[([\w,]+)\]", (ROOT / page).read_text()):
            assert set(extras.split(",")) <= set(project["optional-dependencies"])
