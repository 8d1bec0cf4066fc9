"""DynamoDB behind a proxy."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from samesession.core.store import Colour, Store
from samesession.stores.dynamodb import DynamoDBStore
from tests.support.dynamodb import REGION, TABLE

from .base import Network

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def _page(status: bytes, body: bytes, kind: bytes = b"application/x-amz-json-1.0") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (status, kind, len(body)) + body


def _says(found: Any) -> bytes:  # Any: what JSON has
    return _page(b"200 OK", json.dumps(found).encode())


def _finds(item: Any) -> bytes:  # Any: as in _says
    return _says({"Item": item, "ConsumedCapacity": {}})


def _refuses(word: object, **more: Any) -> bytes:
    return _page(b"400 Bad Request", json.dumps({"__type": word, **more}).encode())


_REFUSED = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"


@dataclass
class DynamoDBNetwork(Network):
    timeout = 2.0  # half of it for each answer; moto serves one request after another
    brief = 1.0
    unhurried = 4.0
    rounds = (12, 400)
    stride = 41
    drops_garbled = False  # to HTTP it was an answer like any other
    reads_again = False  # cut off within its head, an answer may look whole
    knows_garbage = False  # what else is in the answer to a write is nobody's business
    # "An answer that trickles in can take any time": docs/stores/dynamodb.md.
    unbounded = frozenset({("trickle", Colour.SYNC)})
    garbage = (
        b"\x00" * 64,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 70000,
        _page(b"200 OK", b"<p>Hi</p>", b"text/html"),
        _page(b"500 Oops", b"<p>Hi</p>", b"text/html"),
        _page(b"302 Found", b""),
        _says([]),
        _says(None),
        _says(7),
        _finds(7),
        _says({"Item": {"record": {"B": "eA=="}}}),
        _finds({"pk": {"S": 7}}),
        _refuses(7),
        _refuses("com.amazonaws.dynamodb.v20120810#Made0Up"),
    )
    pieces = (
        *(_finds({}), _finds([]), _finds({"pk": {"S": "x"}}), _finds({"record": {"S": "x"}})),
        *(_finds({"pk": {}, "record": {"B": "eA=="}}), _finds(None), _says("Item")),
        *(_refuses(_REFUSED), _refuses(_REFUSED, Item=7), _refuses(_REFUSED, Item={"pk": 7})),
        *(_refuses(_REFUSED, Item={"record": {"B": "eA=="}}), _refuses(None), _refuses([])),
        *(_refuses("x#ProvisionedThroughputExceededException"), _page(b"500 Oops", b"[]")),
        *(_page(b"204 No", b""), _page(b"200 OK", b"\xff"), b"HTTP/1.1 100 Continue\r\n\r\n"),
        *(b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 x\r\n\r\n", b"\r\n", b"\x00", b"{}", b"HTTP/"),
    )

    def store(self, port: int, colour: Colour, *, timeout: float) -> Store:
        url = f"http://127.0.0.1:{port}"
        found = DynamoDBStore(region=REGION, endpoint_url=url, timeout=timeout)
        return found.open_for(colour)

    def settings(self, port: int) -> dict[str, Any]:
        return {
            "SESSION_TYPE": "dynamodb",
            "SESSION_DYNAMODB_REGION": REGION,
            "SESSION_DYNAMODB_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }

    def answers_with(self, raw: bytes) -> Sequence[bytes]:
        wrong = {"pk": {"S": "x"}, "sk": {"S": "record"}, "expires": {"N": "x"}}
        return [_finds({**wrong, "record": {"B": base64.b64encode(raw).decode()}})]

    def may_say_gone(self, said: bytes) -> bool:
        return any(word in said for word in (b'"Item": {},', b'"Item": null,', _REFUSED.encode()))

    def answer_length(self, data: bytes) -> int:
        head = data.find(b"\r\n\r\n")
        said = _LENGTH.search(data[: head + 2]) if head >= 0 else None
        if said is None:
            return 0
        length = head + 4 + int(said[1])
        return length if length <= len(data) else 0

    def value(self, key: str) -> bytes | None:
        found = self._item(key)
        return None if found is None else bytes(found["record"]["B"])

    def seconds_left(self, key: str) -> float:
        found = self._item(key)
        return 0.0 if found is None else float(found["expires"]["N"]) - time.time()

    def _item(self, key: str) -> dict[str, Any] | None:
        name = {"pk": {"S": key}, "sk": {"S": "record"}}
        answer = self.part.server.client.get_item(TableName=TABLE, Key=name, ConsistentRead=True)
        found: dict[str, Any] | None = answer.get("Item")
        return found
