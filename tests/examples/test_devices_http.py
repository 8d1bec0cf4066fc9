"""The devices demo under hypercorn: what HTTP asks of each of its pages and files."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.demo import started
from tests.support.devices import OTHER

pytestmark = pytest.mark.needs("flask", "quart")

WHERE = ["", *(f"/{half}" for half in OTHER)]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    demo = started()
    yield demo.url
    assert demo.stop() == (0, "")


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client


PAGES = (
    *("/", "/login", "/signup", "/devices", "/session", "/confirm", "/goodbye", "/logout"),
    *("/nothing", "/static/style.css", "/static/nothing", "/store/stop"),
)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("where", WHERE)
def test_a_head_request_gets_what_a_get_request_gets(
    client: httpx.Client, where: str, page: str
) -> None:
    whole, head = client.get(f"{where}{page}"), client.head(f"{where}{page}")
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.status_code < 500
    assert head.headers["content-type"] == whole.headers["content-type"]


@pytest.mark.parametrize("file", ["style.css", "session.js", "icon.svg"])
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("known", ["if-none-match", "if-modified-since"])
def test_the_second_page_finds_the_files_unchanged(
    client: httpx.Client, where: str, known: str, file: str
) -> None:
    path = f"{where}/static/{file}"
    first = client.get(path)
    validator = first.headers["etag" if known == "if-none-match" else "last-modified"]
    again = client.get(path, headers={known: validator})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    # The connection is still in step.
    assert client.get(path).content == first.content


@pytest.mark.parametrize("half", OTHER)
def test_an_options_request_is_answered(client: httpx.Client, half: str) -> None:
    answer = client.options(f"/{half}/login")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/nothing", "/flask/nothing", "/quart/nothing", "/flaskx"])
def test_what_is_not_there_has_a_page_of_the_sites_own(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "<h1>Not Found</h1>" in answer.text
    assert '<a class="button" href="/">' in answer.text
