"""The mongodb store passes the published contract, and minds what MongoDB does its own way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo.monitoring import CommandListener

from samesession.core.findings import Level
from samesession.core.idle_renewal import Touching
from samesession.core.store import Colour, Lifetimes, Outcome
from samesession.errors import BadRecord, ConfigError, SessionTooLarge, StoreUnavailable
from samesession.run.aio import arun
from samesession.run.sync import run
from samesession.stores.mongodb import MongoStore
from samesession.testing import (
    ListContract,
    ManualClock,
    NewStore,
    OutageContract,
    OwnerIndexContract,
    PurgeContract,
    StoreContract,
    make_record,
)
from samesession.testing.time import TimeContract
from tests.support.backend import Servers
from tests.support.clock import Clock
from tests.support.mongodb import DATABASE, MongoPart, date
from tests.support.server import free_port
from tests.support.site import Site, init_db, start

pytestmark = pytest.mark.stores("mongodb")

HOUR = Lifetimes(3600, 3600)


@pytest.fixture
def part(servers: Servers, tmp_path: Path, clock: ManualClock) -> MongoPart:
    """Give the database, empty."""
    found = MongoPart("mongodb", clock, tmp_path, servers["mongodb"])
    found.empty()
    return found


@pytest.fixture
def store(part: MongoPart) -> Iterator[MongoStore]:
    found = part.opened()
    yield found
    run(found.close())


class TestMongoStore(StoreContract, OwnerIndexContract, ListContract, PurgeContract):
    @pytest.fixture
    def new_store(self, part: MongoPart) -> NewStore:
        return part.store


class TestMongoStoreThatPutsRenewalOff(TimeContract):
    @pytest.fixture
    def new_store(self, part: MongoPart) -> NewStore:
        return lambda: part.opened(touching=Touching())


class TestMongoStoreWithoutAServer(OutageContract):
    @pytest.fixture
    def new_store(self) -> NewStore:
        url = f"mongodb://127.0.0.1:{free_port()}/"
        return lambda: MongoStore(url, timeout=0.5)


class Heard(CommandListener):
    """The commands that a client sends, but for those to keep in touch."""

    def __init__(self) -> None:
        self.commands: list[Any] = []

    def started(self, event: Any) -> None:
        self.commands.append(event.command)

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass

    def names(self) -> list[str]:
        found = [next(iter(command)) for command in self.commands]
        self.commands.clear()
        return found


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def client(part: MongoPart, heard: Heard) -> Iterator[pymongo.MongoClient[Any]]:
    """Give a client of an application's, whose own ways are not those of a store."""
    with pymongo.MongoClient(
        part.server.url, w=0, tz_aware=True, document_class=RawBSONDocument, event_listeners=[heard]
    ) as found:
        yield found


# --- what is sent --------------------------------------------------------------------------


def test_each_operation_is_one_command(
    part: MongoPart, client: pymongo.MongoClient[Any], heard: Heard, clock: Clock
) -> None:
    store = MongoStore(client, database=DATABASE, clock=clock)
    assert run(store.create("k", make_record(1), lifetimes=HOUR))
    assert heard.names() == ["update"]
    assert run(store.load("k", renew=HOUR)) == make_record(1)
    assert heard.names() == ["find"]
    steps = store.commit("k", make_record(2), expected=make_record(1)[:8], renew=HOUR)
    assert run(steps) is Outcome.WRITTEN
    assert heard.names() == ["update"]
    clock.now += 120
    assert run(store.load("k", renew=HOUR)) == make_record(2)
    assert heard.names() == ["find", "update"]
    assert run(store.remove("k", expected=None)) is Outcome.WRITTEN
    assert heard.names() == ["delete"]


def test_writes_ask_for_a_majority_whatever_the_client_is_used_to(
    part: MongoPart, client: pymongo.MongoClient[Any], heard: Heard
) -> None:
    store = MongoStore(client, database=DATABASE)
    assert run(store.create("k", make_record(1), lifetimes=HOUR))
    assert run(store.load("k", renew=None)) == make_record(1)
    run(store.enlist("ann", "k", lifetime=60))
    written, read, noted = heard.commands
    assert written["writeConcern"]["w"] == noted["writeConcern"]["w"] == "majority"
    assert read["readConcern"] == {"level": "local"}


