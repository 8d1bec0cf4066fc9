"""Ask the store whether it answers, as a health check does."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from samesession import ConfigError, StoreUnavailable
from samesession.core.store import Lifetimes, Pingable
from samesession.stores.base import FromSync
from tests.conftest import NewSite
from tests.faults.callers import SLACK
from tests.stores.test_by_others import PlainStore
from tests.support.backend import Backend
from tests.support.clock import Clock
from tests.support.server import Valkey
from tests.support.site import Site

from .test_administration import administer

pytestmark = pytest.mark.asyncio


async def expect_down(site: Site, *, within: float = 0.5) -> None:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await administer(site, "ping")
    assert time.monotonic() - began < within + SLACK


async def test_a_store_that_answers_is_well_and_nothing_is_made(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site()
    for _ in range(2):  # the first one connects
        took = await administer(site, "ping")
        assert isinstance(took, float)
        assert took >= 0
    assert backend.records() == {}
    user = site.visitor()
    await user.put(a=1)
    records = backend.records()
    await administer(site, "ping")
    assert backend.records() == records
    assert await user.value(dict) == {"a": 1}


@pytest.mark.stores("filesystem", "sqlite")
async def test_no_file_is_made(new_site: NewSite, backend: Backend) -> None:
    await administer(new_site(), "ping")
    assert not backend.directory.exists()


@pytest.mark.stores("cookie")
async def test_a_session_in_the_cookie_asks_nothing(site: Site) -> None:
    assert await administer(site, "ping") < 0.1


@pytest.mark.stores("memory")
async def test_it_needs_an_application_with_sessions(new_site: NewSite, framework: str) -> None:
    site = new_site(options={"init": False})
    with pytest.raises(ConfigError, match=r"does not use samesession: call Session\(app\)"):
        await administer(site, "ping")


@pytest.mark.stores("memory")
async def test_a_view_that_needs_no_session_may_ask(new_site: NewSite, backend: Backend) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_EXEMPT=["health"])

    @site.view("/health")
    def health(session: Any, web: Any) -> Any:
        return _health(site)

    user = site.user()
    assert (await user.get("/health")).status == 200
    # A store without the ability is asked for what cannot be there.
    assert spy.calls == [("load", "session:ping")]
    spy.fail("load", StoreUnavailable("it is down"))
    answer = await user.get("/health")
    assert (answer.status, answer.set_cookies) == (503, [])


def _health(site: Site) -> Any:
    def said(error: StoreUnavailable) -> tuple[str, int]:
        return str(error), 503

    if site.framework == "flask":
        from samesession.flask import ping

        try:
            return {"seconds": ping()}
        except StoreUnavailable as error:
            return said(error)

    async def answer() -> Any:
        from samesession.quart import ping as asked

        try:
            return {"seconds": await asked()}
        except StoreUnavailable as error:
            return said(error)

    return answer()


# --- outages -------------------------------------------------------------------------------


@pytest.mark.stores("redis")
async def test_a_server_that_goes_and_comes(framework: str, own_valkey: Valkey) -> None:
    settings = {
        "SESSION_TYPE": "redis",
        "SESSION_REDIS": own_valkey.url,
        "SESSION_STORE_TIMEOUT": 0.5,
    }
    site = Site(framework, settings, clock=Clock())
    user = site.visitor()
    await user.put(a=1)
    own_valkey.kill()
    await expect_down(site)
    own_valkey.start()
    await administer(site, "ping")
    assert await user.value(dict) == {"a": 1}
    await site.close()


@pytest.mark.stores("filesystem")
@pytest.mark.parametrize("what", ["a file", "open to others", "not to be made"])
async def test_a_directory_that_cannot_be_used(
    new_site: NewSite, tmp_path: Path, what: str
) -> None:
    directory = tmp_path / "below" / "sessions"
    site = new_site(SESSION_FILE_DIR=str(directory))
    await administer(site, "ping")
    if what == "not to be made":
        directory.parent.write_bytes(b"")
    elif what == "a file":
        directory.parent.mkdir()
        directory.write_bytes(b"")
    else:
        directory.mkdir(parents=True)
        directory.chmod(0o777)
    await expect_down(site)


@pytest.mark.stores("filesystem")
async def test_a_file_system_that_was_mounted_anew_for_reading(
    new_site: NewSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = new_site(SESSION_FILE_DIR=str(tmp_path / "sessions"))
    await site.visitor().put(a=1)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    await expect_down(site)


@pytest.mark.stores("sqlite")
@pytest.mark.parametrize("what", ["damaged", "no place for it"])
async def test_a_database_that_cannot_be_read(
    new_site: NewSite, backend: Backend, tmp_path: Path, what: str
) -> None:
    path = tmp_path / "data" / "sessions.db"
    site = new_site(SESSION_SQLITE_FILE=str(path))
    await administer(site, "ping")
    if what == "damaged":
        path.parent.mkdir(mode=0o700)
        path.write_bytes(b"no database" * 1000)
        path.chmod(0o600)
    else:
        path.parent.write_bytes(b"")
    await expect_down(site)


@pytest.mark.stores("sqlalchemy-sqlite")
async def test_a_table_that_is_not_there(new_site: NewSite, tmp_path: Path) -> None:
    site = new_site(SESSION_SQLALCHEMY=f"sqlite:///{tmp_path}/empty.db")
    await expect_down(site)


@pytest.mark.stores("memory")
async def test_a_store_by_others_may_say_it_in_its_own_way(new_site: NewSite, clock: Clock) -> None:
    class Asked(PlainStore):
        error: Exception | None = None

        def load(self, key: str, *, renew: Lifetimes | None) -> bytes | None:
            raise AssertionError("it has an answer of its own")

        def ping(self) -> None:
            if self.error is not None:
                raise self.error

    inner = Asked(clock)
    store = FromSync(inner, outages=(OSError,))
    assert isinstance(store, Pingable)
    assert not isinstance(FromSync(PlainStore(clock)), Pingable)
    site = new_site(options={"store": store})
    await administer(site, "ping")
    inner.error = OSError("10.0.0.1")
    with pytest.raises(StoreUnavailable, match=r"^the store failed: OSError$"):
        await administer(site, "ping")
