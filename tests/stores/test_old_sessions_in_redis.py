"""Flask-Session's and Quart-Session's records in Redis become ours when their cookies come."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

import ormsgpack
import pytest
from itsdangerous import Signer

from tests.conftest import NewSite
from tests.support.server import Valkey
from tests.support.site import SECRET_KEY, Site, Visitor

pytestmark = [pytest.mark.asyncio, pytest.mark.stores("redis")]

PEERS = ["flask-session", "quart-session"]
ON = {"SESSION_MIGRATE_FROM": PEERS, "SESSION_COOKIE_NAME": "sid"}
DATA = {"user": "ann", "n": 1}
ID = "A" * 43
UUID = str(uuid.UUID(int=1, version=4))


def filed(valkey: Valkey, old_id: str, raw: bytes, *, prefix: str = "session:") -> None:
    with valkey.client() as client:
        client.set(f"{prefix}{old_id}", raw, ex=1000)


def is_filed(valkey: Valkey, old_id: str) -> bool:
    with valkey.client() as client:
        return bool(client.exists(f"session:{old_id}"))


def holder(site: Site, cookie: str) -> Visitor:
    user = site.visitor()
    user.jar["session"] = cookie
    return user


@pytest.mark.parametrize(
    ("old_id", "raw"),
    [
        (ID, ormsgpack.packb({**DATA, "_permanent": True})),
        (ID, json.dumps({**DATA, "_permanent": True}).encode()),
        (UUID, json.dumps({**DATA, "_permanent": True}).encode()),
    ],
    ids=["msgpack", "JSON", "Quart-Session"],
)
async def test_it_becomes_ours_and_is_deleted(
    new_site: NewSite, valkey: Valkey, old_id: str, raw: bytes
) -> None:
    site = new_site(**ON)
    filed(valkey, old_id, raw)
    user, copy = holder(site, old_id), holder(site, old_id)
    assert await user.value(dict) == {**DATA, "_permanent": True}
    assert not is_filed(valkey, old_id)
    assert await copy.value(lambda session: session["user"]) == "ann"
    await user.visit(lambda session: session.end())
    # An old process that began before saves its record anew.
    filed(valkey, old_id, raw)
    assert await copy.value(dict) == {}


async def test_a_signed_id_and_another_prefix(new_site: NewSite, valkey: Valkey) -> None:
    signer = Signer(SECRET_KEY, salt="flask-session", key_derivation="hmac")
    signed = signer.sign(ID).decode()
    filed(valkey, ID, ormsgpack.packb(DATA), prefix="old:")
    options = {"SESSION_MIGRATE_KEY_PREFIX": "old:", "SESSION_MIGRATE_USE_SIGNER": True}
    site = new_site(**ON, **options)
    for value in (ID, signed[:-1] + "!", signed[:-3]):
        assert await holder(site, value).value(dict) == {}
    assert await holder(site, signed).value(dict) == DATA


@pytest.mark.parametrize("raw", [b"\x80\x04}q\x00.", b"\xc1", b"x" * 2_000_000, b"[1, 2]"])
async def test_what_cannot_be_read_is_one_line_and_stays(
    new_site: NewSite, valkey: Valkey, caplog: pytest.LogCaptureFixture, raw: bytes
) -> None:
    site = new_site(**ON)
    filed(valkey, ID, raw)
    with caplog.at_level(logging.INFO, "samesession"):
        assert await holder(site, ID).value(dict) == {}
    (line,) = [each for each in caplog.records if each.name == "samesession"]
    assert line.levelno == logging.INFO
    assert ID not in line.getMessage()
    assert is_filed(valkey, ID)


async def test_ours_are_none_of_theirs(new_site: NewSite, valkey: Valkey) -> None:
    site = new_site(**ON)
    user = site.visitor()
    await user.put(mine=1)
    sid: Any = await user.value(lambda session: session.sid)
    assert await holder(site, str(sid)).value(dict) == {}
    assert await user.value(dict) == {"mine": 1}
