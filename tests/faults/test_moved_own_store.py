"""Sessions that the command moves out of the very store that requests read: whose data counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import ormsgpack
import pytest
import pytest_asyncio
import redis
import sqlalchemy as sa

from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor
from tests.support.sql import looking
from tests.web.test_cli import document
from tests.web.test_cli_listing import lines

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("redis", "sqlalchemy-sqlite")]

SID = "s3cret-id-of-the-old-library-0123456789abcd"
DATA = {"_permanent": True, "_user_id": "7", "cart": ["a", "b"]}
MIGRATE = {"SESSION_MIGRATE_FROM": ["flask-session"], "SESSION_COOKIE_NAME": "sid"}


class Old:
    """Flask-Session's records, beside ours in the same place."""

    def __init__(self, backend: Backend) -> None:
        self._part: Any = backend.part

    def put(self, key: str, data: dict[str, Any], *, left: int = 1000) -> None:
        raise NotImplementedError

    def keys(self) -> list[str]:
        raise NotImplementedError

    def delete(self, key: str) -> None:
        raise NotImplementedError


class OldInRedis(Old):
    @property
    def _client(self) -> Any:
        return redis.Redis.from_url(self._part.server.url)

    def put(self, key: str, data: dict[str, Any], *, left: int = 1000) -> None:
        with self._client as client:
            client.set(key, ormsgpack.packb(data), ex=left)

    def keys(self) -> list[str]:
        with self._client as client:
            return sorted(key.decode() for key in client.keys("session:s3cret*"))

    def delete(self, key: str) -> None:
        with self._client as client:
            client.delete(key)


class OldInSQL(Old):
    def _do(self, statement: str, **values: Any) -> Any:
        with looking(self._part.url) as connection:
            return connection.execute(sa.text(statement), values)

    def make(self) -> None:
        self._do(
            "CREATE TABLE IF NOT EXISTS sessions (id INTEGER PRIMARY KEY, "
            "session_id VARCHAR(255) UNIQUE, data BLOB, expiry DATETIME)"
        )

    def put(self, key: str, data: dict[str, Any], *, left: int = 1000) -> None:
        self.delete(key)
        expiry = dt.datetime.fromtimestamp(self._part.clock() + left, dt.UTC)
        self._do(
            "INSERT INTO sessions (session_id, data, expiry) VALUES (:key, :data, :expiry)",
            key=key,
            data=ormsgpack.packb(data),
            expiry=f"{expiry:%Y-%m-%d %H:%M:%S.%f}",
        )

    def keys(self) -> list[str]:
        with looking(self._part.url) as connection:
            rows = connection.execute(sa.text("SELECT session_id FROM sessions ORDER BY 1"))
            return [row[0] for row in rows]

    def delete(self, key: str) -> None:
        self._do("DELETE FROM sessions WHERE session_id = :key", key=key)


@pytest.fixture
def old(backend: Backend) -> Iterator[Old]:
    """Give the old records."""
    if backend.name == "redis":
        yield OldInRedis(backend)
    else:
        found = OldInSQL(backend)
        found.make()
        yield found


@pytest_asyncio.fixture
async def site(new_site: NewSite, backend: Backend) -> Site:
    """Give a site that reads the old sessions."""
    return new_site(**MIGRATE)


async def move(site: Site) -> dict[str, int]:
    found: dict[str, Any] = await document(site, "migrate", "--from", "flask-session")
    assert found["skipped"] == []
    assert found["read"] == sum(found[each] for each in NAMES)
    return {name: found[name] for name in NAMES if found[name]}


NAMES = ("moved", "updated", "unchanged", "in_use", "ended")


def holder(site: Site) -> Visitor:
    user = site.visitor()
    user.jar["session"] = SID
    return user


async def test_the_store_of_requests_is_read_unless_another_place_is_named(
    site: Site, old: Old
) -> None:
    for number in range(30):
        old.put(f"session:s3cret-{number:020}", {**DATA, "n": number})
    user = site.visitor()
    _ = await user.visit(lambda session: session.update(ours=True))
    assert await move(site) == {"moved": 30}
    assert await move(site) == {"unchanged": 30}
    assert len(await lines(site, "list")) == 31
    assert len(old.keys()) == 30
    assert await user.value(dict) == {"ours": True}


async def test_what_old_processes_have_written_since_counts(site: Site, old: Old) -> None:
    old.put(f"session:{SID}", DATA)
    assert await move(site) == {"moved": 1}
    old.put(f"session:{SID}", {**DATA, "cart": ["late"]})
    user = holder(site)
    assert (await user.value(dict))["cart"] == ["late"]
    assert old.keys() == []
    assert (await user.value(dict))["cart"] == ["late"]
    assert len(await lines(site, "list")) == 1


async def test_what_has_ended_at_the_old_library_has_ended(site: Site, old: Old) -> None:
    old.put(f"session:{SID}", DATA)
    assert await move(site) == {"moved": 1}
    old.delete(f"session:{SID}")
    assert await holder(site).value(dict) == {}
    assert await lines(site, "list") == []
    assert await holder(site).value(dict) == {}


@pytest.mark.parametrize("how", ["sid", "--owner", "--all", "in the application"])
async def test_who_ends_one_before_it_comes_has_ended_it(site: Site, old: Old, how: str) -> None:
    site.app.extensions["samesession.owner_of"] = lambda data: data.get("_user_id")
    old.put(f"session:{SID}", DATA)
    assert await move(site) == {"moved": 1}
    ((sid, owner),) = [(each["sid"], each["owner"]) for each in await lines(site, "list")]
    assert owner == "7"
    given = {"sid": (sid,), "--owner": ("--owner", "7"), "--all": ("--all", "--yes")}
    if how in given:
        assert await document(site, "revoke", *given[how]) == {"ended": 1}
    else:
        await end(site, sid)
    assert await lines(site, "list") == []
    # The old session is there still, as old processes may serve it, and use it.
    assert old.keys() == [f"session:{SID}"]
    assert await holder(site).value(dict) == {}
    old.put(f"session:{SID}", {**DATA, "cart": ["late"]}, left=2_000)
    assert await move(site) == {"ended": 1}
    assert await holder(site).value(dict) == {}
    assert await lines(site, "list") == []


async def end(site: Site, sid: str) -> None:
    """End a session from outside of its user's requests."""
    if site.framework == "flask":
        from samesession.flask import session_by_sid

        with session_by_sid(site.app, sid) as session:
            assert session is not None
            session.end()
    else:
        from samesession.quart import session_by_sid as session_by_sid_in_quart

        async with session_by_sid_in_quart(site.app, sid) as session:
            assert session is not None
            session.end()


async def test_a_session_that_came_by_itself_is_not_moved(site: Site, old: Old) -> None:
    old.put(f"session:{SID}", DATA)
    user = holder(site)
    assert await user.value(dict) == DATA
    old.put(f"session:{SID}", DATA)  # by an old process that answered a request of before
    assert await move(site) == {"in_use": 1}
    _ = await user.visit(lambda session: session.end())
    old.put(f"session:{SID}", DATA)
    assert await move(site) == {"ended": 1}
    assert await holder(site).value(dict) == {}
    assert await lines(site, "list") == []
