"""What was moved ahead of the deployment opens to its old cookie, once, and ends as others do."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import NewSite
from tests.support.old_files import Hash, old_file
from tests.support.site import Site, Visitor
from tests.web.test_cli import command, document
from tests.web.test_cli_listing import lines

pytestmark = pytest.mark.asyncio

SID = "s3cret-id-of-the-old-library-0123456789abcd"
KEY = f"session:{SID}"
DATA = {"_permanent": True, "_user_id": "7", "cart": ["a", "b"]}
MIGRATE = {"SESSION_MIGRATE_FROM": ["flask-session"], "SESSION_COOKIE_NAME": "sid"}

HASHES = pytest.mark.parametrize("name_by", [hashlib.sha256, hashlib.md5], ids=["sha256", "md5"])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Give a directory of old sessions."""
    directory = tmp_path / "flask_session"
    directory.mkdir()
    return directory


@pytest_asyncio.fixture
async def site(new_site: NewSite) -> Site:
    """Give a site that reads the old sessions, whose users are told by an integration."""
    site = new_site(**MIGRATE)
    site.app.extensions["samesession.owner_of"] = lambda data: data.get("_user_id")
    _ = await site.visitor().visit(dict)
    return site


async def move(site: Site, old: Path) -> dict[str, int]:
    given = ("--from", "flask-session", "--source", str(old), "--unsafe-pickle")
    found: dict[str, Any] = await document(site, "migrate", *given)
    assert found["skipped"] == []
    names = ("moved", "updated", "unchanged", "in_use", "ended")
    return {name: found[name] for name in names if found[name]}


def holder(site: Site) -> Visitor:
    """Give a browser that has the old cookie."""
    user = site.visitor()
    user.jar["session"] = SID
    return user


@pytest.mark.lists
@HASHES
async def test_the_old_cookie_opens_it_and_is_replaced(
    site: Site, old: Path, name_by: Hash
) -> None:
    old_file(old, KEY, DATA, name_by=name_by)
    assert await move(site, old) == {"moved": 1}
    user = holder(site)
    assert await user.value(dict) == DATA
    assert "session" not in user.jar
    assert "sid" in user.jar
    assert await user.value(lambda session: session.permanent)
    assert await move(site, old) == {"in_use": 1}
    assert await user.value(dict) == DATA


@HASHES
async def test_a_lost_response_logs_nobody_out(site: Site, old: Path, name_by: Hash) -> None:
    old_file(old, KEY, DATA, name_by=name_by)
    _ = await move(site, old)
    first, again = holder(site), holder(site)
    _ = await first.visit(dict)
    assert await again.value(dict) == DATA
    assert "sid" not in again.jar


@pytest.mark.owners
@HASHES
async def test_its_user_can_end_it_before_it_comes(site: Site, old: Path, name_by: Hash) -> None:
    old_file(old, KEY, DATA, name_by=name_by)
    _ = await move(site, old)
    (listed,) = await lines(site, "list", "7")
    assert (listed["owner"], listed["authenticated"]) == ("7", None)
    assert await command(site, "revoke", "--owner", "7") == (0, "1 session ended\n")
    assert await holder(site).value(dict) == {}
    assert await move(site, old) == {"ended": 1}
    assert await lines(site, "list") == []


@pytest.mark.lists
@HASHES
async def test_a_logout_is_undone_neither_by_the_old_cookie_nor_by_another_run(
    site: Site, old: Path, name_by: Hash
) -> None:
    old_file(old, KEY, DATA, name_by=name_by)
    _ = await move(site, old)
    user = holder(site)
    _ = await user.visit(lambda session: session.end())
    assert await holder(site).value(dict) == {}
    assert await move(site, old) == {"ended": 1}
    assert await lines(site, "list") == []
    assert await holder(site).value(dict) == {}


async def test_what_its_user_does_is_not_undone_by_another_run(site: Site, old: Path) -> None:
    old_file(old, KEY, DATA)
    _ = await move(site, old)
    user = holder(site)
    _ = await user.visit(lambda session: session.update(cart=["new"]))
    old_file(old, KEY, {**DATA, "cart": ["late"]})
    assert await move(site, old) == {"in_use": 1}
    assert (await user.value(dict))["cart"] == ["new"]


async def test_another_users_cookie_opens_nothing_of_it(site: Site, old: Path) -> None:
    old_file(old, KEY, DATA)
    _ = await move(site, old)
    for value in (SID[:-1], SID + "A", hashlib.sha256(KEY.encode()).hexdigest(), KEY):
        user = site.visitor()
        user.jar["session"] = value
        assert await user.value(dict) == {}
    assert await holder(site).value(dict) == DATA


async def test_a_new_secret_key_finds_what_was_moved_under_the_old_one(
    new_site: NewSite, old: Path
) -> None:
    before = new_site(**MIGRATE)
    _ = await before.visitor().visit(dict)
    old_file(old, KEY, DATA)
    _ = await move(before, old)
    keys = {"SECRET_KEY": "another secret key, long enough", "SECRET_KEY_FALLBACKS": []}
    keys["SECRET_KEY_FALLBACKS"] = [before.app.config["SECRET_KEY"]]
    site = new_site(**MIGRATE, **keys)
    _ = await site.visitor().visit(dict)
    assert await move(site, old) == {"unchanged": 1}
    assert await holder(site).value(dict) == DATA
