"""Encryption at rest: who has the store reads no data, and whoever turns it on loses no session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.browser import Answer
from tests.support.clock import Clock
from tests.support.site import SECRET_KEY, Visitor

pytestmark = pytest.mark.asyncio

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
