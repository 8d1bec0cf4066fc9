"""DynamoDB busy, garbled or not set up: a typed error in time, and no harm afterwards.

What any store does behind a network that fails: tests/faults/test_network.py.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from samesession.core.findings import Level
from samesession.core.steps import Steps
from samesession.core.store import Clock, Lifetimes, Outcome
from samesession.errors import BadRecord, StoreUnavailable
from samesession.stores.dynamodb import DynamoDBStore, items
from samesession.stores.dynamodb.asking import Asking
from samesession.testing import Caller, make_record
from samesession.testing.caller import revision
from tests.faults.proxy import Fault, Proxy, proxied
from tests.support.backend import Servers
from tests.support.dynamodb import REGION, DynamoDB

pytestmark = pytest.mark.stores("dynamodb")

HOUR = Lifetimes(3600, 3600)
TIMEOUT = 4.0  # half of it for each answer, on a machine that may be busy


@pytest.fixture
def server(servers: Servers) -> DynamoDB:
    found: DynamoDB = servers["dynamodb"]
    found.empty()
    return found


@pytest.fixture
def proxy(server: DynamoDB) -> Iterator[Proxy]:
    with proxied(server.port) as between:
        yield between


@pytest.fixture
def store(proxy: Proxy, caller: Caller) -> Iterator[DynamoDBStore]:
    """Give a store with a session and an open connection, through the proxy."""
    url = f"http://127.0.0.1:{proxy.port}"
    found = DynamoDBStore(region=REGION, endpoint_url=url, timeout=TIMEOUT).open_for(caller.colour)
    assert caller.do(found.create("key", make_record(1), lifetimes=HOUR)) is True
    yield found
    proxy.mend()
    caller.do(found.close())


def test_a_read_whose_answer_is_lost_is_sent_again(
    caller: Caller, store: DynamoDBStore, proxy: Proxy
) -> None:
    proxy.inflict(Fault(reply_bytes=10, once=True))
    assert caller.do(store.load("key", renew=HOUR)) == make_record(1)
    assert proxy.healthy


def test_a_write_whose_answer_is_lost_is_an_error_and_not_sent_again(
    caller: Caller, store: DynamoDBStore, proxy: Proxy
) -> None:
    proxy.inflict(Fault(reply_bytes=10, once=True))
    with pytest.raises(StoreUnavailable):
        caller.do(store.commit("key", make_record(2), expected=revision(1), renew=HOUR))
    assert caller.do(store.load("key", renew=None)) == make_record(2)


@pytest.mark.parametrize("body", [b"<p>Hi</p>", b"[]", b"null", b"7", b'{"Item": 7}', b"{}"])
def test_what_is_no_answer_of_dynamodbs_is_never_taken_for_one(
    caller: Caller, store: DynamoDBStore, proxy: Proxy, body: bytes
) -> None:
    proxy.inflict(Fault(garbage=answer_of("200 OK", body)))
    for steps in every_operation(store):
        with pytest.raises(StoreUnavailable):
            caller.do(steps)


def test_a_condition_that_was_never_asked_for_is_not_one_that_does_not_hold(
    caller: Caller, store: DynamoDBStore, proxy: Proxy
) -> None:
    body = b'{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}'
    proxy.inflict(Fault(garbage=answer_of("400 Bad Request", body)))
    with pytest.raises(StoreUnavailable, match="refused get_item: ConditionalCheckFailed"):
        caller.do(store.load("key", renew=HOUR))


def test_an_item_without_its_key_is_no_record(
    caller: Caller, store: DynamoDBStore, proxy: Proxy
) -> None:
    body = b'{"Item": {"record": {"B": "eA=="}}, "ConsumedCapacity": {}}'
    proxy.inflict(Fault(garbage=answer_of("200 OK", body)))
    with pytest.raises(BadRecord):
        caller.do(store.load("key", renew=HOUR))


def answer_of(status: str, body: bytes) -> bytes:
    kind = "application/x-amz-json-1.0"
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def every_operation(store: DynamoDBStore) -> list[Steps[Any]]:
    return [
        store.load("key", renew=HOUR),
        store.create("other", make_record(1), lifetimes=HOUR),
        store.commit("key", make_record(2), expected=revision(1), renew=HOUR),
        store.remove("key", expected=None),
        store.owned("ann"),
    ]


def test_a_throttled_request_is_sent_again_while_there_is_time(
    caller: Caller, store: DynamoDBStore, server: DynamoDB
) -> None:
    server.throttle(2)
    steps = store.commit("key", make_record(2), expected=revision(1), renew=HOUR)
    assert caller.do(steps) is Outcome.WRITTEN
    server.throttle(1000)
    started = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable, match=r"^DynamoDB refused get_item: Provisioned\w+$"):
            caller.do(store.load("key", renew=HOUR))
    finally:
        server.throttle(0)
    assert time.monotonic() - started < TIMEOUT


@pytest.fixture
def other_table(server: DynamoDB) -> Iterator[str]:
    """Give the name of a table that there is not."""
    yield "visits"
    if "visits" in server.client.list_tables()["TableNames"]:
        server.client.delete_table(TableName="visits")


def test_a_missing_table_is_an_error_that_names_the_command(
    caller: Caller, server: DynamoDB, other_table: str
) -> None:
    store = server.store(table=other_table).open_for(caller.colour)
    with pytest.raises(StoreUnavailable, match=r"'visits' is missing .* `flask sessions init`"):
        caller.do(store.load("key", renew=HOUR))
    caller.do(store.prepare())
    caller.do(store.prepare())
    assert caller.do(store.create("key", make_record(1), lifetimes=HOUR)) is True
    made = server.client.describe_time_to_live(TableName=other_table)["TimeToLiveDescription"]
    assert made == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    caller.do(store.close())


def test_two_may_make_the_table_at_once(caller: Caller, server: DynamoDB, other_table: str) -> None:
    """DynamoDB itself may say of a table that is being made that there is none."""
    one, other = (server.store(table=other_table).open_for(caller.colour) for _ in range(2))
    held, after = True, 0
    while held:
        held = caller.interleave(one.prepare(), other.prepare(), after=after).held
        assert caller.do(one.create("key", make_record(1), lifetimes=HOUR)) is True
        server.client.delete_table(TableName=other_table)
        after += 1
    for store in (one, other):
        caller.do(store.close())


def test_a_table_of_somebody_else_is_left_alone(
    caller: Caller, server: DynamoDB, other_table: str
) -> None:
    """Flask-Session's has the key `id`."""
    server.client.create_table(
        TableName=other_table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    store = server.store(table=other_table).open_for(caller.colour)
    with pytest.raises(StoreUnavailable, match="SESSION_DYNAMODB_TABLE"):
        caller.do(store.prepare())
    status: Any = server.client.describe_time_to_live(TableName=other_table)
    assert status["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    caller.do(store.close())


def test_a_time_to_live_by_another_attribute_is_an_error(
    caller: Caller, server: DynamoDB, other_table: str
) -> None:
    store = server.store(table=other_table).open_for(caller.colour)
    caller.do(store.prepare())
    for enabled, name in ((False, "expires"), (True, "until")):
        wanted = {"Enabled": enabled, "AttributeName": name}
        server.client.update_time_to_live(TableName=other_table, TimeToLiveSpecification=wanted)
    with pytest.raises(StoreUnavailable, match="'expires'"):
        caller.do(store.prepare())
    caller.do(store.close())


def test_another_sessions_item_is_asked_for_again_and_is_no_record(
    caller: Caller, store: DynamoDBStore, proxy: Proxy
) -> None:
    wrong = {**items.wired({"Item": _item("another's")}), "ConsumedCapacity": {}}
    body = json.dumps(wrong, default=lambda raw: base64.b64encode(raw).decode()).encode()
    proxy.inflict(Fault(garbage=answer_of("200 OK", body)))
    with pytest.raises(StoreUnavailable):  # it says nothing else
        caller.do(store.load("key", renew=HOUR))
    proxy.mend()
    assert caller.do(store.load("key", renew=HOUR)) == make_record(1)


def _item(key: str) -> dict[str, Any]:
    item: dict[str, Any] = items.create(key, make_record(1), expires=2**33, now=0)["Item"]
    return item


def test_a_table_is_examined(
    caller: Caller, server: DynamoDB, other_table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = server.store(table=other_table).open_for(caller.colour)

    def levels(clock: Clock) -> dict[str, Level]:
        return {each.check: each.level for each in caller.do(store.findings(clock))}

    assert levels(time.time) == {"dynamodb.table": Level.ERROR}
    caller.do(store.prepare())
    well = {"dynamodb.table": Level.OK, "dynamodb.ttl": Level.OK, "clock": Level.OK}
    assert levels(time.time) == well
    assert levels(lambda: time.time() + 100)["clock"] is Level.ERROR
    off = {"Enabled": False, "AttributeName": "expires"}
    server.client.update_time_to_live(TableName=other_table, TimeToLiveSpecification=off)
    assert levels(time.time)["dynamodb.ttl"] is Level.WARNING

    def refused(self: Asking) -> Steps[object]:
        yield from ()
        raise StoreUnavailable("DynamoDB refused describe_table: AccessDeniedException")

    monkeypatch.setattr(Asking, "table", refused)
    assert levels(time.time)["dynamodb.table"] is Level.NOTICE
    caller.do(store.close())
