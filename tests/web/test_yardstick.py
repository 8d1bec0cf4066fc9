"""What passes on the frameworks' own cookie session passes with `Session(app)` added.

Each scenario is an application and what a user does with it. It runs on the plain
framework and on ours, and the user sees the same but for what the documentation
says: SameSite=Lax by default, Cache-Control: private beside the cookie, and no cookie
for a session that holds nothing but its permanence.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import SimpleNamespace
from typing import Any

import pytest

from samesession import ConfigError
from tests.conftest import NewSite
from tests.support.backend import ALL_STORES
from tests.support.browser import Answer, attributes
from tests.support.clock import Clock
from tests.support.site import Site, Visitor
from tests.web.scenarios import BROWSER_ENDS, SCENARIOS, Scenario

pytestmark = [pytest.mark.asyncio, pytest.mark.stores(*ALL_STORES)]

# From here on plain Flask varies by every access; before, and in plain Quart, some are lost.
FLASK_VARIES = tuple(map(int, importlib.metadata.version("flask").split("."))) >= (3, 1, 3)


@dataclass(frozen=True)
class Seen:
    """One answer, as far as the user and the caches on the way are concerned."""

    status: int
    text: str
    vary: frozenset[str]
    cache_control: str | None
    cookies: list[dict[str, str | bool]]
    jar: list[str]


@pytest.fixture
def plain_time(monkeypatch: pytest.MonkeyPatch, framework: str, clock: Clock) -> None:
    """Make the frameworks' own sessions go by the test's clock, too."""

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(clock.now, tz)

    monkeypatch.setattr("itsdangerous.timed.time", SimpleNamespace(time=clock))
    for name in {framework, "flask"} & set(_needed(framework)):
        monkeypatch.setattr(f"{name}.sessions.datetime", Frozen)


def _needed(framework: str) -> tuple[str, ...]:
    # Quart takes Flask's modules along; Flask takes nothing of Quart's.
    return ("flask",) if framework == "flask" else ("flask", "quart")


def _plain(new_site: NewSite, framework: str, **settings: Any) -> Site:
    return new_site(options={"init": False, "framework": framework}, **settings)


async def _played(site: Site, scenario: Scenario) -> list[Seen]:
    """Play a scenario and tell what its user sees."""
    scenario.prepare(site)
    site.clock.now = Clock().now
    user = site.visitor()
    seen: list[Seen] = []
    for step in scenario.steps:
        if isinstance(step, int):
            site.clock.advance(step)
            continue
        if step == BROWSER_ENDS:
            user.jar.end_browser_session()
            continue
        if isinstance(step, str):
            answer = await user.driver.get(step)
        else:
            answer = await user.respond(step)
        sent = sorted(name for name in user.jar.cookies if f"{name}=" in (user.jar.header() or ""))
        is_kept = _name(site) not in sent or not _is_permanence(site, user)
        seen.append(_seen(answer, sent))
        if not is_kept:
            seen[-1].cookies[:] = [each for each in seen[-1].cookies if each["name"] == "theme"]
            seen[-1].jar.remove(_name(site))
    assert scenario.fails is any(each.status == 500 for each in seen)
    return seen


def _name(site: Site) -> str:
    name: str = site.app.config["SESSION_COOKIE_NAME"]
    return name


def _is_permanence(site: Site, user: Visitor) -> bool:
    """Say whether the plain framework keeps a session that ours does not."""
    signer = getattr(site.app.session_interface, "get_signing_serializer", None)
    return signer is not None and signer(site.app).loads(user.jar[_name(site)]).keys() == {
        "_permanent"
    }


def _seen(answer: Answer, jar: list[str]) -> Seen:
    cookies = [attributes(header) for header in answer.set_cookies]
    for cookie in cookies:
        if cookie["name"] != "theme":
            cookie["value"] = "some" if cookie["value"] else ""
    names = (name.strip().lower() for name in (answer.vary or "").split(",") if name)
    return Seen(answer.status, answer.text, frozenset(names), answer.cache_control, cookies, jar)


def _compare(plain: list[Seen], ours: list[Seen], settings: dict[str, Any], *, exact: bool) -> None:
    """See that ours differs from the plain framework by what is documented and no more."""
    assert len(ours) == len(plain) > 0
    for theirs, mine in zip(plain, ours, strict=True):
        assert (mine.status, mine.text, mine.jar) == (theirs.status, theirs.text, theirs.jar)
        says: dict[str, str | bool] = {}
        if "SESSION_COOKIE_SAMESITE" not in settings:
            says["samesite"] = "Lax"
        if "SESSION_COOKIE_PARTITIONED" in settings:
            says["partitioned"] = True  # Quart 0.20 does not say it
        assert mine.cookies == [
            cookie if cookie["name"] == "theme" else {**cookie, **says} for cookie in theirs.cookies
        ]
        if any(cookie["name"] != "theme" for cookie in mine.cookies):
            assert "private" in (mine.cache_control or "")
        else:
            assert mine.cache_control == theirs.cache_control
        if mine.status == 500:
            continue  # nobody caches it, and Flask varies even what it failed to save
        if exact:
            assert mine.vary == theirs.vary
        else:
            # Quart 0.22 loses it and 0.23 always says it: plain Flask is what it is held to.
            assert theirs.vary - {"cookie"} == mine.vary - {"cookie"}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_user_sees_what_the_plain_framework_shows(
    new_site: NewSite, framework: str, plain_time: None, name: str
) -> None:
    scenario = SCENARIOS[name]
    plain = await _played(_plain(new_site, framework, **scenario.settings), scenario)
    ours = await _played(new_site(**scenario.settings), scenario)
    exact = framework == "flask" and FLASK_VARIES
    _compare(plain, ours, scenario.settings, exact=exact)


@pytest.mark.needs("quart")
@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - {"a file"}))
async def test_a_user_of_quart_sees_what_plain_flask_shows(
    new_site: NewSite, framework: str, plain_time: None, name: str
) -> None:
    # Its Vary is Flask's, too, which plain Quart loses.
    scenario = SCENARIOS[name]
    plain = await _played(_plain(new_site, "flask", **scenario.settings), scenario)
    ours = await _played(new_site(**scenario.settings), scenario)
    _compare(plain, ours, scenario.settings, exact=FLASK_VARIES)


async def test_clients_of_the_frameworks_open_the_session(
    new_site: NewSite, framework: str
) -> None:
    for site in (_plain(new_site, framework), new_site()):
        site.view("/count")(lambda session, _: str(session.setdefault("n", 0)))
        client = site.app.test_client()
        if framework == "flask":
            with client.session_transaction() as session:
                session["n"] = 5
            with client:
                assert client.get("/count").text == "5"
                assert site.session["n"] == 5
            with site.app.test_request_context("/"):
                assert site.session.get("n") is None
                site.session["n"] = 1
                assert dict(site.session) == {"n": 1}
            continue
        async with client.session_transaction() as session:
            session["n"] = 5
        assert await (await client.get("/count")).get_data(as_text=True) == "5"
        async with site.app.test_request_context("/"):
            assert site.session.get("n") is None
            site.session["n"] = 1
            assert dict(site.session) == {"n": 1}


async def test_a_missing_key_is_told_at_once_not_at_the_first_write(
    new_site: NewSite, framework: str
) -> None:
    plain = _plain(new_site, framework, SECRET_KEY=None).visitor()
    assert await plain.value(dict) == {}
    assert isinstance(await plain.failure(lambda session: session.update(a=1)), RuntimeError)
    with pytest.raises(ConfigError, match="SECRET_KEY"):
        new_site(SECRET_KEY=None)
