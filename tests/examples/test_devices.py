"""The devices demo under hypercorn, one site of two halves: real HTTP, several users at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from tests.support.demo import STORES, Demo, started
from tests.support.devices import OTHER, PASSWORD, Browser, held

pytestmark = pytest.mark.needs("flask", "quart")

ROUNDS = 2


@pytest.fixture(scope="module", params=STORES)
def demo(request: pytest.FixtureRequest) -> Iterator[Demo]:
    running = started(*STORES[request.param])
    yield running
    status, said = running.stop()
    outages = "the session store failed: "  # of the tests that stop it
    assert [line for line in said.splitlines() if not line.startswith(outages)] == []
    assert status == 0


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Name a user whom no other test knows, as the demo goes on."""
    return f"Ada of {abs(hash(request.node.name)):x}"


@pytest.mark.asyncio
@pytest.mark.parametrize("half", OTHER)
async def test_a_login_on_one_half_is_a_login_on_the_other_and_so_is_a_logout(
    demo: Demo, half: str, name: str
) -> None:
    async with Browser(demo.url) as user:
        await user.sign_up(half, name)
        for path in (f"/{OTHER[half]}/devices", f"/{OTHER[half]}/", f"/{half}/", "/"):
            assert f"Logged in as {name}" in (await user.get(path)).text
        await user.log_out(OTHER[half])
        for path in (f"/{half}/devices", f"/{half}/", f"/{OTHER[half]}/", "/"):
            assert "Not logged in" in (await user.get(path)).text
        await user.log_in(OTHER[half], name)
        assert f"Logged in as {name}" in (await user.get(f"/{half}/account")).text


@pytest.mark.asyncio
async def test_both_halves_count_in_one_session(demo: Demo, name: str) -> None:
    async with Browser(demo.url) as user:
        await user.sign_up("flask", name)
        await user.get("/quart/devices")
        text = (await user.get("/flask/devices")).text
        assert held(text)["views"] == "Flask 2, Quart 1"


@pytest.mark.asyncio
@pytest.mark.parametrize("half", OTHER)
async def test_a_note_of_one_half_is_read_by_the_other(demo: Demo, half: str, name: str) -> None:
    async with Browser(demo.url) as user:
        await user.sign_up(half, name)
        for turn, where in enumerate((half, OTHER[half]) * 3, 1):
            answer = await user.submit(f"/{where}/notes", note=f"note {turn}")
            assert (answer.status_code, answer.url.path) == (200, f"/{where}/devices")
        for where in OTHER:
            found = held((await user.get(f"/{where}/session")).text)
            assert found["account"] == name
            assert found["notes"] == ", ".join(f"note {turn}" for turn in range(2, 7))


@pytest.mark.asyncio
async def test_both_halves_answer_with_the_same_cookie(demo: Demo, name: str) -> None:
    async with Browser(demo.url) as user:
        await user.sign_up("quart", name)
        sent = [(await user.get(f"/{half}/devices")).headers for half in OTHER]
        assert len(user.cookies) == 1
    parts = [headers["set-cookie"].split("; ") for headers in sent]
    assert parts[0][0] == parts[1][0]
    for found in parts:
        assert set(found[2:]) == {"HttpOnly", "Path=/", "SameSite=Lax"}
        assert found[1].startswith("Expires=")
        assert len(found) == 5
    for headers in sent:
        assert headers["vary"] == "Cookie"
        # Stricter than the "private" that goes with the cookie, and left as it is.
        assert headers["cache-control"] == "no-store"


async def live(demo: Demo, name: str, stranger: str, *, first: str) -> None:
    """Log in and out again and again, and look around meanwhile."""
    async with Browser(demo.url) as user:
        half = first
        for turn in range(ROUNDS):
            expected = f"{name}{turn}"
            await user.sign_up(half, expected)
            pages = [f"/{OTHER[half]}/devices", f"/{half}/devices", "/", f"/{OTHER[half]}/"]
            for answer in await asyncio.gather(*(user.get(page) for page in pages)):
                assert answer.status_code == 200
                assert f"Logged in as {expected}<" in answer.text
                assert stranger not in answer.text
            half = OTHER[half]
            await user.log_out(half)
            for answer in await asyncio.gather(*(user.get(page) for page in pages)):
                assert "Not logged in" in answer.text
                assert stranger not in answer.text


@pytest.mark.asyncio
async def test_two_users_at_once_never_meet(demo: Demo) -> None:
    await asyncio.gather(
        live(demo, "Edsger", "Grace", first="flask"), live(demo, "Grace", "Edsger", first="quart")
    )


