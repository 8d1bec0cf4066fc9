"""Encryption at rest: who has the store reads no data, and whoever turns it on loses no session."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import NewSite
from tests.races.late import Scene
from tests.support.backend import Backend
from tests.support.browser import Answer
from tests.support.clock import Clock
from tests.support.site import SECRET_KEY, Visitor

pytestmark = pytest.mark.asyncio

DUMPED = pytest.mark.stores("filesystem", "memory", "redis", "sqlite", "sqlalchemy-sqlite")
ON = {"SESSION_ENCRYPT": True}
READING = {"SESSION_ENCRYPT": "read"}
OLD = "an old key of encryption, long enough"
NEW = "a new key of encryption, long enough"
READS: dict[str, Callable[[Any], Any]] = {
    "not at all": lambda session: None,
    "a key": lambda session: session["a"],
    "all": dict,
}


class Stored:
    """One browser's session, and sites at which it goes on under other settings."""

    def __init__(self, new_site: NewSite, backend: Backend, clock: Clock) -> None:
        self._new_site = new_site
        self._clock = clock
        self.backend = backend
        self.spy = backend.spy()
        self.jar: Any = None

    def at(self, **settings: Any) -> Visitor:
        """Give the browser at a site with these settings."""
        visitor: Visitor = self._new_site(options={"store": self.spy}, **settings).visitor()
        if self.jar is None:
            self.jar = visitor.driver.jar
        visitor.driver.jar = self.jar
        return visitor

    async def begin(self, **settings: Any) -> Visitor:
        visitor = self.at(**settings)
        await visitor.put(a=1, cart=[1])
        _ = self.asked()
        return visitor

    async def is_live_at(self, **settings: Any) -> bool:
        """Say whether such a site has the session, in a request that renews nothing."""
        found = await self.at(**settings, SESSION_NO_RENEW=["/"]).value(dict)
        _ = self.asked()
        return "a" in found

    def until(self, seconds: float) -> dict[str, Any]:
        moment = datetime.fromtimestamp(self._clock() + seconds, UTC)
        return {**ON, "SESSION_ENCRYPT_READ_PLAIN_UNTIL": moment}

    def is_encrypted(self) -> bool:
        (record,) = self.backend.records().values()
        return bool(record[8] & 2)

    def asked(self) -> list[str]:
        """Give the calls of the store since the last time."""
        names = list(self.spy.names)
        self.spy.reset()
        return names


@pytest_asyncio.fixture
async def stored(new_site: NewSite, backend: Backend, clock: Clock) -> Stored:
    return Stored(new_site, backend, clock)


@DUMPED
async def test_what_a_session_holds_is_in_no_dump_of_the_store(stored: Stored) -> None:
    visitor = await stored.begin(**ON)
    await visitor.put(secret_name=["canary-in-the-data"])
    await visitor.visit(lambda session: session["secret_name"].append("another-canary"))
    assert await visitor.value(dict) == {
        "a": 1,
        "cart": [1],
        "secret_name": ["canary-in-the-data", "another-canary"],
    }
    assert stored.is_encrypted()
    dump = stored.backend.part.dump()
    for word in (b"canary", b"secret_name", b"cart"):
        assert word not in dump
    await stored.at(**READING).put(c=3)  # so that the dump is known to show what is in it
    assert b"canary" in stored.backend.part.dump()


async def test_an_encrypted_session_costs_no_more_calls_and_is_written_only_when_changed(
    stored: Stored,
) -> None:
    visitor = await stored.begin(**ON)
    before = stored.backend.records()
    for read in READS.values():
        assert (await visitor.visit(read)).set_cookies == []
    await visitor.put(a=1)
    assert stored.asked() == ["load"] * 4
    assert stored.backend.records() == before
    await visitor.put(a=2)
    assert stored.asked() == ["load", "commit"]


