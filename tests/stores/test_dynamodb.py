"""The dynamodb store passes the published contract, and minds what is DynamoDB's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import aiobotocore.session  # type: ignore[import-untyped]  # it ships no types
import botocore.session
import pytest
from botocore.config import Config as ClientConfig

from samesession import ConfigError, SessionTooLarge
from samesession.core.idle_renewal import Touching
from samesession.core.store import Colour, Lifetimes, Outcome
from samesession.run.sync import run
from samesession.stores import open_store, read_config
from samesession.stores.dynamodb import DynamoDBStore
from samesession.testing import (
    ListContract,
    ManualClock,
    NewStore,
    OutageContract,
    OwnerIndexContract,
    StoreContract,
    make_record,
)
from samesession.testing.caller import revision
from samesession.testing.records import RecordContract
from samesession.testing.time import TimeContract
from tests.conftest import NewSite
from tests.support.backend import Servers
from tests.support.clock import Clock
from tests.support.dynamodb import REGION, TABLE, DynamoDB
from tests.support.server import free_port
from tests.support.site import SECRET_KEY, Site, init_db, start

pytestmark = pytest.mark.stores("dynamodb")


HOUR = Lifetimes(browser=3600, permanent=3600)
# DynamoDB takes 400 KB. moto counts bytes in base64, and on an update the old item's as well.
LARGEST = 140 * 1024
BRIEF = ClientConfig(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})


@pytest.fixture
def boto3() -> Any:
    """Give boto3, which the store does without; moto brings it."""
    return import_module("boto3")


@pytest.fixture
def server(servers: Servers) -> DynamoDB:
    found: DynamoDB = servers["dynamodb"]
    found.empty()
    return found


class TestDynamoDBStore(StoreContract, OwnerIndexContract, ListContract):
    largest = LARGEST

    @pytest.fixture
    def new_store(self, server: DynamoDB, clock: ManualClock) -> NewStore:
        return lambda: server.store(clock=clock, touching=Touching(0))


class TestDynamoDBStoreThatPutsRenewalOff(TimeContract):
    @pytest.fixture
    def new_store(self, server: DynamoDB, clock: ManualClock) -> NewStore:
        return lambda: server.store(clock=clock)


class TestDynamoDBStoreWithoutAServer(OutageContract):
    @pytest.fixture
    def new_store(self, server: DynamoDB) -> NewStore:
        url = f"http://127.0.0.1:{free_port()}"
        return lambda: DynamoDBStore(region=REGION, endpoint_url=url)


@pytest.fixture
def resource(boto3: Any, server: DynamoDB) -> Iterator[Any]:
    """Give what users of Flask-Session have, with the limits that are asked for."""
    found: Any = boto3.resource(
        "dynamodb", region_name=REGION, endpoint_url=server.url, config=BRIEF
    )
    yield found
    found.meta.client.close()


class TestDynamoDBStoreOnAResourceOfBoto3(RecordContract, OwnerIndexContract, ListContract):
    """Its client takes and gives Python's values, where others have the wire's."""

    colours = Colour.SYNC
    largest = LARGEST

    @pytest.fixture
    def new_store(self, resource: Any, clock: ManualClock) -> NewStore:
        return lambda: DynamoDBStore(resource, clock=clock, touching=Touching(0))


@pytest.fixture
def sent(boto3: Any, server: DynamoDB) -> Iterator[tuple[DynamoDBStore, Counter[str]]]:
    """Give a store on an application's own client, and the requests that it sends."""
    client: Any = boto3.client(
        "dynamodb", region_name=REGION, endpoint_url=server.url, config=BRIEF
    )
    requests: Counter[str] = Counter()
    client.meta.events.register(
        "before-send.dynamodb",
        lambda request, **_: requests.update(
            [request.headers["X-Amz-Target"].decode().partition(".")[2]]
        ),
    )
    yield DynamoDBStore(client), requests
    client.close()


def test_each_operation_is_one_request(sent: tuple[DynamoDBStore, Counter[str]]) -> None:
    store, requests = sent
    assert run(store.create("key", make_record(1), lifetimes=HOUR)) is True
    assert run(store.load("key", renew=HOUR)) == make_record(1)
    for number in (2, 3):  # the second one is refused, and brings along what is there
        _ = run(store.commit("key", make_record(number), expected=revision(1), renew=HOUR))
    assert run(store.remove("key", expected=revision(2))) is Outcome.WRITTEN
    run(store.enlist("ann", "key", lifetime=60))
    assert run(store.owned("ann")) == ["key"]
    run(store.delist("ann", "key"))
    assert requests == {
        "GetItem": 1, "PutItem": 2, "UpdateItem": 2, "DeleteItem": 2, "Query": 1
    }  # fmt: skip


def test_a_read_restarts_the_idle_timeout_by_a_second_request_when_that_is_due(
    sent: tuple[DynamoDBStore, Counter[str]],
) -> None:
    store, requests = sent
    assert run(store.create("key", make_record(1), lifetimes=Lifetimes(60, 60))) is True
    for _ in range(3):
        assert run(store.load("key", renew=HOUR)) == make_record(1)
    assert requests == {"PutItem": 1, "GetItem": 3, "UpdateItem": 1}


