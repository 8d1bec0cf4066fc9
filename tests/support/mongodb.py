"""The mongodb store: on a mongod where there is one, else on mongoeco's server.

SAMESESSION_MONGODB_URL names a server that runs on this machine already; the suite uses,
and empties, its database "samesession_tests". Otherwise a `mongod` on the PATH is
started. Otherwise mongoeco is, by the Python that SAMESESSION_MONGOECO names or by this one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pymongo
from bson.datetime_ms import DatetimeMS
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from samesession.core.idle_renewal import Touching
from samesession.core.record import revision_of
from samesession.core.store import Store
from samesession.stores.mongodb import MongoStore

from .backend import UNHURRIED, Part
from .server import free_port

DATABASE = "samesession_tests"
NAMES = ("sessions", "sessions_owners")
_PATIENCE = 30.0


class MongoDB:
    """One server, and a client to look into it with."""

    def __init__(self, url: str, port: int) -> None:
        """`port`: of the loopback interface, where a test may put a proxy before it."""
        self.url = url
        self.port = port
        self.client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            url, serverSelectionTimeoutMS=1000
        )
        self.database = self.client.get_database(DATABASE)
        self.records, self.owners = (self.database.get_collection(name) for name in NAMES)

    def empty(self) -> None:
        """Delete all documents, and the indexes too: theirs is the real time."""
        for collection in (self.records, self.owners):
            collection.drop()


def _command(port: int, directory: Path) -> Sequence[str]:
    """Say how to start the best server that is here."""
    mongod = shutil.which("mongod")
    if mongod is not None:
        place = ("--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(directory))
        return (mongod, "--quiet", *place)
    python = os.environ.get("SAMESESSION_MONGOECO", sys.executable)
    # -P: not to import what stands beside the script, such as socket.py.
    return (python, "-P", str(Path(__file__).with_name("serve_mongoeco.py")), str(port))


@contextmanager
def serving() -> Iterator[MongoDB]:
    """Give a running server."""
    with ExitStack() as stack:
        url = os.environ.get("SAMESESSION_MONGODB_URL", "")
        if url:
            _, port = parse_uri(url)["nodelist"][0]
            port = port or 27017
        else:
            port = free_port()
            url = f"mongodb://127.0.0.1:{port}/"
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            process = subprocess.Popen(_command(port, directory), stdout=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        server = MongoDB(url, port)
        stack.callback(server.client.close)
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                server.client.admin.command("ping")
                break
            except PyMongoError:
                assert time.monotonic() < until, "MongoDB does not start"
        yield server


@dataclass
class MongoPart(Part):
    slowness: ClassVar[int] = 60
    open_files: ClassVar[int] = 102  # connections: pymongo's pool, and two to watch the server

    @classmethod
    def serve(cls, name: str) -> Any:
        return serving()

    def empty(self) -> None:
        self.server.empty()

    def settings(self) -> dict[str, Any]:
        # 0: a test that lets time pass wants to know exactly what that ends.
        return {
            "SESSION_TYPE": "mongodb",
            "SESSION_MONGODB": self.server.url,
            "SESSION_MONGODB_DB": DATABASE,
            "SESSION_STORE_TIMEOUT": UNHURRIED,
            "SESSION_TOUCH_INTERVAL": 0,
        }

    def store(self) -> Store:
        return self.opened()

    def opened(self, **options: Any) -> MongoStore:
        """Open the store; `options` are its own."""
        # A server in Python may be slow on a busy machine.
        chosen = {"timeout": UNHURRIED, "clock": self.clock, "touching": Touching(0), **options}
        return MongoStore(self.server.url, database=DATABASE, **chosen)

    def records(self) -> dict[str, bytes]:
        found = self.server.records.find({}, sort=[("_id", 1)])
        return {str(each["_id"]): bytes(each["record"]) for each in found}

    def plant(self, name: str, record: bytes) -> None:
        fields = {"record": record, "revision": revision_of(record)}
        self.server.records.update_one({"_id": name}, {"$set": fields})

    def dump(self) -> bytes:
        found: list[bytes] = []
        for collection in (self.server.records, self.server.owners):
            for document in collection.find({}):
                values = (v for field in document.items() for v in field)
                found += [v if isinstance(v, bytes) else str(v).encode() for v in values]
        return b"".join(found)


def date(seconds: float) -> DatetimeMS:
    """Give a moment as MongoDB has it."""
    return DatetimeMS(int(seconds * 1000))