def test_what_is_expired_is_replaced_and_what_lives_is_not(
    part: MongoPart, store: MongoStore, clock: Clock
) -> None:
    assert run(store.create("k", make_record(1), lifetimes=Lifetimes(10, 10)))
    assert not run(store.create("k", make_record(2), lifetimes=HOUR))
    clock.now += 10
    assert run(store.create("k", make_record(3), lifetimes=HOUR))
    assert part.records() == {"k": make_record(3)}


@pytest.mark.parametrize(
    "fields",
    [
        {"record": "text"},
        {"record": {"nested": 1}},
        {"record": make_record(7)},
        {"revision": 1},
        {"record": b""},
    ],
    ids=str,
)
def test_a_document_that_is_none_of_ours_is_refused(
    part: MongoPart, store: MongoStore, fields: dict[str, Any]
) -> None:
    assert run(store.create("k", make_record(1), lifetimes=HOUR))
    part.server.records.update_one({"_id": "k"}, {"$set": fields})
    with pytest.raises(BadRecord):
        run(store.load("k", renew=HOUR))


def test_a_life_beyond_every_timeout_is_cut(part: MongoPart, store: MongoStore) -> None:
    assert run(store.create("k", make_record(1), lifetimes=HOUR))
    part.server.records.update_one({"_id": "k"}, {"$set": {"expires": date(2**37)}})
    assert run(store.load("k", renew=HOUR)) == make_record(1)
    part.clock.advance(HOUR.permanent + 60)
    assert run(store.load("k", renew=None)) is None
    assert part.server.records.find_one({"_id": "k"}) is None


def test_what_no_document_holds_is_refused_and_the_old_record_stays(store: MongoStore) -> None:
    assert run(store.create("k", make_record(1), lifetimes=HOUR))
    large = make_record(2, payload=b"x" * 16 * 1024 * 1024)
    with pytest.raises(SessionTooLarge):
        run(store.commit("k", large, expected=make_record(1)[:8], renew=HOUR))
    assert run(store.load("k", renew=None)) == make_record(1)


# --- clients -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        7,
        object(),
        "",
        "redis://127.0.0.1:1/",
        "mongodb://ann:sec:ret@127.0.0.1/",
        "mongodb://ann:secret@127.0.0.1:port/",
        "mongodb://ann:secret@127.0.0.1/?tlsCAFile=/nowhere&tls=true",
    ],
)
def test_what_is_no_client_is_refused_without_a_password(source: object) -> None:
    with pytest.raises(ConfigError, match=r"write SESSION_MONGODB = ") as caught:
        MongoStore(source)
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize("names", [{"database": "a b"}, {"database": ""}, {"collection": "a$"}])
def test_names_that_mongodb_does_not_take_are_refused(names: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="SESSION_MONGODB_"):
        MongoStore("mongodb://127.0.0.1/", **names)  # type: ignore[arg-type]


def test_a_given_client_is_not_closed(part: MongoPart, client: pymongo.MongoClient[Any]) -> None:
    store = MongoStore(client, database=DATABASE)
    assert store.open_for(Colour.ASYNC).colours is Colour.SYNC
    assert run(store.create("k", make_record(1), lifetimes=HOUR))
    run(store.close())
    assert client.get_database(DATABASE).get_collection("sessions").find_one({"_id": "k"})


def test_a_given_async_client_serves_its_own_event_loop_only(part: MongoPart) -> None:
    stores: list[MongoStore] = []

    async def first() -> None:
        async with pymongo.AsyncMongoClient[dict[str, Any]](part.server.url) as client:
            stores.append(MongoStore(client, database=DATABASE))
            assert await arun(stores[0].create("k", make_record(1), lifetimes=HOUR))
            await arun(stores[0].close())
            assert await arun(stores[0].load("k", renew=None)) == make_record(1)

    asyncio.run(first())
    with pytest.raises(StoreUnavailable, match="another event loop"):
        asyncio.run(arun(stores[0].load("k", renew=None)))


