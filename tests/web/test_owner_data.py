"""What is kept of a user, for requests under data protection law: handed out, and erased."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from markupsafe import Markup

from samesession import InvalidName
from samesession.core.steps import Steps
from samesession.run.sync import run
from tests.conftest import NewSite
from tests.support.backend import UNHURRIED, Backend
from tests.support.many import fill
from tests.support.site import Site, Visitor
from tests.unit.test_names import NO_OWNERS
from tests.web.test_administration import administer

pytestmark = [pytest.mark.asyncio, pytest.mark.owners]

ANN = "ann-who-is-to-be-forgotten"
ENCRYPTED = {"SESSION_ENCRYPT": True}
MANY = 450  # in several batches, and pages of some stores
OLD, NEW = "an old key, and long enough for it", "a new key, and long enough for it"
WITH_OLD = {"SECRET_KEY_FALLBACKS": [OLD]}


async def export(site: Site, owner: Any) -> list[dict[str, Any]]:
    """Give all that a framework's own iterator yields."""
    found = await begin_export(site, owner)
    if site.framework == "flask":
        return list(found)
    return [each async for each in found]


async def begin_export(site: Site, owner: Any) -> Any:
    function = import_module(f"samesession.{site.framework}").export_owner
    if site.framework == "flask":
        with site.app.app_context():
            return function(owner)
    async with site.app.app_context():
        return function(owner)


async def login(site: Site, owner: str = "ann", **values: Any) -> Visitor:
    user = site.visitor()
    await user.visit(lambda session: (session.update(values), session.bind(owner)))
    return user


async def sid_of(user: Visitor) -> str:
    return str(await user.value(lambda session: session.sid))


# --- hand out ------------------------------------------------------------------------------


async def test_an_owners_sessions_are_handed_out_with_their_data(site: Site) -> None:
    site.clock.now = 1_800_000_000
    ann = await login(site, cart=["tea"], name="Ann")
    await login(site, "ben", cart=["jam"])
    (found,) = await export(site, "ann")
    last_seen, expires = found.pop("last_seen"), found.pop("expires")
    assert found == {
        "sid": await sid_of(ann),
        "owner": "ann",
        "label": None,
        "created": "2027-01-15T08:00:00+00:00",
        "authenticated": "2027-01-15T08:00:00+00:00",
        "device_bound": False,
        "data": {"cart": ["tea"], "name": "Ann"},
    }
    for moment in (last_seen, expires):
        assert moment is None or dt.datetime.fromisoformat(moment).tzinfo is not None
    assert await export(site, "nobody") == []


@pytest.mark.stores("memory")
async def test_what_json_has_no_word_for_is_spelt(site: Site) -> None:
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC)
    await login(
        site,
        moment=moment,
        day=moment.date(),
        time=moment.time(),
        span=dt.timedelta(hours=1, microseconds=5),
        price=Decimal("1.10"),
        id=uuid.UUID(int=7),
        raw=b"\x00\xff",
        pair=(1, (2, 3)),
        names={"b", "a"},
        frozen=frozenset([2, 1]),
        html=Markup("<b>"),
        numbers={1: "one", (2, 3): "two"},
        nested={"list": [{"price": Decimal(2)}]},
        big=2**80,
        none=None,
        yes=True,
        half=0.5,
        endless=float("inf"),
    )
    (found,) = await export(site, "ann")
    expected = {
        "moment": "2026-01-02T03:04:05.000006+00:00",
        "day": "2026-01-02",
        "time": "03:04:05.000006",
        "span": 3600.000005,
        "price": "1.10",
        "id": "00000000-0000-0000-0000-000000000007",
        "raw": "AP8=",
        "pair": [1, [2, 3]],
        "names": ["a", "b"],
        "frozen": [1, 2],
        "html": "<b>",
        "numbers": [[1, "one"], [[2, 3], "two"]],
        "nested": {"list": [{"price": "2"}]},
        "big": 2**80,
        "none": None,
        "yes": True,
        "half": 0.5,
        "endless": "inf",
    }
    assert found["data"] == expected
    assert json.loads(json.dumps(found["data"], allow_nan=False)) == expected
    assert type(found["data"]["html"]) is str


async def test_many_sessions_are_handed_out_a_batch_at_a_time(
    new_site: NewSite, backend: Backend
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy}, SESSION_STORE_TIMEOUT=UNHURRIED)
    sids = fill(site, backend, "ann", MANY)
    spy.reset()
    found = await begin_export(site, "ann")
    assert spy.names == []  # until somebody asks for the first one
    first = next(found) if site.framework == "flask" else await anext(found)
    assert spy.names.count("load_dated") == 1
    rest = list(found) if site.framework == "flask" else [each async for each in found]
    assert sorted(each["sid"] for each in [first, *rest]) == sorted(sids)
    assert 0 < spy.counts["load_dated"] <= 10


async def test_nothing_is_renewed_or_written_by_it(new_site: NewSite, backend: Backend) -> None:
    site = new_site()
    await login(site, a=1)
    before = backend.records()
    await export(site, "ann")
    assert backend.records() == before


