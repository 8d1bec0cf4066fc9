"""The dynamodb store, on moto's server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import botocore.session

from samesession.core.idle_renewal import Touching
from samesession.core.record import revision_of
from samesession.core.store import Store
from samesession.run.sync import run
from samesession.stores.dynamodb import DynamoDBStore

from .backend import Part
from .server import free_port

ROOT = Path(__file__).parents[2]
REGION = "eu-central-1"
TABLE = "samesession"
# What every client signs with; moto does not look at it.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_PATIENCE = 30.0  # seconds that a server may take to start
_TIMEOUT = 10.0  # seconds: moto serves one request after another, on a machine that may be busy


class DynamoDB:
    """One server, and what an operator does to it. A restart empties it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, empty, and wait until it takes connections."""
        command = [sys.executable, "-m", "tests.support.moto_server", str(self.port)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                assert self._process.poll() is None, "moto's server does not start"
                assert time.monotonic() < until, "moto's server does not listen"
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @cached_property
    def client(self) -> Any:  # Any: botocore has no types
        """Look at the server beside the library under test."""
        session = botocore.session.Session()
        session.set_credentials("test", "test")
        return session.create_client("dynamodb", region_name=REGION, endpoint_url=self.url)

    def empty(self) -> None:
        """Have the table, without an item."""
        if TABLE not in self.client.list_tables()["TableNames"]:
            run(self.store().prepare())
        for item in self.items():
            self.client.delete_item(
                TableName=TABLE, Key={name: item[name] for name in ("pk", "sk")}
            )

    def throttle(self, requests: int) -> None:
        """Refuse so many requests from now on, as too many."""
        urllib.request.urlopen(f"{self.url}/throttle/{requests}", b"").close()

    def items(self) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("scan").paginate(TableName=TABLE)
        return [item for page in pages for item in page["Items"]]

    def store(self, **options: Any) -> DynamoDBStore:  # Any: as DynamoDBStore takes them
        chosen = {"timeout": _TIMEOUT, **options}
        return DynamoDBStore(region=REGION, endpoint_url=self.url, **chosen)


@contextmanager
def running() -> Iterator[DynamoDB]:
    before = {name: os.environ.get(name) for name in CREDENTIALS}
    os.environ.update(CREDENTIALS)
    server = DynamoDB()
    try:
        server.start()
        yield server
    finally:
        server.stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@dataclass
class DynamoDBPart(Part):
    purges: ClassVar[bool] = False
    slowness: ClassVar[int] = 40
    open_files: ClassVar[int] = 50

    @classmethod
    def serve(cls, name: str) -> Any:
        return running()

    def empty(self) -> None:
        self.server.empty()

    def settings(self) -> dict[str, Any]:
        # 0: a test that lets time pass wants to know exactly what that ends.
        return {
            "SESSION_TYPE": "dynamodb",
            "SESSION_DYNAMODB_REGION": REGION,
            "SESSION_DYNAMODB_ENDPOINT_URL": self.server.url,
            "SESSION_TOUCH_INTERVAL": 0,
            "SESSION_STORE_TIMEOUT": _TIMEOUT,
        }

    def store(self) -> Store:
        found: DynamoDBStore = self.server.store(clock=self.clock, touching=Touching(0))
        return found

    def records(self) -> dict[str, bytes]:
        found = {
            item["pk"]["S"]: item["record"]["B"] for item in self.server.items() if "record" in item
        }
        return dict(sorted(found.items()))

    def plant(self, name: str, record: bytes) -> None:
        self.server.client.update_item(
            TableName=TABLE,
            Key={"pk": {"S": name}, "sk": {"S": "record"}},
            UpdateExpression="SET #record = :record, revision = :revision",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues={
                ":record": {"B": record},
                ":revision": {"B": revision_of(record)},
            },
        )

    def dump(self) -> bytes:
        found: list[bytes] = []
        for item in self.server.items():
            for attribute in item.values():
                (value,) = attribute.values()
                found.append(value if isinstance(value, bytes) else str(value).encode())
        return b"".join(found)