def test_a_url_names_the_database(part: MongoPart) -> None:
    store = MongoStore(f"{part.server.url}elsewhere")
    assert run(store.create("k", make_record(1), lifetimes=HOUR))
    assert part.server.client.get_database("elsewhere").get_collection("sessions").find_one()
    part.server.client.drop_database("elsewhere")
    run(store.close())


def test_an_error_says_neither_the_key_nor_what_was_sent(
    part: MongoPart, store: MongoStore
) -> None:
    part.server.records.create_index("record", unique=True)
    secret = make_record(1, payload=b"s3cret")
    for key, record in (("one", secret), ("two", make_record(1))):
        assert run(store.create(key, record, lifetimes=HOUR))
    with pytest.raises(StoreUnavailable) as caught:
        run(store.commit("two", secret, expected=secret[:8], renew=HOUR))
    assert str(caught.value) == "MongoDB is not available: DuplicateKeyError 11000"


# --- documents of others -------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        # connect-mongo's, and what else may have a moment
        {"_id": "Xk3_sid", "expires": date(1.0), "session": '{"cookie": {}}'},
        {"_id": 7, "expires": date(1.0)},
        {"_id": "session:x", "expires": date(1.0), "record": "text", "revision": b"12345678"},
        {"_id": "session:y", "expires": date(1.0), "record": b"bytes", "revision": 1},
    ],
)
def test_a_purge_leaves_documents_alone_that_are_not_ours(
    part: MongoPart, store: MongoStore, clock: ManualClock, document: dict[str, Any]
) -> None:
    for collection in (part.server.records, part.server.owners):
        collection.insert_one(dict(document))
    assert run(store.create("session:mine", make_record(), lifetimes=HOUR))
    run(store.enlist("ann", "session:mine", lifetime=3600))
    clock.advance(7201)
    assert run(store.purge()) == 1
    for collection in (part.server.records, part.server.owners):
        assert [each["_id"] for each in collection.find()] == [document["_id"]]


# --- indexes -------------------------------------------------------------------------------


def indexes(part: MongoPart) -> list[Any]:
    found = (part.server.records, part.server.owners)
    return [each.index_information().get("samesession_expires") for each in found]


@pytest.mark.parametrize("create", [True, False])
def test_the_command_and_the_setting_make_the_indexes(
    framework: str, part: MongoPart, clock: Clock, create: bool
) -> None:
    settings = {**part.settings(), "SESSION_MONGODB_CREATE": create}
    site = Site(framework, settings, clock=clock)
    if create:
        start(site)
    else:
        assert indexes(part) == [None, None]
        for _ in range(2):
            assert init_db(site).startswith("in the collection ")
    for index in indexes(part):
        assert index["key"] == [("expires", 1)]
        assert index["expireAfterSeconds"] == 0
    ours = {"record": {"$type": "binData"}, "revision": {"$type": "binData"}}
    assert indexes(part)[0]["partialFilterExpression"] == ours


def test_another_index_in_the_way_is_told(part: MongoPart, store: MongoStore) -> None:
    part.server.records.create_index("expires", name="samesession_expires", expireAfterSeconds=9)
    with pytest.raises(StoreUnavailable, match="another index"):
        run(store.prepare())


@pytest.mark.asyncio
async def test_no_request_makes_an_index(framework: str, part: MongoPart, clock: Clock) -> None:
    site = Site(framework, part.settings(), clock=clock)
    assert (await site.visitor().put(a=1)).status == 200
    assert indexes(part) == [None, None]
    await site.close()


def test_missing_indexes_and_a_clock_that_is_off_are_found(part: MongoPart) -> None:
    store = part.opened()

    def levels(clock: Clock) -> dict[str, Level]:
        return {each.check: each.level for each in run(store.findings(clock))}

    now = Clock(time.time())
    assert levels(now) == {"clock": Level.OK, "mongodb.indexes": Level.WARNING}
    run(store.prepare())
    assert levels(now) == {"clock": Level.OK, "mongodb.indexes": Level.OK}
    assert levels(Clock(time.time() - 100))["clock"] is Level.ERROR
    run(store.close())
