"""`flask sessions doctor` and `quart sessions doctor`: what they examine, and how they end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from samesession import StoreUnavailable
from samesession.core.findings import Finding, Level
from samesession.core.steps import Steps
from samesession.core.store import Clock
from samesession.stores.memory import MemoryStore
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site
from tests.web.test_cli import command, document, invoke

pytestmark = pytest.mark.asyncio

KEY = "9d1f0b1d1e3a4c5b8a7f6e2d3c4b5a69"
# What nobody needs to be told about.
WELL = {
    "SECRET_KEY": KEY,
    "SESSION_COOKIE_NAME": "__Host-session",
    "SESSION_COOKIE_SECURE": True,
    "PERMANENT_SESSION_LIFETIME": timedelta(hours=1),
    "SESSION_ABSOLUTE_LIFETIME": timedelta(hours=12),
}


def by_check(examined: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {each["check"]: each for each in examined["findings"]}


class Examined(MemoryStore):
    """A store of the network that says what it is told to say."""

    capabilities = type(MemoryStore.capabilities)()  # type: ignore[misc,unused-ignore]

    def __init__(self, *says: Finding) -> None:
        super().__init__()
        self.says: Sequence[Finding] = says
        self.moments: list[float] = []

    def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
        yield from ()
        self.moments.append(clock())
        return self.says


async def test_every_store_that_answers_is_examined(site: Site, backend: Backend) -> None:
    examined = await document(site, "doctor")
    found = by_check(examined)
    assert found["store.reached"]["level"] == "ok"
    assert examined["store"]["reached"] is True
    assert {*found["cookie.secure"]} == {"check", "level", "what", "write"}
    assert found["cookie.secure"]["write"] == "SESSION_COOKIE_SECURE = True"
    assert examined["worst"] in ("warning", "error")
    done = await invoke(site, "doctor")
    assert done.exit_code == 0
    assert "warning  cookie.secure      the cookie is sent over plain http, too" in done.stdout
    assert "\n                            -> SESSION_COOKIE_SECURE = True\n" in done.stdout
    assert done.stderr.startswith("in ")
    assert str(site.app.config["SECRET_KEY"]) not in done.output


@pytest.mark.stores("cookie")
async def test_sessions_in_the_cookie_have_no_store_to_be_asked(site: Site) -> None:
    examined = await document(site, "doctor")
    found = by_check(examined)
    assert "store.reached" not in found
    assert found["store.ends"]["level"] == "warning"
    assert examined["store"] == {"type": "cookie", "place": "the cookie", "reached": None}


@pytest.mark.stores("memory")
async def test_with_strict_a_warning_is_an_exit_code_and_a_notice_is_none(
    new_site: NewSite,
) -> None:
    for finding, code in (
        (Finding("peace", Level.OK, "all is well"), 0),
        (Finding("peace", Level.NOTICE, "all is well, mostly"), 0),
        (Finding("peace", Level.WARNING, "something comes", "run"), 1),
        (Finding("peace", Level.ERROR, "it is there", "run"), 1),
    ):
        site = new_site(options={"store": Examined(finding)}, **WELL)
        done = await invoke(site, "doctor", "--strict")
        assert done.exit_code == code, done.output
        assert (await document(site, "doctor", "--strict", code=code))["worst"] == (
            finding.level.name.lower() if finding.level > Level.OK else "notice"
        )
        assert (await invoke(site, "doctor")).exit_code == 0


@pytest.mark.stores("memory")
async def test_a_store_by_others_is_asked_with_the_applications_clock(new_site: NewSite) -> None:
    store = Examined(Finding("pantry.door", Level.WARNING, "the \x1b[2Jdoor is open", "shut it"))
    site = new_site(options={"store": store})
    found = by_check(await document(site, "doctor"))
    assert found["pantry.door"] == {
        "check": "pantry.door",
        "level": "warning",
        "what": "the \x1b[2Jdoor is open",
        "write": "shut it",
    }
    assert store.moments == [site.clock()]
    done = await invoke(site, "doctor")
    assert "warning  pantry.door        the \\x1b[2Jdoor is open" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.stores("memory")
async def test_a_store_that_says_nothing_of_itself_is_only_reached(site: Site) -> None:
    found = by_check(await document(site, "doctor", "--workers", "1"))
    assert found["store.examined"]["level"] == "notice"
    assert found["workers"]["level"] == "notice"
    assert by_check(await document(site, "doctor"))["workers"]["level"] == "warning"
    assert by_check(await document(site, "doctor", "--workers=2"))["workers"]["level"] == "error"
    code, said = await command(site, "doctor", "--workers", "0")
    assert code == 2
    assert "0 is not in the range" in said


@pytest.mark.stores("memory")
async def test_workers_are_as_many_as_servers_are_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    assert by_check(await document(site, "doctor"))["workers"]["level"] == "error"


@pytest.mark.stores("memory", "filesystem", "redis")
async def test_a_store_that_is_down_ends_the_checks_that_need_one(
    new_site: NewSite, backend: Backend
) -> None:
    class Down(Examined):
        def findings(self, clock: Clock) -> Steps[Sequence[Finding]]:
            raise StoreUnavailable("the store is down")

    spy = backend.spy()
    down: Any = StoreUnavailable("the store is down")
    spy.fail("load", down)
    for store in (Down(), spy):
        site = new_site(options={"store": store})
        for args in ([], ["--strict"]):
            done = await invoke(site, "doctor", *args)
            assert done.exit_code == 3
            assert "warning  cookie.secure" in done.stdout
            assert "the store did not answer: the store is down" in done.stdout
        examined = await document(site, "doctor", code=3)
        assert examined["store"]["reached"] is False
        assert by_check(examined)["store.reached"]["level"] == "error"


@pytest.mark.stores("memory")
async def test_an_error_that_the_store_explains_ends_no_check_that_can_be_made(
    new_site: NewSite,
) -> None:
    class Wrong(Examined):
        pings = 0

        def ping(self) -> Steps[None]:
            yield from ()
            self.pings += 1
            if self.missing:
                raise StoreUnavailable("there is no table")

        missing = False

    wrong = Wrong(Finding("pantry.clock", Level.ERROR, "the clock is wrong", "set it"))
    site = new_site(options={"store": wrong}, SESSION_DEVICE_BOUND="offer")
    examined = await document(site, "doctor")
    assert wrong.pings == 1
    assert {"store.reached", "pantry.clock", "device.seen"} <= {*by_check(examined)}
    wrong.missing = True  # which is what the error is about
    examined = await document(site, "doctor")
    assert examined["store"]["reached"] is True
    assert by_check(examined)["store.reached"]["level"] == "ok"
    assert by_check(examined)["pantry.clock"]["what"] == "the clock is wrong"
    wrong.says = [Finding("pantry.clock", Level.WARNING, "the clock is late")]
    assert (await document(site, "doctor", code=3))["store"]["reached"] is False


@pytest.mark.stores("memory")
async def test_debug_mode_is_told_as_it_is_now(site: Site) -> None:
    assert by_check(await document(site, "doctor"))["debug"]["level"] == "ok"
    site.app.debug = True
    assert by_check(await document(site, "doctor"))["debug"]["level"] == "error"


@pytest.mark.stores("memory")
async def test_a_wrong_setting_is_told_in_a_line(site: Site) -> None:
    site.app.config["SESSION_COOKIE_SAMESITE"] = "Sometimes"
    code, said = await command(site, "doctor")
    assert code == 2
    assert said.startswith("Error: SESSION_COOKIE_SAMESITE")
