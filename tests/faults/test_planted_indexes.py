"""What stands in the place of an owner index, or in one, blocks no login and no revocation."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from samesession.stores.filesystem.locked_directories import name_of
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import Site, Visitor
from tests.support.sql import looking
from tests.web.test_administration import administer

pytestmark = pytest.mark.asyncio

Plant = Callable[[Any, str], None]  # of the backend, and a session's key that is listed

DIGEST = hashlib.sha256(b"ann").hexdigest()


async def log_in(site: Site) -> Visitor:
    user = site.visitor()
    answer = await user.visit(lambda session: (session.update(a=1), session.bind("ann")))
    assert answer.status == 200
    return user


async def sid_of(user: Visitor) -> str:
    return str(await user.value(lambda session: session.sid))


async def listed(site: Site) -> set[str]:
    return {each.sid for each in await administer(site, "sessions_of", "ann")}


async def expect_logins_go_on(site: Site, backend: Backend, plant: Plant, *, is_lost: bool) -> None:
    """Plant something beside a session; `is_lost`: what was noted before is not any more."""
    before = await log_in(site)
    plant(backend, "session:" + await sid_of(before))
    known = set() if is_lost else {await sid_of(before)}
    assert await listed(site) == known
    page = await administer(site, "sessions_page", "ann", limit=5)
    assert {each.sid for each in page.sessions} == known
    # A logout forgets what was noted, wherever that is by now.
    leaving = await log_in(site)
    assert (await leaving.visit(lambda session: session.clear())).status == 200
    again = await log_in(site)
    assert await listed(site) == known | {await sid_of(again)}
    # A session that is bound anew is noted anew, not twice in a second.
    site.clock.advance(1)
    assert (await before.visit(lambda session: session.bind("ann"))).status == 200
    assert await listed(site) == {await sid_of(before), await sid_of(again)}
    assert await administer(site, "revoke_all", "ann") == 2
    assert await before.value(dict) == await again.value(dict) == {}
    assert await administer(site, "revoke_all", "ann") == 0


# --- Redis ---------------------------------------------------------------------------------


def _redis(*command: Any) -> Plant:
    def plant(backend: Any, key: str) -> None:
        (server,) = backend.redis_servers
        index = f"session:owner:{DIGEST}"
        with server.client() as client:
            if command[0] not in {"ZADD", "DEL"}:
                client.delete(index)
            client.execute_command(command[0], index, *command[1:])

    return plant


@pytest.mark.stores("redis")
@pytest.mark.parametrize(
    "command",
    [("SET", "x"), ("RPUSH", "x"), ("HSET", "a", "x"), ("SADD", "session:x"), ("SETBIT", 7, 1)],
    ids=lambda command: command[0],
)
async def test_a_key_of_another_type_in_place_of_the_index_gives_way(
    site: Site, backend: Backend, command: tuple[Any, ...]
) -> None:
    await expect_logins_go_on(site, backend, _redis(*command), is_lost=True)


@pytest.mark.stores("redis")
@pytest.mark.parametrize(
    ("score", "member"),
    [
        (2**33, b"\xff\xfe"),
        (2**33, b"session:\xff"),
        (2**33, b""),
        (2**33, b"x" * 100_000),
        ("inf", b"session:" + b"A" * 22),
        ("1e300", b"session:" + b"A" * 22),
        ("9007199254740993.5", b"session:" + b"A" * 22),
        (2**33 + 0.5, b"session:" + b"A" * 22),
        ("-inf", b"session:" + b"A" * 22),
    ],
    ids=repr,
)
async def test_an_entry_of_the_index_that_is_none_of_ours_is_read_over(
    site: Site, backend: Backend, score: Any, member: bytes
) -> None:
    await expect_logins_go_on(site, backend, _redis("ZADD", score, member), is_lost=False)


# --- files ---------------------------------------------------------------------------------


def _in_place_of(path: Path, make: Callable[[Path], object]) -> None:
    if path.exists():
        path.rename(path.with_name(f"kept-{path.name}"))
    make(path)


def _file(path: Path) -> None:
    path.write_bytes(b"somebody's")


def _link(path: Path) -> None:
    path.symlink_to(path.with_name(f"kept-{path.name}"))


def _full(path: Path) -> None:
    (path / "within").mkdir(parents=True)
    (path / "within" / "file").write_bytes(b"somebody's")


OWNER = name_of(b"ann")
DIRECTORIES = {
    "of all owners": "owners",
    "of a shard": f"owners/{OWNER[:2]}",
    "of the owner": f"owners/{OWNER[:2]}/{OWNER}",
}


@pytest.mark.stores("filesystem")
@pytest.mark.parametrize("make", [_file, _link, os.mkfifo], ids=["file", "link", "FIFO"])
@pytest.mark.parametrize("place", DIRECTORIES)
async def test_what_is_no_directory_of_an_owner_is_moved_aside_and_not_deleted(
    site: Site, backend: Backend, place: str, make: Callable[[Path], object]
) -> None:
    path = backend.directory / DIRECTORIES[place]

    def plant(backend: Any, key: str) -> None:
        _in_place_of(path, make)

    await expect_logins_go_on(site, backend, plant, is_lost=True)
    aside = [each for each in path.parent.iterdir() if each.name.startswith(f"{path.name}.moved-")]
    assert len(aside) == 1
    if make is _file:
        assert aside[0].read_bytes() == b"somebody's"
    assert path.with_name(f"kept-{path.name}").is_dir()


@pytest.mark.stores("filesystem")
@pytest.mark.parametrize(
    "make", [_full, Path.mkdir, _link, os.mkfifo], ids=["full", "empty", "link", "FIFO"]
)
async def test_what_is_no_note_of_a_session_gives_way_to_one(
    site: Site, backend: Backend, make: Callable[[Path], object]
) -> None:
    def plant(backend: Any, key: str) -> None:
        path = backend.directory / DIRECTORIES["of the owner"] / key.encode().hex()
        assert path.is_file()
        _in_place_of(path, make)

    await expect_logins_go_on(site, backend, plant, is_lost=False)


@pytest.mark.stores("filesystem")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        (b"\xff".hex(), b""),
        (b"session:\xff".hex(), b""),
        ("f" * 240, b""),
        (name_of(b"x"), b"\xff\xfe"),
        (name_of(b"x"), b"x" * 2_000_000),
        ("README", b""),
        (".DS_Store", b""),
        ("abc", b""),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_note_that_is_none_of_ours_is_read_over(
    site: Site, backend: Backend, name: str, content: bytes
) -> None:
    def plant(backend: Any, key: str) -> None:
        path = backend.directory / DIRECTORIES["of the owner"] / name
        path.write_bytes(content)
        os.utime(path, (2**32, 2**32))

    await expect_logins_go_on(site, backend, plant, is_lost=False)


@pytest.mark.stores("filesystem")
async def test_a_note_that_holds_its_key_as_all_once_did_counts(
    site: Site, backend: Backend
) -> None:
    def plant(backend: Any, key: str) -> None:
        path = backend.directory / DIRECTORIES["of the owner"] / key.encode().hex()
        path.unlink()
        old = path.with_name(name_of(key.encode()))
        old.write_bytes(key.encode())
        os.utime(old, (2**32, 2**32))

    await expect_logins_go_on(site, backend, plant, is_lost=False)
    notes = backend.directory / DIRECTORIES["of the owner"]
    assert not notes.exists()  # the last logout took the directory along


# --- databases -----------------------------------------------------------------------------


def _note(key: str, expires: str = "9999999999") -> Plant:
    def plant(backend: Any, _: str) -> None:
        with looking(backend.part.url) as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO samesession_owners (owner, key, expires) "
                    f"VALUES ('{DIGEST}', {key}, {expires})"
                )
            )

    return plant


@pytest.mark.stores("sqlalchemy-sqlite")
@pytest.mark.parametrize(
    ("key", "expires"),
    [
        ("x'fffe'", "9999999999"),
        ("CAST(x'fffe' AS TEXT)", "9999999999"),
        ("CAST(x'73657373696f6e3aff' AS TEXT)", "9999999999"),
        ("CAST(x'73657373696f6e3a00' AS TEXT)", "9999999999"),
        ("x'73657373696f6e3a'", "9999999999"),
        ("5", "9999999999"),
        ("''", "9999999999"),
        ("'session:AAAAAAAAAAAAAAAAAAAAAA'", "'soon'"),
        ("'session:AAAAAAAAAAAAAAAAAAAAAA'", "x'ff'"),
        ("'session:AAAAAAAAAAAAAAAAAAAAAA'", "1e300"),
    ],
)
async def test_a_row_of_the_index_that_is_none_of_ours_is_read_over(
    site: Site, backend: Backend, key: str, expires: str
) -> None:
    await expect_logins_go_on(site, backend, _note(key, expires), is_lost=False)


@pytest.mark.stores("mariadb", "mysql")
@pytest.mark.parametrize("key", ["x'fffe'", "x'73657373696f6e3aff'", "x''"])
async def test_a_key_in_the_index_that_is_no_text_is_read_over(
    site: Site, backend: Backend, key: str
) -> None:
    def plant(backend: Any, _: str) -> None:
        with looking(backend.part.url) as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO samesession_owners (owner, `key`, expires) "
                    f"VALUES ('{DIGEST}', {key}, 9999999999)"
                )
            )

    await expect_logins_go_on(site, backend, plant, is_lost=False)


@pytest.mark.stores("sqlalchemy-sqlite")
@pytest.mark.parametrize(
    "change",
    [
        "record = 5000000000",
        "record = 'text'",
        "record = NULL",
        "revision = 'x'",
        "revision = 1e30",
    ],
)
async def test_a_row_of_another_type_is_nobodys_session_and_blocks_no_list(
    site: Site, backend: Any, change: str
) -> None:
    """A number would be taken for the size of an empty record."""
    spoilt, ann = await log_in(site), await log_in(site)
    sid = await sid_of(spoilt)
    with looking(backend.part.url) as connection:
        if "NULL" in change:
            change = "record = x''"  # the column takes none
        connection.execute(sa.text(f"UPDATE samesession SET {change} WHERE key = 'session:{sid}'"))
    assert await listed(site) == {await sid_of(ann)}
    assert await administer(site, "revoke_all", "ann") == 1
    assert await spoilt.value(dict) == {}


@pytest.mark.stores("mongodb")
@pytest.mark.parametrize(
    "expires", [None, "later", 9e99, 2**40, b"x", {"a": 1}, ["x"], "missing"], ids=repr
)
async def test_a_document_of_the_index_without_a_moment_is_noted_anew(
    site: Site, backend: Backend, expires: Any
) -> None:
    def plant(backend: Any, key: str) -> None:
        owners = backend.part.server.owners
        name = {"_id": f"{DIGEST}:{key}"}
        change = (
            {"$unset": {"expires": 1}} if expires == "missing" else {"$set": {"expires": expires}}
        )
        assert owners.update_one(name, change).matched_count == 1

    # Without a moment it is not listed, nor deleted by MongoDB; with the next login it is.
    await expect_logins_go_on(site, backend, plant, is_lost=True)


@pytest.mark.stores("dynamodb")
@pytest.mark.parametrize(
    "expires", [None, {"S": "later"}, {"B": b"x"}, {"NULL": True}, {"L": []}, {"M": {}}], ids=repr
)
async def test_an_item_of_the_index_without_a_moment_counts(
    site: Site, backend: Backend, expires: Any
) -> None:
    def plant(backend: Any, key: str) -> None:
        item = {"pk": {"S": f"session:owner:{DIGEST}"}, "sk": {"S": f"key:{key}"}}
        if expires is not None:
            item["expires"] = expires
        backend.part.server.client.put_item(TableName="samesession", Item=item)
        odd = {**item, "sk": {"S": "key:"}}
        backend.part.server.client.put_item(TableName="samesession", Item=odd)

    await expect_logins_go_on(site, backend, plant, is_lost=False)


@pytest.mark.stores("memory")
async def test_a_key_noted_by_another_application_is_read_over(
    new_site: NewSite, backend: Backend
) -> None:
    def plant(backend: Any, key: str) -> None:
        backend.part.kept._owned["ann"] |= {"other:" + "A" * 22: 1e12, "session:\udcff": 1e12}

    await expect_logins_go_on(new_site(), backend, plant, is_lost=False)
