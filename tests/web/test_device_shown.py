"""What operators and users see of bound sessions: commands, the audit, the export, the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from samesession import audit, signals
from samesession.core.device_binding import OFFER_LIFE
from tests.conftest import NewSite
from tests.support.clock import Clock
from tests.support.site import Site, Visitor
from tests.web.test_audit import Lines, lines
from tests.web.test_cli import command, document
from tests.web.test_cli_listing import lines as told_of
from tests.web.test_device_sessions import REQUIRED, SETTLED, bound, secured
from tests.web.test_owner_data import export

__all__ = ["lines"]  # the fixture

pytestmark = pytest.mark.asyncio

STALE = 10 * 60 + 1
SERVED = ("filesystem", "memory", "redis", "sqlite")


async def logged_in(site: Site, owner: str, *, binds: bool = True) -> Visitor:
    user = site.visitor()
    answer = await secured(user, lambda session: session.bind(owner))
    if binds:
        await bound(user, answer)
    return user


async def sid_of(user: Visitor) -> str:
    await secured(user, lambda session: session.sid)
    return str(user.result)


# --- commands ------------------------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.stores(*SERVED)
async def test_list_and_show_say_which_sessions_are_bound(new_site: NewSite) -> None:
    site = new_site(**REQUIRED)
    users = [await logged_in(site, "ann"), await logged_in(site, "ann", binds=False)]
    sids = [await sid_of(user) for user in users]
    found = {each["sid"]: each["device_bound"] for each in await told_of(site, "list", "ann")}
    assert found == dict(zip(sids, (True, False), strict=True))
    head, *rows = (await command(site, "list", "ann"))[1].splitlines()
    assert head.split() == ["SID", "CREATED", "LAST", "SEEN", "EXPIRES", "BOUND", "OWNER", "LABEL"]
    place = head.index("BOUND")
    assert {row[:22]: row[place : place + 5] for row in rows} == dict(
        zip(sids, ("yes  ", "-    "), strict=True)
    )
    for sid, word in zip(sids, ("yes", "no"), strict=True):
        assert (await document(site, "show", sid))["device_bound"] is (word == "yes")
        assert f"device bound   {word}\n" in (await command(site, "show", sid))[1]


@pytest.mark.lists
@pytest.mark.stores(*SERVED)
async def test_stats_counts_the_bound_and_those_that_never_answered(
    new_site: NewSite, clock: Clock
) -> None:
    site = new_site(**REQUIRED)
    await logged_in(site, "ann")
    await logged_in(site, "ben", binds=False)
    found = await document(site, "stats")
    assert found["device_bound"] == {"bound": 1, "unanswered": 0}
    clock.now += OFFER_LIFE + 1
    await logged_in(site, "cat", binds=False)
    assert (await document(site, "stats"))["device_bound"] == {"bound": 1, "unanswered": 1}
    said = (await command(site, "stats"))[1]
    assert said.endswith("devices     1 bound to one, 1 were offered it and are not\n")


@pytest.mark.stores("memory")
async def test_stats_says_nothing_of_devices_where_none_is_bound(site: Site) -> None:
    await site.visitor().put(a=1)
    assert "device_bound" not in await document(site, "stats")
    assert "devices" not in (await command(site, "stats"))[1]


@pytest.mark.stores("filesystem", "memory", "sqlite")  # a server is told of the test's clock
async def test_doctor_sees_that_no_offer_is_answered(new_site: NewSite, clock: Clock) -> None:
    site = new_site(**REQUIRED)
    for _ in range(10):
        await logged_in(site, "ann", binds=False)

    async def seen() -> dict[str, str]:
        every = (await document(site, "doctor"))["findings"]
        (found,) = [each for each in every if each["check"] == "device.seen"]
        return dict(found)

    assert (await seen())["level"] == "ok"
    clock.now += OFFER_LIFE + 1
    assert (await seen())["level"] == "notice"
    assert "none of 10 sessions with an offer is bound" in (await seen())["what"]
    await logged_in(site, "ben")
    assert (await seen())["what"] == "1 of 11 examined sessions are bound"


@pytest.mark.stores("memory", "memcached")
async def test_doctor_examines_the_settings(new_site: NewSite) -> None:
    site = new_site(**REQUIRED, APPLICATION_ROOT="/shop", SESSION_COOKIE_PATH="/elsewhere")
    every = {each["check"]: each for each in (await document(site, "doctor"))["findings"]}
    assert every["device.https"]["write"] == "SESSION_COOKIE_SECURE = True"
    assert "/shop/_session/device" in every["device.path"]["what"]


# --- the audit, and the export -------------------------------------------------------------


@pytest.mark.owners
@pytest.mark.stores(*SERVED)
async def test_what_happens_to_a_bound_session_is_in_the_audit(
    new_site: NewSite, clock: Clock, lines: Lines
) -> None:
    site = new_site(**REQUIRED)
    audit.install(site.app)
    user = await logged_in(site, "ann")
    assert lines.events[-1] == ("session_device_bound", "ann")
    sid = lines.read[-1]["sid"]
    del user.jar["session_bound"]
    await secured(user, dict)
    clock.now += SETTLED
    await secured(user, dict)
    of_device = [each for each in lines.read if each["event"].startswith("session_device_")]
    assert [(each["event"], each["reason"]) for each in of_device] == [
        ("session_device_bound", ""),
        ("session_device_skipped", "there is no bound cookie"),
        ("session_device_refused", "there is no bound cookie"),
    ]
    assert {each["sid"] for each in of_device} == {sid}


@pytest.mark.stores("memory")
async def test_a_visitor_without_an_account_writes_none_of_it(
    new_site: NewSite, clock: Clock, lines: Lines
) -> None:
    site = new_site(**REQUIRED)
    audit.install(site.app)
    user = site.visitor()
    await bound(user)
    clock.now += SETTLED
    del user.jar["session_bound"]
    await secured(user, dict)
    assert lines.read == []


@pytest.mark.owners
@pytest.mark.stores(*SERVED)
async def test_the_export_says_that_a_session_is_bound(new_site: NewSite) -> None:
    site = new_site(**REQUIRED)
    await logged_in(site, "ann")
    await logged_in(site, "ann", binds=False)
    found = [each["device_bound"] for each in await export(site, "ann")]
    assert sorted(found) == [False, True]


# --- the counts ----------------------------------------------------------------------------


@pytest.fixture
def counts() -> Iterator[Counter[str]]:
    """Count what the signals of devices tell."""
    found: Counter[str] = Counter()
    every = ("bound", "proved", "skipped", "refused")
    kept: list[Any] = []
    for name in every:

        def count(_: Any, *, reason: str, name: str = name, **__: Any) -> None:
            found[f"{name}: {reason}" if reason else name] += 1

        kept.append(count)
        getattr(signals, f"session_device_{name}").connect(count)
    yield found
    kept.clear()


@pytest.mark.stores("memory", "redis")
async def test_offer_counts_what_require_would_have_refused(
    new_site: NewSite, clock: Clock, counts: Counter[str]
) -> None:
    begun = {"SESSION_DEVICE_BOUND": "offer", "SESSION_KEY_PREFIX": "counted:"}
    for mode, word in (("offer", "skipped"), ("require", "refused")):
        site = new_site(**{**begun, "SESSION_DEVICE_BOUND": mode})
        user = site.visitor()
        await bound(user)
        counts.clear()
        clock.now += SETTLED
        copied = user.jar["session_bound"]
        del user.jar["session_bound"]
        await secured(user, dict)
        user.jar["session_bound"] = copied[:-1] + ("A" if copied[-1] != "A" else "B")
        await secured(user, dict)
        clock.now += STALE
        user.jar["session_bound"] = copied
        await secured(user, dict)
        assert counts == {
            f"{word}: there is no bound cookie": 1,
            f"{word}: the bound cookie is not the session's": 1,
            f"{word}: the bound cookie is too old": 1,
        }
        counts.clear()
