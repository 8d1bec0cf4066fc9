"""Records written by someone who can write to the store, but lacks SECRET_KEY: all refused."""

from __future__ import annotations

import hmac
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import ormsgpack
import pytest

from samesession.core.keys import Purpose, derive
from samesession.core.record import MAC_BYTES, Record
from samesession.core.store import Lifetimes
from samesession.run.sync import run
from tests.conftest import NewSite
from tests.support.backend import Backend
from tests.support.site import SECRET_KEY, Visitor
from tests.unit.parts import sealer
from tests.web.test_administration import administer


async def stored_name(backend: Backend, visitor: Visitor, **values: Any) -> str:
    before = set(backend.records())
    await visitor.put(**values)
    (name,) = set(backend.records()) - before
    return name


async def expect_nobody(visitor: Visitor) -> None:
    jar = visitor.jar.copy()
    assert await visitor.value(dict) == {}
    visitor.driver.jar = jar
    assert await visitor.value(lambda session: session.info.owner) is None
    visitor.driver.jar = jar


@pytest.mark.asyncio
async def test_an_admins_record_copied_to_another_sid_is_refused(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site()
    admin, attacker = site.visitor(), site.visitor()
    admins = await stored_name(backend, admin, role="admin")
    await admin.visit(lambda session: session.bind("root"))
    attackers = await stored_name(backend, attacker, role="nobody")
    backend.part.plant(attackers, backend.records()[admins])
    await expect_nobody(attacker)
    assert await admin.value(lambda session: session["role"]) == "admin"


@pytest.mark.asyncio
@pytest.mark.lists
@pytest.mark.parametrize("ending", ["regenerate", "clear"])
async def test_an_older_record_put_back_is_the_old_session_until_everyones_are_ended(
    new_site: NewSite, backend: Backend, ending: str
) -> None:
    """A restored backup does so, and no record can know that it is old."""
    site = new_site()
    visitor, other = site.visitor(), site.visitor()
    await other.put(b=1)
    name = await stored_name(backend, visitor, a=1)
    old, kept = backend.records()[name], visitor.jar.copy()
    key = "session:" + kept["session"].partition(".")[0]
    await visitor.visit(lambda session: getattr(session, ending)())
    store: Any = backend.given or backend.store()
    _ = run(store.remove(key, expected=None))
    assert run(store.create(key, old, lifetimes=Lifetimes(1000, 1000))) is True
    run(store.close())
    await expect_nobody(visitor)  # whose cookie is the newer one, or gone
    thief = site.visitor()
    thief.driver.jar = kept
    assert await thief.value(dict) == {"a": 1}
    assert await administer(site, "revoke_everyone") == 2
    for user in (thief, visitor, other):
        await expect_nobody(user)
    assert backend.records() == {}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "other", [{"SESSION_KEY_PREFIX": "session:two:"}, {"SESSION_COOKIE_NAME": "other"}], ids=str
)
async def test_another_app_with_the_same_key_and_store_makes_no_session_here(
    new_site: NewSite, backend: Backend, other: dict[str, str]
) -> None:
    here, there = new_site().visitor(), new_site(**other).visitor()
    ours = await stored_name(backend, here, a=1)
    theirs = await stored_name(backend, there, a="theirs")
    cookie = there.jar[other.get("SESSION_COOKIE_NAME", "session")]
    crossing = new_site().visitor()
    crossing.jar["session"] = cookie
    await expect_nobody(crossing)
    backend.part.plant(ours, backend.records()[theirs])
    await expect_nobody(here)


def _payload_of(raw: bytes, payload: bytes) -> bytes:
    """Exchange what follows the fixed part; the seal stays as it was."""
    return raw[: -MAC_BYTES - 8] + payload + raw[-MAC_BYTES:]


def _of_format_1(raw: bytes, key: str) -> bytes:
    """Give a record as it was before: 92 bytes at its front, one map, a whole HMAC-SHA256."""
    head = struct.pack(">QBB16s32sQQQQH", 1, 0, 1, raw[14:30], raw[30:54], *[0] * 5)
    body, filed = head + ormsgpack.packb({"a": 1}), key.encode()
    secret = derive(SECRET_KEY.encode(), Purpose.RECORD, "session:", "session")
    return body + hmac.digest(secret, len(filed).to_bytes(4, "big") + filed + body, "sha256")


class Canary:
    """Tells when something unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("unpickled",)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "settings", [{}, {"SESSION_BROWSER_LIFETIME": 60}], ids=["one timeout", "two timeouts"]
)
@pytest.mark.parametrize(
    "forge",
    [
        lambda raw, key: _payload_of(raw, ormsgpack.packb({"role": "admin"})),
        lambda raw, key: pickle.dumps(Canary()),
        lambda raw, key: raw[:-MAC_BYTES] + bytes(MAC_BYTES),
        lambda raw, key: sealer(b"a key that the attacker made").seal(key, _as_admin(raw)),
        _of_format_1,
        lambda raw, key: b"",
        lambda raw, key: b"\x81\xa4role\xa5admin",
        lambda raw, key: b'{"role": "admin"}',
    ],
    ids=["payload", "pickle", "unsealed", "other key", "format 1", "empty", "bare", "json"],
)
async def test_a_forged_record_is_nobodys_session_and_runs_nothing(  # noqa: PLR0917  # fixtures
    new_site: NewSite,
    backend: Backend,
    forge: Any,
    settings: dict[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    visitor = new_site(**settings).visitor()
    name = await stored_name(backend, visitor, a=1)
    key = "session:" + visitor.jar["session"].partition(".")[0]
    backend.part.plant(name, forge(backend.records()[name], key))
    await expect_nobody(visitor)
    assert (await visitor.put(b=2)).status == 200
    assert not (tmp_path / "unpickled").exists()


def _as_admin(raw: bytes) -> Record:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samesession.core.record.hmac.compare_digest", lambda *_: True)
        opened = sealer(SECRET_KEY.encode()).open("session:", raw)
    return opened._replace(owner="root")


@pytest.mark.asyncio
async def test_answers_given_to_the_wrong_request_show_nobody_another_ones_data(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site()
    alice, bob = site.visitor(), site.visitor()
    one = await stored_name(backend, alice, who="alice")
    two = await stored_name(backend, bob, who="bob")
    records = backend.records()
    backend.part.plant(one, records[two])
    backend.part.plant(two, records[one])
    for visitor in (alice, bob):
        await expect_nobody(visitor)
    backend.part.plant(one, records[one])
    backend.part.plant(two, records[two])
    assert await alice.value(lambda session: session["who"]) == "alice"
    assert await bob.value(lambda session: session["who"]) == "bob"
