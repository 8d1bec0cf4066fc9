"""The devices demo: forms of other sites, what pages may load, passwords, and its two sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.devices import OTHER, PASSWORD, Browser, devices_site, listed, sids

pytestmark = pytest.mark.needs("flask", "quart")

EXAMPLE = Path(__file__).parents[2] / "examples" / "devices"
FORMS = (
    *("login", "signup", "logout", "notes", "devices/end", "devices/end-others"),
    *("confirm", "account/delete"),
)
# What browsers say of a form that another site's page sends, newer ones and older ones.
FROM_ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "null"},
)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with devices_site(tmp_path) as url:
        yield url


@pytest.mark.asyncio
@pytest.mark.parametrize("half", OTHER)
async def test_another_sites_page_can_send_no_form(url: str, half: str) -> None:
    async with Browser(url) as user, Browser(url) as visitor:
        page = await user.sign_up(half, "Ada")
        form = {"sid": sids(page.text)[0], "username": "Eve", "password": PASSWORD, "note": "x"}
        for headers in FROM_ELSEWHERE:
            for path in FORMS:
                for browser in (user, visitor):
                    answer = await browser.post(f"/{half}/{path}", data=form, headers=headers)
                    assert answer.status_code == 403, (path, headers)
                    assert "<h1>Forbidden</h1>" in answer.text
            for wish in ("stop", "start"):
                assert (await user.post(f"/store/{wish}", headers=headers)).status_code == 403
        assert len(listed((await user.get(f"/{half}/devices")).text)) == 1
        assert dict(visitor.cookies) == {}


@pytest.mark.asyncio
@pytest.mark.parametrize("half", OTHER)
async def test_the_sites_own_forms_are_taken(url: str, half: str) -> None:
    async with Browser(url) as user:
        await user.sign_up(half, "Ada")
        for headers in (
            {"Sec-Fetch-Site": "same-origin", "Origin": url}, {"Sec-Fetch-Site": "none"},
            {"Origin": url}, {},
        ):  # fmt: skip
            answer = await user.post(f"/{half}/notes", data={"note": "milk"}, headers=headers)
            assert answer.status_code == 200
        # A link from elsewhere leads in, as it changes nothing.
        answer = await user.get(f"/{half}/", headers=FROM_ELSEWHERE[0])
        assert answer.status_code == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("where", ["", *(f"/{half}" for half in OTHER)])
async def test_every_answer_says_what_a_page_may_load(url: str, where: str) -> None:
    async with Browser(url) as user:
        await user.sign_up("flask", "Ada")
        paths = ("/", "/nothing", "/static/style.css", "/static/nothing", "/devices", "/login")
        answers = [await user.get(f"{where}{path}") for path in paths]
        answers += [await user.post(f"{where}/login", headers=FROM_ELSEWHERE[0])]
        await user.submit("/store/stop")
        answers += [await user.get(f"{where}/")]
        await user.submit("/store/start")
        assert answers[-1].status_code == 503
    for answer in answers:
        policy = dict(
            part.strip().split(" ", 1)
            for part in answer.headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert {policy[each] for each in ("script-src", "style-src", "img-src")} == {"'self'"}
        assert policy["form-action"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_no_template_has_a_script_or_a_style_inline() -> None:
    for template in EXAMPLE.glob("templates/*.html"):
        text = template.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?! src=)", text)
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text)


@pytest.mark.asyncio
@pytest.mark.parametrize("half", OTHER)
async def test_no_form_leads_to_another_site(url: str, half: str) -> None:
    query = "?next=https://evil.example/&half=//evil.example"
    async with Browser(url) as user:
        user.follow_redirects = False
        form = {
            "username": "Ada", "password": PASSWORD, "next": "https://evil.example/",
            "half": "/evil.example", "note": "x",
        }  # fmt: skip
        for path in (f"/{half}/signup", f"/{half}/login", f"/{half}/notes", "/store/start"):
            answer = await user.post(f"{path}{query}", data=form)
            assert answer.status_code == 303
            assert re.match(r"/(?!/)", answer.headers["location"])
            assert "evil" not in answer.headers["location"]


@pytest.mark.asyncio
@pytest.mark.parametrize("half", OTHER)
@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("", PASSWORD, "Please enter a name of up to 60 letters."),
        ("   ", PASSWORD, "Please enter a name of up to 60 letters."),
        ("x" * 61, PASSWORD, "Please enter a name of up to 60 letters."),
        ("Ada\nGrace", PASSWORD, "Please enter a name of up to 60 letters."),
        ("Ada", "short", "Please choose a password of 8 to 256 letters."),
        ("Ada", "x" * 257, "Please choose a password of 8 to 256 letters."),
        (" gRACE ", PASSWORD, "There is an account with this name already"),
    ],
)
async def test_a_sign_up_that_will_not_do_says_why(
    url: str, half: str, name: str, password: str, said: str
) -> None:
    async with Browser(url) as grace, Browser(url) as user:
        if "account" in said:
            await grace.sign_up(OTHER[half], "Grace")
        answer = await user.submit(f"/{half}/signup", username=name, password=password)
        assert (answer.status_code, dict(user.cookies)) == (400, {})
        assert said in answer.text
        assert password not in answer.text


@pytest.mark.asyncio
@pytest.mark.parametrize("half", OTHER)
async def test_a_login_does_not_tell_whether_there_is_an_account(url: str, half: str) -> None:
    async with Browser(url) as ada, Browser(url) as user:
        await ada.sign_up(half, "Ada")
        said = []
        for name, password in (("Ada", "wrong"), ("Eve", PASSWORD), ("", ""), ("Ada", "")):
            answer = await user.submit(f"/{half}/login", username=name, password=password)
            assert answer.status_code == 400
            said += re.findall(r'role="alert">([^<]*)', answer.text)
        assert said == ["Name or password is wrong."] * 4
        assert dict(user.cookies) == {}


@pytest.mark.asyncio
async def test_no_password_is_stored(url: str, tmp_path: Path) -> None:
    async with Browser(url) as user:
        await user.sign_up("flask", "Ada")
        await user.log_in("quart", "Ada")
        await user.submit("/quart/confirm", password=PASSWORD)
    stored = contents(tmp_path)
    assert any(b"views" in each for each in stored)
    assert not any(PASSWORD.encode() in each for each in stored)


def contents(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in directory.rglob("*") if path.is_file()]


def normalised(framework: str) -> str:
    """Take out what may differ: the framework's name, `async`, `await`, and the threads."""
    source = (EXAMPLE / f"{framework}_app.py").read_text()
    for line in (
        "from asyncio import to_thread\n",
        "from samesession.labels import from_user_agent\n",
    ):
        source = source.replace(line, "")  # where it stands goes by the alphabet
    source = re.sub(r"to_thread\(([\w.]+), ", r"\1(", source)
    source = re.sub(r"\b(async|await) ", "", source)
    return re.sub(framework, "framework", source, flags=re.IGNORECASE)


def test_the_two_sources_differ_in_imports_colour_and_threads_only() -> None:
    assert normalised("flask") == normalised("quart")
    flask = (EXAMPLE / "flask_app.py").read_text()
    assert "async " not in flask
    assert "to_thread" not in flask
    for hashes in ("accounts.sign_up(", "accounts.with_password("):
        assert hashes in flask
        assert hashes not in (EXAMPLE / "quart_app.py").read_text()
