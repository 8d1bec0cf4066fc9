"""Both frameworks behind a real nginx, each below a path: one login, and cookies that fit."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.tls import issued

from .nginx import in_front
from .servers import FLASK, QUART, Server, served

pytestmark = pytest.mark.deployments

_GUNICORN = Server(("gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "{workers}", FLASK))
# As the framework's documentation says: the server is told what its path begins with.
_HYPERCORN = Server(
    (
        *("hypercorn", "--bind", "127.0.0.1:{port}", "--workers", "{workers}"),
        *("--root-path", "/quart", QUART),
    )
)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Any]:  # Any: what makes a client
    """Return what makes browsers of a site whose halves share sessions, by further settings."""
    with ExitStack() as stack:

        def begin(**settings: Any) -> httpx.Client:
            tls = issued(tmp_path, "127.0.0.1")
            chosen = {
                "SECRET_KEY": "a key of this test's own, 32 bytes and more",
                "SESSION_FILE_DIR": str(tmp_path / "sessions"),
                "SESSION_COOKIE_SECURE": True,
                **settings,
            }
            ports = [
                int(stack.enter_context(served(server, 2, chosen, tmp_path)).url.rpartition(":")[2])
                for server in (_GUNICORN, _HYPERCORN)
            ]
            url = stack.enter_context(in_front(tmp_path, flask=ports[0], quart=ports[1], tls=tls))
            trusted = ssl.create_default_context(cafile=tls.ca)
            return stack.enter_context(httpx.Client(base_url=url, verify=trusted, timeout=10))

        yield begin


@pytest.mark.parametrize(("first", "second"), [("flask", "quart"), ("quart", "flask")])
def test_a_login_below_one_path_counts_below_the_other(sites: Any, first: str, second: str) -> None:
    browser = sites(SESSION_COOKIE_NAME="__Host-session")
    answer = browser.post(f"/{first}/login", params={"name": "ada"})
    assert answer.headers["Set-Cookie"].startswith("__Host-session=")
    assert browser.get(f"/{second}/me").json()["name"] == "ada"
    browser.post(f"/{second}/logout").raise_for_status()
    assert browser.get(f"/{first}/me").json()["name"] is None
    assert not browser.cookies


def test_a_cookie_of_one_path_stays_there(sites: Any) -> None:
    browser = sites(SESSION_COOKIE_PATH="/flask")
    browser.post("/flask/login", params={"name": "ada"}).raise_for_status()
    assert browser.get("/flask/me").json()["name"] == "ada"
    assert browser.get("/quart/me").json()["name"] is None