@pytest.mark.asyncio
async def test_every_link_keeps_to_its_half(demo: Demo, name: str) -> None:
    async with Browser(demo.url) as user:
        await user.sign_up("flask", name)
        for half, other in OTHER.items():
            text = (await user.get(f"/{half}/devices")).text
            links = set(re.findall(r'(?:href|action|src|data-source)="(/[^"]*)"', text))
            forms = {f"/{half}/{to}" for to in ("logout", "notes", "devices/end")}
            assert links - forms == {
                "/", "/store/stop", f"/{half}/devices", f"/{half}/account", f"/{other}/devices",
                f"/{other}/", "/flask/session", "/quart/session",
                *(f"/{half}/static/{file}" for file in ("style.css", "session.js", "icon.svg")),
            }  # fmt: skip
            assert forms <= links
            for link in links - forms - {"/store/stop"}:
                assert (await user.get(link)).status_code == 200
            # Without the slash, too, and a name that only begins alike is nobody's.
            assert (await user.get(f"/{half}")).status_code == 200
            assert (await user.get(f"/{half}x")).status_code == 404


@pytest.mark.asyncio
async def test_a_name_and_a_note_are_escaped_on_every_page(demo: Demo, name: str) -> None:
    async with Browser(demo.url) as user:
        await user.sign_up("flask", f'"><script>{name}')
        await user.submit("/quart/notes", note="</dd><script>")
        for half in OTHER:
            for page in ("", "devices", "session", "account", "account/delete", "confirm"):
                text = (await user.get(f"/{half}/{page}")).text
                assert "&#34;&gt;&lt;script&gt;" in text
                assert set(re.findall(r"<script[^>]*>", text)) <= {
                    f'<script src="/{half}/static/session.js" defer>'
                }
        assert "&lt;/dd&gt;&lt;script&gt;" in (await user.get("/flask/session")).text
        assert "&#34;&gt;&lt;script&gt;" in (await user.get("/")).text


@pytest.mark.asyncio
async def test_cookies_of_other_servers_on_this_machine_are_left_alone(
    demo: Demo, name: str
) -> None:
    async with Browser(demo.url) as user:
        user.cookies.set("session", "of another application", domain="127.0.0.1")
        await user.sign_up("flask", name)
        assert f"Logged in as {name}" in (await user.get("/quart/")).text
        await user.log_out("quart")
        assert dict(user.cookies) == {"session": "of another application"}


@pytest.mark.asyncio
@pytest.mark.parametrize("half", OTHER)
async def test_a_login_survives_a_stop_of_the_store(demo: Demo, half: str, name: str) -> None:
    async with Browser(demo.url) as user, Browser(demo.url) as visitor:
        await user.sign_up(half, name)
        cookies = dict(user.cookies)
        stopped = await user.submit("/store/stop", half=half.capitalize())
        try:
            assert (stopped.status_code, stopped.url.path) == (503, f"/{half}/")
            for path in ("/", "/flask/devices", "/quart/devices", "/quart/session"):
                answer = await user.get(path)
                assert answer.status_code == 503
                assert "<h1>Back soon</h1>" in answer.text
                assert "Start the store" in answer.text
                assert "set-cookie" not in answer.headers
            # Nobody can begin a session, and nobody is told that one has begun.
            refused = await visitor.submit(f"/{half}/login", username=name, password=PASSWORD)
            assert (refused.status_code, dict(visitor.cookies)) == (503, {})
            assert "The session store is <b>stopped</b>" in (await visitor.get("/")).text
        finally:
            started = await user.submit("/store/start", half=OTHER[half].capitalize())
        assert (started.status_code, started.url.path) == (200, f"/{OTHER[half]}/devices")
        assert f"Logged in as {name}" in started.text
        assert dict(user.cookies) == cookies
        assert (await visitor.log_in(half, name)).status_code == 200


@pytest.mark.asyncio
async def test_a_store_that_is_stopped_and_started_by_many_at_once_runs_at_the_end(
    demo: Demo, name: str
) -> None:
    async with Browser(demo.url) as user, Browser(demo.url) as visitor:
        await user.sign_up("flask", name)
        wishes = ["stop", "start", "stop", "start", "start", "stop"]
        await asyncio.gather(*(visitor.submit(f"/store/{wish}") for wish in wishes))
        await visitor.submit("/store/start")
        assert f"Logged in as {name}" in (await user.get("/quart/devices")).text
