"""What somebody put in a record's place, or beside the victim's cookie: nobody's session."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from samesession.signals import session_rejected
from tests.support.backend import Backend
from tests.support.browser import attributes
from tests.support.server import Valkey
from tests.support.site import Site, Visitor

pytestmark = pytest.mark.asyncio


def _only(directory: Path) -> Path:
    (found,) = directory.glob("[0-9a-f][0-9a-f]/[0-9a-f]*")
    return found


def _soft_link(path: Path, kept: Path) -> None:
    path.symlink_to(kept)


def _hard_link(path: Path, kept: Path) -> None:
    path.hardlink_to(kept)


def _fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _directory(path: Path, _: Path) -> None:
    path.mkdir()


async def expect_anonymous(user: Visitor) -> None:
    """The cookie opens nothing, and a write begins another session."""
    assert await user.value(dict) == {}
    await user.put(b=2)
    assert await user.value(dict) == {"b": 2}


@pytest.mark.stores("filesystem")
@pytest.mark.parametrize("plant", [_soft_link, _hard_link, _fifo, _directory])
async def test_what_is_no_plain_file_of_ours_is_nobodys_session(
    site: Site,
    backend: Backend,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    plant: Callable[[Path, Path], None],
) -> None:
    user = site.visitor()
    await user.put(a=1)
    path, kept = _only(backend.directory), tmp_path / "kept"
    path.rename(kept)
    plant(path, kept)
    await expect_anonymous(user)
    assert any("session-rejected: its file " in line for line in caplog.messages)


@pytest.mark.stores("redis")
@pytest.mark.parametrize(
    "plant", ["LPUSH {} x", "HSET {} a x", "ZADD {} 1 x", "SADD {} x"], ids=lambda each: each[:4]
)
async def test_a_key_of_another_type_is_nobodys_session(
    site: Site, valkey: Valkey, plant: str
) -> None:
    user = site.visitor()
    await user.put(a=1)
    with valkey.client() as client:
        (key,) = valkey.records()
        client.delete(key)
        client.execute_command(*plant.format(key).split())  # type: ignore[no-untyped-call]
    await expect_anonymous(user)


@pytest.mark.stores("redis")
async def test_scripts_that_the_server_forgot_are_sent_again(site: Site, valkey: Valkey) -> None:
    user = site.visitor()
    await user.put(a=1)
    for turn in range(3):
        with valkey.client() as client:
            client.script_flush()
        await user.put(b=turn)
        assert await user.value(dict) == {"a": 1, "b": turn}


@pytest.mark.parametrize("order", [1, -1], ids=["attacker first", "victim first"])
async def test_of_two_tossed_cookies_neither_is_used(site: Site, order: int) -> None:
    attacker, victim = site.visitor(), site.visitor()
    await attacker.put(name="attacker")
    await victim.put(name="victim")
    heard: list[str] = []

    def note(_: object, *, reason: str, **__: object) -> None:
        heard.append(reason)

    once = f"session={victim.jar['session']}"
    tossed = [f"session={user.jar['session']}" for user in (attacker, victim)][::order]
    with session_rejected.connected_to(note, site.app):
        answer = await victim.visit(dict, cookie="; ".join(tossed).encode("ascii"))
    assert (answer.status, victim.result) == (200, {})
    # Nothing is set, and what the configured scope holds is left; see test_several_cookies.
    deleted = [attributes(header) for header in answer.set_cookies]
    assert deleted
    assert all(each["max-age"] == "0" and each["path"] != "/" for each in deleted)
    assert heard == ["the request has two different session cookies"]
    # The same one twice is one.
    await victim.visit(dict, cookie=f"{once}; {once}".encode("ascii"))
    assert victim.result == {"name": "victim"}
