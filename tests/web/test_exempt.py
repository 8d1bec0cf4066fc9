"""Paths that need no session: static files, SESSION_EXEMPT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from samesession import ReadOnlySession
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site
from tests.support.spy import SpyStore

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("memory", "filesystem", "redis")]


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "style.css").write_text("body {}")
    return folder


def _site_with_files(
    new_site: NewSite, backend: Backend, static: Path, **settings: Any
) -> tuple[Site, SpyStore]:
    spy = backend.spy()
    site = new_site(options={"store": spy}, **settings)
    shop = site.web.Blueprint(
        "shop", "shop", url_prefix="/shop", static_folder=str(static), static_url_path="/files"
    )
    site.app.register_blueprint(shop)
    site.app.static_folder = str(static)
    endpoint = site.app.send_static_file
    if site.framework == "quart":

        async def serve(filename: str) -> Any:
            return await endpoint(filename)
    else:

        def serve(filename: str) -> Any:  # type: ignore[misc]
            return endpoint(filename)

    site.app.add_url_rule("/assets/<path:filename>", "static", serve)
    return site, spy


async def test_static_files_cost_nothing(new_site: NewSite, backend: Backend, static: Path) -> None:
    site, spy = _site_with_files(new_site, backend, static)
    user = site.visitor()
    await user.put_permanent(a=1)
    spy.reset()
    for path in ("/assets/style.css", "/shop/files/style.css"):
        answer = await user.driver.get(path)
        assert (answer.status, answer.text) == (200, "body {}")
        assert (answer.set_cookies, answer.vary) == ([], None)
    assert spy.calls == []


async def test_static_files_may_have_a_session(
    new_site: NewSite, backend: Backend, static: Path
) -> None:
    site, spy = _site_with_files(new_site, backend, static, SESSION_EXEMPT_STATIC=False)
    user = site.visitor()
    await user.put_permanent(a=1)
    spy.reset()
    answer = await user.driver.get("/assets/style.css")
    assert len(answer.set_cookies) == 1
    assert answer.cache_control is not None
    assert "private" in answer.cache_control
    assert spy.names == ["load"]


@pytest.mark.parametrize("form", ["prefixes", "predicate"])
async def test_writing_on_an_exempt_path_is_refused(
    new_site: NewSite, backend: Backend, form: str
) -> None:
    exempt: Any = ["/health"]
    if form == "predicate":
        exempt = lambda request: request.path == "/health"  # noqa: E731
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_EXEMPT=exempt)

    @site.view("/health")
    def health(session: Any, web: Any) -> str:
        assert dict(session) == {}
        session["a"] = 2
        return "unreached"

    user = site.visitor()
    await user.put(a=1)
    spy.reset()
    assert (await user.driver.get("/health")).status == 500
    error = site.errors[-1]
    assert isinstance(error, ReadOnlySession)
    assert "SESSION_EXEMPT" in str(error)
    assert spy.calls == []
    assert await user.value(dict) == {"a": 1}


async def test_reading_on_an_exempt_path_is_empty_and_warned_of_once(
    new_site: NewSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(SESSION_EXEMPT=("/health",))
    site.view("/health")(lambda session, _: str(dict(session)))
    user = site.visitor()
    await user.put(a=1)
    for _ in range(3):
        assert (await user.driver.get("/health")).text == "{}"
    warnings = [line for line in caplog.messages if "exempt from sessions" in line]
    assert len(warnings) == 1


async def test_a_hook_that_makes_every_session_permanent_harms_no_static_file(
    new_site: NewSite, backend: Backend, static: Path
) -> None:
    site, spy = _site_with_files(new_site, backend, static)
    site.before_request(lambda session, _: setattr(session, "permanent", True))
    user = site.visitor()
    await user.put(a=1)
    spy.reset()
    answer = await user.driver.get("/assets/style.css")
    assert (answer.status, answer.set_cookies, spy.calls) == (200, [], [])
    assert await user.value(lambda session: session.permanent) is True