@pytest.mark.stores("filesystem", "memory", "sqlite")
async def test_what_is_over_is_not_handed_out(new_site: NewSite) -> None:
    site = new_site(SESSION_ABSOLUTE_LIFETIME=60)
    await login(site, a=1)
    site.clock.advance(61)
    assert await export(site, "ann") == []


@pytest.mark.stores("memory")
@pytest.mark.parametrize("name", NO_OWNERS)
async def test_what_cannot_be_an_owner_is_refused_at_once(
    new_site: NewSite, backend: Backend, name: str
) -> None:
    spy = backend.spy()
    site = new_site(options={"store": spy})
    with pytest.raises(InvalidName, match=r"write export_owner\(str\(user\.id\)\)"):
        await begin_export(site, NO_OWNERS[name])
    with pytest.raises(InvalidName, match=r"write erase_owner\(str\(user\.id\)\)"):
        await administer(site, "erase_owner", NO_OWNERS[name])
    assert spy.calls == []


# --- erase ---------------------------------------------------------------------------------


async def test_an_owners_sessions_are_ended_and_others_are_not(
    site: Site, backend: Backend
) -> None:
    users = [await login(site, a=1) for _ in range(3)]
    ben, anonymous = await login(site, "ben"), site.visitor()
    await anonymous.put(a=1)
    assert await administer(site, "erase_owner", "ann") == 3
    assert await administer(site, "erase_owner", "ann") == 0
    assert [await user.value(dict) for user in users] == [{}] * 3
    assert await ben.value(lambda session: session.info.owner) == "ben"
    assert await anonymous.value(dict) == {"a": 1}
    assert len(backend.records()) == 2


async def test_nothing_names_the_owner_any_more(new_site: NewSite, backend: Backend) -> None:
    site = new_site(SESSION_STORE_TIMEOUT=UNHURRIED)
    fill(site, backend, ANN, MANY)
    note(backend, ANN, "session:" + "A" * 22)  # of a session that has expired, say
    note(backend, ANN, "session:two:" + "A" * 22)  # another application's
    assert await administer(site, "erase_owner", ANN) == MANY
    assert await administer(site, "sessions_of", ANN) == []
    assert noted(backend, ANN) == ["session:two:" + "A" * 22]
    assert backend.records() == {}


async def test_another_applications_note_of_the_owner_stays(
    new_site: NewSite, backend: Backend
) -> None:
    site, other = new_site(), new_site(SECRET_KEY=NEW)
    await login(site, ANN)
    theirs = await login(other, ANN)
    assert await administer(site, "erase_owner", ANN) == 1
    assert len(noted(backend, ANN)) == 1
    (info,) = await administer(other, "sessions_of", ANN)
    assert info.sid == await sid_of(theirs)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ENCRYPTED, ENCRYPTED),
        ({**ENCRYPTED, "SECRET_KEY": OLD}, {**ENCRYPTED, "SECRET_KEY": NEW, **WITH_OLD}),
        ({}, {**ENCRYPTED, "SESSION_ENCRYPT_READ_PLAIN_UNTIL": "2999-01-01T00:00:00Z"}),
        (ENCRYPTED, {"SESSION_ENCRYPT": "read"}),
    ],
    ids=["encrypted", "older key", "plain before", "only read now"],
)
async def test_what_encryption_calls_the_owner_is_forgotten_too(
    new_site: NewSite, backend: Backend, before: dict[str, Any], after: dict[str, Any]
) -> None:
    first, site = new_site(**before), new_site(**after)
    await login(site, "ben")
    await login(first, ANN, a=1)
    names = every_name(site, ANN) | every_name(first, ANN)
    assert [name for name in names if noted(backend, name)]
    assert await administer(site, "erase_owner", ANN) == 1
    assert [name for name in names if noted(backend, name)] == []
    assert len(backend.records()) == 1


async def test_a_note_from_before_encryption_is_forgotten(
    new_site: NewSite, backend: Backend
) -> None:
    site = new_site(**ENCRYPTED)
    await login(site, "ben")
    note(backend, ANN, "session:" + "A" * 22)
    assert await administer(site, "erase_owner", ANN) == 0
    assert noted(backend, ANN) == []


async def test_a_session_that_became_another_owners_stays_theirs(
    site: Site, backend: Backend
) -> None:
    user = await login(site, "ben")
    note(backend, ANN, f"session:{await sid_of(user)}")
    assert await administer(site, "erase_owner", ANN) == 0
    assert noted(backend, ANN) == []
    assert await user.value(lambda session: session.info.owner) == "ben"


def note(backend: Backend, owner: str, key: str) -> None:
    """Note a key for an owner, as a store does."""
    run_on(backend, lambda store: store.enlist(owner, key, lifetime=100_000))


def noted(backend: Backend, owner: str) -> list[str]:
    """Give the keys that are noted for an owner."""
    return sorted(run_on(backend, lambda store: store.owned(owner)))


def run_on(backend: Backend, ask: Callable[[Any], Steps[Any]]) -> Any:
    store: Any = backend.given or backend.store()

    def asking() -> Steps[Any]:
        found = yield from ask(store)
        yield from store.close()
        return found

    return run(asking())


def every_name(site: Site, owner: str) -> set[str]:
    administration = site.app.session_interface.app_sessions.administration
    return set(administration._owners._names(owner, every=True))
