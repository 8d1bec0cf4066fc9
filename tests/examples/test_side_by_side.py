"""The combined example: a process of its own under hypercorn, real HTTP, two users at once."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from tests.support.demo import Demo, run, started

pytestmark = pytest.mark.needs("flask", "quart")

OTHER = {"flask": "quart", "quart": "flask"}
ROUNDS = 8


STORES = {"files": (), "valkey": ("--redis",)}


@pytest.fixture(scope="module", params=STORES)
def demo(request: pytest.FixtureRequest) -> Iterator[Demo]:
    running = started(*STORES[request.param])
    yield running
    assert running.stop() == (0, "")


@pytest.fixture
def client(demo: Demo) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.url, trust_env=False, timeout=30) as client:
        yield client


def browser(demo: Demo) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=demo.url, trust_env=False, follow_redirects=True, timeout=30)


async def log_in(user: httpx.AsyncClient, half: str, name: str) -> httpx.Response:
    answer = await user.post(f"/{half}/login", data={"username": name})
    assert answer.url.path == f"/{half}/profile"
    return answer


@pytest.mark.asyncio
@pytest.mark.parametrize("half", OTHER)
async def test_a_login_on_one_half_is_a_login_on_the_other_and_so_is_a_logout(
    demo: Demo, half: str
) -> None:
    async with browser(demo) as user:
        await log_in(user, half, "Ada")
        for path in (f"/{OTHER[half]}/profile", f"/{OTHER[half]}/", f"/{half}/", "/"):
            assert "Logged in as Ada" in (await user.get(path)).text
        await user.post(f"/{OTHER[half]}/logout")
        for path in (f"/{half}/profile", f"/{half}/", f"/{OTHER[half]}/", "/"):
            assert "Not logged in" in (await user.get(path)).text


@pytest.mark.asyncio
async def test_both_halves_count_in_one_session(demo: Demo) -> None:
    async with browser(demo) as user:
        await log_in(user, "flask", "Ada")
        await user.get("/quart/profile")
        text = (await user.get("/flask/profile")).text
    rows = re.findall(r"<dt>Shown by (\w+)</dt>\s*<dd>(\d+) time", text)
    assert rows == [("Flask", "2"), ("Quart", "1")]


@pytest.mark.asyncio
async def test_both_halves_answer_with_the_same_cookie(demo: Demo) -> None:
    async with browser(demo) as user:
        await log_in(user, "quart", "Ada")
        sent = [(await user.get(f"/{half}/profile")).headers for half in OTHER]
        assert len(user.cookies) == 1
    parts = [headers["set-cookie"].split("; ") for headers in sent]
    assert parts[0][0] == parts[1][0]
    for found in parts:
        assert set(found[2:]) == {"HttpOnly", "Path=/", "SameSite=Lax"}
        assert found[1].startswith("Expires=")
        assert len(found) == 5
    for headers in sent:
        assert (headers["vary"], headers["cache-control"]) == ("Cookie", "private")


async def live(demo: Demo, name: str, stranger: str, *, first: str) -> None:
    """Log in and out again and again, and look around meanwhile."""
    async with browser(demo) as user:
        half = first
        for turn in range(ROUNDS):
            expected = f"{name}{turn}"
            await log_in(user, half, expected)
            pages = [f"/{OTHER[half]}/profile", f"/{half}/profile", "/", f"/{OTHER[half]}/"]
            for answer in await asyncio.gather(*(user.get(page) for page in pages)):
                assert answer.status_code == 200
                assert f"Logged in as {expected}<" in answer.text
                assert stranger not in answer.text
            half = OTHER[half]
            await user.post(f"/{half}/logout")
            for answer in await asyncio.gather(*(user.get(page) for page in pages)):
                assert "Not logged in" in answer.text
                assert stranger not in answer.text


@pytest.mark.asyncio
async def test_two_users_at_once_never_meet(demo: Demo) -> None:
    await asyncio.gather(
        live(demo, "Ada", "Grace", first="flask"), live(demo, "Grace", "Ada", first="quart")
    )


@pytest.mark.asyncio
async def test_every_link_keeps_to_its_half(demo: Demo) -> None:
    async with browser(demo) as user:
        for half, other in OTHER.items():
            await log_in(user, half, "Ada")
            text = (await user.get(f"/{half}/profile")).text
            links = set(re.findall(r'(?:href|action)="(/[^"]*)"', text))
            assert links == {
                "/", f"/{half}/static/style.css", f"/{half}/logout", f"/{other}/profile"
            }  # fmt: skip
            for link in links - {f"/{half}/logout"}:
                assert (await user.get(link)).status_code == 200
            # Without the slash, too, and a name that only begins alike is nobody's.
            assert (await user.get(f"/{half}")).status_code == 200
            assert (await user.get(f"/{half}x")).status_code == 404


PAGES = ("/", "/login", "/profile", "/logout", "/nothing", "/static/style.css", "/static/nothing")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("where", ["", *(f"/{half}" for half in OTHER)])
def test_a_head_request_gets_what_a_get_request_gets(
    client: httpx.Client, where: str, page: str
) -> None:
    whole, head = client.get(f"{where}{page}"), client.head(f"{where}{page}")
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.status_code < 500
    assert head.headers["content-type"] == whole.headers["content-type"]


@pytest.mark.parametrize("where", ["", *(f"/{half}" for half in OTHER)])
@pytest.mark.parametrize("known", ["if-none-match", "if-modified-since"])
def test_the_second_page_finds_the_style_sheet_unchanged(
    client: httpx.Client, where: str, known: str
) -> None:
    path = f"{where}/static/style.css"
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


@pytest.mark.asyncio
async def test_a_name_is_escaped_on_every_page(demo: Demo) -> None:
    async with browser(demo) as user:
        await log_in(user, "flask", '"><script>')
        for path in ("/", "/flask/", "/quart/", "/flask/profile", "/quart/profile"):
            text = (await user.get(path)).text
            assert "<script" not in text
            assert "&#34;&gt;&lt;script&gt;" in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kept_in", STORES)
def test_a_signal_ends_it_quietly_and_it_leaves_nothing(
    kept_in: str, number: signal.Signals
) -> None:
    running = started(*STORES[kept_in])
    answer = httpx.post(
        f"{running.url}/flask/login", data={"username": "Ada"}, trust_env=False, timeout=30
    )
    assert answer.status_code == 303
    directory = running.place.parent
    assert directory.stat().st_mode & 0o777 == 0o700
    children = child_pids(running.process.pid)
    assert len(children) == (kept_in == "valkey")
    assert running.stop(number) == (0, "")
    assert not directory.exists()
    assert not any(is_alive(pid) for pid in children)


def test_a_port_that_is_taken_is_said_plainly() -> None:
    running = started()
    port = running.url.rpartition(":")[2]
    second = started("--port", port)
    status, said = second.stop()
    assert running.stop() == (0, "")
    assert status == 1
    assert said.startswith("The demo cannot start: ")
    assert "Traceback" not in said


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_cannot_be_is_said_plainly(port: str) -> None:
    status, said = started("--port", port).stop()
    assert status == 2
    assert f"argument --port: '{port}' is not a number from 0 to 65535" in said
    assert "Traceback" not in said


def test_the_first_free_port_is_taken() -> None:
    from examples.side_by_side.__main__ import listen

    with listen([0]) as first:
        taken = first.getsockname()[1]
        with listen([taken, 0]) as second:
            assert second.getsockname()[1] != taken
        with pytest.raises(OSError, match=f"port {taken} of 127.0.0.1 is taken, name another by"):
            listen([taken])


def test_the_demo_prefers_port_8000() -> None:
    from examples.side_by_side.__main__ import PORTS

    assert PORTS[0] == 8000
    demos = [run(), run()]
    ports = {int(each.url.rpartition(":")[2]) for each in demos}
    for each in demos:
        assert httpx.get(each.url, trust_env=False, timeout=30).status_code == 200
        assert each.stop() == (0, "")
    assert len(ports) == 2
    assert ports <= set(PORTS)


@pytest.mark.asyncio
async def test_cookies_of_other_servers_on_this_machine_are_left_alone(demo: Demo) -> None:
    async with browser(demo) as user:
        user.cookies.set("session", "of another application", domain="127.0.0.1")
        await log_in(user, "flask", "Ada")
        assert "Logged in as Ada" in (await user.get("/quart/")).text
        await user.post("/quart/logout")
        assert dict(user.cookies) == {"session": "of another application"}


def child_pids(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