async def test_where_encryption_is_off_an_encrypted_session_is_none(
    stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    await stored.begin(**ON)
    assert not await stored.is_live_at()
    assert "it is encrypted, and SESSION_ENCRYPT is off" in caplog.text
    assert await stored.is_live_at(**ON)


@pytest.mark.parametrize("read", READS)
async def test_a_plain_session_is_encrypted_at_its_first_request(stored: Stored, read: str) -> None:
    await stored.begin()
    visitor = stored.at(**stored.until(60))
    answer = await visitor.visit(READS[read])
    assert (answer.status, answer.set_cookies) == (200, [])
    assert stored.asked() == ["load", "commit"]
    assert stored.is_encrypted()
    await visitor.visit(READS[read])
    assert stored.asked() == ["load"]
    assert await stored.is_live_at(**ON)


async def test_a_plain_session_is_read_until_the_moment_that_is_set(
    stored: Stored, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await stored.begin()
    assert not await stored.is_live_at(**ON)
    reader = stored.at(**stored.until(60), SESSION_NO_RENEW=["/"])
    assert await reader.value(dict) == {"a": 1, "cart": [1]}
    assert not stored.is_encrypted()
    clock.advance(60)
    caplog.clear()
    assert await reader.value(dict) == {}
    assert "it is not encrypted, and SESSION_ENCRYPT is on" in caplog.text


async def test_processes_that_encrypt_and_such_that_only_read_it_share_a_session(
    stored: Stored,
) -> None:
    await stored.begin()
    encrypting, reading = stored.at(**stored.until(60)), stored.at(**READING)
    await encrypting.put(b=2)
    assert stored.is_encrypted()
    assert await reading.value(dict) == {"a": 1, "cart": [1], "b": 2}
    assert stored.is_encrypted()
    await reading.put(c=3)
    assert not stored.is_encrypted()
    assert await encrypting.value(lambda session: [*session]) == ["a", "cart", "b", "c"]
    assert stored.is_encrypted()


def renews_the_cookie(answer: Answer) -> bool:
    assert answer.status == 200
    return bool(answer.set_cookies)


@pytest.mark.parametrize("read", READS)
async def test_a_new_key_of_encryption_counts_from_the_first_request(
    stored: Stored, read: str
) -> None:
    await stored.begin(**ON, SESSION_ENCRYPTION_KEYS=[OLD])
    user = stored.at(**ON, SESSION_ENCRYPTION_KEYS=[NEW, OLD])
    assert not renews_the_cookie(await user.visit(READS[read]))
    assert stored.asked() == ["load", "commit"]
    await user.visit(READS[read])
    assert stored.asked() == ["load"]
    assert await stored.is_live_at(**ON, SESSION_ENCRYPTION_KEYS=[NEW])
    assert not await stored.is_live_at(**ON, SESSION_ENCRYPTION_KEYS=[OLD])


async def test_a_new_secret_key_is_a_new_key_of_encryption(stored: Stored) -> None:
    newer = "a newer secret key of the tests, long enough"
    await stored.begin(**ON)
    user = stored.at(**ON, SECRET_KEY=newer, SECRET_KEY_FALLBACKS=[SECRET_KEY])
    assert renews_the_cookie(await user.visit(dict))
    assert stored.asked() == ["load", "commit"]
    assert await stored.is_live_at(**ON, SECRET_KEY=newer)


async def test_keys_of_its_own_may_follow_those_made_of_the_secret_key(stored: Stored) -> None:
    await stored.begin(**ON)
    assert not await stored.is_live_at(**ON, SESSION_ENCRYPTION_KEYS=[NEW])
    await stored.at(**ON, SESSION_ENCRYPTION_KEYS=[NEW, SECRET_KEY]).visit(dict)
    assert await stored.is_live_at(**ON, SESSION_ENCRYPTION_KEYS=[NEW])


async def test_an_encrypted_session_needs_the_secret_key_besides(stored: Stored) -> None:
    await stored.begin(**ON, SESSION_ENCRYPTION_KEYS=[OLD])
    keys = {**ON, "SESSION_ENCRYPTION_KEYS": [OLD]}
    assert not await stored.is_live_at(**keys, SECRET_KEY="another secret key, long enough")
    assert await stored.is_live_at(**keys)


# --- owners ----------------------------------------------------------------------------------

OWNER = "ann@example.com"


def noted_as(stored: Stored, *methods: str) -> set[str]:
    return {name for method, name in stored.spy.calls if method in methods}


async def of_owner(stored: Stored, **settings: Any) -> list[str]:
    scene = Scene(stored.at(**settings).site, stored.spy)
    return [each.sid for each in await scene.administer("sessions_of", OWNER)]


@DUMPED
@pytest.mark.owners
async def test_an_owner_is_in_no_dump_of_the_store_and_not_to_be_guessed(stored: Stored) -> None:
    visitor = await stored.begin(**ON)
    await visitor.visit(lambda session: session.bind(OWNER))
    (name,) = noted_as(stored, "enlist")
    assert len(name) == 43
    digest = hashlib.sha256(OWNER.encode())
    guesses = (OWNER.encode(), digest.digest(), digest.hexdigest().encode())
    assert [each for each in guesses if each in stored.backend.part.dump()] == []
    plain = await stored.begin()
    await plain.visit(lambda session: session.bind(OWNER))
    assert noted_as(stored, "enlist") == {OWNER}
    assert [each for each in guesses if each in stored.backend.part.dump()] != []


@pytest.mark.owners
async def test_one_key_has_one_name_of_an_owner_and_costs_one_call(stored: Stored) -> None:
    visitor = await stored.begin(**ON)
    await visitor.visit(lambda session: session.bind(OWNER))
    assert stored.asked() == ["load", "enlist", "commit"]
    sid = await visitor.value(lambda session: session.sid)
    assert await of_owner(stored, **ON) == [sid]
    _ = stored.asked()
    await visitor.visit(lambda session: session.clear())
    assert stored.asked() == ["load", "remove", "delist"]


BEFORE: dict[str, tuple[dict[str, Any], Callable[[Stored], dict[str, Any]]]] = {
    "a plain one": ({}, lambda stored: stored.until(60)),
    "an older key": (
        {**ON, "SESSION_ENCRYPTION_KEYS": [OLD]},
        lambda stored: {**ON, "SESSION_ENCRYPTION_KEYS": [NEW, OLD]},
    ),
    "one that is not encrypted any more": (ON, lambda stored: READING),
}


@pytest.mark.owners
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("written", [False, True])
async def test_an_owners_sessions_are_listed_and_revoked_whatever_the_owner_was_called(
    stored: Stored, before: str, *, written: bool
) -> None:
    settings, now = BEFORE[before][0], BEFORE[before][1](stored)
    visitor = await stored.begin(**settings)
    await visitor.visit(lambda session: session.bind(OWNER))
    sid = await visitor.value(lambda session: session.sid)
    later = stored.at(**now)
    _ = stored.asked()
    if written:
        await later.put(b=2)
        assert stored.asked() == ["load", "enlist", "commit"]
    assert await of_owner(stored, **now) == [sid]
    site = stored.at(**now).site
    _ = stored.asked()
    assert await Scene(site, stored.spy).administer("revoke_all", OWNER) == 1
    assert stored.asked().count("delist_many") == 2
    assert stored.backend.records() == {}
    assert await of_owner(stored, **now) == []


@pytest.mark.owners
async def test_a_session_that_ends_is_forgotten_under_each_name(stored: Stored) -> None:
    visitor = await stored.begin()
    await visitor.visit(lambda session: session.bind(OWNER))
    later = stored.at(**stored.until(60))
    await later.put(b=2)
    names = noted_as(stored, "enlist")
    assert len(names) == 2
    _ = stored.asked()
    await later.visit(lambda session: session.clear())
    assert noted_as(stored, "delist") == names


@pytest.mark.owners
async def test_after_the_moment_no_plain_name_is_looked_for(stored: Stored, clock: Clock) -> None:
    settings = stored.until(60)
    visitor = await stored.begin(**settings)
    await visitor.visit(lambda session: session.bind(OWNER))
    sid = await visitor.value(lambda session: session.sid)
    site = stored.at(**settings).site
    for names in (2, 1):
        _ = stored.asked()
        found = await Scene(site, stored.spy).administer("sessions_of", OWNER)
        assert [each.sid for each in found] == [sid]
        assert len(noted_as(stored, "owned", "owned_page")) == names
        clock.advance(60)


async def test_changes_of_two_requests_at_once_are_both_kept(stored: Stored) -> None:
    visitor = await stored.begin(**ON)
    gate = stored.spy.pause("commit")
    site = visitor.site
    site.actions.append(lambda session, web: session.update(b=2) or "")
    slow = visitor.driver.start("GET", f"/visit/{len(site.actions) - 1}")
    await gate.reached()
    await visitor.put(c=3)
    gate.open()
    assert (await slow).status == 200
    assert await visitor.value(dict) == {"a": 1, "cart": [1], "b": 2, "c": 3}
    assert stored.is_encrypted()