def test_an_owner_with_more_notes_than_an_answer_holds_has_all_of_them(server: DynamoDB) -> None:
    """An answer of DynamoDB's ends after a megabyte."""
    store = server.store(prefix="p" * 900)
    keys = {f"{number:04}{'k' * 900}" for number in range(700)}
    for key in keys:
        run(store.enlist("ann", key, lifetime=60))
    assert set(run(store.owned("ann"))) == keys
    run(store.close())


def test_a_record_too_large_for_an_item_is_refused_and_the_old_one_stays(
    server: DynamoDB,
) -> None:
    store = server.store()
    assert run(store.create("key", make_record(1), lifetimes=HOUR)) is True
    large = make_record(2, payload=b"x" * 400 * 1024)
    with pytest.raises(SessionTooLarge, match="409469"):
        run(store.commit("key", large, expected=revision(1), renew=HOUR))
    with pytest.raises(SessionTooLarge):
        run(store.create("other", large, lifetimes=HOUR))
    assert run(store.load("key", renew=None)) == make_record(1)
    assert run(store.load("other", renew=None)) is None
    run(store.close())


@pytest.mark.asyncio
async def test_an_item_that_was_tampered_with_is_a_new_session(
    new_site: NewSite, server: DynamoDB
) -> None:
    site = new_site()
    for wrong in (
        {"revision": {"B": b"8 bytes."}},
        {"record": {"N": "7"}},
        {"expires": {"S": "never"}},
    ):
        visitor = site.visitor()
        await visitor.put(a=1)
        (item,) = server.items()
        server.client.put_item(TableName=TABLE, Item={**item, **wrong})
        assert await visitor.value(dict) == {}
        server.empty()


# --- what is given -------------------------------------------------------------------------


def read(**settings: object) -> DynamoDBStore:
    chosen = {"SECRET_KEY": SECRET_KEY, "SESSION_TYPE": "dynamodb", **settings}
    found = open_store(read_config(chosen), clock=float)
    assert isinstance(found, DynamoDBStore)
    return found


@pytest.mark.parametrize("kind", ["boto3", "botocore", "aiobotocore"])
def test_a_session_lends_its_credentials(boto3: Any, server: DynamoDB, kind: str) -> None:
    session: Any = {
        "boto3": boto3.Session,
        "botocore": botocore.session.Session,
        "aiobotocore": aiobotocore.session.AioSession,
    }[kind]()
    settings = {"SESSION_DYNAMODB": session, "SESSION_DYNAMODB_ENDPOINT_URL": server.url}
    store = read(**settings, SESSION_DYNAMODB_REGION=REGION)
    mine, others = (Colour.SYNC, Colour.ASYNC) if "aio" not in kind else (Colour.ASYNC, Colour.SYNC)
    assert store.open_for(mine).colours is mine
    with pytest.raises(ConfigError, match=r"SESSION_DYNAMODB is from .*: use a session"):
        store.open_for(others)


def test_a_client_that_would_keep_requests_waiting_is_refused(boto3: Any, server: DynamoDB) -> None:
    for config in (None, ClientConfig(connect_timeout=1, read_timeout=1)):
        client: Any = boto3.client("dynamodb", region_name=REGION, config=config)
        with pytest.raises(ConfigError, match=r"connect_timeout=1, read_timeout=1, retries="):
            read(SESSION_DYNAMODB=client)
        with pytest.raises(ConfigError, match="total_max_attempts"):
            read(SESSION_DYNAMODB=boto3.resource("dynamodb", region_name=REGION, config=config))


def test_what_cannot_be_used_is_refused_with_what_to_write(
    boto3: Any, server: DynamoDB, resource: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in ("http://127.0.0.1", 7, boto3.client("sqs", region_name=REGION)):
        with pytest.raises(ConfigError, match="write SESSION_DYNAMODB_REGION"):
            read(SESSION_DYNAMODB=given)
    with pytest.raises(ConfigError, match="leave SESSION_DYNAMODB_REGION"):
        read(SESSION_DYNAMODB=resource, SESSION_DYNAMODB_REGION=REGION)
    with pytest.raises(ConfigError, match="SESSION_KEY_PREFIX is too long"):
        read(SESSION_KEY_PREFIX="p" * 1000)
    with pytest.raises(ConfigError, match="SESSION_KEY_PREFIX must be"):
        DynamoDBStore(region=REGION, prefix="\ud800")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    for colour in (Colour.SYNC, Colour.ASYNC):
        with pytest.raises(ConfigError, match="no AWS region is known: write SESSION_DYN"):
            read().open_for(colour)


@pytest.mark.parametrize("create", [True, False])
def test_the_table_is_made_by_a_command_or_by_a_setting(
    framework: str, clock: Clock, server: DynamoDB, create: bool
) -> None:
    settings = {
        "SESSION_TYPE": "dynamodb",
        "SESSION_DYNAMODB_REGION": REGION,
        "SESSION_DYNAMODB_ENDPOINT_URL": server.url,
        "SESSION_DYNAMODB_TABLE": "visits",
        "SESSION_DYNAMODB_CREATE": create,
    }
    try:
        site = Site(framework, settings, clock=clock)
        if create:
            start(site)
        else:
            assert init_db(site).startswith("in the table visits of ")
        assert server.client.describe_table(TableName="visits")["Table"]["ItemCount"] == 0
    finally:
        server.client.delete_table(TableName="visits")
